"""A server of our own: `python -m hutong serve` as a child process that ends when we do, however we end."""

import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import orjson

READY_S: Final = 30.0
STOP_S: Final = 15.0
WORDS: Final = 20  # lines that are told of what it said last

# The child reads a pipe whose other end only we hold: the kernel closes it when we die, and nobody else is there then
# to remove the folder.
SERVE: Final = """
import os, runpy, shutil, signal, sys, threading
folder, left = sys.argv.pop(1), []
def watch():
    os.read(0, 1)
    left.append(folder)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=watch, daemon=True).start()
try:
    runpy.run_module("hutong", run_name="__main__", alter_sys=True)
finally:
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
"""


class NotStarted(Exception):
    """The server did not come up; the text is what it said last."""


class Child:
    """A running server: its addresses, and its process."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self._log = log
        self.urls: dict[str, Any] = {}

    def exit_code(self, within_s: float = 0) -> int | None:
        """Tell how it ended, -9 for the signal 9; None if it still runs after so long."""
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(within_s)
        return None

    def last_words(self) -> list[str]:
        """Give the last lines of its log."""
        return self._log.read_text(errors="replace").strip().splitlines()[-WORDS:]

    def wait_until_ready(self) -> None:
        """Wait for the line that tells the addresses; raise NotStarted if it does not come."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            line = self.process.stdout.readline() if selector.select(READY_S) else b""
        if not line:
            said = self.last_words()
            raise NotStarted(said[-1].removeprefix("hutong: ") if said else f"the server said nothing in {READY_S:g} s")
        self.urls = orjson.loads(line)

    def stop(self) -> None:
        """End the server politely, then not."""
        with self.process:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()


@contextmanager
def serving(*options: str) -> Iterator[Child]:
    """Run a server with its journal in a temporary folder, as a child in a session of its own.

    So an interrupt from the keyboard is ours to pass on. Our own variables are kept from it, and so is the folder we
    were started in, whatever modules that holds (`-P`).
    """
    with tempfile.TemporaryDirectory(prefix="hutong-") as folder:
        log = Path(folder) / "server.log"
        with log.open("wb") as said:
            process = subprocess.Popen(  # noqa: S603  # our own program
                [
                    *(sys.executable, "-P", "-c", SERVE, folder, "serve", "--json", "--port", "0"),
                    *("--data", str(Path(folder) / "data"), *options),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                env={name: value for name, value in os.environ.items() if not name.startswith("HUTONG_")},
                start_new_session=True,
            )
        child = Child(process, log)
        try:
            child.wait_until_ready()
            yield child
        finally:
            child.stop()

"""Programs pinned to a core: the server to one, the generator to another, each ended by its own id."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = _CORES[0]
GENERATOR_CORE = _CORES[-1]
END_SECONDS_MAX = 10


def on_core(core: int, command: list[str]) -> list[str]:
    """Prefix a command so that all its threads stay on one core."""
    return ["taskset", "-c", str(core), *command]


def python(*arguments: str) -> list[str]:
    """Give the command that runs this Python with arguments."""
    return [sys.executable, *arguments]


@contextmanager
def running(command: list[str], errors: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a server on its core with its errors in a file, and end it by its id."""
    with errors.open("w") as sink:
        server = subprocess.Popen(on_core(SERVER_CORE, command), stdout=subprocess.PIPE, stderr=sink, text=True)
        try:
            yield server
        finally:
            _end(server)


def _end(server: subprocess.Popen[str]) -> None:
    server.terminate()
    try:
        server.wait(END_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    out: IO[str] | None = server.stdout
    if out is not None:
        out.close()


def first_line(server: subprocess.Popen[str], errors: Path) -> str:
    """Wait for the line a server writes when it is ready; raise with its errors if it ends instead."""
    assert server.stdout is not None
    line = server.stdout.readline()
    if not line:
        raise RuntimeError(f"the server did not start: {errors.read_text()[-2000:]}")
    return line


def free_port() -> int:
    """Find a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

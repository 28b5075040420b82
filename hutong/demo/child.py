"""The demo's own server: `python -m hutong serve` as a child process, ended by its process id."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import orjson

READY_S: Final = 30.0
STOP_S: Final = 15.0


class NotStarted(Exception):
    """The server did not come up; the text is what it said last."""


@asynccontextmanager
async def serving(*options: str) -> AsyncIterator[dict[str, Any]]:
    """Run a server with its journal in a temporary folder, and give its addresses."""
    with tempfile.TemporaryDirectory(prefix="hutong-demo-") as folder:
        log = Path(folder) / "server.log"
        with log.open("wb") as said:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "hutong", "serve", "--json", "--port", "0"),
                *("--data", str(Path(folder) / "data"), *options),
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
                env={name: value for name, value in os.environ.items() if not name.startswith("HUTONG_")},
            )
        try:
            line = await _first_line(child)
            if not line:
                raise NotStarted(_last_words(log))
            yield orjson.loads(line)
        finally:
            await _stop(child)


async def _first_line(child: asyncio.subprocess.Process) -> bytes:
    assert child.stdout is not None
    with suppress(TimeoutError):
        return await asyncio.wait_for(child.stdout.readline(), READY_S)
    return b""


def _last_words(log: Path) -> str:
    said = log.read_text(errors="replace").strip().splitlines()
    return said[-1].removeprefix("hutong: ") if said else f"the server said nothing in {READY_S:g} s"


async def _stop(child: asyncio.subprocess.Process) -> None:
    """End the server politely, then not."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            child.terminate()
        try:
            await asyncio.wait_for(child.wait(), STOP_S)
        except TimeoutError:
            child.kill()
            await child.wait()

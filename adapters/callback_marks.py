"""How far each app's callbacks have come, kept over restarts in one file for all apps.

What is done is marked after it was done: a crash in between does it again. The file is written in the background, one
write for all that came meanwhile.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct, field

from adapters.data_folder import replace
from gateway.state import State

FILE: Final = "callbacks.json"
BOTS_FILE: Final = "bots.json"

log = structlog.get_logger()


class Progress(Struct):
    """Everything of an app up to `upto` is done, but for what waits aside: position → attempts made."""

    upto: int = 0
    aside: dict[int, int] = field(default_factory=dict)

    def next_of(self, due: list[int], durable_position: int) -> int | None:
        """Give the first position due that is not done yet, and that is durable."""
        index = bisect_right(due, self.upto)
        found = due[index] if index < len(due) else None
        return found if found is not None and found <= durable_position else None


class Marked(Struct):
    epoch: int = 0
    apps: dict[str, Progress] = field(default_factory=dict)  # by key, as corpid/#agent_id


class Marks:
    """The progress of all apps; without a path it lives as long as the process, and begins with `text`, if any."""

    def __init__(self, path: Path | None, state: State, text: bytes = b"") -> None:
        self._path = path
        self._text = text
        self._state = state
        self._changed = asyncio.Event()
        self._ended = self._unwritten = False
        self._apps = self._load()

    def _load(self) -> dict[str, Progress]:
        """Read the file; marks of another epoch, or beyond the journal's end, are another journal's.

        Without marks everything that is still due is called back once more, and nothing is lost: no file is so broken
        that the gateway could not start.
        """
        try:
            text = self._path.read_bytes() if self._path is not None else self._text or b"{}"
            marked = msgspec.json.decode(text, type=Marked)
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as why:
            log.warning("callbacks_marks_not_read", why=f"{type(why).__name__}: {why}")
            return {}
        beyond = any(app.upto > self._state.position for app in marked.apps.values())
        if marked.epoch != self._state.epoch or beyond:
            return {}
        return marked.apps

    def of(self, key: str) -> Progress:
        return self._apps.setdefault(key, Progress())

    def keys(self) -> set[str]:
        return set(self._apps)

    def forget(self, key: str) -> None:
        """Drop an app that is no more."""
        self._apps.pop(key, None)
        self.changed()

    def changed(self) -> None:
        """Have what has changed written."""
        self._unwritten = True
        self._changed.set()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Write what changes while the block runs, and the newest marks at its end."""
        keeping = asyncio.create_task(self.keep())
        try:
            yield
        finally:
            self.end()
            await keeping

    async def keep(self) -> None:
        """Write whenever something has changed, one write at a time, until ended."""
        is_last = False
        while not is_last:
            await self._changed.wait()
            self._changed.clear()
            is_last = self._ended
            if self._path is not None and self._unwritten:
                self._unwritten = False
                await self._store(self._path)

    def end(self) -> None:
        """Have the newest marks written, and `keep` return."""
        self._ended = True
        self._changed.set()

    def text(self) -> bytes:
        """Give what the file says, as of now."""
        return msgspec.json.encode(Marked(self._state.epoch, self._apps))

    async def _store(self, path: Path) -> None:
        """Write now; a disk that does not take it costs repeats after a crash, and nothing else."""
        try:
            await asyncio.to_thread(replace, path, self.text())
        except OSError as why:
            log.warning("callbacks_not_marked", why=str(why))


def with_epoch(text: bytes, epoch: int) -> bytes:
    """Let marks hold in another epoch, where their journal goes on; give nothing if they cannot be read."""
    try:
        marked = msgspec.json.decode(text, type=Marked)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return b""
    marked.epoch = epoch
    return msgspec.json.encode(marked)

"""How far a reader of the journal has come, kept over restarts: written to a new file, fsynced, renamed.

A reader that crashes between doing and marking does the same again: what it does must bear repeating.
"""

import asyncio
import os
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol

import msgspec

from adapters.data_folder import sync_folder


class Mark(NamedTuple):
    """Everything up to `position` is done; `epoch` is the world's at that point."""

    epoch: int = 0
    position: int = 0


class Cursor(Protocol):
    def load(self) -> Mark:
        """Give the newest mark stored, or the beginning."""
        ...

    async def store(self, mark: Mark) -> None:
        """Return when the mark is as durable as the journal it belongs to."""
        ...


class MemoryCursor:
    """The cursor of a journal in memory."""

    def __init__(self) -> None:
        self._mark = Mark()

    def load(self) -> Mark:
        return self._mark

    async def store(self, mark: Mark) -> None:
        self._mark = mark


class FileCursor:
    """A cursor in a file of the data folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()  # a cancelled store may still be writing

    def load(self) -> Mark:
        """Give the mark of the file; the beginning if there is none, or none that can be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Mark)
        except (FileNotFoundError, msgspec.MsgspecError):
            return Mark()

    async def store(self, mark: Mark) -> None:
        await asyncio.to_thread(self._write, msgspec.json.encode(mark))

    def _write(self, text: bytes) -> None:
        with self._lock:
            replace(self._path, text)


def replace(path: Path, text: bytes) -> None:
    """Give a file another content; a crash leaves the old one or the new one."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)

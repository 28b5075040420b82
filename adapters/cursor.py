"""How far a reader of the journal has come, kept over restarts: written to a new file, fsynced, renamed.

A reader that crashes between doing and marking does the same again: what it does must bear repeating.
"""

import asyncio
from pathlib import Path
from threading import Lock
from typing import Annotated, Final, NamedTuple, Protocol

import msgspec
import structlog
from msgspec import Meta

from adapters.data_folder import replace

MQTT_FILE: Final = "mqtt-cursor.json"

log = structlog.get_logger()


class Mark(NamedTuple):
    """Everything up to `position` is done; `epoch` is the world's at that point."""

    epoch: Annotated[int, Meta(ge=0)] = 0
    position: Annotated[int, Meta(ge=0)] = 0


BEGINNING: Final = Mark()


class Cursor(Protocol):
    def load(self) -> Mark:
        """Give the newest mark stored, or the beginning."""
        ...

    async def store(self, mark: Mark) -> None:
        """Return when the mark is as durable as the journal it belongs to."""
        ...


class MemoryCursor:
    """The cursor of a journal in memory."""

    def __init__(self, text: bytes | None = None) -> None:
        """Begin with the mark that a snapshot has kept, if any."""
        self._mark = decoded(text) if text is not None else BEGINNING

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
        """Give the mark of the file; the beginning if there is none, or none that can be read.

        From the beginning everything is told once more, and nothing is lost: no file is so broken that the gateway
        could not start.
        """
        try:
            return decoded(self._path.read_bytes())
        except FileNotFoundError:
            return BEGINNING
        except OSError as why:
            log.warning("cursor_not_read", why=str(why))
            return BEGINNING

    async def store(self, mark: Mark) -> None:
        await asyncio.to_thread(self._write, encoded(mark))

    def _write(self, text: bytes) -> None:
        with self._lock:
            replace(self._path, text)


def encoded(mark: Mark) -> bytes:
    return msgspec.json.encode(mark)


def decoded(text: bytes) -> Mark:
    """Read a mark; the beginning, if it is none."""
    try:
        return msgspec.json.decode(text, type=Mark)
    except (msgspec.MsgspecError, ValueError, RecursionError) as why:
        log.warning("cursor_not_read", why=f"{type(why).__name__}: {why}")
        return BEGINNING

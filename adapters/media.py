"""Uploaded files: taken in bounded, kept until they expire, given out in pieces.

An upload is written and fsynced first, then told to the gateway: the event that names it is what makes it be there, as
for everything else. So a restart knows what a replay knows, a reset forgets, and a file that no event names is swept.

Rules of the file:
- No file is in memory as a whole, unless nothing is kept on disk.
- Bytes count before they come: an upload reserves what it may have.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from secrets import token_hex
from typing import BinaryIO, Final

import structlog

from adapters.media_files import Files
from adapters.media_measures import Measures, measures_of
from gateway.commands.media import KeepMedia
from gateway.events.media import MediaKept, MediaKind, MediaUse
from gateway.refusal import Refusal
from gateway.router import Router
from gateway.state import State
from gateway.state.media import Media
from protocol.errors import MEDIA_FULL, UNAVAILABLE
from protocol.wecom.media import HEAD_BYTES, format_of

PIECE_BYTES: Final = 256 * 1024
NAME_CHARACTERS_MAX: Final = 128
SWEEP_S: Final = 60.0

log = structlog.get_logger()


class NoMedia(Exception):
    """An upload is refused: there is no room, or a rule says so."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason.text)
        self.refusal = refusal


class Incoming:
    """An upload under way; nobody's until it is kept."""

    def __init__(self, corpid: str, bytes_max: int, file: str) -> None:
        self.corpid = corpid
        self.bytes_max = bytes_max
        self.file = file
        self.size = 0
        self.head = b""
        self.bytes: BinaryIO = BytesIO()  # until its file is open

    async def write(self, piece: bytes) -> bool:
        """Take in what came next; False once it is more than this file may have."""
        self.size += len(piece)
        if self.size > self.bytes_max:
            return False
        self.head += piece[: HEAD_BYTES - len(self.head)]
        await asyncio.to_thread(self.bytes.write, piece)
        return True

    @property
    def format(self) -> str:
        return format_of(self.head)

    async def measures(self) -> Measures:
        """Look how large or how long it is."""
        return await asyncio.to_thread(measures_of, self.bytes, self.format)


class Uploads:
    """What all enterprises have uploaded."""

    def __init__(self, router: Router, files: Files, bytes_max: int) -> None:
        self._router = router
        self._files = files
        self._bytes_max = bytes_max
        self._sizes = files.sizes()
        self._coming: dict[str, Incoming] = {}

    def find(self, corpid: str, media_id: str) -> Media | None:
        """Give a file that this enterprise has uploaded and that has not expired."""
        corp = self._router.state.corps.get(corpid)
        return corp.media.find(media_id, self._router.now_ms()) if corp is not None else None

    @asynccontextmanager
    async def receiving(self, corpid: str, bytes_max: int) -> AsyncIterator[Incoming]:
        """Make room for an upload of at most so many bytes, or raise `NoMedia`; what is not kept by the end is gone."""
        if self._is_full(bytes_max):
            await self.sweep()
        if self._is_full(bytes_max) or self._has_enough(corpid, bytes_max):
            raise NoMedia(Refusal(MEDIA_FULL, "media/config"))
        if not self._router.journal.room() or not self._files.room(bytes_max):
            raise NoMedia(Refusal(UNAVAILABLE, "disk reserve"))
        file = token_hex(16)
        incoming = self._coming[file] = Incoming(corpid, bytes_max, file)
        try:
            incoming.bytes = await asyncio.to_thread(self._files.create, file)
            yield incoming
        except ConnectionError:
            raise
        except OSError as why:
            raise NoMedia(Refusal(UNAVAILABLE, "disk")) from why
        finally:
            del self._coming[file]
            await asyncio.shield(asyncio.to_thread(self._leave, incoming))

    def _is_full(self, bytes_max: int) -> bool:
        count = len(self._sizes) + len(self._coming)
        size = sum(self._sizes.values()) + sum(incoming.bytes_max for incoming in self._coming.values())
        return count >= self._router.config.media_max or size + bytes_max > self._bytes_max

    def _has_enough(self, corpid: str, bytes_max: int) -> bool:
        corp, config = self._router.state.corps.get(corpid), self._router.config
        kept = [media.size for media in corp.media.living(self._router.now_ms())] if corp is not None else []
        coming = [incoming.bytes_max for incoming in self._coming.values() if incoming.corpid == corpid]
        size = sum(kept) + sum(coming) + bytes_max
        return len(kept) + len(coming) >= config.media_corp_max or size > config.media_corp_bytes_max

    def _leave(self, incoming: Incoming) -> None:
        incoming.bytes.close()
        if incoming.file not in self._sizes:
            self._files.remove(incoming.file)

    async def keep(self, incoming: Incoming, kind: MediaKind, use: MediaUse, name: str) -> MediaKept:
        """Make an upload durable: its bytes first, then the event that names them. `NoMedia` if a rule forbids it."""
        await asyncio.to_thread(self._files.settle, incoming.file, incoming.bytes)
        command = KeepMedia(
            incoming.corpid, kind, use, plain_name(name), incoming.format, incoming.size, incoming.file
        )  # fmt: skip
        events = await self._router.ask(command)
        if isinstance(events, Refusal):
            raise NoMedia(events)
        assert isinstance(events, list)
        self._sizes[incoming.file] = incoming.size
        (kept,) = (event for event in events if isinstance(event, MediaKept))
        return kept

    async def read(self, media: Media, first: int, end: int) -> AsyncIterator[bytes]:
        """Give the bytes from `first` up to `end`; FileNotFoundError if the file is gone."""
        file = await asyncio.to_thread(self._files.open, media.file)
        try:
            file.seek(first)
            left = end - first
            while left > 0 and (piece := await asyncio.to_thread(file.read, min(left, PIECE_BYTES))):
                left -= len(piece)
                yield piece
        finally:
            file.close()

    async def sweep(self) -> None:
        """Remove the files that nobody can ask for any more: expired, of a reset enterprise, or never kept."""
        present = await asyncio.to_thread(self._files.sizes)
        asked_for = await self._router.query(living)
        if isinstance(asked_for, Refusal):
            return  # the gateway stops
        for file in present.keys() - asked_for.keys() - self._coming.keys():
            await asyncio.to_thread(self._files.remove, file)
            self._sizes.pop(file, None)

    async def keep_swept(self) -> None:
        """Sweep now and then, for as long as the gateway runs."""
        while True:
            try:
                await self.sweep()
            except OSError as why:  # the next one may do better
                log.warning("media_not_swept", why=str(why))
            await asyncio.sleep(SWEEP_S)


def living(state: State, now_ms: int) -> dict[str, int]:
    """Give the files that somebody may still ask for, with their sizes."""
    return {media.file: media.size for corp in state.corps.values() for media in corp.media.living(now_ms)}


def plain_name(name: str) -> str:
    """Give what is harmless of a file's name: its last part, without what no screen shows."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable())[:NAME_CHARACTERS_MAX]

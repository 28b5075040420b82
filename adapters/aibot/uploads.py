"""Uploads of bots, which come in chunks: gathered in memory, then taken in as every other file is.

Rules of the file:
- An upload may take 30 minutes of the movable clock, also over a new connection.
- What was declared counts, not what has come; above the bound the oldest make room, so that nobody's left-overs
  stand in the way.
"""

import asyncio
from collections.abc import Iterator
from hashlib import md5
from secrets import token_urlsafe
from typing import Final, cast

from msgspec import Struct, field

from adapters.callback_receivers import Called
from adapters.media import NoMedia, Uploads
from adapters.wecom_api.call import No, refusing
from gateway.events.media import MediaKept, MediaKind
from protocol.wecom.aibot import (
    CHUNK_BYTES_MAX,
    CHUNKS_MAX,
    FILE_BYTES_MAX,
    FILE_BYTES_MIN,
    FILE_NAME_BYTES_MAX,
    UPLOAD_MS,
    InitAsked,
)
from protocol.wecom.media import FORMATS

UNDERWAY_BYTES_MAX: Final = 64 * 1024 * 1024  # declared by the uploads of all bots
UNDERWAY_MAX: Final = 1_000


class Upload(Struct):
    """An upload under way; its chunks by their index."""

    who: Called
    asked: InitAsked
    until_ms: int
    chunks: dict[int, bytes] = field(default_factory=dict)


class ChunkedUploads:
    """The uploads under way, the oldest first."""

    def __init__(self, media: Uploads) -> None:
        self._media = media
        self._underway: dict[str, Upload] = {}
        self._bytes = 0

    def begin(self, who: Called, asked: InitAsked, now_ms: int) -> str:
        """Make room for a file; give the name of its upload."""
        for no in _wrong_with(asked):
            raise no
        self._bytes += asked.total_size
        for name in [name for name, upload in self._underway.items() if upload.until_ms <= now_ms]:
            self._drop(name)
        while self._bytes > UNDERWAY_BYTES_MAX or len(self._underway) >= UNDERWAY_MAX:
            self._drop(next(iter(self._underway)))
        name = token_urlsafe(18)
        self._underway[name] = Upload(who, asked, now_ms + UPLOAD_MS)
        return name

    def take(self, who: Called, name: str, index: int, chunk: bytes, now_ms: int) -> None:
        """Take in a chunk; one that is there is not taken again."""
        upload = self._find(who, name, now_ms)
        if not 0 <= index < upload.asked.total_chunks:
            raise No(846612, f"a chunk_index is from 0 to {upload.asked.total_chunks - 1}")
        if not 0 < len(chunk) <= CHUNK_BYTES_MAX:
            raise No(846613, f"{len(chunk)} bytes, of {CHUNK_BYTES_MAX} at most before Base64")
        if index in upload.chunks:
            return
        if len(chunk) + sum(map(len, upload.chunks.values())) > upload.asked.total_size:
            raise No(846613, f"more than the total_size, {upload.asked.total_size}")
        upload.chunks[index] = chunk

    async def finish(self, who: Called, name: str, now_ms: int) -> MediaKept:
        """Put the chunks together, and keep the file."""
        upload = self._find(who, name, now_ms)
        asked = upload.asked
        missing = [index for index in range(asked.total_chunks) if index not in upload.chunks]
        if missing:
            raise No(846616, f"chunk {missing[0]}, and {len(missing) - 1} others")
        self._drop(name)
        whole = b"".join(upload.chunks[index] for index in range(asked.total_chunks))
        if len(whole) != asked.total_size:
            raise No(846613, f"{len(whole)} bytes came, of a total_size of {asked.total_size}")
        if asked.md5 and await asyncio.to_thread(_md5, whole) != asked.md5.lower():
            raise No(40058, "the md5 is another")
        return await self._keep(who, asked, whole)

    async def _keep(self, who: Called, asked: InitAsked, whole: bytes) -> MediaKept:
        kind = cast(MediaKind, asked.type)
        try:
            async with self._media.receiving(who.corpid, len(whole)) as incoming:
                await incoming.write(whole)
                if kind in FORMATS and incoming.format not in FORMATS[kind]:
                    raise No(846697, f"{kind} takes {' and '.join(FORMATS[kind])}")
                return await self._media.keep(incoming, kind, "message", asked.filename)
        except NoMedia as why:
            raise refusing(why.refusal, "aibot") from why

    def _find(self, who: Called, name: str, now_ms: int) -> Upload:
        upload = self._underway.get(name)
        if upload is None or upload.who != who or upload.until_ms <= now_ms:
            raise No(846611, "it ends with finish, after 30 minutes, or when newer ones need the room")
        return upload

    def _drop(self, name: str) -> None:
        self._bytes -= self._underway.pop(name).asked.total_size


def _md5(whole: bytes) -> str:
    return md5(whole, usedforsecurity=False).hexdigest()


def _wrong_with(asked: InitAsked) -> Iterator[No]:
    """List what a file may not be."""
    if asked.type not in FILE_BYTES_MAX:
        yield No(846697, f"a type is one of {', '.join(FILE_BYTES_MAX)}")
    elif asked.total_size > FILE_BYTES_MAX[asked.type]:
        yield No(45001, f"{asked.type} takes {FILE_BYTES_MAX[asked.type]} bytes")
    if asked.total_size < FILE_BYTES_MIN:
        yield No(40006, f"a file has {FILE_BYTES_MIN} bytes or more")
    if not 1 <= asked.total_chunks <= CHUNKS_MAX:
        yield No(846612, f"a file has 1 to {CHUNKS_MAX} chunks")
    if len(asked.filename.encode(errors="replace")) > FILE_NAME_BYTES_MAX:
        yield No(40058, f"a filename has at most {FILE_NAME_BYTES_MAX} bytes")

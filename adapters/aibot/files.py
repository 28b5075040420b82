"""Files that people send to a bot: an address for five minutes, and a key that opens what is there.

Rules of the file:
- Nothing is remembered: the key is made from the address, so that a changed address gives bytes that no key opens.
- AES-256 in CBC mode, whose vector is the beginning of the key; padded to blocks of 32 bytes (DOC 101463).
"""

import hmac
from base64 import b64encode
from collections.abc import AsyncIterator
from secrets import token_hex
from typing import Final

from aiohttp import web
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from adapters.http import check_origin
from adapters.wecom_api.call import Door, No
from adapters.wecom_api.media import headers_of, send
from gateway.state import State
from gateway.state.media import Media
from protocol.wecom.aibot import URL_MS, FileTold

PATH: Final = "/_hutong/aibot/files/"
_BLOCK: Final = 32


class BotFiles:
    """Makes the addresses, and answers below PATH."""

    def __init__(self, door: Door, key: bytes) -> None:
        self._door = door
        self._key = key

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(PATH + "{corpid}/{media_id}/{until_ms:[0-9]{1,15}}/{nonce}", self.fetch, allow_head=False)

    def told(self, corpid: str, media_id: str) -> FileTold:
        """Make an address of a file, and its key."""
        path = f"{PATH}{corpid}/{media_id}/{self._door.router.now_ms() + URL_MS}/{token_hex(8)}"
        return FileTold(self._door.base_url() + path, b64encode(self._key_of(path)).decode().rstrip("="))

    def _key_of(self, path: str) -> bytes:
        return hmac.digest(self._key, path.encode(), "sha256")

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """Give a file, encrypted."""
        check_origin(request)
        named = request.match_info

        def look(state: State, now_ms: int) -> Media | None:
            corp = state.corps.get(named["corpid"]) if now_ms < int(named["until_ms"]) else None
            return corp.media.find(named["media_id"], now_ms) if corp is not None else None

        try:
            media = await self._door.look(look)
            if media is None:
                return web.Response(status=404, text="no such file, or its address is more than five minutes old\n")
            answer = web.StreamResponse(headers=headers_of(media))
            answer.content_length = media.size + _padding(media.size)
            pieces = self._door.media.read(media, 0, media.size)
            return await send(request, answer, encrypted(pieces, self._key_of(request.path), media.size))
        except No as no:
            return web.Response(status=503 if no.errcode == -1 else 404, text="no such file\n")


def _padding(size: int) -> int:
    return _BLOCK - size % _BLOCK


async def encrypted(pieces: AsyncIterator[bytes], key: bytes, size: int) -> AsyncIterator[bytes]:
    """Encrypt what comes piece by piece, and pad it."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    async for piece in pieces:
        yield encryptor.update(piece)
    yield encryptor.update(bytes([_padding(size)]) * _padding(size)) + encryptor.finalize()

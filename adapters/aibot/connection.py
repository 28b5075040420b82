"""One bot's WebSocket: bounded in both directions, and ended in time.

Rules of the file:
- Frames are answered one after the other: who does not take the answers is not read.
- What keeps a connection alive are frames; protocol pings are answered, and count for nothing.
"""

import asyncio
import socket
from typing import Final

import msgspec
from aiohttp import WSMsgType, web

from adapters.callback_receivers import Called
from adapters.link import CLOSE_S, SEND_BUFFER_BYTES, STALLED_S
from protocol.errors import Close
from protocol.wecom.aibot import FRAME_BYTES_MAX, Acknowledgement, Callback

SUBSCRIBE_S: Final = 5.0  # from handshake to a subscription
SILENT_S: Final = 90.0  # three heartbeats of every SDK; the vendor publishes no number
UNREADABLE_BYTES: Final = FRAME_BYTES_MAX + 256 * 1024  # a larger frame ends the connection instead of being answered

_encode = msgspec.json.encode


class Connection:
    """A WebSocket, and the bot that it belongs to once one has subscribed."""

    def __init__(self, request: web.Request) -> None:
        self.address = request.remote or ""
        self.client = request.headers.get("User-Agent", "")
        self.who: Called | None = None
        self.secret = ""  # with which the bot has subscribed
        self.telling: asyncio.Task[None] | None = None
        self._socket = web.WebSocketResponse(compress=False, max_msg_size=UNREADABLE_BYTES, decode_text=False)
        self._request = request
        self._subscribe_by_s = asyncio.get_running_loop().time() + SUBSCRIBE_S

    @property
    def is_stalled(self) -> bool:
        """Tell whether the other end has not taken what was written to it."""
        return self._request.protocol.writing_paused

    async def open(self) -> web.WebSocketResponse:
        """Make the handshake."""
        try:
            await self._socket.prepare(self._request)
        except ValueError as why:  # a key that is no ASCII
            raise web.HTTPBadRequest(text="no WebSocket handshake\n") from why
        raw = self._request.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        return self._socket

    async def receive(self) -> bytes | None:
        """Give the next frame, or None at the end; TimeoutError if none came for too long."""
        now_s = asyncio.get_running_loop().time()
        by_s = self._subscribe_by_s if self.who is None else now_s + SILENT_S
        if by_s < now_s:
            raise TimeoutError  # what waits to be read would be given without a look at the time
        async with asyncio.timeout_at(by_s):
            message = await self._socket.receive()
        return message.data if message.type in (WSMsgType.TEXT, WSMsgType.BINARY) else None

    async def send(self, frame: Acknowledgement | Callback) -> None:
        """Write a frame; ConnectionError if the other end is gone, or has taken nothing for long."""
        try:
            async with asyncio.timeout(STALLED_S):
                await self._socket.send_str(_encode(frame).decode())
        except TimeoutError as why:
            self.abort()
            raise ConnectionError("stalled") from why

    async def close(self, close: Close, text: str) -> None:
        """Say why, then end; politely within a bound, then not."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._socket.close(code=close, message=text.encode()[:120])
        except (TimeoutError, ConnectionError):
            self.abort()

    def abort(self) -> None:
        """Let go of the socket without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()

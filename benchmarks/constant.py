"""A server that answers every send with the same bytes: what reading, parsing and writing cost before any work.

uvloop reads, aiohttp's compiled reader parses, one write answers all that one read brought. Nothing is decoded and
nobody else is told. Started by floors.py as `python -m benchmarks.constant`; it prints its port when it listens.
"""

import asyncio
from typing import cast

import msgspec
import uvloop
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from aiohttp.base_protocol import BaseProtocol

from protocol.codec import websocket_frame

BINARY = 0x2
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
_encode = msgspec.msgpack.encode
SYNCED = websocket_frame(BINARY, _encode({"type": "synced", "token": "t"}))
WELCOME = websocket_frame(BINARY, _encode({"type": "welcome"})) + SYNCED
_accepted = {"type": "accepted", "number": 1, "conversation": "cv" + 22 * "0", "sequence": 1, "time_ms": 1785000000000}
ACCEPTED = websocket_frame(BINARY, _encode(_accepted))


class Counter(WebSocketDataQueue):
    """Count frames where aiohttp would queue them."""

    frames = 0

    def feed_data(self, data: object, size: int) -> None:  # noqa: ARG002  (the parent names them)
        self.frames += 1


class Constant(asyncio.Protocol):
    """One link: the handshake, a welcome for its first frame, then an answer a frame."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        loop = asyncio.get_running_loop()
        self.transport = cast(asyncio.WriteTransport, transport)  # uvloop's is one, without saying so
        self.upgraded = self.greeted = False
        self.queue = Counter(BaseProtocol(loop), 2**16, loop=loop)
        self.reader = WebSocketReader(self.queue, 2**16, False, False)

    def data_received(self, data: bytes) -> None:
        if not self.upgraded:
            self.upgraded = True
            self.transport.write(SWITCH)
            return
        self.queue.frames = 0
        self.reader.feed_data(data)
        self.transport.write(WELCOME if not self.greeted else ACCEPTED * self.queue.frames)
        self.greeted = True


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Constant, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())

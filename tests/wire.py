"""A WebSocket client for tests, written from RFC 6455 alone: it says exactly the bytes it is told, also wrong ones."""

import asyncio
import base64
import socket
import ssl
import struct
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import msgpack
import orjson

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

LOST: Final = 1006  # the socket ended without a close frame
WAIT_S: Final = 20.0  # of patience with a server that shares two cores with everything else
KEY: Final = base64.b64encode(bytes(16)).decode()


class LinkEnded(Exception):
    """The server has closed the link."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class HandshakeRefused(Exception):
    """The server answered the handshake with something else than 101."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


def client_frame(opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True, rsv: int = 0) -> bytes:
    """Frame a payload as a client does; the mask is zeros, which leaves the payload readable in a dump."""
    first = (0x80 if final else 0) | rsv << 4 | opcode
    mask = 0x80 if masked else 0
    length = len(payload)
    if length < 126:
        head = bytes((first, mask | length))
    elif length < 65536:
        head = struct.pack(">BBH", first, mask | 126, length)
    else:
        head = struct.pack(">BBQ", first, mask | 127, length)
    return head + (bytes(4) if masked else b"") + payload


def declaring(opcode: int, length: int) -> bytes:
    """Make the head of a frame that declares a length, and nothing of its payload."""
    return struct.pack(">BBQ", 0x80 | opcode, 0x80 | 127, length) + bytes(4)


def handshake(port: int, headers: dict[str, str]) -> bytes:
    """Write a handshake; a header that is given as None-like empty text is left out."""
    usual = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Protocol": "hutong.v1.msgpack",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**usual, **headers}.items() if value)
    return f"GET /ws HTTP/1.1\r\n{lines}\r\n".encode("latin-1")


@dataclass
class Wire:
    """One link, seen from the client's end of the socket."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    kind: str = "msgpack"
    pongs: list[bytes] = field(default_factory=list)
    after_close: list[int] = field(default_factory=list)  # opcodes that came behind a close frame
    opened: ClassVar[list["Wire"]] = []
    secured: ClassVar[dict[int, tuple[int, ssl.SSLContext]]] = {}  # ports in whose place another is asked, by TLS

    @classmethod
    async def connect(cls, port: int, *, receive_bytes: int = 0, limit: int = 2**16) -> "Wire":
        """Open a socket and say nothing; a small receive buffer makes a slow reader."""
        port, tls = cls.secured.get(port, (port, None))
        secured: dict[str, Any] = {"ssl": tls, "server_hostname": "127.0.0.1"} if tls is not None else {}
        raw = socket.socket()
        raw.setblocking(False)
        if receive_bytes:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        try:
            await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
            reader, writer = await asyncio.open_connection(sock=raw, limit=limit, **secured)
        except OSError:
            raw.close()
            raise
        wire = cls(reader, writer)
        cls.opened.append(wire)
        return wire

    @classmethod
    def drop_all(cls) -> None:
        """Let no socket outlive its test, however that ended."""
        while cls.opened:
            cls.opened.pop().drop()

    @classmethod
    async def open(
        cls,
        port: int,
        token: str,
        kind: str = "msgpack",
        *,
        early: bytes = b"",
        receive_bytes: int = 0,
        limit: int = 2**16,
        **headers: str,
    ) -> "Wire":
        """Make the handshake with a token; `early` travels in the same segment."""
        wire = await cls.connect(port, receive_bytes=receive_bytes, limit=limit)
        wire.kind = kind
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        usual = {"Authorization": f"Bearer {token}", "Sec-WebSocket-Protocol": f"hutong.v1.{kind}"}
        wire.writer.write(handshake(port, {**usual, **named}) + early)
        await wire.upgraded()
        return wire

    async def upgraded(self) -> str:
        """Read the answer to the handshake; `HandshakeRefused` if it is no upgrade."""
        async with asyncio.timeout(WAIT_S):
            try:
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                self.writer.close()
                raise LinkEnded(LOST) from None
        status = int(head.split(" ", 2)[1])
        if status != 101:
            self.writer.close()
            raise HandshakeRefused(status)
        return head

    # Saying

    def encode(self, frame: dict[str, Any]) -> bytes:
        """Put a frame into a WebSocket frame."""
        if self.kind == "json":
            return client_frame(TEXT, orjson.dumps(frame))
        return client_frame(BINARY, msgpack.packb(frame))

    def say(self, **frame: Any) -> None:
        """Send one frame of the protocol."""
        self.writer.write(self.encode(frame))

    def send(self, number: int, conversation: str, text: str) -> None:
        """Send a text under a number."""
        self.say(type="send", number=number, conversation=conversation, content={"kind": "text", "text": text})

    def ack(self, upto: dict[str, int]) -> None:
        self.say(type="ack", upto=[list(pair) for pair in upto.items()])

    async def hello(self, token: str = "", cursors: dict[str, int] | None = None) -> dict[str, Any]:
        """Say hello and give the welcome, which must come before everything else."""
        self.say(type="hello", token=token, cursors=[list(pair) for pair in (cursors or {}).items()])
        welcome = await self.receive()
        assert welcome["type"] == "welcome", welcome
        return welcome

    # Hearing

    async def raw_frame(self) -> tuple[int, bytes]:
        """Read one WebSocket frame of the server; it must be final and not masked."""
        first, second = await self.reader.readexactly(2)
        assert first & 0xF0 == 0x80 and second & 0x80 == 0, f"frame begins with {first:#x} {second:#x}"
        length = second
        if length == 126:
            (length,) = struct.unpack(">H", await self.reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", await self.reader.readexactly(8))
        return first & 0xF, await self.reader.readexactly(length)

    async def receive(self) -> dict[str, Any]:
        """Read one frame of the protocol; answer pings on the way; `LinkEnded` once the server has closed."""
        async with asyncio.timeout(WAIT_S):
            while True:
                try:
                    opcode, payload = await self.raw_frame()
                except (asyncio.IncompleteReadError, ConnectionError):
                    self.writer.close()
                    raise LinkEnded(LOST) from None
                if opcode == PING:
                    self.writer.write(client_frame(PONG, payload))
                elif opcode == PONG:
                    self.pongs.append(payload)
                elif opcode == CLOSE:
                    raise LinkEnded(await self._answer_close(payload))
                else:
                    assert opcode == (TEXT if self.kind == "json" else BINARY)
                    frame: dict[str, Any] = (orjson.loads if self.kind == "json" else msgpack.unpackb)(payload)
                    return frame

    async def _answer_close(self, payload: bytes) -> int:
        """Answer a close frame as RFC 6455 wants it, and see that the server ends the socket, saying no more."""
        self.writer.write(client_frame(CLOSE, payload[:2]))
        try:
            while True:
                opcode, _ = await self.raw_frame()
                self.after_close.append(opcode)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.writer.close()
        return int(struct.unpack_from(">H", payload)[0]) if payload else 1005

    async def until(self, kind: str) -> dict[str, Any]:
        """Read frames up to one of a kind."""
        while (frame := await self.receive())["type"] != kind:
            pass
        return frame

    async def ending(self) -> int:
        """Read to the end and give the close code."""
        try:
            while True:
                await self.receive()
        except LinkEnded as end:
            return end.code

    def drop(self) -> None:
        """Be gone without a word."""
        self.writer.transport.abort()


async def synced(port: int, token: str, kind: str = "msgpack") -> Wire:
    """Open a link and bring it to where it is live."""
    wire = await Wire.open(port, token, kind)
    await wire.hello()
    await wire.until("synced")
    return wire

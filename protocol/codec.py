"""Bytes to frames and back: JSON and MessagePack from the same definitions, strict about what is read.

Rules of the file:
- What cannot be read raises `Malformed` or `UnreadContent`, and nothing else, whatever the bytes were.
- Size is the link's to bound before it reads; depth is bounded by the parser's own recursion limit.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any, Final

import msgspec

from protocol.frames import Ack, ClientFrame, Hello, Message, SendUnread, ServerFrame

_TEXT: Final = 0x1  # a WebSocket opcode
FRAME_BYTES_MAX: Final = 64 * 1024  # OWASP's advice for WebSocket messages


class Malformed(ValueError):
    """The bytes are no frame; the text says where and why."""


class NotUnicode(Malformed):
    """Text that is no UTF-8, which WebSocket itself forbids."""


class UnreadContent(Exception):
    """A send with a number, whose content is of no known kind: to be refused, not to be punished."""

    def __init__(self, frame: SendUnread, why: str) -> None:
        super().__init__(why)
        self.frame = frame


def _all_unicode(read: Callable[[bytes], ClientFrame]) -> Callable[[bytes], ClientFrame]:
    """Look at all of a text first: msgspec looks at what it keeps, and at nothing that it passes over."""

    def checked(data: bytes) -> ClientFrame:
        if not data.isascii():
            str(data, "utf-8")
        return read(data)

    return checked


class Codec:
    """One encoding of the frames on a link."""

    def __init__(self, name: str, opcode: int, decoder: Callable[..., Any], encoder: Any) -> None:
        self.name = name
        self.opcode = opcode
        self.encode: Callable[[Any], bytes] = encoder().encode
        read: Callable[[bytes], ClientFrame] = decoder(ClientFrame).decode
        self._decode = _all_unicode(read) if opcode == _TEXT else read
        self._decode_unread: Callable[[bytes], SendUnread] = decoder(SendUnread).decode

    def decode(self, data: bytes) -> ClientFrame:
        """Read one frame of a client; `Malformed` or `UnreadContent` if it cannot be."""
        try:
            return self._decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as why:
            raise self._unread(data, why) from why

    def _unread(self, data: bytes, why: Exception) -> Exception:
        """Tell a send with unreadable content, which has a number to refuse, from bytes that are no frame at all."""
        if "$.content" in str(why):
            try:
                return UnreadContent(self._decode_unread(data), str(why))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                pass
        if isinstance(why, UnicodeDecodeError) and self.opcode == _TEXT:
            return NotUnicode(str(why))
        return Malformed(str(why))


JSON = Codec("json", _TEXT, msgspec.json.Decoder, msgspec.json.Encoder)
MSGPACK = Codec("msgpack", 0x2, msgspec.msgpack.Decoder, msgspec.msgpack.Encoder)

decode_message: Callable[[bytes], Message] = msgspec.msgpack.Decoder(Message).decode


HEADS_MAX: Final = 1_024  # lengths whose heads are looked up: nearly every frame


def _head(opcode: int, length: int) -> bytes:
    """Make the head of a frame as RFC 6455 wants it from a server: final, not masked, not compressed."""
    if length < 126:
        return bytes((0x80 | opcode, length))
    if length < 65536:
        return Struct(">BBH").pack(0x80 | opcode, 126, length)
    return Struct(">BBQ").pack(0x80 | opcode, 127, length)


_HEADS: Final = {
    opcode: tuple(_head(opcode, length) for length in range(HEADS_MAX)) for opcode in (0x1, 0x2, 0x8, 0x9, 0xA)
}


def websocket_frame(opcode: int, payload: bytes) -> bytes:
    """Frame a payload for the wire."""
    length = len(payload)
    return (_HEADS[opcode][length] if length < HEADS_MAX else _head(opcode, length)) + payload


__all__ = [
    "FRAME_BYTES_MAX", "JSON", "MSGPACK", "Ack", "Codec", "Hello", "Malformed", "NotUnicode", "ServerFrame",
    "UnreadContent", "decode_message", "websocket_frame",
]  # fmt: skip

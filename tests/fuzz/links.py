"""What comes on a link: frames into a session, and a socket's bytes, cut anywhere, into a link."""

import asyncio
from typing import Any, Final, cast

import msgpack
import msgspec

from adapters import consumer, enterprise
from adapters.link import LEFTOVER_BYTES_MAX, UNFINISHED_BYTES_MAX, Link
from adapters.tokens import LinkClaims
from gateway.router import Router
from gateway.session import Session, Unanswerable
from protocol import frames
from protocol.codec import JSON, MSGPACK, Codec, UnreadContent
from tests.fuzz.target import Target, read_json, words_of

CLAIMS: Final = LinkClaims("member", "who", "phone", "jti", 0, "key")
SIDES: Final = (enterprise, consumer)
CODECS: Final = (JSON, MSGPACK)


class Pipe:
    """Takes what is written, and keeps nothing."""

    def write(self, data: bytes) -> None: ...
    def close(self, code: int, reason: str) -> None: ...
    def buffered(self) -> int:
        return 0

    async def writable(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


def session_of(first: int, codec: Codec, pipe: Any) -> Session:
    """Open a session; two bits of a byte say whose it is, and whether it has said hello."""
    side = SIDES[first & 1]
    session = Session(pipe, codec, side.AUDIENCE, side.COMMANDS, "who", "phone", "jti")
    if first & 2:
        session.move("hello")
        session.move("caught_up")
    return session


def frame(codec: Codec, data: bytes) -> None:
    """Have a session take a frame; an independent decoder must have read the same."""
    first, body = data[:1], data[1:]
    session = session_of(first[0] if first else 0, codec, Pipe())
    try:
        session.receive(body)
    finally:
        assert session.inbox_bytes == len(body)
        assert len(session.inbox) <= 1
    assert len(session.inbox) == 1
    try:
        read = codec.decode(body)
    except UnreadContent:
        read_otherwise(codec, body)
        return
    assert codec.decode(codec.encode(read)) == read
    if (other := read_otherwise(codec, body)) is not None:
        assert msgspec.convert(other, frames.ClientFrame, strict=True) == read, (other, read)


def read_otherwise(codec: Codec, body: bytes) -> Any:
    """Have somebody else read it, who may be stricter in nothing: what we pass over may be any number, key or text."""
    if codec is JSON:
        return read_json(body)
    try:
        return msgpack.unpackb(
            body,
            object_pairs_hook=_named,
            ext_hook=lambda code, data: (code, data),
            timestamp=1,
            strict_map_key=False,
            unicode_errors="surrogateescape",
        )
    except ValueError as why:
        if "timestamp" not in str(why):  # no option makes it take one of another length
            raise
        return None


def _named(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    """Keep what has a name: a key of MessagePack may be a list, which no dict of Python takes."""
    return {key: value for key, value in pairs if isinstance(key, str)}


class Transport(Pipe):
    """A socket that takes everything."""

    def __init__(self) -> None:
        self.closing = False

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closing

    def close(self, code: int = 0, reason: str = "") -> None:
        self.closing = True

    abort = close

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None: ...


class Turns:
    """A router that empties every inbox at once."""

    def ready(self, session: Session) -> None:
        session.inbox.clear()
        session.inbox_bytes = 0

    def closed(self, session: Session) -> None: ...
    def drained(self, session: Session) -> None: ...
    def defect(self, what: str, why: BaseException) -> None:
        raise why


async def _bytes(data: bytes) -> None:
    first, step, said = data[:1], (data[1] if len(data) > 1 else 0) + 1, data[2:]
    transport = Transport()
    link = Link(cast(Any, transport), cast(Router, Turns()), lambda _: None, CLAIMS)
    link.session = session_of(first[0] if first else 0, CODECS[first[0] >> 2 & 1] if first else JSON, link)
    for at in range(0, len(said), step):
        if not transport.closing:
            link.data_received(said[at : at + step])
        assert link._unfinished <= max(UNFINISHED_BYTES_MAX, LEFTOVER_BYTES_MAX) + step
    link.connection_lost(None)


_loop = asyncio.new_event_loop()

TARGETS: Final = {
    "frames_json": Target(lambda data: frame(JSON, data), (Unanswerable,), words_of(frames.ClientFrame)),
    "frames_msgpack": Target(lambda data: frame(MSGPACK, data), (Unanswerable,), words_of(frames.ClientFrame)),
    "link": Target(lambda data: _loop.run_until_complete(_bytes(data)), (), words_of(frames.ClientFrame)),
}

"""A socket joined to a session: frames straight from aiohttp's compiled parser, no task a link.

Rules of the file:
- aiohttp makes the handshake; then the link takes the transport over. The private names this needs are all in `take`
  and `_Sink`, and tests/conformance/test_link_touch_points.py fails when aiohttp changes one.
- Nothing here waits but `writable`. One sweep a second looks after every deadline of every link.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

from aiohttp import WebSocketError, WSMessage, WSMsgType, web
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader

from adapters.tokens import LinkClaims
from gateway.router import Router
from gateway.session import Phase, Session, Unanswerable
from protocol.codec import FRAME_BYTES_MAX, JSON, websocket_frame
from protocol.errors import Close

HELLO_S: Final = 5.0  # from handshake to hello
PING_AFTER_S: Final = 25.0  # of silence; any inbound byte is life
PONG_WITHIN_S: Final = 8.0
STALLED_S: Final = 30.0  # a link that takes nothing for so long is aborted: closing politely would hang
CLOSE_S: Final = 2.0  # for the peer to answer a close
CONTROL_FRAMES_MAX: Final = 100  # pings and pongs of one link in CONTROL_WINDOW_S
CONTROL_WINDOW_S: Final = 10.0
SEND_BUFFER_BYTES: Final = 128 * 1024  # of the kernel, or an idle reader hides megabytes there
UNTAKEN_BYTES_MAX: Final = 256 * 1024  # written and not taken: with more, the peer is not read, or answers heap up
UNFINISHED_BYTES_MAX: Final = 2 * FRAME_BYTES_MAX  # read without a whole message: fragments that lead to nothing
LEFTOVER_BYTES_MAX: Final = 1024 * 1024  # read after our close: what was under way, not what is said on purpose
SWEEP_S: Final = 1.0

_NEVER_SENT: Final = (1005, 1006, 1015)  # codes for what happens without a close frame (RFC 6455, 7.4.1)
_BINARY: Final = WSMsgType.BINARY  # looked up once: an enum's members are slow to find in Python 3.11
_TEXT: Final = WSMsgType.TEXT
_PING: Final = websocket_frame(0x9, b"")


class _Sink(WebSocketDataQueue):
    """Where aiohttp's reader puts messages: straight into the link instead of a queue with a waiter."""

    def __init__(self, link: "Link", loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(link, 2**20, loop=loop)  # type: ignore[arg-type]
        self._link = link

    def feed_data(self, data: WSMessage, size: int) -> None:  # type: ignore[override]  # noqa: ARG002 - aiohttp's shape
        self._link.message_received(data)

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:  # noqa: ARG002
        self._link.parser_failed(exc)


class Link(asyncio.Protocol):
    """The pipe under one session: bytes in to its inbox, bytes out from its outbox."""

    __slots__ = (
        "_choked",
        "_closed",
        "_closing_since",
        "_controls",
        "_controls_since",
        "_deadline",
        "_drained",
        "_first",
        "_heard",
        "_loop",
        "_paused",
        "_pinged",
        "_reader",
        "_router",
        "_taken",
        "_taken_at",
        "_transport",
        "_unfinished",
        "_written",
        "expires_s",
        "key_id",
        "session",
    )  # fmt: skip

    session: Session

    def __init__(
        self, transport: asyncio.Transport, router: Router, closed: Callable[["Link"], None], claims: LinkClaims
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._router = router
        self._closed = closed
        self._reader = WebSocketReader(_Sink(self, self._loop), FRAME_BYTES_MAX + 1, compress=False, decode_text=False)
        self._drained: asyncio.Future[None] | None = None
        now = self._loop.time()
        self._heard = self._controls_since = now
        self._deadline = now + HELLO_S
        self._pinged = self._closing_since = self._taken_at = 0.0
        self._controls = self._unfinished = self._written = self._taken = 0
        self._first: bytes | None = b""  # the first two bytes, until both are here and looked at
        self._paused = False  # what was written has not all been taken
        self._choked = False  # so much of it that the peer is not read
        self.expires_s: float = claims.expires_s
        self.key_id = claims.key_id

    # From the socket.

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        if self._first is not None:
            self._look_at_mask(data)
        self._unfinished += len(data)
        self._reader.feed_data(data)
        if self._closing_since:
            if self._unfinished > LEFTOVER_BYTES_MAX:
                self.abort()
            return
        if self._unfinished > UNFINISHED_BYTES_MAX:
            self.session.close(Close.FLOOD, "fragments without end")
        self._router.ready(self.session)

    def _look_at_mask(self, data: bytes) -> None:
        """Refuse a client that does not mask (RFC 6455, 5.1).

        Only the first frame is looked at: where the others begin, the parser tells nobody.
        """
        first = (self._first or b"") + data[:2]
        self._first = first if len(first) < 2 else None
        if self._first is None and not first[1] & 0x80:
            self.session.close(Close.PROTOCOL, "a client masks its frames")

    def message_received(self, message: WSMessage) -> None:
        """Take one whole message from the parser."""
        kind = message.type
        if self._closing_since:
            if kind is WSMsgType.CLOSE:
                self._hang_up()
        elif kind is _BINARY or kind is _TEXT:
            self._unfinished = 0
            if (kind is _TEXT) != (self.session.codec is JSON):
                self.session.close(Close.WRONG_TYPE, "text belongs to json, binary to msgpack")
                return
            try:
                self.session.receive(message.data)
            except Unanswerable as why:
                self.session.close(why.close, str(why))
        elif kind is WSMsgType.CLOSE:
            self._close_too(message.data)
        else:
            self._control(message)

    def _control(self, message: WSMessage) -> None:
        """Meter pings and pongs, and answer each ping: no more than the meter admits."""
        if self._heard - self._controls_since > CONTROL_WINDOW_S:
            self._controls, self._controls_since = 0, self._heard
        self._controls += 1
        if self._controls > CONTROL_FRAMES_MAX:
            self.session.close(Close.FLOOD, "too many control frames")
        elif message.type is WSMsgType.PING:
            self.write(websocket_frame(0xA, bytes(message.data)))

    def _close_too(self, code: int) -> None:
        """Answer the peer's close with its own code, and end."""
        if code in _NEVER_SENT:
            self.session.close(Close.PROTOCOL, "a close code that is never sent")
            return
        self._write_close(struct.pack(">H", code) if code else b"")
        self._hang_up()

    def _hang_up(self) -> None:
        """Close the transport, once: that of TLS forgets its connection if it is told again."""
        if not self._transport.is_closing():
            self._transport.close()

    def parser_failed(self, why: BaseException) -> None:
        """End a link whose bytes are no WebSocket. The parser is done, so the peer's answer to the close would not be
        seen: our end of the socket is closed at once, and the peer's end is waited for."""
        if isinstance(why, WebSocketError):
            code = Close(why.code) if why.code in set(Close) else Close.PROTOCOL
            text = f"a frame has at most {FRAME_BYTES_MAX} bytes" if code is Close.TOO_BIG else str(why)
            self.session.close(code, text)
        else:
            self._router.defect("reading a link", why)
            self.session.close(Close.INTERNAL, "a defect of the gateway")
        if not self._transport.can_write_eof():
            self._hang_up()  # TLS says that this is the end, and waits for the peer to say it too
        elif not self._transport.is_closing():
            self._transport.write_eof()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's shape
        self._closing_since = self._closing_since or self._loop.time()
        self._release()
        self._router.closed(self.session)
        self._closed(self)

    def pause_writing(self) -> None:
        self._paused = True
        self._taken, self._taken_at = self._written - self.buffered(), self._loop.time()

    def resume_writing(self) -> None:
        self._paused = False
        self._release()
        if self._choked:
            self._choked = False
            self.resume_reading()
        self._router.drained(self.session)

    def _release(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    # The pipe, as gateway/ports.py wants it.

    def write(self, data: bytes) -> None:
        if self._closing_since or self._transport.is_closing():
            return  # nothing may follow a close frame
        self._written += len(data)
        self._transport.write(data)
        if self._paused and not self._choked and self.buffered() > UNTAKEN_BYTES_MAX:
            self._choked = True
            self.pause_reading()

    def buffered(self) -> int:
        return self._transport.get_write_buffer_size()

    async def writable(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._drained = self._drained or self._loop.create_future()
            await self._drained

    def pause_reading(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on, unless something else stands against it."""
        held = (self.session.inbox_paused or self._choked) and not self._closing_since
        if not held and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self, code: int, reason: str) -> None:
        if not self._closing_since:
            self._write_close(struct.pack(">H", code) + reason.encode()[:120])
            self.resume_reading()  # or the peer's answer would never be seen

    def _write_close(self, payload: bytes) -> None:
        self.write(websocket_frame(0x8, payload))
        self._closing_since = self._loop.time()
        self._unfinished = 0

    def abort(self) -> None:
        """Let go of the socket without a word."""
        self._transport.abort()

    # The sweep.

    def look(self, now: float, real_s: float) -> None:
        """Look after this link's deadlines."""
        if self._closing_since:
            if now - self._closing_since > CLOSE_S:
                self.abort()
        elif self.session.phase is Phase.HELLO:
            if now > self._deadline:
                self.session.close(Close.DEADLINE, "no hello in time")
        elif real_s >= self.expires_s:
            self.session.close(Close.NOT_AUTHENTICATED, "the token has expired")
        elif self._paused:
            self._look_stalled(now)
        elif now - self._heard > PING_AFTER_S and not self.session.inbox_paused:
            self._look_silent(now)

    def _look_stalled(self, now: float) -> None:
        """Let go of a peer that has taken nothing for long; one that is only slow goes on."""
        taken = self._written - self.buffered()
        if taken != self._taken:
            self._taken, self._taken_at = taken, now
        elif now - self._taken_at > STALLED_S:
            self.abort()

    def _look_silent(self, now: float) -> None:
        if self._pinged < self._heard:
            self._pinged = now
            self.write(_PING)
        elif now - self._pinged > PONG_WITHIN_S:
            self.abort()


class Taken(web.StreamResponse):
    """What the HTTP handler returns once the transport is somebody else's: writes nothing."""

    async def prepare(self, request: web.BaseRequest) -> None:  # noqa: ARG002 - aiohttp's shape
        return None

    async def write_eof(self, data: Any = b"") -> None:  # noqa: ARG002
        return None


class Links:
    """Every link of the gateway, and the sweep that looks after their deadlines."""

    def __init__(self, router: Router, real_s: Callable[[], float]) -> None:
        self.links: set[Link] = set()
        self._router = router
        self._real_s = real_s
        self._sweep: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    def take(
        self, request: web.Request, headers: dict[str, str], claims: LinkClaims, make: Callable[[Link], Session]
    ) -> Taken:
        """Take a request's transport over after its WebSocket handshake, and open the session on it."""
        http: Any = request.protocol
        transport = request.transport
        if transport is None or transport.is_closing():
            return Taken()  # the client has gone meanwhile
        link = Link(transport, self._router, self._gone, claims)
        link.session = make(link)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        transport.write(f"HTTP/1.1 101 Switching Protocols\r\n{head}\r\n".encode())
        tail, http._message_tail = http._message_tail, b""  # noqa: SLF001 - pinned and tested
        transport.set_protocol(link)
        http.transport = None  # or its end would close what is now ours
        http.connection_lost(None)
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        transport.set_write_buffer_limits(high=1)  # as soon as anything waits; of 0 TLS makes that it always does
        self.links.add(link)
        self._empty.clear()
        self._router.open(link.session)
        link.resume_reading()  # aiohttp stops reading when much comes behind a handshake
        if tail:
            link.data_received(tail)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_S, self._look)
        return Taken()

    def _gone(self, link: Link) -> None:
        self.links.discard(link)
        if not self.links:
            self._empty.set()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now, real_s = loop.time(), self._real_s()
        for link in list(self.links):
            link.look(now, real_s)
        self._sweep = loop.call_later(SWEEP_S, self._look) if self.links else None

    def end(self, is_good: Callable[[str], bool]) -> int:
        """Close the links whose tokens were signed with a key that is not good any more; give how many they were."""
        ended = [link for link in self.links if not is_good(link.key_id) and link.session.phase is not Phase.CLOSING]
        for link in ended:
            link.session.close(Close.NOT_AUTHENTICATED, "the key of the token is not good any more")
        return len(ended)

    async def close(self, close: Close, text: str, within_s: float) -> None:
        """Close every link, politely within a bound, then not."""
        for link in list(self.links):
            link.session.close(close, text)
        try:
            await asyncio.wait_for(self._empty.wait(), within_s)
        except TimeoutError:
            for link in list(self.links):
                link.abort()

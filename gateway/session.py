"""One link's conversation without its socket: who it is, what it may say now, and where its device stands.

Rules of the file:
- Every move is in MOVES; a move that is not there is a defect, and an illegal frame closes the link.
- Nothing here waits or writes: frames wait in `inbox` for a turn of the router, answers in `outbox`.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Final, Literal

from gateway.outbox import Outbox
from gateway.ports import Pipe
from gateway.refusal import Refusal
from protocol.codec import Codec, Malformed, NotUnicode, UnreadContent, websocket_frame
from protocol.errors import UNKNOWN_KIND, WRONG_SIDE, Close
from protocol.frames import Ack, ClientFrame, Fault, Hello, ServerFrame, Side


class Phase(Enum):
    """Where a session stands."""

    HELLO = "hello"  # authenticated; the device has not said what it has
    CATCHING_UP = "catching up"  # the link reads from the journal
    LIVE = "live"  # what happens is pushed
    CLOSING = "closing"  # nothing is taken any more


_HELLO: Final = Phase.HELLO  # looked up once: an enum's members are slow to find in Python 3.11
_CLOSING: Final = Phase.CLOSING

Move = Literal["hello", "caught_up", "fell_behind", "close"]

MOVES: Final[dict[tuple[Phase, Move], Phase]] = {
    (Phase.HELLO, "hello"): Phase.CATCHING_UP,
    (Phase.CATCHING_UP, "caught_up"): Phase.LIVE,
    (Phase.LIVE, "fell_behind"): Phase.CATCHING_UP,
    (Phase.HELLO, "close"): Phase.CLOSING,
    (Phase.CATCHING_UP, "close"): Phase.CLOSING,
    (Phase.LIVE, "close"): Phase.CLOSING,
    (Phase.CLOSING, "close"): Phase.CLOSING,
}


class Unanswerable(Exception):
    """The peer broke the protocol: the link is to be closed with this code and text."""

    def __init__(self, close: Close, text: str) -> None:
        super().__init__(text)
        self.close = close


class Objection:
    """A numbered frame that is refused without a turn's decision, but in its order."""

    __slots__ = ("number", "refusal")

    def __init__(self, number: int, refusal: Refusal) -> None:
        self.number = number
        self.refusal = refusal


class Session:
    """One authenticated link. `position` is where its device stands in the journal while it is not live."""

    __slots__ = (
        "allowed", "codec", "cursors", "device", "inbox", "inbox_bytes", "inbox_paused", "outbox", "person", "phase",
        "pipe", "position", "pushed", "queued", "reading", "refusals", "side", "token_id",
    )  # fmt: skip

    def __init__(
        self, pipe: Pipe, codec: Codec, side: Side, allowed: frozenset[type], person: str, device: str, token_id: str
    ) -> None:
        self.pipe = pipe
        self.codec = codec
        self.side = side
        self.allowed = allowed
        self.person = person
        self.device = device
        self.token_id = token_id
        self.phase = Phase.HELLO
        self.position = 0
        self.cursors: dict[str, int] = {}
        self.inbox: deque[ClientFrame | Objection] = deque()
        self.outbox = Outbox(pipe)
        self.refusals: dict[int, tuple[int, Refusal]] = {}
        self.queued = False  # whether the router knows that the inbox is not empty
        self.inbox_bytes = 0  # read since the inbox was last empty
        self.inbox_paused = False
        self.reading = False  # whether the journal is read for it, or is about to be
        self.pushed = False  # whether anything was pushed since the last `synced`

    def is_catching_up(self) -> bool:
        """Tell whether the link reads from the journal; while it waits, that may change."""
        return self.phase is Phase.CATCHING_UP

    def move(self, move: Move) -> None:
        """Make a move of the table; any other is a defect."""
        self.phase = MOVES[self.phase, move]

    def receive(self, data: bytes) -> None:
        """Read one message of the peer into the inbox; raise `Unanswerable` if the link cannot go on."""
        phase = self.phase
        if phase is _CLOSING:
            return
        self.inbox_bytes += len(data)
        greeted = phase is not _HELLO or bool(self.inbox)  # a hello that waits for its turn counts
        try:
            frame = self.codec.decode(data)
        except UnreadContent as unread:
            if not greeted:
                raise Unanswerable(Close.BAD_FRAME, "hello must come first") from unread
            self.inbox.append(Objection(unread.frame.number, Refusal(UNKNOWN_KIND, "content/kind")))
            return
        except NotUnicode as malformed:
            raise Unanswerable(Close.BAD_UTF8, str(malformed)) from malformed
        except Malformed as malformed:
            raise Unanswerable(Close.BAD_FRAME, str(malformed)) from malformed
        kind = type(frame)
        if (kind is Hello) is greeted:
            raise Unanswerable(Close.BAD_FRAME, "hello must come first, and once")
        if kind in self.allowed or kind is Ack or kind is Hello:
            self.inbox.append(frame)
        else:
            self.inbox.append(Objection(frame.number, Refusal(WRONG_SIDE)))  # type: ignore[union-attr]

    def frame(self, frame: ServerFrame) -> bytes:
        """Encode a frame for this link, WebSocket header included."""
        return websocket_frame(self.codec.opcode, self.codec.encode(frame))

    def answer(self, frame: ServerFrame) -> None:
        """Queue a frame for this link alone."""
        self.outbox.answers.append(self.frame(frame))

    def close(self, close: Close, text: str) -> None:
        """End the link: say why in a frame, then in the close code.

        What the outbox holds is left out: it may not be durable yet, and a device that comes back is told again.
        """
        if self.phase is Phase.CLOSING:
            return
        self.move("close")
        self.inbox.clear()
        self.pipe.write(self.frame(Fault(int(close), close.name.lower(), text)))
        self.pipe.close(int(close), close.name.lower())

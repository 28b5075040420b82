"""No illegal move of a session is accepted: hello first and once, each side's own commands, nothing after the close."""

from contextlib import suppress
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import consumer, enterprise
from gateway.session import MOVES, Objection, Phase, Session, Unanswerable
from protocol import content, frames
from protocol.codec import JSON, MSGPACK, Codec
from protocol.errors import Close

CODECS = (JSON, MSGPACK)
SIDES = (enterprise, consumer)
SEND = frames.Send(1, "cv", content.Text("hello"))
FRAMES: dict[str, frames.ClientFrame | bytes] = {
    "hello": frames.Hello(),
    "ack": frames.Ack((("cv", 1),)),
    "send": SEND,
    "scan": frames.Scan(1, "q"),  # a consumer's
    "accept": frames.Accept(1, "cv"),  # a member's
    "unknown content": b"unknown content",
    "no frame": b"{",
}
COMMANDS = {enterprise.AUDIENCE: {"send", "accept"}, consumer.AUDIENCE: {"send", "scan"}}


class Pipe:
    """Remembers what was done to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed: list[int] = []

    def write(self, data: bytes) -> None:
        assert not self.closed, "nothing follows a close"
        self.written.append(data)

    def close(self, code: int, reason: str) -> None:
        self.closed.append(code)

    def buffered(self) -> int:
        return 0

    async def writable(self) -> None:
        raise AssertionError("a session never waits")

    def pause_reading(self) -> None:
        raise AssertionError("the router's to ask")

    resume_reading = pause_reading


def opened(side: int, codec: Codec) -> tuple[Session, Pipe]:
    pipe = Pipe()
    return Session(pipe, codec, SIDES[side].AUDIENCE, SIDES[side].COMMANDS, "who", "phone", "jti"), pipe


def encoded(codec: Codec, name: str) -> bytes:
    frame = FRAMES[name]
    if name == "unknown content":
        return codec.encode({"type": "send", "number": 1, "conversation": "cv", "content": {"kind": "song"}})
    return frame if isinstance(frame, bytes) else codec.encode(frame)


def legal(name: str, before: tuple[str, ...]) -> bool:
    """Tell by hand what may be said after what was said."""
    return name != "no frame" and (name == "hello") == (not before)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_every_short_conversation(side: int, codec: Codec) -> None:
    for said in product(FRAMES, repeat=3):
        session, _ = opened(side, codec)
        for number, name in enumerate(said):
            if not legal(name, said[:number]):
                with pytest.raises(Unanswerable) as refused:
                    session.receive(encoded(codec, name))
                assert refused.value.close is Close.BAD_FRAME
                break
            session.receive(encoded(codec, name))
            if number == 0 and said[1] != "hello":
                session.inbox.popleft()  # the router took it, or has not yet: all the same
                session.move("hello")
            else:
                taken = session.inbox[-1]
                own = name in {"hello", "ack"} or name in COMMANDS[SIDES[side].AUDIENCE]
                assert isinstance(taken, Objection) != own, name


def test_moves_are_those_of_the_table() -> None:
    moves = ("hello", "caught_up", "fell_behind", "close")
    legal_moves = {
        ("hello", "hello"): "catching up",
        ("catching up", "caught_up"): "live",
        ("live", "fell_behind"): "catching up",
        **{(phase, "close"): "closing" for phase in ("hello", "catching up", "live", "closing")},
    }
    for phase, move in product(Phase, moves):
        session, _ = opened(0, JSON)
        session.phase = phase
        expected = legal_moves.get((phase.value, move))
        if expected is None:
            with pytest.raises(KeyError):
                session.move(move)  # type: ignore[arg-type]
            assert session.phase is phase
        else:
            session.move(move)  # type: ignore[arg-type]
            assert session.phase.value == expected
    assert len(MOVES) == len(legal_moves)


@given(st.lists(st.sampled_from(tuple(FRAMES)), max_size=4), st.sampled_from(tuple(Close)))
@settings(max_examples=100)
def test_a_closed_session_takes_and_says_nothing(said: list[str], close: Close) -> None:
    session, pipe = opened(0, MSGPACK)
    session.close(close, "why")
    written = len(pipe.written)
    for name in said:
        session.receive(encoded(MSGPACK, name))
    session.close(close, "again")
    assert not session.inbox
    assert pipe.closed == [close]
    assert len(pipe.written) == written == 1


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_end_the_link(data: bytes) -> None:
    for codec in CODECS:
        session, _ = opened(1, codec)
        session.receive(codec.encode(frames.Hello()))
        before = len(session.inbox)
        with suppress(Unanswerable):
            session.receive(data)
            before += 1
        assert len(session.inbox) == before

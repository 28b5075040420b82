"""What a one-to-one message costs, rung by rung: each rung alone in this process, by CPU time, on a turn's messages.

The rungs are the gateway's own functions on the frames of the one-to-one load: 100 speakers with 16 messages each a
turn. What the loaded server costs above their sum is what no rung holds: polling the sockets, the loop's part of
reading and writing, waking up and switching threads.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from aiohttp.base_protocol import BaseProtocol

from adapters import consumer, enterprise
from adapters.cli import settle_interpreter
from adapters.genesis import begin
from adapters.journal_rows import HASH_BYTES, pack
from adapters.journal_sqlite import SqliteJournal
from adapters.world import read
from benchmarks.core import NOW_MS, Speaker, Waiting, chat_of, frames_of
from benchmarks.floors import loopback_pair
from benchmarks.rows import empty_folder, say
from benchmarks.workload import ONE_TO_ONE, people_of
from benchmarks.worlds import world_file
from gateway import decide, events
from gateway.config import DEFAULT
from gateway.delivery import Delivery, framed
from gateway.events import Posted
from gateway.ports import ResumePoint
from gateway.session import Session
from gateway.state import State
from gateway.state.people import AnyPerson, Member
from gateway.turn import Turn
from gateway.writer import Writer
from protocol.codec import MSGPACK, websocket_frame
from protocol.frames import Accepted, Send

WINDOW: Final = ONE_TO_ONE.window
TURNS: Final = 15
RUNGS: Final = (
    "read", "parse", "decode and queue", "take: decide", "take: encode", "take: apply", "take: answer",
    "take: the rest", "journal: pack and hash", "journal: commit, its thread and fsync", "gather", "flush", "write",
)  # fmt: skip
MASK: Final = b"\xff\x55\xaa\x0f"


class Ladder:
    """The rungs, each with the microseconds a message that its turns cost."""

    def __init__(self) -> None:
        self.turns_us: dict[str, list[float]] = {}

    def step(self, rung: str, messages: int, work: Callable[[], object]) -> None:
        """Do a rung's work for so many messages, and note what it cost."""
        begun = time.process_time_ns()
        work()
        self.note(rung, (time.process_time_ns() - begun) / messages / 1000)

    def note(self, rung: str, us: float) -> None:
        self.turns_us.setdefault(rung, []).append(us)

    def rungs_us(self) -> dict[str, float]:
        """Give the middle of each rung's turns."""
        return {rung: sorted(turns)[len(turns) // 2] for rung, turns in self.turns_us.items()}


def rungs_us() -> dict[str, float]:
    """Climb, and give microseconds of CPU a message for each rung."""
    say("the rungs of a message")
    with empty_folder() as folder:
        told = asyncio.run(_climb(folder))
    whole = told.pop("take")
    told["take: the rest"] = whole - sum(us for rung, us in told.items() if rung.startswith("take"))
    return {rung: told[rung] for rung in RUNGS}


async def _climb(folder: Path) -> dict[str, float]:
    ladder, live, journal = Ladder(), Live(_begun()), SqliteJournal(folder)
    twin = _begun()
    settle_interpreter()
    for turn in range(TURNS):
        # A round is a message of everybody's: none is decided on before what the same one said last is applied.
        rounds = [frames_of(_speakers(twin), turn * WINDOW + place) for place in range(WINDOW)]
        frames = [frame for waiting in rounds for _, frame in waiting]
        _read(ladder, frames)
        for waiting in rounds:
            _decide(ladder, twin, waiting, NOW_MS + turn)
        taken = live.take(ladder, rounds)
        await _keep(ladder, journal, taken.records)
        live.tell(ladder, taken)
        _write(ladder, [post for _, posts in taken.posts.values() for post, _ in posts])
    await journal.close()
    return ladder.rungs_us()


def _begun() -> State:
    """Begin the world of the one-to-one load."""
    return begin(State(), lambda: read(world_file(ONE_TO_ONE).encode()), None, NOW_MS).state


def _speakers(state: State) -> list[Speaker]:
    people = [state.people[person.key] for person in people_of(ONE_TO_ONE) if person.sends]
    return [(person, chat_of(state, person)) for person in people]


class Nowhere:
    """A pipe that takes everything at once."""

    def write(self, data: bytes) -> None: ...

    def buffered(self) -> int:
        return 0

    async def writable(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


class Frozen:
    """A clock that stands."""

    def real_ms(self) -> int:
        return NOW_MS


class NoTokens:
    """Nobody resumes here."""

    def resume_token(self, point: ResumePoint) -> str:  # noqa: ARG002 - the port's shape
        return ""

    def read_resume_token(self, token: str) -> ResumePoint | None: ...


class Live:
    """The writer and the delivery, with everybody of the load on a live link that leads nowhere."""

    def __init__(self, state: State) -> None:
        self._writer = Writer(state, Frozen(), NoTokens(), _raise, DEFAULT)
        self._delivery = Delivery(self._writer.audience, self._writer.statistics)
        self._sessions = {key: self._open(person) for key, person in state.people.items()}

    def _open(self, person: AnyPerson) -> Session:
        door = enterprise if isinstance(person, Member) else consumer
        session = Session(Nowhere(), MSGPACK, door.AUDIENCE, door.COMMANDS, person.key, "bench", "")
        session.move("hello")
        session.move("caught_up")
        self._writer.audience.add(session, person, ())
        return session

    def take(self, ladder: Ladder, rounds: list[list[Waiting]]) -> Turn:
        """Queue a turn's frames as links do, and take them."""
        reads = [(self._sessions[person.key], MSGPACK.encode(frame)) for waiting in rounds for person, frame in waiting]
        ladder.step("decode and queue", len(reads), partial(_receive_each, reads))
        self._writer.ready.extend(dict.fromkeys(session for session, _ in reads))
        turns: list[Turn] = []
        ladder.step("take", len(reads), lambda: turns.append(self._writer.take(room=True, stopping=False)))
        (turn,) = turns
        if len(turn.records) != len(reads):
            raise RuntimeError("a message was refused")
        return turn

    def tell(self, ladder: Ladder, turn: Turn) -> None:
        """Hand on what has become durable."""
        ladder.step("gather", len(turn.records), partial(self._delivery.gather, turn))
        ladder.step("flush", len(turn.records), lambda: [one.outbox.flush(2**20) for one in turn.touched])


def _receive_each(reads: list[tuple[Session, bytes]]) -> None:
    for session, data in reads:
        session.receive(data)


def _raise(what: str, why: BaseException) -> None:
    raise RuntimeError(what) from why


def _read(ladder: Ladder, frames: list[Send]) -> None:
    payloads = [MSGPACK.encode(frame) for frame in frames]
    loop = asyncio.get_running_loop()
    reader = WebSocketReader(WebSocketDataQueue(BaseProtocol(loop), 2**30, loop=loop), 2**16, False, False)
    reads = [b"".join(map(_masked, payloads[at : at + WINDOW])) for at in range(0, len(payloads), WINDOW)]
    with loopback_pair() as (near, far):
        for data in reads:
            near.send(data)
            ladder.step("read", WINDOW, partial(far.recv, len(data)))
    ladder.step("parse", len(frames), lambda: [reader.feed_data(data) for data in reads])


def _masked(payload: bytes) -> bytes:
    """Frame a payload as a client does (RFC 6455, 5.2); a text's is neither tiny nor large."""
    repeated = MASK * (len(payload) // len(MASK) + 1)
    head = bytes((0x82, 0x80 | 126)) + len(payload).to_bytes(2, "big") + MASK
    return head + bytes(byte ^ mask for byte, mask in zip(payload, repeated, strict=False))


def _decide(ladder: Ladder, state: State, waiting: list[Waiting], now_ms: int) -> None:
    posts: list[Posted] = []

    def decide_all() -> None:
        for person, frame in waiting:
            post = decide.by_client(state, now_ms, person, "bench", frame)
            assert isinstance(post, Posted)
            posts.append(post)

    ladder.step("take: decide", len(waiting), decide_all)
    ladder.step("take: encode", len(waiting), lambda: [events.encode(post) for post in posts])
    ladder.step("take: apply", len(waiting), lambda: [*map(state.apply, posts)])
    ladder.step("take: answer", len(waiting), lambda: [_accepted(post) for post in posts])


async def _keep(ladder: Ladder, journal: SqliteJournal, records: list[bytes]) -> None:
    """Commit a turn; packing is a part of appending, and told apart."""
    ladder.step("journal: pack and hash", len(records), lambda: pack(bytes(HASH_BYTES), 1, records))
    begun = time.process_time_ns()
    await journal.append(records)
    whole_us = (time.process_time_ns() - begun) / len(records) / 1000
    ladder.note("journal: commit, its thread and fsync", whole_us - ladder.turns_us["journal: pack and hash"][-1])


def _write(ladder: Ladder, posts: list[Posted]) -> None:
    """Answer the speakers and tell the others, one write a link."""
    told = [(_accepted(post), framed(MSGPACK, post.frame)) for post in posts]
    with loopback_pair() as (near, far):
        for at in range(0, len(told), WINDOW):
            writes = [b"".join(frames) for frames in zip(*told[at : at + WINDOW], strict=True)]
            ladder.step("write", WINDOW, partial(_send_each, near, writes))
            far.recv(sum(map(len, writes)), socket.MSG_WAITALL)


def _send_each(near: socket.socket, writes: list[bytes]) -> None:
    for data in writes:
        near.send(data)


def _accepted(post: Posted) -> bytes:
    frame = Accepted(post.number, post.conversation, post.sequence, post.time_ms)
    return websocket_frame(MSGPACK.opcode, MSGPACK.encode(frame))


if __name__ == "__main__":
    for rung, us in rungs_us().items():
        print(f"{us:6.2f} µs  {rung}")

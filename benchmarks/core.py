"""What deciding costs: one message through decide, apply and encode, every policy asked, in this process and alone.

The state is the one-to-one load's world; everybody who sends does so in turn, as in a turn of the router. The frames
are decoded beforehand and the records go nowhere: reading, the journal and writing are not in it.
"""

import time
from collections.abc import Iterator
from itertools import count
from typing import Final

import msgpack

from adapters.genesis import begin
from adapters.world import read
from benchmarks.workload import ONE_TO_ONE, people_of
from benchmarks.worlds import world_file
from gateway import decide, events
from gateway.events import Posted
from gateway.state import State
from gateway.state.people import AnyPerson
from protocol.codec import MSGPACK
from protocol.frames import Send

MESSAGES: Final = 20_000
TURN: Final = 200  # messages that share a moment, as those of one turn do
TEXT: Final = 100 * "x"
NOW_MS: Final = 1_785_000_000_000  # 2026-07-25 17:20 (UTC)

Speaker = tuple[AnyPerson, str]
Waiting = tuple[AnyPerson, Send]


def decided_us(repeats: int) -> list[float]:
    """Time a message: microseconds of this process's CPU, the middle of each repeat's turns."""
    state = begin(State(), lambda: read(world_file(ONE_TO_ONE).encode()), None, NOW_MS).state
    people = [state.people[person.key] for person in people_of(ONE_TO_ONE) if person.sends]
    speakers = [(person, chat_of(state, person)) for person in people]
    numbers = count()
    return [_median_us(state, speakers, numbers) for _ in range(repeats)]


def chat_of(state: State, person: AnyPerson) -> str:
    """Name a person's single chat."""
    return next(name for name in person.conversations if state.conversations[name].relation is not None)


def _median_us(state: State, speakers: list[Speaker], numbers: Iterator[int]) -> float:
    spent = sorted(_turn_us(state, speakers, next(numbers)) for _ in range(MESSAGES // TURN))
    return spent[len(spent) // 2]


def _turn_us(state: State, speakers: list[Speaker], turn: int) -> float:
    waiting = waiting_of(speakers, turn)
    begun = time.process_time_ns()
    take(state, waiting, NOW_MS + turn)
    return (time.process_time_ns() - begun) / len(waiting) / 1000


def waiting_of(speakers: list[Speaker], turn: int) -> list[Waiting]:
    """Make a turn's frames: everybody says something, and again, in turn."""
    each = max(1, TURN // len(speakers))
    return [one for place in range(each) for one in frames_of(speakers, turn * each + place)]


def frames_of(speakers: list[Speaker], turn: int) -> list[Waiting]:
    """Make a frame of everybody's."""
    return [(person, _frame(conversation, turn + 1)) for person, conversation in speakers]


def _frame(conversation: str, number: int) -> Send:
    """Read a send as a link would have."""
    sent = {"type": "send", "number": number, "conversation": conversation, "content": {"kind": "text", "text": TEXT}}
    frame = MSGPACK.decode(msgpack.packb(sent))
    assert isinstance(frame, Send)
    return frame


def take(state: State, waiting: list[Waiting], now_ms: int) -> None:
    """Do what is measured: decide each frame, encode what it becomes, and apply it."""
    for person, frame in waiting:
        decided = decide.by_client(state, now_ms, person, "bench", frame)
        assert isinstance(decided, Posted)
        events.encode(decided)
        state.apply(decided)


if __name__ == "__main__":
    print(*(f"{us:.2f} µs" for us in decided_us(5)))

"""What runs under callgrind: messages through decide, encode and apply in a world that was dumped to a file.

`python -m benchmarks.counted LIBRARY STATE CONVERSATION…`: each conversation's consumer says something in turn. Counted
first is a yardstick, which changes with Python and msgspec, but not with the gateway.
"""

import ctypes
import sys
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.core import TEXT, Waiting, take, waiting_of
from gateway.state import State

TURNS: Final = 12  # of which the first two warm up
YARDS: Final = 2_000


class Yard(msgspec.Struct):
    number: int
    text: str


def _main(library: str, dumped: str, *conversations: str) -> None:
    counter = ctypes.CDLL(library)
    state = State.load(Path(dumped).read_bytes())
    speakers = [(state.people[state.relation(name).consumer], name) for name in conversations]
    turns = [waiting_of(speakers, turn) for turn in range(TURNS)]
    _measure_off(100)
    counter.begin()
    _measure_off(YARDS)
    counter.end()
    _take(state, turns[:2])
    counter.begin()
    _take(state, turns[2:])
    counter.end()
    sys.stdout.write(str(sum(map(len, turns[2:]))))


def _measure_off(yards: int) -> None:
    """Do a little of everything that deciding is made of: calls, look-ups, structs, encoding."""
    encode, table, seen = msgspec.msgpack.encode, {("a", str(place)): place for place in range(64)}, [0]
    for number in range(yards):
        yard = Yard(number, TEXT)
        seen[0] += table["a", str(number % 64)] + len(encode(yard)) + _is_odd(yard)


def _is_odd(yard: Yard) -> int:
    return yard.number & 1


def _take(state: State, turns: list[list[Waiting]]) -> None:
    for number, turn in enumerate(turns):
        take(state, turn, state.clock.latest_ms + number)


if __name__ == "__main__":
    _main(*sys.argv[1:])

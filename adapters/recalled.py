"""A look back over what a door did lately: its newest lines, bounded, and a wake for whoever waits for the next."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar


class Line(Protocol):
    """What is looked back on. `size` is how many bytes it holds on to, roughly; `ordinal` counts from 1."""

    ordinal: int
    size: int


L = TypeVar("L", bound=Line)


class Recalled(Generic[L]):
    """The newest lines, at most so many and of so many bytes."""

    def __init__(self, lines_max: int, bytes_max: int) -> None:
        self.lines_max = lines_max
        self.bytes_max = bytes_max
        self.newest = 0
        self._lines: deque[L] = deque()
        self._bytes = 0
        self._waiting: set[asyncio.Event] = set()

    def add(self, line: L) -> None:
        """Number a line and keep it; the oldest ones make room."""
        self.newest = line.ordinal = self.newest + 1
        lines = self._lines
        lines.append(line)
        self._bytes += line.size
        while len(lines) > self.lines_max or self._bytes > self.bytes_max:
            self._bytes -= lines.popleft().size
        for waiting in self._waiting:
            waiting.set()

    def newest_first(self) -> Iterator[L]:
        return reversed(self._lines)

    def forget(self, gone: Callable[[L], bool]) -> None:
        """Drop lines of what is no more; the numbers of the others stay."""
        kept = [line for line in self._lines if not gone(line)]
        self._lines = deque(kept)
        self._bytes = sum(line.size for line in kept)

    def watch(self) -> asyncio.Event:
        """Give an event that is set after every line; clear it, then look."""
        waiting = asyncio.Event()
        self._waiting.add(waiting)
        return waiting

    def unwatch(self, waiting: asyncio.Event) -> None:
        self._waiting.discard(waiting)

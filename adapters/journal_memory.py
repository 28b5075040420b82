"""The journal for load tests and for tests: everything is gone with the process, and `serve` says so loudly."""

from collections.abc import Iterator

from gateway.events import previous_of
from gateway.ports import Checkpoint, Placed


class MemoryJournal:
    """The Journal port over a list; what the other one does, without a disk under it."""

    def __init__(self) -> None:
        self._records: list[bytes] = []

    @property
    def position(self) -> int:
        return len(self._records)

    def room(self) -> bool:
        return True

    def size_bytes(self) -> int:
        return sum(map(len, self._records))

    def checkpoint(self) -> Checkpoint | None:
        return None

    def replay(self, after: int) -> Iterator[Placed]:
        return map(Placed, range(after + 1, len(self._records) + 1), self._records[after:])

    async def append(self, records: list[bytes]) -> None:
        self._records += records

    async def walk(self, position: int, count: int, after: int) -> list[Placed]:
        found: list[Placed] = []
        while position > after and len(found) < count:
            record = self._records[position - 1]
            found.append(Placed(position, record))
            position = previous_of(record)
        found.reverse()
        return found

    async def scan(self, after: int, count: int) -> list[Placed]:
        return [*map(Placed, range(after + 1, after + count + 1), self._records[after : after + count])]

    async def close(self) -> None:
        self._records = []

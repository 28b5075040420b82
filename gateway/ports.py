"""What the gateway asks of the world: a journal and a clock. (Links are asked through outbox.Outbox.)"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class Damaged(Exception):
    """The journal holds what its hash chain does not vouch for; the text names the first bad record."""


class Placed(NamedTuple):
    """A record and where it stands."""

    position: int
    record: bytes


class Checkpoint(NamedTuple):
    """The state as it was when the record at `position` had been applied."""

    position: int
    state: bytes


class Journal(Protocol):
    """Where records become durable; proved for every implementation by tests/conformance/test_journal.py.

    A record is the bytes of one event; its position is its ordinal, from 1, given by whoever appends.
    """

    def checkpoint(self) -> Checkpoint | None:
        """Give the newest whole checkpoint, or None."""
        ...

    def replay(self, after: int) -> Iterator[Placed]:
        """Yield every durable record above `after`, in order; raise `Damaged` at the first one not vouched for."""
        ...

    async def append(self, records: list[bytes]) -> None:
        """Return when all records stand on disk, as one commit; any exception is final for the process."""
        ...

    async def walk(self, position: int, count: int, after: int) -> list[Placed]:
        """Follow the chain of one conversation back from `position`: at most `count` records, none at or below
        `after`; oldest first."""
        ...

    async def scan(self, after: int, count: int) -> list[Placed]:
        """Give at most `count` durable records above `after`, in order, of every kind."""
        ...

    async def close(self) -> None:
        """Finish what was begun; nothing may be asked afterwards."""
        ...


class Clock(Protocol):
    """Real time, in milliseconds since 1970 UTC. The movable clock is state on top of it (state/clock.py)."""

    def real_ms(self) -> int: ...

"""What the gateway asks of the world: a journal, a clock, resume tokens, the pipe under a link, a reply to a door."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol


class CannotOpen(Exception):
    """The journal cannot be used, and nothing is wrong with its records; the text says what to do, in one line."""


class Damaged(Exception):
    """The journal holds what its hash chain does not vouch for; the text names the first bad record."""


class AppendFailed(Exception):
    """Nobody knows whether a commit stands on disk, and the journal takes no more; only a restart can tell."""


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

    A record is the bytes of one event; its position is its ordinal, from 1, in the order of appending.
    """

    @property
    def position(self) -> int:
        """Tell where the newest durable record stands; 0 while there is none."""
        ...

    def room(self) -> bool:
        """Tell whether a commit of usual size still fits; asked every turn, so that a send can be refused in time."""
        ...

    def size_bytes(self) -> int:
        """Tell about how much room a copy takes."""
        ...

    def checkpoint(self) -> Checkpoint | None:
        """Give the newest whole checkpoint, or None; raise `Damaged` if it stands past the last record."""
        ...

    def replay(self, after: int) -> Iterator[Placed]:
        """Yield every durable record above `after`, in order; raise `Damaged` at the first one not vouched for."""
        ...

    async def append(self, records: list[bytes]) -> None:
        """Return when all records stand on disk, as one commit; after `AppendFailed` every other append fails too."""
        ...

    async def walk(self, position: int, count: int, after: int) -> list[Placed]:
        """Follow the chain of one conversation back from the `Posted` record at `position`, itself included: at most
        `count` records, none at or below `after`; oldest first."""
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


class ResumePoint(NamedTuple):
    """What a resume token says: everything that concerns `person` up to `position` of this epoch is stored."""

    epoch: int
    person: str
    position: int


class Tokens(Protocol):
    """Resume tokens: opaque to everybody else, since positions show other enterprises' traffic."""

    def resume_token(self, point: ResumePoint) -> str: ...

    def read_resume_token(self, token: str) -> ResumePoint | None:
        """Give what the token says, or None if it was not made here or not left alone."""
        ...


class Pipe(Protocol):
    """The way to one socket. Only `writable` waits; writing to a pipe that is gone does nothing."""

    def write(self, data: bytes) -> None: ...

    def buffered(self) -> int:
        """Tell how many bytes are written and not yet taken by the kernel."""
        ...

    async def writable(self) -> None:
        """Return when the kernel has taken everything, or the socket is gone."""
        ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self, code: int, reason: str) -> None:
        """Say why, then close; what was written before goes out first, within a bound."""
        ...


class Reply(Protocol):
    """Where a door waits for the answer to what it asked."""

    def done(self) -> bool: ...

    def set_result(self, result: Any, /) -> None: ...

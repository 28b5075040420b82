"""What every journal promises, proved against a list."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.journal_memory import MemoryJournal
from adapters.journal_sqlite import SqliteJournal
from gateway.events import Posted, TokenRevoked, encode
from gateway.ports import Journal, Placed


class Opening(NamedTuple):
    """A way to get an empty journal, and to get it again after it was closed."""

    new: Callable[[], Journal]
    again: Callable[[Journal], Awaitable[Journal]]


@contextmanager
def in_memory() -> Iterator[Opening]:
    async def again(journal: Journal) -> Journal:
        return journal

    yield Opening(MemoryJournal, again)


@contextmanager
def in_sqlite() -> Iterator[Opening]:
    async def again(journal: Journal) -> Journal:
        await journal.close()
        return SqliteJournal(Path(folder))

    with tempfile.TemporaryDirectory() as folder:
        yield Opening(lambda: SqliteJournal(Path(folder)), again)


every_journal = pytest.mark.parametrize("opening", [in_memory, in_sqlite])


class Model:
    """A journal so simple that it is right: it knows each record's conversation and looks at all of them."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes]] = []

    def make(self, conversation: str, size: int) -> bytes:
        """Add a message of a conversation, or, where that is empty, an event that stands in none."""
        if conversation:
            before = [at for at, (other, _) in enumerate(self.records, 1) if other == conversation]
            frame = b"x" * size
            record = encode(Posted(conversation, len(before) + 1, max(before, default=0), 7, "ww1/amy", frame))
        else:
            record = encode(TokenRevoked("t" * size, 7, 1))
        self.records.append((conversation, record))
        return record

    def above(self, after: int) -> list[Placed]:
        return [Placed(at, record) for at, (_, record) in enumerate(self.records, 1) if at > after]

    def chain(self, position: int, count: int, after: int) -> list[Placed]:
        conversation = self.records[position - 1][0]
        chain = [at for at in range(after + 1, position + 1) if self.records[at - 1][0] == conversation]
        return [Placed(at, self.records[at - 1][1]) for at in chain[-count:]]


# Sizes on both sides of what fits one row, alone and together.
messages = st.tuples(st.sampled_from(["", "cv1", "cv2", "cv3"]), st.sampled_from([0, 20, 4000, 16300, 16384, 50000]))
commits = st.lists(st.lists(messages, min_size=1, max_size=12), max_size=6)


@every_journal
@given(commits=commits, reopen_after=st.integers(0, 5), data=st.data())
@settings(max_examples=60, deadline=None)
def test_journal_is_a_list(
    opening: Callable[[], AbstractContextManager[Opening]],
    commits: list[list[tuple[str, int]]],
    reopen_after: int,
    data: st.DataObject,
) -> None:
    async def check(journal: Journal, again: Callable[[Journal], Awaitable[Journal]]) -> None:
        model = Model()
        for ordinal, commit in enumerate(commits):
            await journal.append([model.make(*message) for message in commit])
            assert journal.position == len(model.records)
            if ordinal == reopen_after:
                journal = await again(journal)
                assert journal.position == len(model.records)
        end = len(model.records)
        after, count = data.draw(st.integers(0, end + 1)), data.draw(st.integers(1, end + 1))
        assert list(journal.replay(after)) == model.above(after)
        assert await journal.scan(after, count) == model.above(after)[:count]
        for position, (conversation, _) in enumerate(model.records, 1):
            if conversation:
                assert await journal.walk(position, count, after) == model.chain(position, count, after)
        await journal.close()

    with opening() as opened:
        asyncio.run(check(opened.new(), opened.again))


@every_journal
async def test_empty_journal(opening: Callable[[], AbstractContextManager[Opening]]) -> None:
    with opening() as opened:
        journal = opened.new()
        assert (journal.position, journal.checkpoint(), journal.room()) == (0, None, True)
        assert list(journal.replay(0)) == await journal.scan(0, 10) == await journal.walk(0, 10, 0) == []
        await journal.append([])
        assert journal.position == 0
        await journal.close()

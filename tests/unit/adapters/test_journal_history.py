"""The rows kept at hand: the newest, so many and no more."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

from adapters import journal_history
from adapters.journal_history import ROWS_KEPT, History
from adapters.journal_rows import Opened, create_tables, insert, pack, row_holding
from gateway.events import Posted, encode

ROWS = ROWS_KEPT + 10
END = ROWS * 2  # two records a row


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    """Give a journal of one conversation, two records a row."""
    connection = apsw.Connection(str(tmp_path / "journal.sqlite"))
    create_tables(connection)
    frame = msgspec.Raw(msgspec.msgpack.encode("x"))
    previous_hash = bytes(16)
    for first in range(1, END, 2):
        two = [encode(Posted("cv1", at, at - 1, 7, "ww1/amy", frame)) for at in (first, first + 1)]
        rows = pack(previous_hash, first, two)
        insert(connection, rows)
        previous_hash = rows[-1].hash
    yield connection
    connection.close()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give the positions for which SQLite was asked."""
    asked: list[int] = []

    def ask(connection: apsw.Connection, position: int) -> Opened:
        asked.append(position)
        return row_holding(connection, position)

    monkeypatch.setattr(journal_history, "row_holding", ask)
    return asked


def test_newest_rows_are_read_once(connection: apsw.Connection, reads: list[int]) -> None:
    history = History(connection)
    whole = history.walk(END, END, 0)
    assert [position for position, _ in whole] == list(range(1, END + 1))
    assert len(reads) == ROWS
    reads.clear()
    for position in range(END - ROWS_KEPT * 2 + 1, END + 1):
        assert history.walk(position, 1, 0) == [whole[position - 1]]
    assert reads == []


def test_older_rows_do_not_drive_newer_ones_out(connection: apsw.Connection, reads: list[int]) -> None:
    history = History(connection)
    history.walk(END, END, 0)
    reads.clear()
    for _ in range(3):
        history.walk(4, 4, 0)
    assert reads == [4, 2] * 3
    assert len(history._newest) == ROWS_KEPT

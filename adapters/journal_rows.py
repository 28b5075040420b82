"""How records stand in SQLite: in rows, each vouching for all before it.

Rules of the file:
- A row holds consecutive records as one MessagePack array of binaries: at most ROW_BYTES_MAX, or one larger record.
  (A row a record costs 1.75 µs a record; one row a commit makes a step back through history cost 46–81 µs.)
- A row's hash covers the hash of the row before, the position of its first record, and the packed records.
- Nothing read is given out before its hash has been computed again.
"""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate
from typing import Any, Final, NamedTuple

import apsw
import msgspec

from gateway.ports import Damaged, Placed

FORMAT: Final = 1
PAGE_BYTES: Final = 4096  # pages of a row's size are no faster here, and a commit of one record writes a whole page
ROW_BYTES_MAX: Final = 16 * 1024
ROWS_A_STATEMENT: Final = 1024  # SQLite takes 32,766 parameters
ROWS_A_READ: Final = 32  # half a megabyte; a reader that stays longer would keep the WAL from being emptied
HASH_BYTES: Final = 16  # of SHA-256, which processors compute twice as fast as BLAKE2
RECORD_HEAD_BYTES: Final = 5  # MessagePack's longest

TABLES: Final = """
CREATE TABLE meta (format INTEGER NOT NULL, start_position INTEGER NOT NULL, start_hash BLOB NOT NULL);
CREATE TABLE rows (first INTEGER PRIMARY KEY, hash BLOB NOT NULL, records BLOB NOT NULL);
"""
ROW_HOLDING: Final = """
SELECT first, hash, records,
       coalesce((SELECT hash FROM rows WHERE first < holding.first ORDER BY first DESC LIMIT 1),
                (SELECT start_hash FROM meta))
FROM rows AS holding WHERE first <= ? ORDER BY first DESC LIMIT 1
"""
ROWS_FROM: Final = "SELECT first, hash, records FROM rows WHERE first >= ? ORDER BY first LIMIT ?"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[bytes]).decode


class Row(NamedTuple):
    """Consecutive records as they stand in the database."""

    first: int
    hash: bytes
    packed: bytes


class Opened(NamedTuple):
    """A row that was vouched for, unpacked."""

    first: int
    hash: bytes
    records: list[bytes]

    @property
    def last(self) -> int:
        return self.first + len(self.records) - 1


def create_tables(connection: apsw.Connection) -> None:
    """Make an empty journal, whole or not at all."""
    with connection:
        connection.execute(TABLES)
        connection.execute("INSERT INTO meta VALUES (?, 0, ?)", (FORMAT, bytes(16)))


def pack(previous_hash: bytes, first: int, records: list[bytes]) -> list[Row]:
    """Turn one commit into rows that follow the row with `previous_hash`."""
    rows: list[Row] = []
    for group in _groups(records):
        packed = _encode(group)
        previous_hash = _hash(previous_hash, first, packed)
        rows.append(Row(first, previous_hash, packed))
        first += len(group)
    return rows


def insert(connection: apsw.Connection, rows: list[Row]) -> None:
    """Write the rows as one transaction.

    Almost always that is one statement: each statement gives up the GIL and must win it back from a busy event loop,
    which takes up to 5 ms (BEGIN, INSERT and COMMIT one by one took 15.8 ms under a busy loop, one INSERT 5.4).
    """
    if len(rows) <= ROWS_A_STATEMENT:
        _insert_some(connection, rows)
        return
    with connection:
        for begin in range(0, len(rows), ROWS_A_STATEMENT):
            _insert_some(connection, rows[begin : begin + ROWS_A_STATEMENT])


def row_holding(connection: apsw.Connection, position: int) -> Opened:
    """Read the row that holds a record; `Damaged` if none does, or if it is not vouched for."""
    with _naming(position):
        found = connection.execute(ROW_HOLDING, (position,)).get
    if found is None:
        raise damaged(position, "it is missing")
    *row, previous_hash = found
    opened = _open(previous_hash, *row)
    if opened.last < position:
        raise damaged(position, "it is missing")
    return opened


def rows_holding(connection: apsw.Connection, after: int, upto: int) -> Iterator[Opened]:
    """Read rows forward, from the one that holds the record behind `after` to the one that holds `upto`."""
    if after >= upto:
        return
    opened = row_holding(connection, after + 1)
    yield opened
    while opened.last < upto:
        with _naming(opened.last + 1):
            rows = connection.execute(ROWS_FROM, (opened.last + 1, ROWS_A_READ)).fetchall()
        if not rows:
            raise damaged(opened.last + 1, "it is missing")
        for row in rows:
            if row[0] != opened.last + 1:
                raise damaged(opened.last + 1, "it is missing")
            opened = _open(opened.hash, *row)
            yield opened
            if opened.last >= upto:
                return


def records_between(connection: apsw.Connection, after: int, upto: int) -> Iterator[Placed]:
    """Read records forward, all above `after` up to `upto`; `Damaged` at the first one not vouched for."""
    for opened in rows_holding(connection, after, upto):
        begin = max(after + 1, opened.first)
        end = min(upto, opened.last)
        records = opened.records[begin - opened.first : end - opened.first + 1]
        yield from map(Placed, range(begin, end + 1), records)


def last_row(connection: apsw.Connection) -> Opened:
    """Read the newest row; where there is none, one without records that stands for the chain's start."""
    with _naming(1):
        ((start_position, start_hash),) = connection.execute("SELECT start_position, start_hash FROM meta")
        ((newest,),) = connection.execute("SELECT max(first) FROM rows")
    return Opened(start_position + 1, start_hash, []) if newest is None else row_holding(connection, newest)


def damaged(position: int, why: object) -> Damaged:
    """Say which record is the first that cannot be trusted."""
    return Damaged(f"record {position} of the journal is damaged ({why}): put back a backup of the data folder")


def _groups(records: list[bytes]) -> Iterator[list[bytes]]:
    """Part records into runs that fit a row each; by sums and a search, since this runs for every message."""
    ends = list(accumulate(map(len, records)))
    begin = before = 0
    while begin < len(records):
        end = bisect_right(ends, before + ROW_BYTES_MAX, begin)
        heads_bytes = RECORD_HEAD_BYTES * (end - begin + 1)
        end = max(begin + 1, bisect_right(ends, before + ROW_BYTES_MAX - heads_bytes, begin))
        yield records[begin:end]
        begin, before = end, ends[end - 1]


def _hash(previous_hash: bytes, first: int, packed: bytes) -> bytes:
    return sha256(b"".join((previous_hash, first.to_bytes(8, "big"), packed))).digest()[:HASH_BYTES]


@lru_cache(maxsize=128)
def _insert_statement(rows: int) -> str:
    return f"INSERT INTO rows VALUES {','.join(['(?,?,?)'] * rows)}"  # noqa: S608  (nothing but question marks)


def _insert_some(connection: apsw.Connection, rows: list[Row]) -> None:
    connection.execute(_insert_statement(len(rows)), [value for row in rows for value in row])


def _open(previous_hash: Any, first: Any, row_hash: Any, packed: Any) -> Opened:
    """Check a row and unpack it; SQLite types each value by itself, so damage can turn a blob into anything."""
    if not (isinstance(packed, bytes) and isinstance(row_hash, bytes) and isinstance(previous_hash, bytes)):
        raise damaged(first, "it is no longer bytes")
    if first < 1:
        raise damaged(1, "it is missing")
    if _hash(previous_hash, first, packed) != row_hash:
        raise damaged(first, "its hash does not match")
    try:
        return Opened(first, row_hash, _decode(packed))
    except msgspec.MsgspecError as why:  # only where somebody has made the hashes anew
        raise damaged(first, "it is no list of records") from why


@contextmanager
def _naming(position: int) -> Iterator[None]:
    """Name the record that was wanted when SQLite itself finds damage, or gives text that is none."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError) as why:
        raise damaged(position, why) from why

"""A snapshot: a whole world in one file, which is a journal's database with three tables more.

So the journal's own code writes and reads its records, whatever kind of journal the world has lived in.

Rules of the file:
- A file may come from anywhere, and whoever made it may have made the hashes too: its tables are ours to the letter,
  it unfolds to no more than its own size, and nothing of it is believed before its hash has been computed again.
- Keys are not in it: what is begun from it is another gateway, to which the tokens of this one mean nothing.
"""

import asyncio
import errno
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec
from msgspec import Struct

from adapters.callback_marks import BOTS_FILE, with_epoch
from adapters.callback_marks import FILE as CALLBACKS_FILE
from adapters.cursor import MQTT_FILE
from adapters.journal_rows import FORMAT, HASH_BYTES, TABLES, Opened, last_row, rows_holding
from adapters.media_files import NAME as MEDIA_NAME
from adapters.media_files import Files
from adapters.own_thread import finished
from gateway.events import WorldRestored, encode
from gateway.ports import Damaged, Journal

SNAPSHOT_FORMAT: Final = 1
MARK_FILES: Final = (CALLBACKS_FILE, BOTS_FILE, MQTT_FILE)  # of those who read the journal
PIECE_BYTES: Final = 256 * 1024
BATCH_RECORDS: Final = 256
BATCH_ROWS: Final = 64  # a mebibyte
SQLITE_VALUE_BYTES_MAX: Final = 2**31 - 1

MORE_TABLES: Final = """
CREATE TABLE media (file TEXT NOT NULL, piece BLOB NOT NULL);
CREATE TABLE marks (file TEXT NOT NULL, text BLOB NOT NULL);
CREATE TABLE snapshot (format INTEGER NOT NULL, about BLOB NOT NULL);
"""


class BrokenSnapshot(ValueError):
    """The file is no snapshot, or a damaged one; the text says what is wrong with it, in one line."""


class About(Struct, frozen=True):
    """What a snapshot holds: the records up to `position`. `time_ms` is of the movable clock; the hashes vouch for all
    rows and all media."""

    position: int
    epoch: int
    profile: str
    time_ms: int
    real_ms: int
    journal_hash: str = ""
    media_hash: str = ""


class _Seal:
    """A hash over everything that was given to it, in order."""

    def __init__(self) -> None:
        self._hash = sha256()

    def take(self, file: str, piece: bytes) -> None:
        self._hash.update(f"{file} {len(piece)} ".encode())
        self._hash.update(piece)

    def text(self) -> str:
        return self._hash.hexdigest()[: 2 * HASH_BYTES]


# Out of a world


async def copy_records(source: Journal, target: Journal, upto: int) -> None:
    """Copy the durable records of one journal to another; half of the time is left to everybody else."""
    after = 0
    while after < upto:
        began_s = time.monotonic()
        placed = await source.scan(after, min(BATCH_RECORDS, upto - after))
        await _append(target, [one.record for one in placed])
        after = placed[-1].position
        await asyncio.sleep(time.monotonic() - began_s)


async def _append(journal: Journal, records: list[bytes]) -> None:
    if not journal.room():
        raise OSError(errno.ENOSPC, "less than the reserve is free")
    await journal.append(records)


def add_media(database: Path, files: Files, names: list[str]) -> str:
    """Copy uploads into the database of a new snapshot, and give the seal over them; what is gone is passed over."""
    seal = _Seal()
    with _connected(database) as connection:
        connection.execute(MORE_TABLES)
        for name in names:
            try:
                file = files.open(name)
            except FileNotFoundError:
                continue
            with file, connection:
                piece = file.read(PIECE_BYTES)
                while True:
                    seal.take(name, piece)
                    connection.execute("INSERT INTO media VALUES (?, ?)", (name, piece))
                    if not (piece := file.read(PIECE_BYTES)):
                        break
    return seal.text()


def finish(database: Path, about: About, marks: Mapping[str, bytes]) -> None:
    """Make a database that holds everything else a snapshot: one file, durable."""
    with _connected(database) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        newest = last_row(connection)
        assert newest.last == about.position
        about = msgspec.structs.replace(about, journal_hash=newest.hash.hex())
        with connection:
            connection.executemany("INSERT INTO marks VALUES (?, ?)", marks.items())
            connection.execute("INSERT INTO snapshot VALUES (?, ?)", (SNAPSHOT_FORMAT, msgspec.json.encode(about)))


@contextmanager
def _connected(database: Path) -> Iterator[apsw.Connection]:
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        for setting in ("synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON"):
            connection.execute(f"PRAGMA {setting}")
        yield connection
    finally:
        connection.close()


# Into a world


def about(file: Path) -> About:
    """Tell what a snapshot says of itself; `BrokenSnapshot` if it is none."""
    with _opened(file) as (_, said):
        return said


def check(file: Path) -> About:
    """Compute every hash of a snapshot again; `BrokenSnapshot` names what is wrong."""
    with _opened(file) as (connection, said):
        _look_over(connection)
        for _ in _records(connection, said):
            pass
        for _ in _media(connection, said):
            pass
        return said


async def pour(file: Path, journal: Journal, files: Files, restored: WorldRestored) -> dict[str, bytes]:
    """Put a snapshot's world into an empty journal, end it with `restored`, and give the marks of who reads it.

    `BrokenSnapshot` may come late: whatever was poured then is worth nothing.
    """
    with _opened(file) as (connection, said):
        await finished(_look_over, connection)
        rows = _records(connection, said)
        while some := await finished(lambda: list(islice(rows, BATCH_ROWS))):
            await _append(journal, [record for row in some for record in row.records])
        await _append(journal, [encode(restored)])
        await finished(_pour_media, connection, said, files)
        return _marks(connection, restored.epoch)


@contextmanager
def _opened(file: Path) -> Iterator[tuple[apsw.Connection, About]]:
    """Open a snapshot as nothing but bytes: no journal beside it is heeded, no code in it is run."""
    if not file.is_file():
        raise BrokenSnapshot("there is no such file, and no snapshot of that name")
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    try:
        connection = apsw.Connection(f"{file.resolve().as_uri()}?immutable=1", flags=flags)
    except apsw.Error as why:
        raise BrokenSnapshot(f"it cannot be read ({why})") from why
    try:
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        connection.limit(apsw.SQLITE_LIMIT_LENGTH, min(file.stat().st_size, SQLITE_VALUE_BYTES_MAX))
        yield connection, _about(connection)
    except (apsw.Error, UnicodeDecodeError) as why:
        raise BrokenSnapshot(f"it is damaged, or no snapshot ({why})") from why
    except Damaged as why:
        raise BrokenSnapshot(str(why).partition(": put back")[0]) from why
    finally:
        connection.close()


def _about(connection: apsw.Connection) -> About:
    if _schema(connection) != _our_schema():
        raise BrokenSnapshot("it is no snapshot of Hutong's")
    query = "SELECT snapshot.format, meta.format, about FROM snapshot, meta LIMIT 2"
    written: list[Any] = connection.execute(query).fetchall()
    if len(written) != 1 or written[0][:2] != (SNAPSHOT_FORMAT, FORMAT):
        raise BrokenSnapshot("it is not whole, or another version of Hutong wrote it")
    try:
        said = msgspec.json.decode(written[0][2], type=About)
    except (TypeError, ValueError, RecursionError) as why:
        raise BrokenSnapshot(f"what it says of itself cannot be read ({why})") from why
    if not 0 < said.position < 2**62:
        raise BrokenSnapshot("it holds nothing")
    return said


def _look_over(connection: apsw.Connection) -> None:
    """See that every page is used once, or a small file could be read without end, and fill a disk."""
    if connection.execute("PRAGMA quick_check(1)").fetchall() != [("ok",)]:
        raise BrokenSnapshot("it is damaged (its pages do not fit together)")


def _schema(connection: apsw.Connection) -> list[Any]:
    return connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()


def _our_schema() -> list[Any]:
    connection = apsw.Connection(":memory:")
    connection.execute(TABLES + MORE_TABLES)
    return _schema(connection)


def _records(connection: apsw.Connection, said: About) -> Iterator[Opened]:
    newest = b""
    for row in rows_holding(connection, 0, said.position):
        newest = row.hash
        yield row
    if newest.hex() != said.journal_hash or last_row(connection).last != said.position:
        raise BrokenSnapshot("it does not end where it says")


def _media(connection: apsw.Connection, said: About) -> Iterator[tuple[str, bytes]]:
    seal, last = _Seal(), ""
    for name, piece in connection.execute("SELECT file, piece FROM media ORDER BY rowid"):
        if not (isinstance(name, str) and MEDIA_NAME.fullmatch(name) and isinstance(piece, bytes)):
            raise BrokenSnapshot("an upload in it has a name or bytes that are none")
        if name < last:
            raise BrokenSnapshot("the uploads in it are out of order")
        last = name
        seal.take(name, piece)
        yield name, piece
    if seal.text() != said.media_hash:
        raise BrokenSnapshot("an upload in it is damaged (the hash does not match)")


def _pour_media(connection: apsw.Connection, said: About, files: Files) -> None:
    for name, pieces in groupby(_media(connection, said), key=itemgetter(0)):
        file = files.create(name)
        try:
            for _, piece in pieces:
                file.write(piece)
            files.settle(name, file)
        finally:
            file.close()


def _marks(connection: apsw.Connection, epoch: int) -> dict[str, bytes]:
    """Give the marks; a mark that cannot be read costs repeats, and no world."""
    rows: list[Any] = connection.execute("SELECT file, text FROM marks").fetchall()
    marks: dict[str, bytes] = {name: text for name, text in rows if name in MARK_FILES and isinstance(text, bytes)}
    moved = {name: text if name == MQTT_FILE else with_epoch(text, epoch) for name, text in marks.items()}
    return {name: text for name, text in moved.items() if text}

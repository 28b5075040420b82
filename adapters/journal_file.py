"""The journal's database file, and the connections to it.

Rules of the file:
- Nothing is written to a file before it is known to be ours and of a format we know.
- A connection checkpoints nothing on its own: not inside a commit, and not at its end unless all went well.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

import apsw

from adapters.data_folder import unusable
from adapters.journal_rows import FORMAT, PAGE_BYTES, create_tables, damaged
from gateway.ports import CannotOpen

FILE: Final = "journal.sqlite"
SQLITE_AT_LEAST: Final = (3, 51, 3)  # before it, a commit could be lost when the WAL began anew beside a checkpoint
# Above it the WAL is emptied: the most that one flipped bit in it can cost, and how long commits wait for the disk
# meanwhile (at 80,000 messages a second 4 MiB made the p99 of acknowledgements 20 to 32 ms, 1 MiB 12 to 14).
WAL_BYTES: Final = 1024 * 1024
BUSY_MS: Final = 1000  # patience with an operator's own look into the file

_WRITE: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE


def files_of(folder: Path) -> list[Path]:
    """Name every file that SQLite may make."""
    return [folder / f"{FILE}{end}" for end in ("", "-wal", "-shm")]


def check_sqlite(version: str) -> None:
    """Refuse a SQLite that can lose commits, whoever linked it in."""
    if tuple(int(part) for part in version.split(".")) < SQLITE_AT_LEAST:
        least = ".".join(map(str, SQLITE_AT_LEAST))
        raise CannotOpen(f"SQLite {version} can lose commits: install an apsw that brings {least} or newer")


def open_for_writing(folder: Path, undo: ExitStack) -> apsw.Connection:
    """Open the journal, or begin one where there is none; `CannotOpen` or `Damaged` says what is wrong with it."""
    try:
        connection = _connect(folder, _WRITE)
        undo.callback(connection.close)
        _prepare(folder, connection)
    except (apsw.CorruptError, apsw.NotADBError) as why:
        raise damaged(1, why) from why
    return connection


def open_for_reading(folder: Path) -> apsw.Connection:
    """Open a second connection, which may also checkpoint."""
    return _connect(folder, apsw.SQLITE_OPEN_READWRITE)


def open_read_only(folder: Path) -> apsw.Connection:
    """Open the journal beside a server that owns it, or after it."""
    try:
        connection = _connect(folder, apsw.SQLITE_OPEN_READONLY)
        _check_format(folder, connection)
    except apsw.Error as why:
        raise CannotOpen(f"{folder / FILE} cannot be read ({why}): give --data a folder with a journal") from why
    return connection


def _connect(folder: Path, flags: int) -> apsw.Connection:
    connection = apsw.Connection(str(folder / FILE), flags=flags)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.set_busy_timeout(BUSY_MS)
    connection.wal_autocheckpoint(0)
    return connection


def _prepare(folder: Path, connection: apsw.Connection) -> None:
    empty = connection.execute("SELECT count(*) FROM sqlite_schema").get == 0
    if empty:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    else:
        _check_format(folder, connection)
    if connection.execute("PRAGMA journal_mode = WAL").get != "wal":
        raise unusable(folder, "no WAL on this file system")
    # FULL syncs each commit; the two others are what FULL means on macOS, where fsync alone leaves the disk's cache.
    for setting in ("synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON"):
        connection.execute(f"PRAGMA {setting}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    if empty:
        create_tables(connection)


def _check_format(folder: Path, connection: apsw.Connection) -> None:
    if not connection.table_exists("main", "meta"):
        raise CannotOpen(f"{folder / FILE} is no journal of Hutong's: give --data another folder")
    written = connection.execute("SELECT format FROM meta").get
    if isinstance(written, int) and written > FORMAT:
        raise CannotOpen(
            f"{folder} was written by a newer Hutong (format {written}, ours is {FORMAT}): install that one"
        )
    if written != FORMAT:
        raise damaged(1, "the format before it cannot be read")

"""The journal on disk: SQLite through apsw, written by one thread, read and tidied by another.

Rules of the file:
- A commit is durable when SQLite says so under `synchronous=FULL`: NORMAL lost acknowledged rows in 813 of 1,000
  simulated power cuts, FULL in none.
- Any error of the disk is final: nothing is written, synced or checkpointed after it, since a second fsync may report
  success for what the first one lost.
- Only the reading thread empties the WAL: inside a commit that costs 10–14 ms at p99.
"""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Final

import apsw

from adapters.checkpoint_files import newest_checkpoint
from adapters.data_folder import RESERVE_BYTES, claim, free_bytes, remove_new, sync_folder, unusable
from adapters.journal_file import WAL_BYTES, check_sqlite, files_of, open_for_reading, open_for_writing, open_read_only
from adapters.journal_history import History
from adapters.journal_rows import PAGE_BYTES, Row, insert, last_row, pack, records_between
from adapters.own_thread import OwnThread
from gateway.ports import AppendFailed, Checkpoint, Damaged, Placed

WAL_PAGES: Final = WAL_BYTES // PAGE_BYTES
ROOM_CHECK_S: Final = 1.0


class SqliteJournal:
    """The Journal port over a data folder."""

    def __init__(self, folder: Path, reserve_bytes: int = RESERVE_BYTES) -> None:
        """Open or begin a folder's journal; `CannotOpen` or `Damaged` says why not, and the folder stays as it was."""
        check_sqlite(apsw.sqlite_lib_version())
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._room, self._room_checked_s = True, -ROOM_CHECK_S
        try:
            with ExitStack() as undo:
                self._claim = claim(folder, undo)
                remove_new(files_of(folder), undo)
                self._writing = open_for_writing(folder, undo)
                self._reading = open_for_reading(folder)
                undo.callback(self._reading.close)
                newest = last_row(self._reading)
                sync_folder(folder)
                undo.pop_all()
        except (OSError, apsw.Error) as why:
            raise unusable(folder, why) from why
        self._history = History(self._reading)
        self._hash, self._packed = newest.hash, newest.last
        self._position = newest.last
        self._failure = ""
        self._pen = threading.Lock()  # held by whoever writes to the WAL or keeps it from being written
        self._emptying = False
        self._writing.set_wal_hook(self._watch_wal)
        self._writer = OwnThread("journal-writer")
        self._reader = OwnThread("journal-reader")

    @property
    def position(self) -> int:
        return self._position

    def room(self) -> bool:
        """Tell whether the reserve is untouched; the disk is asked once a second."""
        now_s = time.monotonic()
        if now_s - self._room_checked_s >= ROOM_CHECK_S:
            self._room_checked_s = now_s
            self._room = free_bytes(self._folder) >= self._reserve_bytes
        return self._room

    def size_bytes(self) -> int:
        return sum(file.stat().st_size for file in files_of(self._folder) if file.exists())

    def checkpoint(self) -> Checkpoint | None:
        newest = newest_checkpoint(self._folder)
        if newest is not None and newest.position > self._position:
            # Checkpoints are made of durable records only: the missing ones were on disk once.
            raise Damaged(
                f"records {self._position + 1} to {newest.position} of the journal are missing (a checkpoint knows "
                "them): put back a backup of the data folder"
            )
        return newest

    def replay(self, after: int) -> Iterator[Placed]:
        """Read on a connection of its own, so that this may run on any thread."""
        with closing(open_read_only(self._folder)) as connection:
            yield from records_between(connection, after, self._position)

    async def append(self, records: list[bytes]) -> None:
        """Pack here, write there: the writing thread then needs the GIL for little more than one call of SQLite."""
        if self._failure:
            raise AppendFailed(self._failure)
        if not records:
            return
        rows = pack(self._hash, self._packed + 1, records)
        self._hash = rows[-1].hash
        self._packed += len(records)
        await self._writer.call(self._commit, rows, self._packed)

    async def walk(self, position: int, count: int, after: int) -> list[Placed]:
        return await self._reader.call(self._history.walk, position, count, after)

    async def scan(self, after: int, count: int) -> list[Placed]:
        return await self._reader.call(self._scan, after, count)

    async def close(self) -> None:
        """Finish what was begun, empty the WAL unless the disk has failed, and unlock the folder."""
        await self._writer.call(self._stop)
        await self._reader.call(self._reading.close)
        await self._writer.call(self._writing.close)
        self._writer.end()
        self._reader.end()
        os.close(self._claim)

    @classmethod
    @asynccontextmanager
    async def begun(cls, folder: Path) -> "AsyncIterator[SqliteJournal]":
        """Begin a journal off the loop, for as long as the block runs; it is closed whatever comes."""
        beginning = asyncio.ensure_future(asyncio.to_thread(cls, folder))
        try:
            yield await asyncio.shield(beginning)
        finally:
            journal = await beginning
            await journal.close()

    # On the writing thread

    def _commit(self, rows: list[Row], position: int) -> None:
        with self._pen:
            if self._failure:
                raise AppendFailed(self._failure)
            try:
                insert(self._writing, rows)
            except Exception as why:
                self._failure = f"the journal could not be written: {why}"
                raise AppendFailed(self._failure) from why
        self._position = position

    def _stop(self) -> None:
        if not self._failure:
            self._failure = "the journal is closed"
            self._writing.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)

    def _watch_wal(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        if pages >= WAL_PAGES and not self._emptying:
            self._emptying = True
            self._reader.post(self._empty_wal)
        return apsw.SQLITE_OK

    # On the reading thread

    def _empty_wal(self) -> None:
        """Copy the WAL into the database: most of it beside the writer, the rest while the writer waits.

        Without the second step a busy writer would always be ahead, and the WAL, which begins anew only when all of
        it has been copied, would grow without bound (to 24 MiB within 300,000 records).
        """
        try:
            self._copy_wal()
            with self._pen:
                self._copy_wal()
        except apsw.BusyError:
            pass  # another program reads the file just now; the next commit asks again
        except apsw.Error as why:
            self._failure = f"the journal could not be checkpointed: {why}"
        finally:
            self._emptying = False

    def _copy_wal(self) -> None:
        if not self._failure:
            self._reading.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def _scan(self, after: int, count: int) -> list[Placed]:
        return [*records_between(self._reading, after, min(after + count, self._position))]

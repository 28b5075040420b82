"""A journal's lives on a simulated disk: the shipped code, with one connection and no threads.

SQLite's own VFS in Python has no shared memory, so both of the journal's connections are one here, which holds its
lock for good. What is posted to a thread runs before the next call, as it might beside a real writer.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count, islice
from pathlib import Path
from typing import Any, ClassVar, Final
from unittest.mock import patch

import apsw

from adapters import journal_file, journal_sqlite
from adapters.journal_sqlite import SqliteJournal
from gateway.events import TokenRevoked, encode
from gateway.ports import AppendFailed, Placed
from tests.power.disk import Disk, DiskVfs

WAL_PAGES: Final = 24  # so that the WAL is emptied every few commits, and begins anew
COMMITS: Final = 24


class Shared(apsw.Connection):
    """One connection for all who open one: it is closed when the last of them does."""

    holders = 0

    def close(self, *force: Any) -> None:
        self.holders -= 1
        if not self.holders:
            super().close(*force)


class Inline:
    """What `OwnThread` is, on the loop's own thread."""

    posted: ClassVar[deque[Callable[[], None]]] = deque()

    def __init__(self, name: str) -> None:
        self.name = name

    def call(self, function: Callable[..., Any], *arguments: Any) -> "asyncio.Future[Any]":
        while self.posted:
            self.posted.popleft()()
        future = asyncio.get_running_loop().create_future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:  # noqa: BLE001  (raised again where it is awaited)
            future.set_exception(error)
        return future

    def post(self, function: Callable[[], None]) -> None:
        self.posted.append(function)

    def end(self) -> None:
        """End nothing."""


class Machine:
    """A machine whose disk can be changed between two lives of its journal."""

    def __init__(self, folder: Path, synchronous: str = "FULL") -> None:
        self._folder = folder
        self._synchronous = synchronous
        self._vfs = DiskVfs("simulated")
        self._shared: Shared | None = None

    def _start(self, disk: Disk) -> SqliteJournal:
        self._vfs.disk, self._shared = disk, None
        Inline.posted.clear()
        journal = SqliteJournal(self._folder, reserve_bytes=0)
        if self._synchronous != "FULL":
            journal._writing.pragma("synchronous", self._synchronous)
        return journal

    @contextmanager
    def running(self, disk: Disk) -> Iterator[SqliteJournal]:
        """Open the journal on a disk, and leave it as a crash does."""
        with self._in_place(disk):
            try:
                yield self._start(disk)
            finally:
                self._crash(disk)

    async def read(self, disk: Disk) -> list[Placed]:
        """Read everything that a disk has, every hash computed again."""
        with self.running(disk) as journal:
            return await journal.scan(0, 1_000_000)

    def _crash(self, disk: Disk) -> None:
        """Leave nothing open, and write nothing that the journal has not written: what closing tries never was."""
        disk.fails, lived = lambda _: True, len(disk.log)
        if self._shared is not None:
            self._shared.holders = 1
            with suppress(apsw.Error):
                self._shared.close()
        del disk.log[lived:]

    @contextmanager
    def _in_place(self, disk: Disk) -> Iterator[None]:
        with (
            patch.object(journal_file, "_connect", self._connect),
            patch.object(journal_sqlite, "OwnThread", Inline),
            patch.object(journal_sqlite, "WAL_PAGES", WAL_PAGES),
            patch.object(journal_sqlite, "sync_folder", disk.sync_folder),
            patch.object(journal_sqlite, "claim", lambda folder, undo: -1),
        ):
            yield

    def _connect(self, folder: Path, flags: int) -> Shared:
        if self._shared is None:
            connection = Shared(str(folder / journal_file.FILE), flags=flags, vfs="simulated")
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.wal_autocheckpoint(0)
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._shared = connection
        self._shared.holders += 1
        return self._shared


def made(first: int, count: int, size: int) -> list[bytes]:
    """Make a commit's records, of which each tells its commit, by the position it begins at, and its own."""
    return [encode(TokenRevoked(f"commit {first}/{at}".ljust(size, "."), 0, 0)) for at in range(first, first + count)]


def planned(first: int, dice: random.Random) -> Iterator[list[bytes]]:
    """Make commits of many sizes, one behind the other, without end."""
    while True:
        yield (records := made(first, dice.choice([1, 1, 3, 20]), dice.choice([20, 200, 3000, 20_000])))
        first += len(records)


async def live(journal: SqliteJournal, disk: Disk, commits: int, dice: random.Random) -> list[Placed]:
    """Append commits of many sizes, until the disk fails at most; give all that was asked to be kept."""
    asked: list[Placed] = []
    for records in islice(planned(journal.position + 1, dice), commits):
        asked += map(Placed, count(journal.position + 1), records)
        try:
            await journal.append(records)
        except AppendFailed:
            break
        disk.acknowledge(journal.position)
    return asked

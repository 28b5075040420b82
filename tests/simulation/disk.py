"""The disk: the journal's own code on a database in memory's file system, its threads and its faults simulated.

What a crash leaves is what was synced. Of a commit that was under way nobody knows: all of it stands, or nothing does.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import apsw

from adapters import journal_rows
from adapters.callback_marks import Marks
from adapters.cursor import BEGINNING, Mark
from adapters.journal_sqlite import SqliteJournal
from gateway.ports import Checkpoint
from gateway.state import State
from tests.simulation.loop import Loop


class Disk:
    """What outlives the process: the journal's file, a checkpoint, and the marks of readers; and what ails it."""

    def __init__(self, folder: Path, loop: Loop, dice: Random) -> None:
        self.folder = folder
        self.loop = loop
        self.dice = dice
        self.slowest_s = 0.004
        self.full = False
        self.failing = ""  # before | after: where the next commit meets its error
        self.checkpoint: Checkpoint | None = None
        self.marks = b""
        self.mark = BEGINNING
        self.commits = 0

    def takes_s(self) -> float:
        return self.dice.random() * self.slowest_s

    def insert(self, connection: apsw.Connection, rows: Any) -> None:
        """Write rows as the journal does, or fail as disks do."""
        failing, self.failing = self.failing, ""
        if failing == "before":
            raise apsw.FullError("database or disk is full")
        REAL_INSERT(connection, rows)
        self.commits += 1
        if failing == "after":
            raise apsw.IOError("disk I/O error")


REAL_INSERT = journal_rows.insert


class Thread:
    """A thread of the journal, in simulated time: one call after the other."""

    disk: Disk  # of the run that is under way

    def __init__(self, name: str) -> None:
        self._busy = asyncio.get_running_loop().time()
        self._calls: deque[Callable[[], None]] = deque()
        self._disk = self.disk
        self._dead = False

    def call(self, function: Callable[..., Any], *arguments: Any) -> "asyncio.Future[Any]":
        future = self._disk.loop.create_future()

        def answer() -> None:
            try:
                result = function(*arguments)
            except Exception as error:  # noqa: BLE001 - raised again where it was asked for
                future.set_exception(error)
            else:
                if not future.cancelled():
                    future.set_result(result)

        self.post(answer)
        return future

    def post(self, function: Callable[[], None]) -> None:
        loop = self._disk.loop
        self._busy = max(self._busy, loop.time()) + self._disk.takes_s()
        self._calls.append(function)
        loop.call_at(self._busy, self._next)

    def _next(self) -> None:
        if not self._dead:
            self._calls.popleft()()

    def die(self, *, finish: bool) -> None:
        """End with the process; `finish` says whether the disk still does what it was told last."""
        self._dead = True
        if finish and self._calls:
            self._calls.popleft()()


class SimulatedJournal(SqliteJournal):
    """The journal; `synced` is told of each commit when it stands."""

    def __init__(self, disk: Disk, synced: Callable[[list[bytes]], None]) -> None:
        super().__init__(disk.folder)
        self._disk = disk
        self._synced = synced
        self._offered: deque[list[bytes]] = deque()

    def begin(self, records: list[bytes]) -> None:
        """Write the world as it begins, at once."""
        rows = journal_rows.pack(self._hash, 1, records)
        self._hash, self._packed = rows[-1].hash, len(records)
        self._offered.append(records)
        self._commit(rows, len(records))

    def room(self) -> bool:
        return not self._disk.full

    def checkpoint(self) -> Checkpoint | None:
        return self._disk.checkpoint

    async def append(self, records: list[bytes]) -> None:
        self._offered.append(records)
        await super().append(records)

    def _commit(self, rows: Any, position: int) -> None:
        super()._commit(rows, position)
        self._synced(self._offered.popleft())

    def crash(self, *, finish: bool) -> None:
        """Let go of the file as a process does that dies."""
        self._writer.die(finish=finish)  # type: ignore[attr-defined]
        self._reader.die(finish=False)  # type: ignore[attr-defined]
        self._reading.close()
        self._writing.close()
        os.close(self._claim)


class SimulatedMarks(Marks):
    """How far callbacks have come; what was marked is on disk a little later."""

    def __init__(self, disk: Disk, state: State, alive: Callable[[], bool]) -> None:
        self._disk = disk
        self._alive = alive
        super().__init__(None, state, disk.marks)

    def changed(self) -> None:
        super().changed()
        self._disk.loop.call_later(self._disk.takes_s(), self._write, self.text())

    def _write(self, text: bytes) -> None:
        if self._alive():
            self._disk.marks = text


class SimulatedCursor:
    """How far MQTT's events have been told."""

    def __init__(self, disk: Disk, alive: Callable[[], bool]) -> None:
        self._disk = disk
        self._alive = alive

    def load(self) -> Mark:
        return self._disk.mark

    async def store(self, mark: Mark) -> None:
        await asyncio.sleep(self._disk.takes_s())
        if self._alive():
            self._disk.mark = mark

"""The command line with a death in it: `python -m tests.end_to_end.killed_at POINT COUNT serve …`.

At the COUNTth time that the named point is reached, the process kills itself as a power cut or an operator would. The
hooks stand here alone; what is shipped knows nothing of them. System calls are hooked where SQLite looks them up. A
point of a checkpoint is reached by the server's child, whose end the server follows at once.
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import apsw

from adapters import checkpoint, checkpoint_files, compose, journal_sqlite, snapshot_file, snapshots
from adapters.journal_sqlite import SqliteJournal
from gateway.ports import Journal
from hutong.__main__ import main

PWRITE: Final = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64)
KEPT: Final[list[Any]] = []  # SQLite calls these for as long as the process lives


class Death:
    """Comes at the nth time that it is asked."""

    def __init__(self, count: int) -> None:
        self._left = count

    def near(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str, near: Callable[[], None]) -> None:
    """Have death look in before each call."""
    real = getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        near()
        return real(*arguments, **named)

    setattr(owner, name, call)


def behind(owner: Any, name: str, near: Callable[[], None]) -> None:
    """Have death look in behind each call that went well."""
    real = getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        result = real(*arguments, **named)
        near()
        return result

    setattr(owner, name, call)


def after_write(near: Callable[[], None]) -> None:
    """Have death look in behind each write of SQLite's, which no sync has followed yet."""
    vfs = apsw.VFS("hooked", "unix")
    real = PWRITE(vfs.xGetSystemCall("pwrite64") or 0)

    def pwrite(descriptor: int, content: int, length: int, at: int) -> int:
        written = real(descriptor, content, length, at)
        near()
        return int(written)

    hook = PWRITE(pwrite)
    KEPT.extend((vfs, hook))
    vfs.xSetSystemCall("pwrite64", ctypes.cast(hook, ctypes.c_void_p).value or 0)


def after_ack(near: Callable[[], None]) -> None:
    """Have death look in one round of the loop behind each commit: what was durable has then been answered."""
    real = SqliteJournal.append

    async def append(journal: SqliteJournal, records: list[bytes]) -> None:
        await real(journal, records)
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, near)

    setattr(SqliteJournal, "append", append)  # noqa: B010  (a type checker would object to the plain form)


async def keep_children(journal: Journal, folder: Path) -> None:
    """Keep checkpoints by children with the same death in them, and soon."""
    command = [sys.executable, "-m", "tests.end_to_end.killed_at", *sys.argv[1:3], "checkpoint", str(folder)]
    await checkpoint.keep_checkpoints(journal, folder, 20, look_every_s=0.05, command=command)


async def follow(command: Sequence[str], _position: int) -> None:
    """Run one child, and die if it died so; whatever else it complained of would show nothing."""
    if await checkpoint.complaint_of(command) == f"exit code {-signal.SIGKILL}":
        os.kill(os.getpid(), signal.SIGKILL)


Hook = Callable[[Callable[[], None]], None]

POINTS: Final[dict[str, Hook]] = {
    "before-write": lambda near: before(journal_sqlite, "insert", near),
    "after-write": after_write,
    "after-sync": lambda near: behind(journal_sqlite, "insert", near),
    "after-ack": after_ack,
    "before-emptying": lambda near: before(SqliteJournal, "_copy_wal", near),
    "between-emptyings": lambda near: behind(SqliteJournal, "_copy_wal", near),
    "half-snapshot": lambda near: before(snapshot_file, "_append", near),
    "whole-snapshot": lambda near: before(snapshots.Snapshots, "_keep", near),
    "named-snapshot": lambda near: before(snapshots, "sync_folder", near),
}
POINTS_OF_CHILD: Final[dict[str, Hook]] = {
    "half-checkpoint": lambda near: before(os, "fsync", near),
    "whole-checkpoint": lambda near: behind(checkpoint_files, "_write_in_steps", near),
    "named-checkpoint": lambda near: before(checkpoint_files, "remove_old", near),
}

if __name__ == "__main__":
    point, count, *arguments = sys.argv[1:]
    # So that it comes within a second, and a small state is written in several steps.
    if "emptying" in point:
        journal_sqlite.WAL_PAGES = 32  # type: ignore[misc]
    if arguments[0] == "checkpoint":
        checkpoint_files.STEP_BYTES = 512  # type: ignore[misc]
        POINTS_OF_CHILD[point](Death(int(count)).near)
    elif point in POINTS_OF_CHILD:
        setattr(compose, "keep_checkpoints", keep_children)  # noqa: B010  (as above)
        setattr(checkpoint, "attempt", follow)  # noqa: B010
    else:
        POINTS[point](Death(int(count)).near)
    main(arguments)

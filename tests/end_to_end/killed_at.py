"""The command line with a death in it: `python -m tests.end_to_end.killed_at POINT COUNT serve …`.

At the COUNTth time that the named point is reached, the process kills itself as a power cut or an operator would. The
hooks stand here alone; what is shipped knows nothing of them. System calls are hooked where SQLite looks them up.
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

import apsw

from adapters import journal_sqlite
from adapters.journal_sqlite import SqliteJournal
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


POINTS: Final[dict[str, Callable[[Callable[[], None]], None]]] = {
    "before-write": lambda near: before(journal_sqlite, "insert", near),
    "after-write": after_write,
    "after-sync": lambda near: behind(journal_sqlite, "insert", near),
    "after-ack": after_ack,
    "before-emptying": lambda near: before(SqliteJournal, "_copy_wal", near),
    "between-emptyings": lambda near: behind(SqliteJournal, "_copy_wal", near),
}

if __name__ == "__main__":
    point, count, *arguments = sys.argv[1:]
    if "emptying" in point:
        journal_sqlite.WAL_PAGES = 32  # type: ignore[misc]  # so that it comes within a second
    POINTS[point](Death(int(count)).near)
    main(arguments)

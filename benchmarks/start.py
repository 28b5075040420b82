"""How long until ready: from the start of the process to its line, on nothing, and on a large world after kill -9.

The large world's journal is written by the journal's own code from the gateway's own decisions, and its checkpoint is
made as the gateway has it made. A first server is then killed while it runs; the start of the second is what counts.
"""

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from adapters.checkpoint import child_command
from adapters.journal_sqlite import SqliteJournal
from benchmarks.pinned import SERVER_CORE, first_line, on_core, python
from benchmarks.populous import Populous
from benchmarks.rows import empty_folder, say

AT_ONCE: Final = 2_000  # records a commit, as a turn's
LARGE: Final = 1_000_000  # relations, and messages


def empty_s(repeats: int) -> list[float]:
    """Start on an empty folder."""
    return [_with_folder(_ready_s) for _ in range(repeats)]


def large_s(repeats: int, size: int = LARGE) -> list[float]:
    """Start on so many relations and messages, each time after the one before was killed."""
    say(f"a world of {size:,} relations and messages")
    with empty_folder() as folder:
        asyncio.run(written(folder / "data", partial(_grow, size)))
        subprocess.run(child_command(folder / "data"), check=True)
        _ready_s(folder)
        return [_ready_s(folder) for _ in range(repeats)]


def _with_folder(measure: Callable[[Path], float]) -> float:
    with empty_folder() as folder:
        return measure(folder)


def _ready_s(folder: Path) -> float:
    """Time a start, and kill what was started."""
    errors = folder / "gateway.err"
    command = python("-m", "hutong", "serve", "--port", "0", "--profile", "bench", "--data", str(folder / "data"))
    with errors.open("w") as sink:
        began = time.perf_counter()
        server = subprocess.Popen(on_core(SERVER_CORE, command), stdout=subprocess.PIPE, stderr=sink, text=True)
        try:
            first_line(server, errors)
            return time.perf_counter() - began
        finally:
            server.kill()
            server.communicate()


async def written(folder: Path, grow: Callable[[Populous], Iterator[None]], world_file: str = "") -> None:
    """Write a journal: the world of a file, if there is one, then what is grown in it, a commit a step."""
    world, journal = Populous(journaled=True), SqliteJournal(folder)
    if world_file:
        world.add_world(world_file)
    await _append(journal, world)
    for _ in grow(world):
        await _append(journal, world)
    await journal.close()


def _grow(size: int, world: Populous) -> Iterator[None]:
    """Add relations, then say something in each."""
    for _ in range(size // AT_ONCE):
        world.add_relations(AT_ONCE)
        yield
    chats = world.chats()
    for begin in range(0, len(chats), AT_ONCE):
        world.say_in(chats[begin : begin + AT_ONCE])
        yield


async def _append(journal: SqliteJournal, world: Populous) -> None:
    await journal.append(world.records)
    world.records.clear()

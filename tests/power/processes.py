"""Cuts the power of the shipped journal in a process of its own: both connections and both threads, on `forgetful.py`.

A seed fixes what is written, before which change the power is cut and what the disk keeps of it then; how the
journal's two threads take turns it does not.
"""

import asyncio
import os
import random
import shutil
import subprocess
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from adapters.journal_sqlite import SqliteJournal
from gateway.ports import AppendFailed, Placed
from tests.power.cutting import Tally, judge
from tests.power.forgetful import CUT, mounted
from tests.power.lives import planned

ROOT: Final = Path(__file__).resolve().parents[2]
CUTS_A_JOURNAL: Final = 10
CHANGES_MAX: Final = 5000  # several emptyings of the WAL
PATIENCE_S: Final = 60.0


def cut_processes(cuts: int, seed: int, synchronous: str) -> Tally:
    """Cut lives from a seed on until there were so many cuts."""
    tally = Tally(0, 0)
    while tally.cuts < cuts:
        with TemporaryDirectory() as folder:
            tally += _cut_life(Path(folder), random.Random(seed), synchronous)
        seed += 1
    return tally


def _cut_life(folder: Path, dice: random.Random, synchronous: str) -> Tally:
    """Begin a journal and cut it ten times: while it is opened, written to and emptied, where it was left before."""
    disk, mount = folder / "disk", folder / "mount"
    disk.mkdir()
    mount.mkdir()
    kept: list[Placed] = []
    losing = 0
    for _ in range(CUTS_A_JOURNAL):
        seed = dice.getrandbits(32)
        acknowledged = _cut_once(disk, mount, dice, seed, synchronous)
        found = asyncio.run(_read(disk, folder / "copy"))
        judge(found, _asked(kept, len(found), seed))
        losing += len(found) < max(acknowledged, len(kept))  # what was read was told: it may not vanish later
        kept = found
    return Tally(CUTS_A_JOURNAL, losing)


def _cut_once(disk: Path, mount: Path, dice: random.Random, seed: int, synchronous: str) -> int:
    """Have a process write until the power is cut, and kill it; give the last position that it acknowledged."""
    changes = dice.randrange(1, dice.choice([30, 300, CHANGES_MAX]))
    with mounted(disk, mount, changes, dice.getrandbits(32)) as told:
        command = (sys.executable, "-m", "tests.power.processes", str(mount), str(seed), synchronous)
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
            is_cut = told.poll(PATIENCE_S) and told.recv() == CUT
            writer.kill()
            acknowledged, complaint = writer.communicate()
    assert is_cut, complaint.decode()
    return int((acknowledged.split() or [b"0"])[-1])


def _asked(kept: list[Placed], upto: int, seed: int) -> list[Placed]:
    """Tell what a process was to write behind what was kept: all up to a position, and one commit more."""
    asked, commits = list(kept), planned(len(kept) + 1, random.Random(seed))
    while len(asked) <= upto:
        asked += map(Placed, count(len(asked) + 1), next(commits))
    return asked


async def _read(disk: Path, copy: Path) -> list[Placed]:
    """Read everything that the disk has, every hash computed again, and leave the disk as the cut left it."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(disk, copy)
    async with SqliteJournal.begun(copy) as journal:
        return await journal.scan(0, 1_000_000)


async def _write(folder: Path, seed: int, synchronous: str) -> None:
    """Append commits, and print each position behind its acknowledgement, until the disk fails."""
    journal = SqliteJournal(folder, reserve_bytes=0)
    if synchronous != "FULL":
        journal._writing.pragma("synchronous", synchronous)
    with suppress(AppendFailed):
        for records in planned(journal.position + 1, random.Random(seed)):
            await journal.append(records)
            print(journal.position, flush=True)
    os._exit(0)  # as a kill leaves it


if __name__ == "__main__":
    asyncio.run(_write(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))

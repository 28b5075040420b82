"""Cut the power often: `python -m tests.power CUTS [--seed N] [--synchronous NORMAL] [--flips | --fuse]`."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.power.cutting import CUTS_A_LIFE, Tally, cut_life
from tests.power.flipping import flip_many
from tests.power.forgetful import why_not
from tests.power.lives import Machine
from tests.power.processes import CUTS_A_JOURNAL, cut_processes

NOT_RUN: Final = 77  # the exit code by which test runners know what could not be tried


async def cut_many(count: int, seed: int, synchronous: str) -> Tally:
    """Cut lives from a seed on until there were so many cuts."""
    tally = Tally(0, 0)
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder), synchronous)
        while tally.cuts < count:
            tally += await cut_life(machine, seed)
            seed += 1
    return tally


def main() -> int:
    """Print what was counted; the exit code is 1 where something acknowledged was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.power")
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--synchronous", choices=["FULL", "NORMAL"], default="FULL")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--flips", action="store_true", help="flip bits instead")
    instead.add_argument("--fuse", action="store_true", help="cut processes, on a file system that forgets")
    asked, began_s = parser.parse_args(), time.monotonic()
    if asked.flips:
        print(asyncio.run(flip_many(asked.count, asked.seed)))
        return 0
    if asked.fuse and (why := why_not()):
        print(f"NOT RUN: power cuts of processes on a file system that forgets: {why}")
        return NOT_RUN
    if asked.fuse:
        tally, a_life = cut_processes(asked.count, asked.seed, asked.synchronous), CUTS_A_JOURNAL
    else:
        tally, a_life = asyncio.run(cut_many(asked.count, asked.seed, asked.synchronous)), CUTS_A_LIFE
    kind = "power cuts of processes" if asked.fuse else "power cuts"
    seeds = f"seeds {asked.seed} to {asked.seed + -(-asked.count // a_life) - 1}"
    took = f"{time.monotonic() - began_s:.0f} s"
    print(f"{tally.cuts} {kind}, {asked.synchronous}, {seeds}: {tally.losing} lost something acknowledged; {took}")
    return int(tally.losing > 0)


if __name__ == "__main__":
    sys.exit(main())

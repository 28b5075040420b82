"""Cuts the power of journals at seeded points of their lives, and of the lives after, and counts what is lost."""

import random
from typing import Final, NamedTuple

from gateway.ports import Placed
from tests.power.disk import Disk, Image, cuts
from tests.power.lives import COMMITS, Machine, live

CUTS_A_LIFE: Final = 50


class Tally(NamedTuple):
    """How many cuts there were, and behind how many of them something acknowledged was missing."""

    cuts: int
    losing: int

    def __add__(self, other: "Tally") -> "Tally":  # type: ignore[override]
        return Tally(self.cuts + other.cuts, self.losing + other.losing)


async def cut_life(machine: Machine, seed: int) -> Tally:
    """Live once, and be cut at fifty points; each life after a cut goes on with a commit, and is cut again.

    Whatever is lost, nothing is invented and no commit stands in part: that is asserted here.
    """
    dice, disk, tally = random.Random(seed), Disk(), Tally(0, 0)
    with machine.running(disk) as journal:
        asked = await live(journal, disk, COMMITS, dice)
    points = [dice.randrange(len(disk.log) + 1) for _ in range(CUTS_A_LIFE // 2)]
    for image, acknowledged in cuts(disk, points, dice):
        tally += await _cut_again(machine, image, acknowledged, asked, dice)
    return tally


async def _cut_again(
    machine: Machine, image: Image, acknowledged: int, asked: list[Placed], dice: random.Random
) -> Tally:  # fmt: skip
    disk = Disk.holding(image)
    with machine.running(disk) as journal:
        kept = await journal.scan(0, len(asked) + 1)
        judge(kept, asked)
        disk.acknowledge(len(kept))  # what was read is told: it may not vanish later
        asked = kept + await live(journal, disk, 1, dice)
    tally = Tally(1, int(len(kept) < acknowledged))
    for later, told in cuts(disk, [dice.randrange(len(disk.log) + 1)], dice):
        kept_again = await machine.read(Disk.holding(later))
        judge(kept_again, asked)
        tally += Tally(1, int(len(kept_again) < told))
    return tally


def judge(kept: list[Placed], asked: list[Placed]) -> None:
    """What was kept is the beginning of what was asked for, and ends where a commit ended."""
    assert kept == asked[: len(kept)]
    if kept and len(kept) < len(asked):
        assert _commit_of(kept[-1]) != _commit_of(asked[len(kept)]), "a commit stands in part"


def _commit_of(placed: Placed) -> bytes:
    """Read the commit's number, which each record tells."""
    return placed.record.partition(b"/")[0].rpartition(b"commit ")[2]

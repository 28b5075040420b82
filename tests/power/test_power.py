"""An acknowledged record outlives the power, and a disk that fails or lies is noticed before the next word."""

import random
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest

from adapters.journal_file import FILE
from gateway.ports import AppendFailed, CannotOpen, Placed
from tests.power.__main__ import cut_many
from tests.power.disk import Disk, Step, cuts
from tests.power.flipping import WAL, flip_checkpoints, flip_many
from tests.power.lives import Machine, live, made

CUTS = 4000
FLIPS = 500
SEEDS = [1, 1001]  # one for each of two workers


@pytest.mark.parametrize("seed", SEEDS)
async def test_four_thousand_power_cuts_lose_nothing_acknowledged(seed: int) -> None:
    tally = await cut_many(CUTS // len(SEEDS), seed, "FULL")
    assert tally.cuts >= CUTS // len(SEEDS)
    assert tally.losing == 0


async def test_the_same_cuts_lose_where_commits_are_not_synced() -> None:
    tally = await cut_many(200, 1, "NORMAL")
    assert tally.losing > tally.cuts // 10


@dataclass
class Nth:
    """A disk's fault at the nth step of some kinds, once or from there on."""

    count: int
    for_ever: bool
    kinds: tuple[str, ...] = ("open", "write", "sync", "truncate", "delete", "sync folder")
    seen: int = 0

    def __call__(self, step: Step) -> bool:
        self.seen += step.kind in self.kinds
        return step.kind in self.kinds and (self.seen == self.count or (self.for_ever and self.seen > self.count))


async def live_on(machine: Machine, disk: Disk) -> list[Placed]:
    """Live until the disk fails; nothing is written or synced behind the first error that the journal was told of."""
    asked: list[Placed] = []
    with machine.running(disk) as journal:
        asked = await live(journal, disk, 12, random.Random(7))
        if journal._failure:
            before = len(disk.log)
            with pytest.raises(AppendFailed):
                await journal.append(made(journal.position + 1, 1, 20))
            assert len(disk.log) == before
    return asked


@pytest.mark.parametrize("for_ever", [False, True])
async def test_every_single_step_of_the_disk_may_fail(tmp_path: Path, for_ever: bool) -> None:
    machine, healthy = Machine(tmp_path), Disk()
    asked = await live_on(machine, healthy)
    assert any(step.kind == "write" and step.name == FILE and step.at > 0 for step in healthy.log), "no WAL was emptied"
    fault = Nth(0, for_ever)
    while fault.seen >= fault.count:
        fault = Nth(fault.count + 1, for_ever)
        disk = Disk(fails=fault)
        with suppress(CannotOpen, apsw.Error):
            await live_on(machine, disk)
        for image, acknowledged in cuts(disk, [len(disk.log)] * 3, random.Random(fault.count)):
            kept = await machine.read(Disk.holding(image))
            assert len(kept) >= acknowledged
            assert kept == asked[: len(kept)]
    assert fault.count > 100


@pytest.mark.parametrize("for_ever", [False, True])
async def test_first_failed_sync_ends_acknowledgements_and_is_not_tried_again(tmp_path: Path, for_ever: bool) -> None:
    machine, disk = Machine(tmp_path), Disk()
    with machine.running(disk) as journal:
        await live(journal, disk, 3, random.Random(1))
        acknowledged, before = journal.position, len(disk.log)
        disk.fails = Nth(1, for_ever, ("sync",))
        for _ in range(3):
            with pytest.raises(AppendFailed):
                await journal.append(made(acknowledged + 1, 1, 20))
        assert journal.position == acknowledged
        assert "sync" not in {step.kind for step in disk.log[before:]}


async def test_flipped_and_truncated_files_are_never_believed() -> None:
    outcomes = await flip_many(FLIPS, 1)
    assert outcomes["journal.sqlite: named"] > FLIPS // 4
    assert outcomes[f"{WAL}: the last commits are gone"] > 0


def test_flipped_and_truncated_checkpoints_are_passed_over(tmp_path: Path) -> None:
    flip_checkpoints(tmp_path, FLIPS, 1)

"""An acknowledged record outlives the power, and a disk that fails or lies is noticed before the next word."""

import random
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

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

    def __call__(self, step: Step) -> bool:
        self.count -= step.kind in self.kinds
        return step.kind in self.kinds and (self.count == 0 or (self.for_ever and self.count < 0))


async def live_on(machine: Machine, disk: Disk) -> list[Placed]:
    """Live until the disk fails, and ask once more; the disk tells what it was asked for behind that."""
    with machine.running(disk) as journal:
        asked = await live(journal, disk, 12, random.Random(7))
        failed = [step for step in disk.struck if step.kind in {"struck write", "struck sync"}]
        if failed:
            with pytest.raises(AppendFailed):
                await journal.append(made(journal.position + 1, 1, 20))
            assert disk.log[-1] is failed[0], "something was acknowledged, written or synced behind a failure"
    return asked


async def judge_kept(machine: Machine, disk: Disk, asked: list[Placed], seed: int) -> None:
    """Cut the power behind a life: everything acknowledged is there, and nothing that was not asked for."""
    for image, acknowledged in cuts(disk, [len(disk.log)] * 3, random.Random(seed)):
        kept = await machine.read(Disk.holding(image))
        assert len(kept) >= acknowledged
        assert kept == asked[: len(kept)]


@pytest.mark.parametrize("for_ever", [False, True])
async def test_every_single_step_of_the_disk_may_fail(tmp_path: Path, for_ever: bool) -> None:
    machine, healthy = Machine(tmp_path), Disk()
    asked = await live_on(machine, healthy)
    assert any(step.kind == "write" and step.name == FILE and step.at > 0 for step in healthy.log), "no WAL was emptied"
    steps = [step for step in healthy.log if step.kind != "acknowledged"]
    assert len(steps) > 100
    for count, step in enumerate(steps, 1):
        disk = Disk(fails=Nth(count, for_ever))
        with suppress(CannotOpen):
            await live_on(machine, disk)
        assert (disk.struck[0].kind, disk.struck[0].name) == (f"struck {step.kind}", step.name)
        await judge_kept(machine, disk, asked, count)


@pytest.mark.parametrize("for_ever", [False, True])
@pytest.mark.parametrize("kind", ["write", "sync"])
@pytest.mark.parametrize(("size", "why"), [(20, "could not be written"), (100_000, "could not be checkpointed")])
async def test_first_failure_is_the_last_step(tmp_path: Path, size: int, why: str, kind: str, for_ever: bool) -> None:
    """It strikes the next commit, or, where the commit before has filled the WAL, the emptying; neither is tried again.

    A second sync may report success for what the first one lost.
    """
    machine, disk = Machine(tmp_path), Disk()
    with machine.running(disk) as journal:
        asked = [*map(Placed, range(1, 5), made(1, 3, size) + made(4, 1, 20))]
        await journal.append([one.record for one in asked[:3]])
        disk.acknowledge(journal.position)
        disk.fails = Nth(1, for_ever, (kind,))
        for _ in range(3):
            with pytest.raises(AppendFailed, match=why):
                await journal.append([asked[3].record])
        assert journal.position == 3
        assert disk.log[-1:] == disk.struck
    await judge_kept(machine, disk, asked, 1)


async def test_flipped_and_truncated_files_are_never_believed() -> None:
    outcomes = await flip_many(FLIPS, 1)
    assert outcomes["journal.sqlite: named"] > FLIPS // 4
    assert outcomes[f"{WAL}: the last commits are gone"] > 0


def test_flipped_and_truncated_checkpoints_are_passed_over(tmp_path: Path) -> None:
    flip_checkpoints(tmp_path, FLIPS, 1)

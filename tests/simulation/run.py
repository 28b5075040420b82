"""Runs plans, one after the other, and makes a failing one small."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from traceback import format_exception
from typing import NamedTuple

from tests.simulation.broken import Broken
from tests.simulation.plan import Plan
from tests.simulation.world import World, simulated

MEMORY = Path("/dev/shm")  # noqa: S108 - files of a run that lives for a second, where a sync costs nothing


class Lived(NamedTuple):
    """What a run was: its hash, and how much happened in it."""

    hash: str
    ops: int
    faults: int
    records: int
    commits: int


@contextmanager
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="hutong-simulation-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def live(plan: Plan) -> Lived:
    """Live through a plan; `Broken` tells which promise does not hold."""
    with folder() as path:
        world = World(plan, path)
        with simulated(world):
            try:
                told = world.run()
            except Broken:
                raise
            except Exception as why:
                raise Broken("R5", "".join(format_exception(why))) from why
            finally:
                world.end()
        return Lived(told, len(plan.ops), world.faults, len(world.truth.records), world.truth.commit)


def shrunk(plan: Plan, failure: Broken, seconds: float = 20.0) -> Plan:
    """Leave out operations for as long as the same promise still breaks: halves first, then ever smaller parts."""
    until, size = monotonic() + seconds, max(1, len(plan.ops) // 2)
    while size and monotonic() < until:
        at = 0
        while at < len(plan.ops) and monotonic() < until:
            fewer = Plan(plan.seed, plan.profile, plan.config, plan.ops[:at] + plan.ops[at + size :])
            if fails_alike(fewer, failure):
                plan = fewer
            else:
                at += size
        size //= 2
    return plan


def fails_alike(plan: Plan, failure: Broken) -> bool:
    try:
        live(plan)
    except Broken as why:
        return why.claim == failure.claim
    return False

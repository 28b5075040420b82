"""The gateway keeps its promises in simulated lives; a seed tells everything of a life; and planted bugs are found."""

import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.simulation.__main__ import OPS_A_SEED, explore, failure
from tests.simulation.broken import Broken, demand
from tests.simulation.found import FOUND
from tests.simulation.plan import Plan, drawn
from tests.simulation.planted import PLANTED, hunt, rotation
from tests.simulation.run import live, shrunk
from tests.simulation.world import World

PARTS = 20
SEEDS_A_PART = 50


@pytest.mark.parametrize("part", range(PARTS))
def test_promises_hold(part: int) -> None:
    faults = 0
    for seed in range(part * SEEDS_A_PART, (part + 1) * SEEDS_A_PART):
        try:
            faults += live(drawn(seed, OPS_A_SEED)).faults
        except Broken as why:
            pytest.fail(failure(seed, OPS_A_SEED, why))
    assert faults > SEEDS_A_PART * 5, "and much went wrong"


@pytest.mark.parametrize(("bug", "plan"), FOUND.values(), ids=FOUND)
def test_what_was_found_once_holds(bug: str, plan: Plan) -> None:
    live(plan)
    with ExitStack() as stack:
        PLANTED[bug](stack)
        with pytest.raises(Broken):
            live(plan)


def hashes(hash_seed: str) -> str:
    """Live through some seeds in a process of its own."""
    command = [sys.executable, "-m", "tests.simulation", "--seed", "7000", "--ops", "5000", "--hash"]
    told = subprocess.run(
        command, env=os.environ | {"PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True
    )
    return told.stdout.rpartition("seeds ")[0]


def test_a_seed_is_one_life() -> None:
    first = hashes("0")
    assert len(set(first.split()[1::2])) == 10, "a hash a seed, each its own"
    assert first == hashes("1") == hashes("4711") == hashes("0")


def turn() -> int:
    """Count commits: each has five planted bugs hunted, the next one the next five."""
    told = subprocess.run(["git", "rev-list", "--count", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    return int(told.stdout or 0)


@pytest.mark.parametrize("name", rotation(turn()))
def test_planted_bugs_are_found(name: str) -> None:
    assert hunt(name).claim, f"{name} was not found"


def test_all_planted_bugs_have_their_turn() -> None:
    assert {name for turn in range(len(PLANTED)) for name in rotation(turn)} == set(PLANTED)


def test_a_failure_is_made_small_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def noted(self: World, what: str) -> None:
        demand("verb='send'" not in what, "X1", "somebody has said something")

    monkeypatch.setattr(World, "note", noted)
    with pytest.raises(Broken) as why:
        live(drawn(0, 200))
    small = shrunk(drawn(0, 200), why.value)
    assert [op.verb for op in small.ops] == ["send"]
    told = failure(0, 200, why.value)
    assert "make simulate SEED=0 OPS=200" in told
    assert "1 operations are enough" in told


def test_exploring_ends_with_its_operations(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(3, 700, 0.0, show_hash=False) == 0
    assert "seeds 3 to 4" in capsys.readouterr().out

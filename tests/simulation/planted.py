"""Hunts planted bugs: a simulation is only trusted if it finds them."""

from contextlib import ExitStack
from pathlib import Path
from traceback import extract_tb
from typing import Final, NamedTuple

from tests.simulation.broken import Broken
from tests.simulation.bugs import PLANTED, PlantedDefect, doors, journal, links, rules
from tests.simulation.plan import drawn
from tests.simulation.run import live

FILES: Final = (journal, links, rules, doors)  # each plants its own
SEEDS_MAX: Final = 2_000
OPS: Final = 500


class Caught(NamedTuple):
    """How a planted bug was found: after so many seeds, by the claim that broke; none if it was not."""

    name: str
    seeds: int
    claim: str


def hunt(name: str, first: int = 0, most: int = SEEDS_MAX) -> Caught:
    """Live through seeds with a bug until one of them breaks a promise; a bug that fails by itself is a defect here."""
    with ExitStack() as stack:
        PLANTED[name](stack)
        for seed in range(first, first + most):
            try:
                live(drawn(seed, OPS))
            except Broken as why:
                if is_unfit(why.__cause__):
                    raise
                return Caught(name, seed - first + 1, why.claim)
    return Caught(name, most, "")


def is_unfit(why: BaseException | None) -> bool:
    """Tell whether a bug's own code failed, because the gateway is not as it was when the bug was written."""
    frames = [] if why is None or isinstance(why, PlantedDefect) else extract_tb(why.__traceback__)
    return bool(frames) and Path(frames[-1].filename).parent.name == "bugs"


def rotation(turn: int, count: int = 5) -> list[str]:
    """Choose the bugs that are hunted in a turn: all have theirs."""
    names = list(PLANTED)
    return [names[(turn * count + step) % len(names)] for step in range(count)]


def report(names: str, first: int) -> int:
    """Print a line for each; fail if one was not found."""
    missed = 0
    for name in PLANTED if names == "all" else names.split(","):
        caught = hunt(name, first)
        missed += not caught.claim
        told = f"{caught.seeds:5} seeds, {caught.claim}" if caught.claim else f"not found in {caught.seeds} seeds"
        print(f"{name:32} {told}", flush=True)
    return missed


__all__ = ["PLANTED", "hunt", "report", "rotation"]

"""What is owed and where to climb: a row a goal, each a value with one bound or several within one run.

Rates are bound by their ratio against systems of the same run, costs and times by themselves. `must` is owed, `summit`
is where to climb.
"""

import math
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from benchmarks.rows import Row


class Bound(NamedTuple):
    """How far a goal must come, if it must: against one system, or for one of several things that cost."""

    must: float | None
    summit: float | None
    against: str = ""


@dataclass(frozen=True)
class Goal:
    """A number to reach. Ratios of rates are at least, costs and times at most."""

    number: int
    what: str
    unit: str
    bounds: tuple[Bound, ...]
    at_least: bool = True

    def closeness(self, ratio: float, bound: float | None) -> float:
        """Tell how far a ratio has come: 1 is there, less is not yet; what nobody asks for is there."""
        if bound is None:
            return math.inf
        if math.isnan(ratio):
            return 0.0
        if not self.at_least:
            return bound / ratio if ratio > 0 else math.inf
        return ratio / bound


@dataclass
class Finding:
    """What was found for a goal: the value of each repeat, and what is bound, by what it is bound against.

    `by_cpu` are the same ratios by what a message cost the server: the steadier ones on a busy machine, since whoever
    else takes the core costs rate, but little CPU time. `failure` says why there is no value.
    """

    values: list[float] = field(default_factory=list)
    ratios: dict[str, list[float]] = field(default_factory=dict)
    by_cpu: dict[str, list[float]] = field(default_factory=dict)
    disturbed: bool = False
    lower_bound: bool = False
    failure: str = ""

    def ratio(self, bound: Bound) -> float:
        """Give the median ratio for a bound, or the median value; not a number where it was not measured."""
        told = self.ratios.get(bound.against, []) if bound.against else self.values
        return median(told) if told and not self.failure else math.nan

    def furthest(self, goal: Goal) -> Bound:
        """Find the bound that is furthest from being met."""
        return min(goal.bounds, key=lambda bound: goal.closeness(self.ratio(bound), bound.must))

    def meets(self, goal: Goal, *, summit: bool = False) -> bool:
        """Tell whether every bound is met."""
        return all(goal.closeness(self.ratio(at), at.summit if summit else at.must) >= 1 for at in goal.bounds)


GOALS = (
    Goal(1, "1:1", "messages/s", (
        Bound(2.0, 2.0, "mosquitto"), Bound(30.0, 30.0, "jetstream, fsync"), Bound(None, 1.0, "jetstream"),
    )),
    Goal(2, "groups of 10", "deliveries/s", (Bound(5.0, 5.0, "mosquitto"), Bound(1.0, 1.5, "nats core"))),
    Goal(3, "groups of 100", "deliveries/s", (Bound(25.0, 25.0, "mosquitto"), Bound(3.0, 5.0, "nats core"))),
    Goal(4, "groups of 500", "deliveries/s", (Bound(25.0, 25.0, "mosquitto"), Bound(6.0, 10.0, "nats core"))),
    Goal(5, "1:1, what rules and journal cost", "messages/s", (Bound(0.65, 0.8, "hutong, no rules, memory journal"),)),
    Goal(6, "1:1 at 70 %, acknowledgement p99 above fdatasync p99", "ms", (Bound(5.0, 2.0),), at_least=False),
    Goal(7, "groups of 500 at 70 %, delivery p99 above fdatasync p99", "ms", (Bound(10.0, 4.0),), at_least=False),
    Goal(8, "idle authenticated link, memory of the server", "KiB", (Bound(6.0, 3.5),), at_least=False),
    Goal(9, "decide, apply and encode a message, every policy asked", "µs", (Bound(3.0, 1.8),), at_least=False),
    Goal(10, "instructions a message, in a world 1,000 times as large", "% more", (Bound(5.0, 2.0),), at_least=False),
    Goal(11, "memory", "B", (
        Bound(250, 130, "a relation"), Bound(64, 16, "a further seat in a group"),
        Bound(None, None, "a group of two members"),
    ), at_least=False),
    Goal(12, "ready", "s", (
        Bound(1.0, 0.6, "on an empty journal"), Bound(4.0, 1.5, "1,000,000 relations and messages, after kill -9"),
    ), at_least=False),
    Goal(13, "10,000 clients reconnect at once", "", (
        Bound(10.0, 4.0, "s until all are back"), Bound(50.0, 20.0, "ms, the others' p99"),
    ), at_least=False),
    Goal(14, "one stalled reader among 500, the others' p99", "×", (Bound(1.10, 1.02),), at_least=False),
    Goal(15, "WeCom's API, the worse of reads and writes", "requests/s", (Bound(0.7, 0.85, "a bare aiohttp handler"),)),
    Goal(16, "a mass message to 10,000 beside 5,000 messages/s, yes to last", "s", (Bound(2.0, 1.0),), at_least=False),
    Goal(17, "the same, by how much the others' p99 moves", "ms", (Bound(20.0, 10.0),), at_least=False),
)  # fmt: skip
BY_NUMBER = {goal.number: goal for goal in GOALS}


def ratios(ours: Row, theirs: Row, figure: str) -> list[float]:
    """Give the ratios of runs that stood side by side; none where either failed."""
    if ours.failures or theirs.failures:
        return []
    pairs = zip(ours.values(figure), theirs.values(figure), strict=False)
    return [mine / other for mine, other in pairs if other]

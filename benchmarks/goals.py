"""What is owed and what is aimed at: a row a goal, each a ratio within one run or a bound beside that run's floors."""

from dataclasses import dataclass
from statistics import median

from benchmarks.rows import Row


@dataclass(frozen=True)
class Goal:
    """A number to reach: `owed` is promised, `must` is the next bar. Ratios are at least, costs at most."""

    number: int
    what: str
    owed: float | None
    must: float
    at_least: bool = True
    unit: str = "×"

    def met(self, value: float, bound: float) -> bool:
        return value >= bound if self.at_least else value <= bound


GOALS = (
    Goal(1, "1:1, messages against mosquitto", 1.0, 2.0),
    Goal(2, "groups of 10, deliveries against mosquitto", 3.0, 5.0),
    Goal(3, "groups of 100, deliveries against mosquitto", 10.0, 25.0),
    Goal(4, "groups of 500, deliveries against mosquitto", 12.0, 25.0),
    Goal(5, "1:1, messages against the same links without rules and journal", None, 0.65),
    Goal(6, "1:1 at 70 %, acknowledgement p99 above fdatasync p99", None, 5.0, at_least=False, unit=" ms"),
    Goal(7, "groups of 500 at 70 %, delivery p99 above fdatasync p99", None, 10.0, at_least=False, unit=" ms"),
    Goal(8, "idle authenticated link, resident memory of the server", 20.0, 6.0, at_least=False, unit=" KiB"),
    Goal(15, "WeCom's API, the worse of reads and writes against a bare aiohttp handler", 0.6, 0.7),
    Goal(16, "a mass message to 10,000 beside 5,000 messages/s, yes to last", 2.0, 1.0, at_least=False, unit=" s"),
    Goal(17, "the same, by how much the others' p99 moves", 20.0, 10.0, at_least=False, unit=" ms"),
)


def ratio(ours: Row, theirs: Row, figure: str) -> float:
    """Give the median of the ratios of runs that stood side by side; not a number where either failed."""
    pairs = zip(ours.values(figure), theirs.values(figure), strict=False)
    ratios = [mine / other for mine, other in pairs if other]
    whole = ratios and not ours.failures and not theirs.failures
    return median(ratios) if whole else float("nan")

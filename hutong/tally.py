"""Who reached whom, in rows: what the demo and a crowd count in common, and how they show it."""

from collections.abc import Iterable
from statistics import quantiles
from typing import NamedTuple

from hutong.client import Ledger
from hutong.commands.console import table

HEADS = ("sent", "accepted", "refused", "due", "heard", "p50 ms", "p99 ms")
ADVICE = {"never": "never", "later": "later", "change": "once that has changed"}  # when to try again


class Tally(NamedTuple):
    """One row; the latencies are from saying to hearing, None where nothing was timed."""

    what: str
    sent: int
    accepted: int
    refused: int
    due: int
    heard: int
    p50_ms: float | None
    p99_ms: float | None


class Verdict(NamedTuple):
    """What must be zero."""

    lost: int
    duplicated: int
    out_of_order: int

    def __str__(self) -> str:
        return (
            f"{self.lost} lost, {self.duplicated} duplicated, {self.out_of_order} out of order: counted by the clients."
        )


def percentiles_ms(seconds: Iterable[float]) -> tuple[float | None, float | None]:
    """Give the median and the 99th percentile."""
    timed = list(seconds)
    if len(timed) < 2:
        only = timed[0] * 1000 if timed else None
        return only, only
    hundredths = quantiles(timed, n=100, method="inclusive")
    return hundredths[49] * 1000, hundredths[98] * 1000


def show(what: str, tallies: Iterable[Tally]) -> str:
    """Lay tallies out as a table whose first column is headed `what`."""
    return table((what, *HEADS), [(*tally[:6], *map(_ms, tally[6:])) for tally in tallies])


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def total(ledgers: Iterable[Ledger]) -> Ledger:
    """Add up what the devices counted."""
    everything = Ledger()
    for ledger in ledgers:
        everything += ledger
    return everything

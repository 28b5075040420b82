"""What a run of a crowd ends with: tables for a person, the same as an object for a program."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

from hutong.commands.console import table
from hutong.crowd.books import Books
from hutong.crowd.cast import Cast
from hutong.crowd.cost import Mark, bill
from hutong.tally import ADVICE, Verdict, show, total

LATE_S: Final = 0.1  # behind, and the crowd is no good measure of anything else

_COSTS: Final = (  # of Cost, in its order
    ("memory before anybody was linked, MiB", ".0f"),
    ("memory of a link, KiB", ".1f"),
    ("CPU of opening a link, µs", ".0f"),
    ("CPU of an idle link, µs each second", ".2f"),
    ("cores in use while people acted", ".2f"),
)


class Report:
    """A run, as far as it came."""

    def __init__(self, cast: Cast, books: Books, marks: Mapping[str, Mark]) -> None:
        self._cast = cast
        self._books = books
        ledger = total(actor.person.ledger for actor in cast.actors)
        self.verdict = Verdict(
            ledger.lost + books.missing, ledger.duplicated + books.duplicated, ledger.out_of_order
        )  # fmt: skip
        links = len(cast.actors)
        self._costs = {whose: bill(marks, whose, links) for whose in ("gateway", "crowd")}

    @property
    def clean(self) -> bool:
        """Tell whether everything was answered, and nothing lost, seen twice or out of order."""
        return not any(self.verdict) and not self._books.unanswered

    def lines(self) -> Iterator[str]:
        """Write it for a person."""
        books = self._books
        yield "Who reached whom"
        yield show("who", books.tallies())
        if books.refusals:
            yield "\nWhat was refused"
            rows = [(one.persona, one.rule, one.times, ADVICE[one.advice]) for one in books.refusals.values()]
            yield table(("who", "by the rule", "times", "again"), rows)
        if any(self._costs.values()):
            yield "\nWhat it cost"
            yield table(("what", *self._costs), list(self._bills()))
        yield f"\n{len(self._cast.actors)} people on real links: {books}, {self._deleted} relations deleted."
        if books.unanswered:
            yield f"{books.unanswered} were not answered: what became of them is not known."
        if books.late_s > LATE_S:
            yield f"This process fell {books.late_s:.1f} s behind: the latencies tell of that too."
        yield str(self.verdict)

    @property
    def _deleted(self) -> int:
        return sum(row.deleted for row in self._books.rows)

    def _bills(self) -> Iterator[tuple[str, ...]]:
        for index, (what, form) in enumerate(_COSTS):
            yield what, *("-" if cost is None else format(cost[index], form) for cost in self._costs.values())

    def as_object(self) -> dict[str, Any]:
        """Write it for a program."""
        return {
            "people": len(self._cast.actors),
            "seed": self._cast.crowd.seed,
            "corpid": self._cast.crowd.corpid,
            "personas": [tally._asdict() for tally in self._books.tallies()],
            "refused": [asdict(one) for one in self._books.refusals.values()],
            "deleted": self._deleted,
            "unanswered": self._books.unanswered,
            "late_ms_max": self._books.late_s * 1000,
            **self.verdict._asdict(),
            "cost": {whose: cost._asdict() if cost is not None else None for whose, cost in self._costs.items()},
        }

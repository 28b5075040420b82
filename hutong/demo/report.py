"""The tables at the end of the demo, for a person to check by eye."""

from collections.abc import Iterator

from hutong.commands.console import moment, table
from hutong.demo.cast import Cast
from hutong.demo.census import Census
from hutong.tally import ADVICE, Verdict, show, total


def verdict(census: Census, cast: Cast) -> Verdict:
    """Count what was lost, duplicated and out of order, by the clients' own books."""
    ledger = total(person.ledger for person in cast.people.values())
    lost = ledger.lost + census.missing()
    return Verdict(lost, ledger.duplicated + census.twice + census.overheard(), ledger.out_of_order)


def lines(census: Census, cast: Cast) -> Iterator[str]:
    """Write the report."""
    yield "Who reached whom"
    yield show("what", map(census.tally, census.acts()))
    yield ""
    yield "What was refused"
    yield table(("who, to whom", "by the rule", "again at (UTC+8)"), list(_refusals(census, cast)))
    yield ""
    spoken = [spoken for spoken in census.spoken.values() if spoken.accepted]
    heard = sum(len(one.heard) for one in spoken)
    yield f"{len(cast.people)} people on real links: {len(spoken)} messages accepted, {heard} deliveries."
    yield str(verdict(census, cast))


def _refusals(census: Census, cast: Cast) -> Iterator[tuple[str, ...]]:
    for refusal in census.refusals:
        again = moment(refusal.retry_at_ms) if refusal.retry_at_ms else ADVICE.get(refusal.advice, refusal.advice)
        who = cast.name(refusal.who) if refusal.who in cast.names else refusal.who
        yield f"{who} → {refusal.whom}", refusal.rule, again

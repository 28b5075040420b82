"""The tables at the end of the demo, for a person to check by eye."""

from collections.abc import Iterator

from hutong.commands.console import moment, table
from hutong.demo.cast import Cast
from hutong.demo.census import Census, total

ADVICE = {"never": "never", "later": "later", "change": "once that has changed"}


def verdict(census: Census, cast: Cast) -> tuple[int, int, int]:
    """Count what was lost, duplicated and out of order, by the clients' own books."""
    ledger = total(person.ledger for person in cast.people.values())
    lost = ledger.lost + census.missing()
    return lost, ledger.duplicated + census.twice + census.overheard(), ledger.out_of_order


def lines(census: Census, cast: Cast) -> Iterator[str]:
    """Write the report."""
    yield "Who reached whom"
    yield table(("what", "sent", "accepted", "refused", "due", "heard", "p50 ms", "p99 ms"), list(_acts(census)))
    yield ""
    yield "What was refused"
    yield table(("who, to whom", "by the rule", "again at (UTC+8)"), list(_refusals(census, cast)))
    yield ""
    spoken = [spoken for spoken in census.spoken.values() if spoken.accepted]
    heard = sum(len(one.heard) for one in spoken)
    lost, duplicated, disordered = verdict(census, cast)
    yield f"{len(cast.people)} people on real links: {len(spoken)} messages accepted, {heard} deliveries."
    yield f"{lost} lost, {duplicated} duplicated, {disordered} out of order: counted by the clients."


def _acts(census: Census) -> Iterator[tuple[object, ...]]:
    for act in census.acts():
        spoken = census.of(act)
        accepted = [one for one in spoken if one.accepted]
        due, heard = sum(len(one.due) for one in accepted), sum(len(one.heard) for one in accepted)
        timed = census.latency_ms(act)
        fifty, ninety_nine = (f"{timed[0]:.1f}", f"{timed[1]:.1f}") if timed else ("-", "-")
        yield act, len(spoken), len(accepted), len(spoken) - len(accepted), due, heard, fifty, ninety_nine


def _refusals(census: Census, cast: Cast) -> Iterator[tuple[str, ...]]:
    for refusal in census.refusals:
        again = moment(refusal.retry_at_ms) if refusal.retry_at_ms else ADVICE.get(refusal.advice, refusal.advice)
        who = cast.name(refusal.who) if refusal.who in cast.names else refusal.who
        yield f"{who} → {refusal.whom}", refusal.rule, again

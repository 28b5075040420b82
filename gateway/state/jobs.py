"""Long actions that are done a slice a turn, and the MQTT commands whose outcome is still remembered."""

from typing import Final

from msgspec import Raw, Struct

from gateway.events import Origin

JOBS_MAX: Final = 1_000  # of the whole gateway
REMEMBERED_MS: Final = 24 * 3_600_000  # a repeat within this time gets its first outcome
REMEMBERED_MAX: Final = 20_000  # commands remembered for one enterprise


class Job(Struct, array_like=True):
    """A message to many: who is still to get it, from `done` on.

    Of a mass message, `mass` is its id, and `affair` what members are told of it, empty where it is delivered.
    Of an app's message, `msgid` is its id, and where there is an `affair` the recipients are the conversations that are
    told what became of it.
    """

    id: int
    corpid: str
    by_app: bool
    sender: str
    recipients: tuple[str, ...]
    content: Raw
    origin: Origin
    done: int = 0
    mass: str = ""
    affair: str = ""
    msgid: str = ""


class Outcome(Struct, array_like=True, frozen=True):
    """Where the first outcome of an MQTT command stands: accepted, refused, or begun as a job."""

    time_ms: int
    epoch: int
    position: int


def _key(origin: Origin) -> str:
    """Name a command by source and id; the length keeps two pairs from sharing a name."""
    return f"{len(origin.source)}:{origin.source}{origin.id}"


def remember(table: dict[str, Outcome], origin: Origin, outcome: Outcome) -> None:
    """Keep the first outcome of a command, in place of the oldest once the table is full, or of one too old."""
    key = _key(origin)
    known = table.get(key)
    if known is not None:
        if outcome.time_ms - known.time_ms < REMEMBERED_MS:
            return
        del table[key]  # so that the table stays in the order of time
    if len(table) >= REMEMBERED_MAX:
        del table[next(iter(table))]
    table[key] = outcome


def recall(table: dict[str, Outcome], origin: Origin, now_ms: int) -> Outcome | None:
    """Give the first outcome of a repeated command, if it is not too old."""
    outcome = table.get(_key(origin))
    return outcome if outcome is not None and now_ms - outcome.time_ms < REMEMBERED_MS else None

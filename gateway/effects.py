"""What the world must be told at once, beyond messages and answers: links to close.

Effects are derived from events, performed after their append, and lost in a crash: what must not be lost is read from
the journal by whoever needs it.
"""

from typing import NamedTuple

from gateway import events
from gateway.state import State
from protocol.errors import Close


class CloseLinks(NamedTuple):
    """Close links: of a person, of an enterprise's members, of one token, or of everyone (all empty)."""

    close: Close
    text: str
    person: str = ""
    corpid: str = ""
    token_id: str = ""


def of(state: State, event: events.AnyEvent) -> list[CloseLinks]:
    """Derive the effects of an event that was just applied."""
    if isinstance(event, events.MemberPut) and event.departed:
        return [
            CloseLinks(Close.FORBIDDEN, "you have left the enterprise", state.corps[event.corpid].members[event.userid])
        ]
    if isinstance(event, events.TokenRevoked):
        return [CloseLinks(Close.NOT_AUTHENTICATED, "the token was revoked", token_id=event.token_id)]
    if isinstance(event, events.CorpReset):
        return [CloseLinks(Close.FORBIDDEN, "the enterprise was reset", corpid=event.corpid)]
    if isinstance(event, events.WorldReset):
        return [CloseLinks(Close.RESTART, "the world was reset")]
    return []

"""Do they know each other? A live relation in a single chat, a seat in a group, a tie to the enterprise for an app."""

from gateway.policy.attempt import Attempt, Line, verdict
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.people import Consumer
from protocol.errors import DISMISSED, NOT_IN_GROUP, NOT_RELATED, PENDING, WRONG_KIND

_DISMISSED = Refusal(DISMISSED, "group/dismissed")
_NOT_RELATED = Refusal(NOT_RELATED, "relation/live")
_COLLEAGUES = Refusal(WRONG_KIND, "relation/colleagues")  # what they say to each other stays off the bridge


def check(state: State, attempt: Attempt) -> Refusal | None:
    conversation = attempt.conversation
    relation = conversation.relation
    if relation is not None:
        if relation.live:
            return None
        return Refusal(PENDING, "relation/pending") if relation.status == "pending" else _NOT_RELATED
    if conversation.kind == "app_group" and attempt.app is None:
        return _COLLEAGUES
    if conversation.group is not None:
        if conversation.group.dismissed:
            return _DISMISSED
        seated = attempt.key in conversation.group.seats or attempt.app is not None  # an app needs no seat at home
        return None if seated else Refusal(NOT_IN_GROUP, "relation/seat")
    if conversation.app is None:
        return Refusal(WRONG_KIND, "relation/kind")
    person = state.people[conversation.app.person]
    if isinstance(person, Consumer) and person.known[conversation.corpid].ties == 0:
        return _NOT_RELATED
    return None


def explain(state: State, attempt: Attempt) -> list[Line]:
    refusal = check(state, attempt)
    return [verdict("relation", refusal.rule if refusal else "relation", refusal)]

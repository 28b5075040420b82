"""Does the other side want it? A block stops the single chat, a mute the enterprise's apps, not its people.

What a bot answers was asked for, and passes a mute.
"""

from gateway.policy.attempt import Attempt, Line, verdict
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.people import Consumer
from protocol.errors import BLOCKED, MUTED

_BLOCKED = Refusal(BLOCKED, "consent/blocked")


def check(state: State, attempt: Attempt) -> Refusal | None:
    conversation = attempt.conversation
    relation = conversation.relation
    if relation is not None:
        blocked = relation.blocked_by_consumer if attempt.side == "member" else relation.blocked_by_member
        return _BLOCKED if blocked else None
    if conversation.app is not None and attempt.side == "app" and not attempt.answers:
        person = state.people[conversation.app.person]
        if isinstance(person, Consumer) and person.known[conversation.corpid].muted:
            return Refusal(MUTED, "consent/muted")
    return None


def explain(state: State, attempt: Attempt) -> list[Line]:
    refusal = check(state, attempt)
    return [verdict("consent", refusal.rule if refusal else "consent", refusal)]

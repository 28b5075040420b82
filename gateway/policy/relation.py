"""Do they know each other? A live relation in a single chat, a seat in a group, a tie to the enterprise for an app.

A bot needs a seat in a group, which other apps do not at home; and a person needs no tie for a bot: who has entered it
may talk to it, and be answered.
"""

from gateway.policy.attempt import Attempt, Line, verdict
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.conversations import Group
from gateway.state.people import Consumer
from protocol.errors import DISMISSED, NOT_IN_GROUP, NOT_RELATED, PENDING, WRONG_KIND

_DISMISSED = Refusal(DISMISSED, "group/dismissed")
_NOT_RELATED = Refusal(NOT_RELATED, "relation/live")
_NOT_ENTERED = Refusal(NOT_RELATED, "relation/entered")
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
        return None if _is_seated(conversation.group, attempt) else Refusal(NOT_IN_GROUP, "relation/seat")
    if conversation.app is None:
        return Refusal(WRONG_KIND, "relation/kind")
    chat = conversation.app
    app = attempt.corp.apps.get(chat.agent_id)
    if app is not None and app.bot is not None:
        return None if chat.entered_day >= 0 else _NOT_ENTERED
    person = state.people[chat.person]
    if isinstance(person, Consumer) and person.known[conversation.corpid].ties == 0:
        return _NOT_RELATED
    return None


def _is_seated(group: Group, attempt: Attempt) -> bool:
    app = attempt.app
    if app is None:
        return attempt.key in group.seats
    return app.bot is None or app.agent_id in group.bots


def explain(state: State, attempt: Attempt) -> list[Line]:
    refusal = check(state, attempt)
    return [verdict("relation", refusal.rule if refusal else "relation", refusal)]

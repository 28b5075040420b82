"""Do they know each other? A live relation in a single chat, a seat in a group, a tie to the enterprise for an app.

With a bot it is otherwise. A person needs no tie: who has entered it may talk to it, and be answered. It speaks unasked
only to those who have written to it, in single chats and in groups alike; and in a group it needs a seat, which other
apps do not at home.
"""

from gateway.policy.attempt import Attempt, Line, verdict
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.conversations import AppChat, Group
from gateway.state.people import Consumer
from protocol.errors import DISMISSED, NEVER_WRITTEN, NOT_IN_GROUP, NOT_RELATED, PENDING, WRONG_KIND

_DISMISSED = Refusal(DISMISSED, "group/dismissed")
_NOT_RELATED = Refusal(NOT_RELATED, "relation/live")
_NOT_ENTERED = Refusal(NOT_RELATED, "relation/entered")
_NEVER_WRITTEN = Refusal(NEVER_WRITTEN, "relation/written")
_NO_SEAT = Refusal(NOT_IN_GROUP, "relation/seat")
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
        return _DISMISSED if conversation.group.dismissed else _check_seat(conversation.group, attempt)
    if conversation.app is None:
        return Refusal(WRONG_KIND, "relation/kind")
    chat = conversation.app
    app = attempt.corp.apps.get(chat.agent_id)
    if app is not None and app.bot is not None:
        return _check_chat(chat, attempt)
    person = state.people[chat.person]
    if isinstance(person, Consumer) and person.known[conversation.corpid].ties == 0:
        return _NOT_RELATED
    return None


def _check_seat(group: Group, attempt: Attempt) -> Refusal | None:
    app = attempt.app
    if app is None:
        return None if attempt.key in group.seats else _NO_SEAT
    if app.bot is None or group.bots.get(app.agent_id):
        return None
    if app.agent_id not in group.bots:
        return _NO_SEAT
    return None if attempt.answers else _NEVER_WRITTEN


def _check_chat(chat: AppChat, attempt: Attempt) -> Refusal | None:
    if chat.entered_day < 0:
        return _NOT_ENTERED
    unasked = attempt.app is not None and not attempt.answers
    return _NEVER_WRITTEN if unasked and not chat.written else None


def explain(state: State, attempt: Attempt) -> list[Line]:
    refusal = check(state, attempt)
    return [verdict("relation", refusal.rule if refusal else "relation", refusal)]

"""Welcome codes: given with a new contact, good for 20 s and for once (DOC 92137).

None is given where the two have talked already since they came together, which a welcome by an earlier code is too;
nor where no app is called back, since nobody would hear of it.
"""

from collections.abc import Callable
from typing import Any, Final

from gateway import commands, policy
from gateway.decide.draft import Draft
from gateway.events import AnyEvent, WelcomeGiven, WelcomeSpent
from gateway.policy.attempt import Attempt
from gateway.policy.badge import badge_of
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.ways import WELCOME_MS
from protocol.codec import MSGPACK
from protocol.errors import UNKNOWN_WELCOME, WELCOMED
from protocol.ids import derive_free


def give(draft: Draft, corpid: str, conversation: str) -> str:
    """Give a welcome code for the customer of a single chat, if one is due; else an empty text."""
    corp = draft.state.corps[corpid]
    known = draft.state.conversations.get(conversation)
    relation = known.relation if known is not None else None
    talked = known is not None and relation is not None and relation.live and known.head > relation.began
    if talked or not draft.state.listeners(corpid):
        return ""
    code = derive_free(corp.ways.welcomes, "wel", draft.state.seed, corpid, corp.ways.given + 1)
    draft.add(WelcomeGiven(corpid, code, conversation, draft.now_ms))
    return code


def send(state: State, now_ms: int, command: commands.SendWelcome) -> list[AnyEvent] | Refusal:
    """Have the member welcome the customer: everything that is to be said, or nothing of it."""
    corp = state.corps.get(command.corpid)
    welcome = corp.ways.welcomes.get(command.code) if corp is not None else None
    if corp is None or welcome is None or now_ms > welcome.given_ms + WELCOME_MS:
        return Refusal(UNKNOWN_WELCOME, "ways/welcome")
    conversation = state.conversations[welcome.conversation]
    relation = state.relation(conversation.id)
    if welcome.spent or conversation.head > relation.began:
        return Refusal(WELCOMED, "ways/welcome")
    member = state.member(relation.member)
    badge = badge_of(member, corp, now_ms)
    draft = Draft(state, now_ms)
    for content in command.contents:
        size = len(MSGPACK.encode(content))
        attempt = Attempt(now_ms, corp, conversation, "member", member.key, content, size, member)
        refusal = policy.check_standing(state, attempt)
        if refusal is not None:
            return refusal
        draft.say(attempt, member.userid, badge)
    draft.add(WelcomeSpent(corp.corpid, command.code))
    return draft.events


HANDLERS: Final[dict[type, Callable[[State, int, Any], list[AnyEvent] | Refusal]]] = {commands.SendWelcome: send}

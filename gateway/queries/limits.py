"""Why may this be said, or why not? Every rule's mind of one message that nobody sends.

Where two people have no conversation one is thought of, whose relation refuses: the other rules then speak too.
"""

from typing import Final, Literal

from msgspec import Struct

from gateway import policy
from gateway.policy.attempt import Attempt, Line
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.conversations import AppChat, Conversation, Relation
from gateway.state.corps import App, Corp
from gateway.state.people import AnyPerson, Consumer, Member
from protocol.codec import MSGPACK
from protocol.content import Text
from protocol.errors import UNKNOWN_APP, UNKNOWN_CONVERSATION, UNKNOWN_CORP, UNKNOWN_PERSON

MASS: Final[dict[str, Literal["", "corp_mass", "own_mass"]]] = {"": "", "corp": "corp_mass", "own": "own_mass"}


class RefusalView(Struct, frozen=True):
    """The first rule that refuses; `retry_at_ms` is 0 where waiting does not help."""

    code: int
    reason: str
    text: str
    advice: str
    rule: str
    retry_at_ms: int


class Explanation(Struct, frozen=True, omit_defaults=True):
    """What would become of a message now. `conversation` is empty where there is none yet."""

    sender: str
    to: str
    conversation: str
    allowed: bool
    lines: list[Line]
    refusal: RefusalView | None = None


class Speaker(Struct):
    """Who would speak: a person, or an app. `corpid` is empty for a consumer, who belongs to no enterprise."""

    key: str
    side: Literal["member", "consumer", "app"]
    corpid: str
    person: AnyPerson | None = None
    app: App | None = None


def explain(
    state: State, now_ms: int, sender: str, to: str, content: Text, mass: Literal["", "corp", "own"] = ""
) -> Explanation | Refusal:
    """Ask every rule; a refusal of this itself says that somebody named is not there."""
    speaker = _speaker(state, sender)
    if isinstance(speaker, Refusal):
        return speaker
    conversation = _place(state, speaker, to)
    if isinstance(conversation, Refusal):
        return conversation
    corp = state.corps.get(conversation.corpid) or Corp("", "", "")
    attempt = Attempt(
        now_ms, corp, conversation, speaker.side, speaker.key, content, len(MSGPACK.encode(content)), speaker.person,
        speaker.app, MASS[mass if speaker.side == "member" else ""],
    )  # fmt: skip
    refusal = policy.check(state, attempt)
    lines = policy.explain(state, attempt)
    return Explanation(sender, to, conversation.id, refusal is None, lines, _told(refusal) if refusal else None)


def _told(refusal: Refusal) -> RefusalView:
    reason = refusal.reason
    return RefusalView(reason.code, reason.name, reason.text, reason.advice, refusal.rule, refusal.retry_at_ms)


def _speaker(state: State, sender: str) -> Speaker | Refusal:
    """Find who is named: `corpid/userid`, `corpid/#agent_id`, or a consumer's handle."""
    corpid, _, name = sender.rpartition("/")
    if name.startswith("#"):
        corp = state.corps.get(corpid)
        if corp is None:
            return Refusal(UNKNOWN_CORP)
        app = corp.apps.get(name[1:])
        return Speaker(sender, "app", corpid, app=app) if app is not None else Refusal(UNKNOWN_APP)
    person = state.people.get(state.key_of(sender))
    return Speaker(person.key, person.side, corpid, person) if person is not None else Refusal(UNKNOWN_PERSON)


def _place(state: State, speaker: Speaker, to: str) -> Conversation | Refusal:
    """Find the conversation that is meant: by its id, by a group's chat_id, or by the other person."""
    there = state.conversations.get(to)
    if there is not None:
        return there if _may_name(speaker, there) else Refusal(UNKNOWN_CONVERSATION)
    other = state.people.get(state.key_of(to))
    if other is not None:
        return _between(state, speaker, other)
    corpids = [speaker.corpid] if speaker.corpid else list(getattr(speaker.person, "known", ()))
    for corpid in corpids:
        name = state.corps[corpid].chats.get(to)
        if name is not None:
            return state.conversations[name]
    return Refusal(UNKNOWN_PERSON)


def _may_name(speaker: Speaker, conversation: Conversation) -> bool:
    """Tell whether a conversation is the speaker's to name, as it would be in a send."""
    if speaker.person is not None:
        return conversation.id in speaker.person.conversations
    assert speaker.app is not None
    mine = conversation.app is not None and conversation.app.agent_id == speaker.app.agent_id
    return conversation.corpid == speaker.corpid and (mine or conversation.group is not None)


def _between(state: State, speaker: Speaker, other: AnyPerson) -> Conversation:
    """Give the conversation of two, or one that is only thought of."""
    if speaker.app is not None:
        return _with_app(state, speaker, speaker.app, other)
    member, consumer = (other, speaker.person) if isinstance(other, Member) else (speaker.person, other)
    if not isinstance(member, Member) or not isinstance(consumer, Consumer):
        return _of_no_kind(speaker)
    name = member.contacts.get(consumer.key)
    return state.conversations[name] if name is not None else _of_strangers(member.corpid, member.key, consumer.key)


def _with_app(state: State, speaker: Speaker, app: App, other: AnyPerson) -> Conversation:
    name = app.conversations.get(other.key)
    if name is not None:
        return state.conversations[name]
    if isinstance(other, Consumer) and speaker.corpid not in other.known:
        return _of_strangers(speaker.corpid, "", other.key)
    if isinstance(other, Member) and other.corpid != speaker.corpid:
        return _of_no_kind(speaker)
    return Conversation("", "app", speaker.corpid, app=AppChat(app.agent_id, other.key))


def _of_strangers(corpid: str, member: str, consumer: str) -> Conversation:
    """Think of a single chat whose relation was never made."""
    return Conversation("", "single", corpid, relation=Relation(member, consumer, "refused"))


def _of_no_kind(speaker: Speaker) -> Conversation:
    """Think of a chat that the bridge does not have, as between colleagues."""
    return Conversation("", "own", speaker.corpid, person=speaker.key)


__all__ = ["Explanation", "Line", "RefusalView", "explain"]

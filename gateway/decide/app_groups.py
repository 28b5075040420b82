"""Groups of members that an app makes, and speaks in (DOC 90244 to 90248).

Rules of the file:
- An app has to do with its own groups only; those of other apps are not its, those of others are not there.
- A group has 2 to 2,000 members, its owner among them.
- Members read what the app says; what colleagues say to each other stays inside WeCom, off the bridge.
"""

from typing import Final

from gateway import policy
from gateway.commands.app_groups import ChangeAppGroup, MakeAppGroup, SayInAppGroup
from gateway.decide import media, seats
from gateway.decide.directory import Handler
from gateway.decide.draft import Draft
from gateway.events import AnyEvent
from gateway.events.app_groups import AppGroupPut
from gateway.policy.attempt import Attempt
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.conversations import CONVERSATIONS_MAX, Conversation
from gateway.state.corps import App, Corp
from protocol.codec import MSGPACK
from protocol.content import Notice
from protocol.errors import (
    EXISTS,
    GROUP_SEATS,
    NOT_ITS_GROUP,
    OWNER_OUTSIDE,
    TOO_MANY,
    UNKNOWN_APP,
    UNKNOWN_CONVERSATION,
    UNKNOWN_CORP,
    UNKNOWN_PERSON,
)
from protocol.ids import app_key, derive_free

SEATS_MIN: Final = 2
SEATS_MAX: Final = 2_000
GROUPS_MAX: Final = 50_000  # of one enterprise


def make(state: State, now_ms: int, command: MakeAppGroup) -> list[AnyEvent] | Refusal:
    """Make a group with these members."""
    corp = _app(state, command.corpid, command.agent_id)
    if isinstance(corp, Refusal):
        return corp
    if command.chat_id in corp.app_groups:
        return Refusal(EXISTS, "appchat/chatid")
    members = _members(state, corp, command.members)
    if isinstance(members, Refusal):
        return members
    owner = corp.members.get(command.owner, "") if command.owner else members[0] if members else ""
    refusal = _check_seats(members, owner)
    if len(corp.app_groups) >= GROUPS_MAX or len(state.conversations) >= CONVERSATIONS_MAX:
        refusal = Refusal(TOO_MANY, "conversations")
    if refusal is not None:
        return refusal
    draft = Draft(state, now_ms)
    chat_id = command.chat_id or derive_free(
        {**corp.app_groups, **corp.chats}, "wr", state.seed, corp.corpid, "app", len(corp.app_groups) + 1
    )  # fmt: skip
    conversation = draft.new_id("cv", corp.corpid)
    draft.add(AppGroupPut(corp.corpid, conversation, chat_id, command.agent_id, command.name, owner, now_ms))
    seats.give(draft, conversation, (corp.corpid, chat_id, command.name), members, "created")
    return draft.events


def _app(state: State, corpid: str, agent_id: str) -> Corp | Refusal:
    corp = state.corps.get(corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    return corp if agent_id in corp.apps else Refusal(UNKNOWN_APP)


def _members(state: State, corp: Corp, userids: tuple[str, ...]) -> tuple[str, ...] | Refusal:
    """Find the members that are named, each once; one who is not there spoils it all."""
    keys = [corp.members.get(userid, "") for userid in dict.fromkeys(userids)]
    if any(not key or state.member(key).departed for key in keys):
        return Refusal(UNKNOWN_PERSON, "appchat/members")
    return tuple(keys)


def _check_seats(members: tuple[str, ...], owner: str) -> Refusal | None:
    if not SEATS_MIN <= len(members) <= SEATS_MAX:
        return Refusal(GROUP_SEATS, "appchat/seats", 0, len(members), SEATS_MAX)
    return None if owner in members else Refusal(OWNER_OUTSIDE, "appchat/owner")


def _own(state: State, corpid: str, agent_id: str, chat_id: str) -> tuple[Corp, Conversation] | Refusal:
    """Find a group that this app has made."""
    corp = _app(state, corpid, agent_id)
    if isinstance(corp, Refusal):
        return corp
    found = corp.app_groups.get(chat_id)
    if found is None:
        return Refusal(UNKNOWN_CONVERSATION)
    if found.agent_id != agent_id:
        return Refusal(NOT_ITS_GROUP)
    return corp, state.conversations[found.conversation]


def change(state: State, now_ms: int, command: ChangeAppGroup) -> list[AnyEvent] | Refusal:
    """Change a group, all at once or not at all; the first who is left follows an owner who goes."""
    found = _own(state, command.corpid, command.agent_id, command.chat_id)
    if isinstance(found, Refusal):
        return found
    corp, conversation = found
    group = conversation.group
    assert group is not None
    named = _members(state, corp, command.add)
    if isinstance(named, Refusal):
        return named
    new = tuple(key for key in named if key not in group.seats)
    named_out = dict.fromkeys(corp.members.get(userid, "") for userid in command.remove)
    gone = tuple(key for key in named_out if key in group.seats)
    left = tuple(key for key in (*group.seats, *new) if key not in gone)
    owner = corp.members.get(command.owner, "") if command.owner else group.owner
    if not command.owner and owner in gone:
        owner = left[0] if left else ""
    refusal = _check_seats(left, owner)
    if refusal is not None:
        return refusal
    draft = Draft(state, now_ms)
    name = command.name or group.name
    if (name, owner) != (group.name, group.owner):
        draft.add(AppGroupPut(corp.corpid, conversation.id, command.chat_id, command.agent_id, name, owner, now_ms))
    if new:
        seats.give(draft, conversation.id, (corp.corpid, command.chat_id, name), new, "invited")
    if name != group.name:
        draft.post(corp.corpid, conversation.id, Notice("renamed", text=name))
    if owner != group.owner:
        draft.post(corp.corpid, conversation.id, Notice("owner_changed", who=(state.member(owner).userid,)))
    if gone:
        seats.take(draft, conversation, gone, "removed")
    return draft.events


def say(state: State, now_ms: int, command: SayInAppGroup) -> list[AnyEvent] | Refusal:
    """Let the app say something in its group, through the same policies as everything."""
    found = _own(state, command.corpid, command.agent_id, command.chat_id)
    if isinstance(found, Refusal):
        return found
    corp, conversation = found
    app: App = corp.apps[command.agent_id]
    key = app_key(corp.corpid, app.agent_id)
    body_bytes = len(MSGPACK.encode(command.content))
    attempt = Attempt(now_ms, corp, conversation, "app", key, command.content, body_bytes, app=app)
    refusal = media.check(corp.media, now_ms, command.content) or policy.check(state, attempt)
    if refusal is not None:
        return refusal
    draft = Draft(state, now_ms)
    draft.say(attempt, app.agent_id, None)
    return draft.events


HANDLERS: Final[dict[type, Handler]] = {MakeAppGroup: make, ChangeAppGroup: change, SayInAppGroup: say}

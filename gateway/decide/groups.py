"""Customer groups: who may make one, who gets a seat, who runs it. Every change is a record of the group's own log."""

from gateway.decide.draft import Draft
from gateway.decide.seats import BOTS_MAX, seat, seat_bots, tell, unseat
from gateway.decide.seats import dismiss as end
from gateway.events import GroupPut
from gateway.policy import content, group_size, speak
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.conversations import CONVERSATIONS_MAX, Conversation, Group
from gateway.state.corps import Corp
from gateway.state.people import AnyPerson, Member
from protocol import frames
from protocol.content import Notice, Text
from protocol.errors import (
    ALREADY,
    BADGE_TOO_LOW,
    BLOCKED,
    DEPARTED,
    EMPTY,
    NOT_ADMIN,
    NOT_IN_GROUP,
    NOT_OWNER,
    NOT_RELATED,
    TOO_MANY,
    UNKNOWN_APP,
    UNKNOWN_CONVERSATION,
    UNKNOWN_PERSON,
    WRONG_KIND,
    WRONG_SIDE,
)
from protocol.wecom.changes import ChatCreated


def create(state: State, now_ms: int, person: AnyPerson, frame: frames.Create) -> Draft | Refusal:
    """Let a member make a group with colleagues and with customers of their own."""
    if not isinstance(person, Member):
        return Refusal(WRONG_SIDE)
    corp = state.corps[person.corpid]
    refusal = speak.refusal_of(state, person) or may_make(state, corp, now_ms)
    if refusal is not None:
        return refusal
    guests = _guests(state, corp, person, frame.members, frame.consumers)
    if isinstance(guests, Refusal):
        return guests
    everyone = (person.key, *(guest for guest in guests if guest != person.key))
    refusal = group_size.check(state, None, len(everyone))
    if refusal is not None:
        return refusal
    return make(Draft(state, now_ms), person, frame.name, everyone)


def make(draft: Draft, owner: Member, name: str, people: tuple[str, ...]) -> Draft | Refusal:
    """Make a group, and tell the enterprise."""
    if len(draft.state.conversations) >= CONVERSATIONS_MAX:
        return Refusal(TOO_MANY, "conversations")
    corpid = owner.corpid
    chat_id = draft.new_id("wr", corpid)
    draft.conversation = draft.new_id("cv", corpid)
    draft.add(GroupPut(corpid, draft.conversation, chat_id, name, owner.key, (), "", draft.now_ms))
    seat(draft, draft.conversation, (corpid, chat_id, name), people, "created", owner.key)
    draft.call_back(corpid, ChatCreated(chat_id))
    return draft


def _guests(
    state: State, corp: Corp, host: Member, userids: tuple[str, ...], externals: tuple[str, ...]
) -> tuple[str, ...] | Refusal:
    """Find the people named: colleagues who may speak, and customers who know the host and have not blocked them."""
    keys: dict[str, None] = {}
    for userid in userids:
        key = corp.members.get(userid)
        if key is None:
            return Refusal(UNKNOWN_PERSON)
        refusal = speak.refusal_of(state, state.member(key))
        if refusal is not None:
            return refusal
        keys[key] = None
    for external in externals:
        handle = corp.consumers.get(external)
        if handle is None:
            return Refusal(UNKNOWN_PERSON)
        chat = state.conversations.get(host.contacts.get(handle, ""))
        if chat is None or chat.relation is None or not chat.relation.live:
            return Refusal(NOT_RELATED, "relation/live")
        if chat.relation.blocked_by_consumer:
            return Refusal(BLOCKED, "consent/blocked")
        keys[handle] = None
    return tuple(keys)


def may_make(state: State, corp: Corp, now_ms: int) -> Refusal | None:
    """Tell why the enterprise's members may make no groups, or None."""
    if corp.has(state.profile.group_create_certification_min, now_ms):
        return None
    return Refusal(BADGE_TOO_LOW, "badge/group_create_certification_min")


def _group(state: State, person: AnyPerson, name: str) -> tuple[Conversation, Group] | Refusal:
    """Find a group that this person sits in."""
    conversation = state.conversations.get(name)
    if conversation is None or name not in person.conversations:
        return Refusal(UNKNOWN_CONVERSATION)
    if conversation.group is None or conversation.kind != "group":
        return Refusal(WRONG_KIND)
    return (conversation, conversation.group) if person.key in conversation.group.seats else Refusal(NOT_IN_GROUP)


def invite(state: State, now_ms: int, person: AnyPerson, frame: frames.Invite) -> Draft | Refusal:
    """Let a member bring in colleagues and customers of their own."""
    found = _group(state, person, frame.conversation)
    if isinstance(found, Refusal):
        return found
    conversation, group = found
    if not isinstance(person, Member):
        return Refusal(WRONG_SIDE)
    refusal = speak.refusal_of(state, person)
    if refusal is not None:
        return refusal
    corp = state.corps[conversation.corpid]
    guests = _guests(state, corp, person, frame.members, frame.consumers)
    if isinstance(guests, Refusal):
        return guests
    new = tuple(key for key in guests if key not in group.seats)
    bots = tuple(bot for bot in dict.fromkeys(frame.bots) if bot not in group.bots)
    if not new and not bots:
        return Refusal(ALREADY if guests or frame.bots else EMPTY, "relation/seat")
    refusal = (group_size.check(state, group, len(new)) if new else None) or _may_bring(corp, group, bots)
    if refusal is not None:
        return refusal
    draft = Draft(state, now_ms)
    if new:
        seat(draft, conversation.id, (conversation.corpid, group.chat_id, group.name), new, "invited", person.key)
    if bots:
        seat_bots(draft, corp.corpid, conversation.id, (*group.bots, *bots), Notice("joined", who=bots))
    draft.conversation = conversation.id
    return draft


def _may_bring(corp: Corp, group: Group, bots: tuple[str, ...]) -> Refusal | None:
    """Tell why these bots may not be brought in. They take no place of a person's, and have a bound of their own."""
    for agent_id in bots:
        app = corp.apps.get(agent_id)
        if app is None or app.bot is None:
            return Refusal(UNKNOWN_APP, "group/bots")
    return Refusal(TOO_MANY, "group/bots_max") if len(group.bots) + len(bots) > BOTS_MAX else None


def _runs(group: Group, key: str) -> bool:
    return key == group.owner or key in group.admins


def remove(state: State, now_ms: int, person: AnyPerson, frame: frames.Remove) -> Draft | Refusal:
    """Let the owner remove anybody, and an admin anybody but the owner and the admins."""
    found = _group(state, person, frame.conversation)
    if isinstance(found, Refusal):
        return found
    conversation, group = found
    corp = state.corps[conversation.corpid]
    named = [corp.members.get(userid, "") for userid in frame.members]
    named += [corp.consumers.get(external, "") for external in frame.consumers]
    keys, bots = tuple(dict.fromkeys(named)), tuple(dict.fromkeys(frame.bots))
    if not keys and not bots:
        return Refusal(EMPTY)
    if not _runs(group, person.key):
        return Refusal(NOT_ADMIN, "group/admin")
    refusal = speak.refusal_of(state, person) if isinstance(person, Member) else None
    if refusal is not None:
        return refusal
    if any(key not in group.seats for key in keys) or any(bot not in group.bots for bot in bots):
        return Refusal(NOT_IN_GROUP, "relation/seat")
    if group.owner in keys or (person.key != group.owner and any(key in group.admins for key in keys)):
        return Refusal(NOT_OWNER, "group/owner")
    draft = Draft(state, now_ms)
    if keys:
        unseat(draft, conversation, keys, "removed")
    if bots:
        left = tuple(bot for bot in group.bots if bot not in bots)
        seat_bots(draft, corp.corpid, conversation.id, left, Notice("removed", who=bots))
    draft.conversation = conversation.id
    return draft


def leave(state: State, now_ms: int, person: AnyPerson, frame: frames.Leave) -> Draft | Refusal:
    """Let anybody leave; an owner who leaves is followed by an admin, or by the colleague who sat longest."""
    found = _group(state, person, frame.conversation)
    if isinstance(found, Refusal):
        return found
    conversation, group = found
    draft = Draft(state, now_ms)
    if person.key == group.owner:
        heirs = [key for key in (*group.admins, *group.seats) if key != person.key]
        heir = next((key for key in heirs if _may_own(state.people[key])), None)
        if heir is None:
            return Refusal(NOT_OWNER, "group/last_member")
        _put(draft, conversation, group, Notice("owner_changed", who=(_name(state, heir),)), owner=heir)
    unseat(draft, conversation, (person.key,), "left")
    draft.conversation = conversation.id
    return draft


def _may_own(person: AnyPerson) -> bool:
    return isinstance(person, Member) and not person.departed


def _name(state: State, member: str) -> str:
    return state.member(member).userid


def _put(
    draft: Draft,
    conversation: Conversation,
    group: Group,
    notice: Notice,
    name: str | None = None,
    owner: str | None = None,
    admins: tuple[str, ...] | None = None,
    text: str | None = None,
) -> None:
    """Change what a group is called or who runs it, and tell the group."""
    owner = group.owner if owner is None else owner
    admins = group.admins if admins is None else admins
    draft.add(
        GroupPut(
            conversation.corpid, conversation.id, group.chat_id, group.name if name is None else name, owner,
            tuple(admin for admin in admins if admin != owner), group.notice if text is None else text, draft.now_ms,
        )
    )  # fmt: skip
    tell(draft, conversation, notice)
    draft.conversation = conversation.id


def _run(state: State, person: AnyPerson, name: str) -> tuple[Conversation, Group] | Refusal:
    """Find a group that this person runs, and may speak in."""
    found = _group(state, person, name)
    if isinstance(found, Refusal):
        return found
    if not _runs(found[1], person.key):
        return Refusal(NOT_ADMIN, "group/admin")
    return (speak.refusal_of(state, person) if isinstance(person, Member) else None) or found


def rename(state: State, now_ms: int, person: AnyPerson, frame: frames.Rename) -> Draft | Refusal:
    """Let the owner or an admin rename the group."""
    found = _run(state, person, frame.conversation)
    if isinstance(found, Refusal):
        return found
    draft = Draft(state, now_ms)
    _put(draft, *found, Notice("renamed", text=frame.name), name=frame.name)
    return draft


def announce(state: State, now_ms: int, person: AnyPerson, frame: frames.Announce) -> Draft | Refusal:
    """Let the owner or an admin set the group's notice; its text is bounded like a message's."""
    found = _run(state, person, frame.conversation)
    if isinstance(found, Refusal):
        return found
    refusal = content.check_body(state.profile, Text(frame.text), 0) if frame.text else None
    if refusal is not None:
        return refusal
    draft = Draft(state, now_ms)
    _put(draft, *found, Notice("announced", text=frame.text), text=frame.text)
    return draft


def _owned(state: State, person: AnyPerson, name: str) -> tuple[Conversation, Group] | Refusal:
    """Find a group that this person owns, and may speak in."""
    found = _group(state, person, name)
    if isinstance(found, Refusal):
        return found
    if person.key != found[1].owner:
        return Refusal(NOT_OWNER, "group/owner")
    return speak.refusal_of(state, state.member(person.key)) or found


def _colleague(state: State, person: AnyPerson, name: str, userid: str) -> tuple[Conversation, Group, str] | Refusal:
    """Find the member of a group whom its owner means."""
    found = _owned(state, person, name)
    if isinstance(found, Refusal):
        return found
    conversation, group = found
    key = state.corps[conversation.corpid].members.get(userid, "")
    return (conversation, group, key) if key in group.seats else Refusal(NOT_IN_GROUP, "relation/seat")


def hand_over(state: State, now_ms: int, person: AnyPerson, frame: frames.HandOver) -> Draft | Refusal:
    """Let the owner make another member of the group its owner."""
    found = _colleague(state, person, frame.conversation, frame.member)
    if isinstance(found, Refusal):
        return found
    conversation, group, key = found
    if key == group.owner:
        return Refusal(ALREADY, "group/owner")
    if not _may_own(state.people[key]):
        return Refusal(DEPARTED, "speak/departed")
    draft = Draft(state, now_ms)
    _put(draft, conversation, group, Notice("owner_changed", who=(frame.member,)), owner=key)
    return draft


def appoint(state: State, now_ms: int, person: AnyPerson, frame: frames.Appoint) -> Draft | Refusal:
    """Let the owner appoint an admin, or dismiss one."""
    found = _colleague(state, person, frame.conversation, frame.member)
    if isinstance(found, Refusal):
        return found
    conversation, group, key = found
    if key == group.owner or (key in group.admins) == frame.on:
        return Refusal(ALREADY, "group/admin")
    admins = (*group.admins, key) if frame.on else tuple(admin for admin in group.admins if admin != key)
    if len(admins) > state.profile.group_admins_max:
        return Refusal(TOO_MANY, "group/group_admins_max")
    draft = Draft(state, now_ms)
    _put(draft, conversation, group, Notice("admin_changed", who=(frame.member,)), admins=admins)
    return draft


def dismiss(state: State, now_ms: int, person: AnyPerson, frame: frames.Dismiss) -> Draft | Refusal:
    """Let the owner end the group."""
    found = _owned(state, person, frame.conversation)
    if isinstance(found, Refusal):
        return found
    draft = Draft(state, now_ms)
    draft.conversation = frame.conversation
    end(draft, found[0])
    return draft

"""Who exists and who knows whom: what control and world files set, past the rules of speaking."""

from collections.abc import Callable
from typing import Any, Final

from gateway import commands, events
from gateway.commands.strictness import SetStrictness
from gateway.decide import departments, members
from gateway.decide.contacts import AFFAIRS, confirmed_by, put, report, tell, tell_edited
from gateway.decide.draft import Draft
from gateway.decide.members import PEOPLE_MAX, Decided
from gateway.decide.seats import seat, seat_bots
from gateway.decide.seats import tell as tell_group
from gateway.decide.ways import check_code, new_code
from gateway.refusal import Refusal
from gateway.rights import SWITCHES
from gateway.state import State
from gateway.state.conversations import Conversation, Relation
from gateway.state.corps import ROOT, Corp
from gateway.state.people import Consumer, Member
from protocol.content import Notice
from protocol.errors import (
    CANCELLED,
    EXISTS,
    MALFORMED,
    TOO_MANY,
    UNKNOWN_APP,
    UNKNOWN_CONVERSATION,
    UNKNOWN_CORP,
    UNKNOWN_DEPARTMENT,
    UNKNOWN_PERSON,
    UNKNOWN_TAG,
)
from protocol.ids import member_key
from protocol.wecom.changes import ChatCreated

CORPS_MAX: Final = 1_000


def put_corp(state: State, now_ms: int, command: commands.PutCorp) -> Decided:
    """Make an enterprise, or change its name, short name and certification."""
    if not command.corpid or "/" in command.corpid or len(command.corpid) > 64:
        return Refusal(MALFORMED, "corpid: 1 to 64 characters without a slash")
    if command.corpid not in state.corps and len(state.corps) >= CORPS_MAX:
        return Refusal(TOO_MANY, "corps")
    return [
        events.CorpPut(
            command.corpid, command.name, command.short_name, command.certification, command.certified_until_ms, now_ms
        )
    ]


def put_app(state: State, now_ms: int, command: commands.PutApp) -> Decided:
    """Make an app, or change it. A bot's id is unique in the world, since it names nobody's enterprise."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    known = corp.apps.get(command.agent_id)
    if command.bot and (command.callback_url or command.agent_id.isdecimal()):
        return Refusal(MALFORMED, "a bot has no callback_url, and its agent_id is no number")
    if known is not None and (known.bot is not None) is not command.bot:
        return Refusal(EXISTS, "bot: an app stays one, and so does a bot")
    if command.bot and state.bots.get(command.agent_id, command.corpid) != command.corpid:
        return Refusal(EXISTS, "bot: another enterprise has it")
    if any(userid not in corp.members for userid in command.rights.members):
        return Refusal(UNKNOWN_PERSON, "range_members")
    return [events.AppPut(**{name: getattr(command, name) for name in command.__struct_fields__})]


def put_department(state: State, now_ms: int, command: commands.PutDepartment) -> Decided:
    """Make a department, or change it."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    if command.parent and command.parent not in corp.departments:
        return Refusal(UNKNOWN_DEPARTMENT)
    if command.parent and (command.id == ROOT or command.parent in corp.below(command.id)):
        return Refusal(MALFORMED, "parent: a department is not above itself, and none is above the root")
    draft = Draft(state, now_ms)
    put = events.DepartmentPut(
        command.corpid, command.id, command.name, command.parent, command.store, command.name_en, command.order
    )
    draft.add(put)
    departments.tell(draft, corp, put)
    return draft.events


def put_member(state: State, now_ms: int, command: commands.PutMember) -> Decided:
    """Make a member, or change one; `departed` is how a member leaves the enterprise."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    if not command.userid or "/" in command.userid or command.userid.startswith("#") or len(command.userid) > 64:
        return Refusal(MALFORMED, "userid: 1 to 64 characters without a slash, not beginning with #")
    if any(department not in corp.departments for department in command.departments):
        return Refusal(UNKNOWN_DEPARTMENT)
    key = state.key_of(member_key(command.corpid, command.userid))
    known = state.people.get(key)
    if isinstance(known, Member) and known.userid != command.userid:
        return Refusal(EXISTS, "userid: a member had it who was renamed")
    if known is None and len(state.people) >= PEOPLE_MAX:
        return Refusal(TOO_MANY, "people")
    refusal = None if command.departed else members.check(corp, key, command.departments, command.details)
    if refusal is not None:
        return refusal
    draft = Draft(state, now_ms)
    known = known if isinstance(known, Member) else None
    own = known.own if known is not None else draft.new_id("cv", command.corpid)
    put = events.MemberPut(
        command.corpid, command.userid, command.name, command.departments, command.activated,
        command.real_name_verified, command.departed, own, command.details,
    )  # fmt: skip
    draft.add(put)
    members.tell(draft, known, put)
    return draft.events


def put_consumer(state: State, now_ms: int, command: commands.PutConsumer) -> Decided:
    """Make a consumer, or change one."""
    if not command.handle or "/" in command.handle or len(command.handle) > 64:
        return Refusal(MALFORMED, "consumer: 1 to 64 characters without a slash")
    if command.handle not in state.people and len(state.people) >= PEOPLE_MAX:
        return Refusal(TOO_MANY, "people")
    if any(corpid not in state.corps for corpid in command.muted):
        return Refusal(UNKNOWN_CORP)
    # A mute of an enterprise that does not know the consumer yet has nothing to stand on, and is passed over.
    draft = Draft(state, now_ms)
    draft.add(events.ConsumerPut(command.handle, command.nickname, command.unionid))
    known = state.people.get(command.handle)
    muted = {corpid: at.muted for corpid, at in known.known.items()} if isinstance(known, Consumer) else {}
    for corpid in command.muted:
        if corpid in muted and not muted[corpid]:
            draft.add(events.ConsumerMuted(command.handle, corpid, True))
    for corpid, was in muted.items():
        if was and corpid not in command.muted:
            draft.add(events.ConsumerMuted(command.handle, corpid, False))
    return draft.events


def put_known(state: State, now_ms: int, command: commands.PutKnown) -> Decided:
    """Make sure that an enterprise knows a consumer."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    consumer = state.people.get(command.consumer)
    if not isinstance(consumer, Consumer):
        return Refusal(UNKNOWN_PERSON)
    if not _may_be_called(corp, consumer, command.external_userid):
        return Refusal(EXISTS, "external_userid")
    draft = Draft(state, now_ms)
    draft.know(command.consumer, command.corpid, command.external_userid)
    return draft.events


def _may_be_called(corp: Corp, consumer: Consumer, external_userid: str) -> bool:
    """Tell whether an enterprise's id for a consumer is the one it has, or a free one for somebody new."""
    known = consumer.known.get(corp.corpid)
    if known is not None:
        return external_userid in ("", known.external_userid)
    return external_userid not in corp.consumers


def put_code(state: State, now_ms: int, command: commands.PutCode) -> Decided:
    """Make a QR code of a member or of a group."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    if command.userid and command.userid not in corp.members:
        return Refusal(UNKNOWN_PERSON)
    if command.chat_id and command.chat_id not in corp.chats:
        return Refusal(UNKNOWN_CONVERSATION)
    if bool(command.userid) == bool(command.chat_id) or len(command.state) > 30:  # DOC 92228: state
        return Refusal(MALFORMED, "a code is of a member or of a group; its state has at most 30 characters")
    refusal = check_code(state, corp.corpid, command.code)
    if refusal is not None:
        return refusal
    code = command.code or new_code(state, corp)
    conversation = corp.chats[command.chat_id] if command.chat_id else ""
    return [events.CodePut(code, command.corpid, command.userid, conversation, command.state, command.skip_verify)]


_SET: Final = (
    "status", "added_by", "state", "remark", "tags", "blocked_by_member", "blocked_by_consumer", "description",
    "company", "mobiles", "tag_ids",
)  # fmt: skip


def put_relation(state: State, now_ms: int, command: commands.PutRelation) -> Decided:
    """Set where a member and a consumer stand."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    consumer = state.people.get(command.consumer)
    if command.member not in corp.members or not isinstance(consumer, Consumer):
        return Refusal(UNKNOWN_PERSON)
    if not _may_be_called(corp, consumer, command.external_userid):
        return Refusal(EXISTS, "external_userid")
    if any(id_ not in corp.tags.group_of for id_ in command.tag_ids):
        return Refusal(UNKNOWN_TAG, "tag_ids")
    member = state.member(corp.members[command.member])
    draft = Draft(state, now_ms)
    own = draft.know(command.consumer, command.corpid, command.external_userid)
    changed: dict[str, Any] = {name: getattr(command, name) for name in _SET}
    if command.made_ms:
        changed["made_ms"] = command.made_ms
    changed["confirmed"] = confirmed_by(command.status) if command.confirmed is None else command.confirmed
    opened = consumer.contacts.get(member.key)
    name = opened or draft.new_id("cv", command.corpid)
    relation = state.relation(opened) if opened is not None else None
    stands = relation or Relation(member.key, command.consumer, command.status, made_ms=now_ms)
    was = relation.status if relation is not None else None
    draft.add(put(command.corpid, name, stands, now_ms, **changed))
    if command.status != was:
        report(draft, command.corpid, name, stands, was, command.status, command.state)
    if relation is not None:
        tell_edited(draft, state.conversations[name], changed)
    if relation is None or relation.status != command.status:
        affair = AFFAIRS[command.status]
        tell(draft, command.corpid, affair, name, member, command.consumer, own, command.state)
    return draft.events


def put_group(state: State, now_ms: int, command: commands.PutGroup) -> Decided:
    """Set a group: who runs it, what it is called, and who has a seat."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    userids = dict.fromkeys((command.owner, *command.admins, *command.members))
    if any(userid not in corp.members for userid in userids):
        return Refusal(UNKNOWN_PERSON)
    if any(not isinstance(state.people.get(handle), Consumer) for handle in command.consumers):
        return Refusal(UNKNOWN_PERSON)
    if any(state.bots.get(agent_id) != command.corpid for agent_id in command.bots):
        return Refusal(UNKNOWN_APP, "bots")
    draft = Draft(state, now_ms)
    chat_id = command.chat_id or draft.new_id("wr", command.corpid)
    conversation = corp.chats.get(chat_id) or draft.new_id("cv", command.corpid)
    admins = tuple(corp.members[userid] for userid in command.admins if userid != command.owner)
    owner = corp.members[command.owner]
    draft.add(
        events.GroupPut(command.corpid, conversation, chat_id, command.name, owner, admins, command.notice, now_ms)
    )
    known = state.conversations.get(conversation)
    group = known.group if known is not None else None
    seats, seated = (group.seats, group.bots) if group is not None else ({}, {})
    everyone = dict.fromkeys([*(corp.members[userid] for userid in userids), *command.consumers])
    new = tuple(key for key in everyone if key not in seats)
    if known is not None:
        _tell_changes(draft, known, command)
    if new:
        seat(draft, conversation, (command.corpid, chat_id, command.name), new, "created", owner)
    bots = tuple(bot for bot in dict.fromkeys(command.bots) if bot not in seated)
    if bots:
        seat_bots(draft, command.corpid, conversation, (*seated, *bots), Notice("joined", who=bots))
    if known is None:
        draft.call_back(command.corpid, ChatCreated(chat_id))
    return draft.events


def _tell_changes(draft: Draft, conversation: Conversation, command: commands.PutGroup) -> None:
    """Tell a group what control has changed of it."""
    group = draft.state.group(conversation.id)
    admins = {draft.state.member(key).userid for key in group.admins}
    changes = [
        (group.name != command.name, Notice("renamed", text=command.name)),
        (group.notice != command.notice, Notice("announced", text=command.notice)),
        (draft.state.member(group.owner).userid != command.owner, Notice("owner_changed", who=(command.owner,))),
    ]
    changes += [(True, Notice("admin_changed", who=(userid,))) for userid in sorted(admins ^ set(command.admins))]
    for changed, notice in changes:
        if changed:
            tell_group(draft, conversation, notice)


def reset_world(state: State, now_ms: int, command: commands.ResetWorld) -> Decided:
    """Forget everything; the profile in force stays, and so do the switches."""
    reset = events.WorldReset(state.epoch + 1, command.seed, now_ms)
    strictness = [events.StrictnessSet(state.strict)] if state.strict else []
    return [*_cancelled(state, now_ms), reset, events.ProfileSet(state.profile), *strictness]


def reset_corp(state: State, now_ms: int, command: commands.ResetCorp) -> Decided:
    """Forget one enterprise and all that belongs to it."""
    if command.corpid not in state.corps:
        return Refusal(UNKNOWN_CORP)
    return [*_cancelled(state, now_ms, command.corpid), events.CorpReset(command.corpid, now_ms)]


def _cancelled(state: State, now_ms: int, corpid: str = "") -> list[events.AnyEvent]:
    """End the commands whose jobs a reset cuts short, each in one word for all who were still to get it.

    Mass messages and those of the vendor's API have no command that waits for an end.
    """
    return [
        events.CommandRefused(job.corpid, job.origin, "", CANCELLED.code, "", 0, now_ms)
        for job in state.jobs.values()
        if corpid in ("", job.corpid) and not job.mass and not job.msgid
    ]


def set_profile(state: State, now_ms: int, command: commands.SetProfile) -> Decided:
    """Let other numbers hold from the next command on; counters and clock stay."""
    return [events.ProfileSet(command.profile)]


def set_strictness(state: State, now_ms: int, command: SetStrictness) -> Decided:
    """Turn the switches of strictness."""
    switches = tuple(switch for switch in SWITCHES if switch in command.switches)
    return [events.StrictnessSet(switches)] if switches != state.strict else []


def lapse(state: State, now_ms: int, command: commands.Lapse) -> Decided:
    """Let a certification end whose date has come."""
    corp = state.corps.get(command.corpid)
    if corp is None or not 0 < corp.certified_until_ms <= now_ms:
        return []
    return [events.CorpPut(corp.corpid, corp.name, corp.short_name, corp.certification_at(now_ms), 0, now_ms)]


Handler = Callable[[State, int, Any], Decided]
HANDLERS: Final[dict[type, Handler]] = {
    commands.PutCorp: put_corp,
    commands.PutApp: put_app,
    commands.PutDepartment: put_department,
    commands.PutMember: put_member,
    commands.PutConsumer: put_consumer,
    commands.PutKnown: put_known,
    commands.PutCode: put_code,
    commands.PutRelation: put_relation,
    commands.PutGroup: put_group,
    commands.ResetWorld: reset_world,
    commands.ResetCorp: reset_corp,
    commands.SetProfile: set_profile,
    SetStrictness: set_strictness,
    commands.Lapse: lapse,
}

__all__ = ["HANDLERS", "Decided"]

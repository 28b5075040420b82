"""Members of the address book, as its API makes, changes and deletes them.

Rules of the file:
- No two members of an enterprise share a mobile or a mail; who has left holds neither (DOC 90195).
- Deleting is leaving: what customers and groups had with the member stays theirs, and waits for somebody else.
- A userid names one person for good, since chats, records and tokens go by it. So who is made again under a deleted
  userid is the one who left, back with the customers whom nobody took over meanwhile, to be activated again, with
  nothing noted of before; and the userid that a renamed member had is given to nobody else.
- The API tells no app of what it did; the administrator's console, which is control's, does.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from msgspec import UNSET

from gateway import events
from gateway.commands import book as commands
from gateway.decide.draft import Draft
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.book import unique_of
from gateway.state.corps import ROOT, Corp
from gateway.state.people import Member
from protocol.errors import (
    EXISTS,
    MAIL_TAKEN,
    MALFORMED,
    MEMBERS_FULL,
    MOBILE_TAKEN,
    NO_PHONE_OR_MAIL,
    RENAMED,
    TOO_MANY,
    UNKNOWN_CORP,
    UNKNOWN_DEPARTMENT,
    UNKNOWN_PERSON,
)
from protocol.ids import member_key
from protocol.wecom.changes import UserChanged, UserDeleted, UserMade
from protocol.wecom.members import NO_DETAILS, ExternalProfile, MemberAsked, MemberDetails

PEOPLE_MAX: Final = 2_000_000
USERID: Final = re.compile(r"[A-Za-z0-9_.@-]{1,64}")  # DOC 90195
_WORDS: Final = (
    "alias", "mobile", "email", "biz_mail", "position", "telephone", "address", "main_department", "direct_leader",
    "external_position",
)  # fmt: skip

Decided = list[events.AnyEvent] | Refusal


def check(
    corp: Corp, key: str, departments: tuple[int, ...], details: MemberDetails | None
) -> Refusal | None:  # fmt: skip
    """Tell why a member may not be in these departments, or may not be noted so."""
    details = details or NO_DETAILS
    unknown = any(corp.department(id_) is None for id_ in departments)
    if unknown or not set(details.leads) <= set(departments or (ROOT,)):
        return Refusal(UNKNOWN_DEPARTMENT)
    for name, entry in unique_of(details).items():
        if corp.book.taken.get(entry, key) != key:
            return Refusal(MOBILE_TAKEN if name == "mobile" else MAIL_TAKEN, name)
    return None


def root(draft: Draft, corp: Corp, named: tuple[int, ...]) -> None:
    """Make the root department, if it is named and nobody has made it yet."""
    if ROOT in named and ROOT not in corp.departments:
        draft.add(events.DepartmentPut(corp.corpid, ROOT, corp.name, 0, store=False))


def put(member: Member, **changed: Any) -> events.MemberPut:
    """Say how a member stands now: as before, but for what has changed."""
    names = (
        "corpid", "userid", "name", "departments", "activated", "real_name_verified", "departed", "own", "details",
    )  # fmt: skip
    return events.MemberPut(**{name: getattr(member, name) for name in names} | changed)


def tell(draft: Draft, member: Member | None, becomes: events.MemberPut) -> None:
    """Have the apps told of what the administrator did to a member."""
    corpid, userid, departments = becomes.corpid, becomes.userid, becomes.departments or (ROOT,)
    was = member is not None and not member.departed
    if not was:
        if not becomes.departed:
            draft.call_back(corpid, UserMade(userid, departments))
    elif becomes.departed:
        draft.call_back(corpid, UserDeleted(userid))
    elif member is not None and becomes != put(member):
        draft.call_back(corpid, UserChanged(userid, departments if departments != member.placed else ()))


def create_member(state: State, now_ms: int, command: commands.CreateMember) -> Decided:
    """Make a member, who is to be activated yet; or bring one back who was deleted."""
    corp, asked = state.corps.get(command.corpid), command.asked
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    key = member_key(command.corpid, asked.userid)
    known = state.people.get(key)
    assert known is None or isinstance(known, Member), "a member's key is no consumer's handle"
    if asked.userid in corp.members if known is None else known.userid != asked.userid or not known.departed:
        return Refusal(EXISTS, "userid")
    if not USERID.fullmatch(asked.userid):
        return Refusal(MALFORMED, "userid: 1 to 64 of letters, digits, _ - @ .")
    if not asked.mobile and not asked.email:
        return Refusal(NO_PHONE_OR_MAIL)
    if known is None and len(state.people) >= PEOPLE_MAX:
        return Refusal(TOO_MANY, "people")
    if _is_full(state, corp, now_ms):
        return Refusal(MEMBERS_FULL, f"members_{corp.certification_at(now_ms)}_max")
    departments = asked.department or (ROOT,)
    details = _noted(state, corp, asked, departments, None)
    if isinstance(details, Refusal):
        return details
    refusal = check(corp, key, departments, details)
    if refusal is not None:
        return refusal
    draft = Draft(state, now_ms)
    root(draft, corp, departments)
    own = known.own if known is not None else draft.new_id("cv", command.corpid)
    draft.add(
        events.MemberPut(
            command.corpid, asked.userid, asked.name, departments, activated=False,
            real_name_verified=known is None or known.real_name_verified, own=own, details=details,
        )
    )  # fmt: skip
    return draft.events


def _is_full(state: State, corp: Corp, now_ms: int) -> bool:
    most = corp.members_max(state.profile, now_ms)
    if most == 0 or len(corp.members) < most:
        return False
    return sum(not state.member(key).departed for key in corp.members.values()) >= most


def _noted(
    state: State, corp: Corp, asked: MemberAsked, departments: tuple[int, ...], member: Member | None
) -> MemberDetails | Refusal:
    """Note what a request says beside what was noted before; what it leaves empty stays."""
    known = member.noted if member is not None else NO_DETAILS
    for name in ("order", "is_leader_in_dept"):
        if getattr(asked, name) and len(getattr(asked, name)) != len(departments):
            return Refusal(MALFORMED, f"{name}: one for each department")
    if asked.main_department and asked.main_department not in departments:
        return Refusal(UNKNOWN_DEPARTMENT, "main_department")
    if any(state.present(corp.corpid, userid) is None for userid in asked.direct_leader):
        return Refusal(UNKNOWN_PERSON, "direct_leader")
    noted: dict[str, Any] = {name: getattr(asked, name) or getattr(known, name) for name in _WORDS}
    if noted["main_department"] not in departments:
        noted["main_department"] = 0
    stays = member is not None and departments == member.placed
    leads = [id_ for id_, leads in zip(departments, asked.is_leader_in_dept, strict=False) if leads]
    return MemberDetails(
        **noted,
        gender=str(asked.gender) if str(asked.gender) in ("1", "2") else known.gender,
        avatar=known.avatar,
        enabled=known.enabled if asked.enable is UNSET else bool(asked.enable),
        order=asked.order or (known.order if stays else ()),
        leads=tuple(leads if asked.is_leader_in_dept else (id_ for id_ in known.leads if id_ in departments)),
        extattr=asked.extattr.attrs or known.extattr,
        external_profile=known.external_profile if _is_empty(asked.external_profile) else asked.external_profile,
    )


def _is_empty(profile: ExternalProfile) -> bool:
    """Tell whether a profile says nothing: some SDKs send one with every request."""
    channels = profile.wechat_channels
    return not (profile.external_corp_name or profile.external_attr or (channels is not None and channels.nickname))


def update_member(state: State, now_ms: int, command: commands.UpdateMember) -> Decided:
    """Change what is said of a member; with `new_userid` also what the member is called, once."""
    asked = command.asked
    member = state.present(command.corpid, asked.userid)
    if member is None:
        return Refusal(UNKNOWN_PERSON)
    corp = state.corps[command.corpid]
    departments = asked.department or member.departments
    details = _noted(state, corp, asked, departments or (ROOT,), member)
    if isinstance(details, Refusal):
        return details
    renames = asked.new_userid not in ("", asked.userid)
    refusal = check(corp, member.key, departments, details)
    if refusal is None and renames:
        refusal = _check_renaming(state, member, asked.new_userid)
    if refusal is not None:
        return refusal
    draft = Draft(state, now_ms)
    root(draft, corp, departments)
    draft.add(put(member, name=asked.name or member.name, departments=departments, details=details))
    if renames:
        draft.add(events.MemberRenamed(command.corpid, asked.userid, asked.new_userid, now_ms))
    return draft.events


def _check_renaming(state: State, member: Member, userid: str) -> Refusal | None:
    if not USERID.fullmatch(userid):
        return Refusal(MALFORMED, "new_userid: 1 to 64 of letters, digits, _ - @ .")
    if userid in state.corps[member.corpid].members or member_key(member.corpid, userid) in state.people:
        return Refusal(EXISTS, "new_userid")
    return Refusal(RENAMED) if member.key != member_key(member.corpid, member.userid) else None


def delete_members(state: State, _now_ms: int, command: commands.DeleteMembers) -> Decided:
    """Let members leave, all or none; nothing that was noted of them stays."""
    members = [state.present(command.corpid, userid) for userid in dict.fromkeys(command.userids)]
    leaving: list[events.AnyEvent] = []
    for member in members:
        if member is None:
            return Refusal(UNKNOWN_PERSON)
        leaving.append(put(member, departments=(), departed=True, details=None))
    return leaving


def admit_member(state: State, _now_ms: int, command: commands.AdmitMember) -> Decided:
    """Let a member in who has given the second proof."""
    member = state.present(command.corpid, command.userid)
    return Refusal(UNKNOWN_PERSON) if member is None else [put(member, activated=True)]


HANDLERS: Final[dict[type, Callable[[State, int, Any], Decided]]] = {
    commands.CreateMember: create_member,
    commands.UpdateMember: update_member,
    commands.DeleteMembers: delete_members,
    commands.AdmitMember: admit_member,
}

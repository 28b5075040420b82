"""Ways for customers to come: codes that an app has made, and whom a scan of one leads to.

Rules of the file:
- Members of a contact way get the scans in turn, by a counter; who may have no more contacts is passed over.
- Of a way's members only those are named that are activated and real-name verified (DOC 92228); of its departments,
  with those below, whoever belongs to them when somebody scans.
- Codes made by people and by worlds are no ways: the vendor's API neither lists nor changes them.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import unquote

from msgspec import UNSET, structs

from gateway import commands
from gateway.events import AnyEvent, CodeDropped, CodePut, ContactWay, JoinWay
from gateway.policy import speak
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.corps import Corp
from gateway.state.people import Consumer, Member
from protocol.errors import (
    DISMISSED,
    EXISTS,
    TOO_MANY,
    UNKNOWN_CODE,
    UNKNOWN_CONVERSATION,
    UNKNOWN_CORP,
    UNKNOWN_DEPARTMENT,
    UNKNOWN_PERSON,
    WAY_GROUPS,
    WAY_MEMBERS,
)
from protocol.ids import derive_free

CODES_MAX: Final = 500_000  # DOC 92228: ways of one enterprise; here all codes of the whole world
TEMPORARY_MAX: Final = 100_000  # DOC 92228: made by an enterprise on one day
MEMBERS_MAX: Final = 100  # DOC 92228: of one way, its departments expanded
GROUPS_MAX: Final = 5  # DOC 92229: of one way

_KINDS: Final = {"contact": ContactWay, "join": JoinWay}

Decided = list[AnyEvent] | Refusal


def code_of(state: State, read: str) -> CodePut | None:
    """Find a code by what is read from its picture, or by the picture's own address."""
    name = read.rpartition("/")[2].removesuffix(".png").removesuffix(".svg")
    return state.codes.get(read) or state.codes.get(unquote(name))


def new_code(state: State, corp: Corp) -> str:
    """Derive a code that no code has, and none has had."""
    return derive_free(state.codes, "qr", state.seed, corp.corpid, "code", corp.ways.made + 1)


def check_code(state: State, corpid: str, code: str) -> Refusal | None:
    """Tell why a world may not bring this code: another enterprise has it, or there are too many; or None."""
    known = state.codes.get(code)
    if known is not None:
        return Refusal(EXISTS, "code") if known.corpid != corpid else None
    return Refusal(TOO_MANY, "codes") if len(state.codes) >= CODES_MAX else None


def _parties(corp: Corp, parties: Iterable[int]) -> set[int]:
    """Name departments and all below them."""
    found = set(parties)
    while more := {one.id for one in corp.departments.values() if one.parent in found} - found:
        found |= more
    return found


def _members(state: State, corp: Corp, users: Iterable[str], parties: Iterable[int]) -> list[Member]:
    listed = [corp.members[userid] for userid in users if userid in corp.members]
    among = _parties(corp, parties)
    if among:
        listed += [key for key in corp.members.values() if not among.isdisjoint(state.member(key).departments)]
    return [state.member(key) for key in dict.fromkeys(listed)]


def in_turn(state: State, code: CodePut) -> list[Member]:
    """List those whom a code leads to, beginning with the one whose turn it is."""
    corp = state.corps[code.corpid]
    if code.userid:
        return [state.member(corp.members[code.userid])]
    if not isinstance(code.way, ContactWay):
        return []
    members = _members(state, corp, code.way.users, code.way.parties)
    first = corp.ways.scans.get(code.code, 0) % len(members) if members else 0
    return members[first:] + members[:first]


def admits(state: State, now_ms: int, code: CodePut, consumer: Consumer) -> bool:
    """Tell whether a code still opens anything to this consumer: a temporary one is scanned once, in time, by whom it
    is for."""
    way = code.way
    if not isinstance(way, ContactWay) or not way.expires_s:
        return True
    is_used = code.code in state.corps[code.corpid].ways.scans
    in_time = now_ms < code.made_ms + way.expires_s * 1000
    return in_time and not is_used and way.unionid in ("", consumer.unionid)


def counts_scans(code: CodePut) -> bool:
    """Tell whether it matters how many times a code was scanned."""
    return isinstance(code.way, ContactWay) and (code.way.type != 1 or code.way.expires_s > 0)


def put_contact_way(state: State, now_ms: int, command: commands.PutContactWay) -> Decided:
    """Make a contact way."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    fields = {name: getattr(command, name) for name in ContactWay.__struct_fields__}
    way = ContactWay(**fields)
    refusal = None if command.brought else _check(state, corp, way)
    refusal = refusal or check_code(state, corp.corpid, command.code)
    if refusal is None and way.expires_s and _made_today(state, now_ms, corp) >= TEMPORARY_MAX:
        refusal = Refusal(TOO_MANY, "temporary ways")
    if refusal is not None:
        return refusal
    code = command.code or new_code(state, corp)
    return [CodePut(code, corp.corpid, "", "", command.state, command.skip_verify, way, now_ms)]


def _made_today(state: State, now_ms: int, corp: Corp) -> int:
    today = state.indexes(now_ms)[2] == corp.ways.temporary_day
    return corp.ways.temporary_made if today else 0


def _check(state: State, corp: Corp, way: ContactWay) -> Refusal | None:
    """Tell whether these can be the members of a way."""
    if way.type == 1 and len(way.users) != 1:
        return Refusal(WAY_MEMBERS, "ways/one_member")
    for userid in way.users:
        key = corp.members.get(userid)
        if key is None:
            return Refusal(UNKNOWN_PERSON)
        refusal = speak.refusal_of(state, state.member(key))
        if refusal is not None:
            return refusal
    if any(party not in corp.departments for party in way.parties):
        return Refusal(UNKNOWN_DEPARTMENT)
    many = len(_members(state, corp, way.users, way.parties))
    return Refusal(WAY_MEMBERS, "ways/members_max") if not 1 <= many <= MEMBERS_MAX else None


def change_contact_way(state: State, _now_ms: int, command: commands.ChangeContactWay) -> Decided:
    """Change a contact way, and keep what is not given."""
    code = _own(state, command.corpid, command.code, ContactWay)
    if code is None:
        return Refusal(UNKNOWN_CODE)
    changed: dict[str, Any] = {
        name: value
        for name in command.__struct_fields__
        if name not in ("corpid", "code") and (value := getattr(command, name)) is not UNSET
    }
    ours = {name: changed.pop(name) for name in ("state", "skip_verify") if name in changed}
    assert isinstance(code.way, ContactWay)
    way = structs.replace(code.way, **changed)
    return _check(state, state.corps[command.corpid], way) or [structs.replace(code, way=way, **ours)]


def put_join_way(state: State, now_ms: int, command: commands.PutJoinWay) -> Decided:
    """Make a join way."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    chats = tuple(corp.chats.get(chat_id, "") for chat_id in dict.fromkeys(command.chat_ids))
    if not all(chats):
        return Refusal(UNKNOWN_CONVERSATION)
    if not 1 <= len(chats) <= GROUPS_MAX:
        return Refusal(WAY_GROUPS, "ways/groups_max")
    if any(state.group(chat).dismissed for chat in chats):
        return Refusal(DISMISSED, "group/dismissed")
    refusal = check_code(state, corp.corpid, command.code)
    if refusal is not None:
        return refusal
    way = JoinWay(
        command.scene, chats, command.remark, command.auto_create, command.base_name, command.base_id,
        command.mark_source, command.rooms,
    )  # fmt: skip
    code = command.code or new_code(state, corp)
    return [CodePut(code, corp.corpid, "", "", command.state, True, way, now_ms)]


def change_join_way(state: State, _now_ms: int, command: commands.ChangeJoinWay) -> Decided:
    """Change all of a join way; the groups that it made are counted on, unless their names are to begin anew."""
    code = _own(state, command.corpid, command.code, JoinWay)
    if code is None:
        return Refusal(UNKNOWN_CODE)
    way = code.way
    assert isinstance(way, JoinWay)
    goes_on = (way.base_name, way.base_id) == (command.base_name, command.base_id)
    return put_join_way(state, code.made_ms, structs.replace(command, rooms=way.rooms if goes_on else 0))


def _own(state: State, corpid: str, name: str, kind: type) -> CodePut | None:
    """Find an enterprise's own way; that of another is like none."""
    code = state.codes.get(name)
    return code if code is not None and code.corpid == corpid and isinstance(code.way, kind) else None


def drop_way(state: State, _now_ms: int, command: commands.DropWay) -> Decided:
    """Let a way be no more."""
    if _own(state, command.corpid, command.code, _KINDS[command.kind]) is None:
        return Refusal(UNKNOWN_CODE)
    return [CodeDropped(command.corpid, command.code)]


HANDLERS: Final[dict[type, Callable[[State, int, Any], Decided]]] = {
    commands.PutContactWay: put_contact_way,
    commands.ChangeContactWay: change_contact_way,
    commands.PutJoinWay: put_join_way,
    commands.ChangeJoinWay: change_join_way,
    commands.DropWay: drop_way,
}

"""Customer groups (DOC 92120, 92122, 94822): which there are, and who sits in them, since when, by whom.

Rules of the file:
- Groups of owners who have left the enterprise are only listed where these are named.
- A group that was dismissed is not listed; whoever asks for it by its chat_id is told that it is gone.
"""

from collections.abc import Iterator
from itertools import dropwhile, islice
from typing import Final

from msgspec import UNSET

from adapters.wecom_api.call import Caller, Door, No, call
from gateway.events import JoinScene
from gateway.state import State
from gateway.state.conversations import Group
from gateway.state.corps import Corp
from gateway.state.people import Consumer, Member
from protocol.ids import derive_version, opengid_of
from protocol.wecom.groups import (
    REACH_MAX,
    ChatIdReply,
    GroupAsked,
    GroupListed,
    GroupReply,
    GroupsAsked,
    GroupsReply,
    GroupTold,
    OpengidAsked,
    SeatTold,
    Who,
)

MEMBERS_MAX: Final = 1_000  # DOC 92120: members in an app's range whose groups are listed without naming owners
NORMAL, OWNER_LEFT = 0, 1  # DOC 92120; groups are not handed on in bulk, so that there is no 2 and no 3
JOIN_SCENES: Final[dict[JoinScene, int]] = {"created": 1, "invited": 1, "scanned": 3}  # DOC 92122: 2 is a link


@call(
    "POST",
    "externalcontact/groupchat/list",
    partial="no groups that are being inherited",
    limits=("1,000 members without owners: documented", "100 owners: documented"),
)
async def list_groups(door: Door, caller: Caller, asked: GroupsAsked) -> GroupsReply:
    """List the enterprise's customer groups, in pages."""
    if asked.offset + asked.limit > REACH_MAX:
        raise No(40058, f"offset and limit: at most {REACH_MAX} together")

    def look(state: State, _now_ms: int) -> tuple[list[GroupListed], str] | No:
        corp = state.corps[caller.corpid]
        owners = asked.owner_filter.userid_list
        if not owners and sum(not state.member(key).departed for key in corp.members.values()) > MEMBERS_MAX:
            return No(81017)
        if asked.cursor and asked.cursor not in corp.chats:
            return No(50100)
        names = iter(corp.chats)
        if asked.cursor:
            names = islice(dropwhile(lambda chat_id: chat_id != asked.cursor, corp.chats), 1, None)
        groups = (state.group(corp.chats[chat_id]) for chat_id in names)
        found = list(islice(_listed(state, groups, asked), asked.offset, asked.offset + asked.limit + 1))
        more = len(found) > asked.limit
        return found[: asked.limit], found[asked.limit - 1].chat_id if more else ""

    found, cursor = await door.look(look)
    return GroupsReply(group_chat_list=found, next_cursor=cursor or UNSET)


def _listed(state: State, groups: Iterator[Group], asked: GroupsAsked) -> Iterator[GroupListed]:
    owners = asked.owner_filter.userid_list
    for group in groups:
        owner = state.member(group.owner)
        status = OWNER_LEFT if owner.departed else NORMAL
        is_wanted = owner.userid in owners if owners else not owner.departed
        if is_wanted and not group.dismissed and asked.status_filter in (0, status):
            yield GroupListed(group.chat_id, status)


@call(
    "POST",
    "externalcontact/groupchat/get",
    missing={"chat_id": 40050},
    partial="nobody has a nickname of the group; nobody comes by a link (join_scene 2)",
)
async def get_group(door: Door, caller: Caller, asked: GroupAsked) -> GroupReply:
    """Tell of a customer group."""

    def look(state: State, _now_ms: int) -> GroupTold | No:
        corp = state.corps[caller.corpid]
        conversation = corp.chats.get(asked.chat_id)
        if conversation is None:
            return No(40050)
        group = state.group(conversation)
        return No(49008) if group.dismissed else _told(state, corp, group, asked.need_name == 1)

    return GroupReply(group_chat=await door.look(look))


def _told(state: State, corp: Corp, group: Group, named: bool) -> GroupTold:
    return GroupTold(
        group.chat_id,
        group.name,
        state.member(group.owner).userid,
        group.made_ms // 1000,
        group.notice,
        [_seat(state, corp, group, key, named) for key in group.seats],
        [Who(state.member(key).userid) for key in group.admins],
        derive_version(state.seed, corp.corpid, group.chat_id, group.version),
    )


def _seat(state: State, corp: Corp, group: Group, key: str, named: bool) -> SeatTold:
    person, arrival = state.people[key], group.arrivals[group.seats[key]]
    inviter = state.people.get(arrival.by) if arrival.by != key else None
    name = person.nickname if isinstance(person, Consumer) else person.name
    return SeatTold(
        state.name_of(corp.corpid, key),
        1 if isinstance(person, Member) else 2,
        arrival.time_ms // 1000,
        JOIN_SCENES[arrival.scene],
        unionid=(person.unionid or UNSET) if isinstance(person, Consumer) else UNSET,
        invitor=Who(inviter.userid) if isinstance(inviter, Member) else UNSET,
        name=name if named else UNSET,
        state=arrival.state or UNSET,
    )


@call("POST", "externalcontact/opengid_to_chatid", missing={"opengid": 90511})
async def opengid_to_chatid(door: Door, caller: Caller, asked: OpengidAsked) -> ChatIdReply:
    """Name the group that a consumer's client knows by this id (DOC 94822)."""

    def look(state: State, _now_ms: int) -> str | No:
        corp = state.corps[caller.corpid]
        chat_id = asked.opengid.removeprefix(opengid_of(""))
        known = corp.chats.get(chat_id)
        if asked.opengid != opengid_of(chat_id) or known is None or state.group(known).dismissed:
            return No(90511)
        return chat_id

    return ChatIdReply(chat_id=await door.look(look))

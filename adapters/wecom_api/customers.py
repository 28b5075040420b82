"""Customers (DOC 92113, 92114, 92994, 92115): who follows whom, and what is noted of them.

Rules of the file:
- Reads are one pass over the contacts of one person.
- A member who left follows nobody; whom nobody follows is no customer (84061).
- An id that the enterprise did not give is 40096, a userid that it has not is 60111.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from msgspec import UNSET

from adapters.wecom_api.call import Caller, Door, No, call
from adapters.wecom_api.paging import cursor, places
from gateway.commands import NoteCustomer
from gateway.decide.contacts import ADDED_BY_SCAN
from gateway.policy.sight import sees_member
from gateway.state import State
from gateway.state.conversations import Relation
from gateway.state.people import Consumer, Member
from protocol.ids import corp_of, derive
from protocol.wecom.access import Nothing
from protocol.wecom.customers import (
    CORP_TAG,
    FOLLOWERS_MAX,
    PAGE_MAX,
    PERSONAL_TAG,
    BatchAsked,
    BatchReply,
    BatchRow,
    CustomerAsked,
    CustomerReply,
    CustomersReply,
    ExternalContact,
    ExternalUseridReply,
    FollowInfo,
    FollowTag,
    FollowUser,
    FollowUsersReply,
    MemberAsked,
    OldCustomersReply,
    OpenidReply,
    RemarkAsked,
    UnionidAsked,
)
from protocol.wecom.reply import Reply

NO_CUSTOMER = {"external_userid": 41035}


@call(
    "GET", "externalcontact/get_follow_user_list", aliases=("crm/get_customer_contacts",),
    partial="there is no range of who may have customers: all may who have not left",
)  # fmt: skip
async def get_follow_user_list(door: Door, caller: Caller, _asked: Nothing) -> FollowUsersReply:
    """List the members who may have customers: here, all who have not left."""

    def look(state: State, _now_ms: int) -> list[str]:
        members = map(state.member, state.corps[caller.corpid].members.values())
        return [member.userid for member in members if not member.departed and _is_seen(state, caller, member)]

    return FollowUsersReply(follow_user=await door.look(look))


@call("GET", "externalcontact/list")
async def list_customers(door: Door, caller: Caller, asked: MemberAsked) -> CustomersReply:
    """List a member's customers."""
    return CustomersReply(external_userid=await _customers(door, caller, asked))


@call("GET", "crm/get_external_contact_list")
async def list_customers_as_before(door: Door, caller: Caller, asked: MemberAsked) -> OldCustomersReply:
    """List a member's customers under the name that the answer had before May 2019."""
    return OldCustomersReply(customer_contacts=await _customers(door, caller, asked))


def _is_seen(state: State, caller: Caller, member: Member) -> bool:
    """Tell whether a list may name a member to who calls; only where ranges are strict do they matter (DOC 92114)."""
    if "app_range" not in state.strict:
        return True
    corp = state.corps[caller.corpid]
    return sees_member(state, corp, corp.apps[caller.agent_id].rights, member.userid)


async def _customers(door: Door, caller: Caller, asked: MemberAsked) -> list[str]:
    corpid = caller.corpid

    def look(state: State, _now_ms: int) -> list[str] | No:
        member = _member(state, corpid, asked.userid)
        if member is None:
            return No(60111)
        contacts = member.contacts.items()
        found = [state.name_of(corpid, handle) for handle, name in contacts if state.relation(name).confirmed]
        return found or No(84061)  # reported by users of the vendor's API

    customers: list[str] = await door.look(look)
    return customers


def _member(state: State, corpid: str, userid: str) -> Member | None:
    key = state.corps[corpid].members.get(userid)
    member = state.member(key) if key is not None else None
    return member if member is not None and not member.departed else None


@call(
    "GET", "externalcontact/get", missing=NO_CUSTOMER, aliases=("crm/get_external_contact",),
    partial="customers are WeChat users only: no firm, position or profile; nobody comes by Channels",
)  # fmt: skip
async def get_customer(door: Door, caller: Caller, asked: CustomerAsked) -> CustomerReply:
    """Tell of a customer, and what each follower has noted; followers beyond 500 come by cursor."""
    (start,) = places(asked.cursor, 1)
    corpid = caller.corpid

    def look(state: State, _now_ms: int) -> CustomerReply | No:
        handle = state.corps[corpid].consumers.get(asked.external_userid)
        if handle is None:
            return No(40096)
        consumer = state.consumer(handle)
        found = list(islice(_followers(state, caller, consumer, start), FOLLOWERS_MAX + 1))
        if not found:
            return No(50100 if start else 84061)
        follows = [_follow_user(state, relation) for _, relation in found[:FOLLOWERS_MAX]]
        rest = cursor(found[-1][0]) if len(found) > FOLLOWERS_MAX else UNSET
        return CustomerReply(external_contact=_person(corpid, consumer), follow_user=follows, next_cursor=rest)

    reply: CustomerReply = await door.look(look)
    return reply


def _followers(state: State, caller: Caller, consumer: Consumer, start: int) -> Iterator[tuple[int, Relation]]:
    """List an enterprise's members who follow somebody, each with its place among all who know them."""
    for place, name in enumerate(islice(consumer.contacts.values(), start, None), start):
        relation = state.relation(name)
        if relation.confirmed and corp_of(relation.member) == caller.corpid:
            member = state.member(relation.member)
            if not member.departed and _is_seen(state, caller, member):
                yield place, relation


def _person(corpid: str, consumer: Consumer) -> ExternalContact:
    known = consumer.known[corpid]
    return ExternalContact(known.external_userid, consumer.nickname, unionid=consumer.unionid or UNSET)


def _follow(state: State, relation: Relation) -> dict[str, Any]:
    """Give what both shapes of a follower have; a consumer who scanned began it, otherwise the member did."""
    member, noted = state.member(relation.member), relation.noted
    scanned = relation.added_by == ADDED_BY_SCAN
    return {
        "userid": member.userid,
        "remark": noted.remark,
        "description": noted.description,
        "createtime": relation.made_ms // 1000,
        "remark_corp_name": noted.company or UNSET,
        "remark_mobiles": noted.mobiles,
        "oper_userid": state.name_of(member.corpid, relation.consumer) if scanned else member.userid,
        "add_way": relation.added_by,
        "state": noted.state or UNSET,
    }


def _follow_user(state: State, relation: Relation) -> FollowUser:
    library = state.corps[corp_of(relation.member)].tags
    tags = []
    for id_ in library.alive(relation.noted.tag_ids):
        group = library.groups[library.group_of[id_]]
        tags.append(FollowTag(group.said.name, group.tags[id_].name, CORP_TAG, id_))
    tags += [FollowTag("", name, PERSONAL_TAG) for name in relation.noted.tags]
    return FollowUser(**_follow(state, relation), tags=tags)


@call("POST", "externalcontact/batch/get_by_user", partial="as externalcontact/get; no `fail_info`, as no licences")
async def batch_get_by_user(door: Door, caller: Caller, asked: BatchAsked) -> BatchReply:
    """Tell of the customers of up to 100 members, in pages."""
    userids = asked.userid_list or ((asked.userid,) if asked.userid else ())
    if not userids:
        raise No(40058, "userid_list")
    first, start = places(asked.cursor, 2)
    limit = min(asked.limit or 50, PAGE_MAX)
    corpid = caller.corpid

    def look(state: State, _now_ms: int) -> BatchReply | No:
        members = [_member(state, corpid, userid) for userid in userids]
        if None in members:
            return No(60111)
        rows: list[BatchRow] = []
        for index, place, relation in _contacts(state, members[first:], first, start):
            if len(rows) == limit:
                return BatchReply(external_contact_list=rows, next_cursor=cursor(index, place))
            rows.append(_row(state, corpid, relation))
        return BatchReply(external_contact_list=rows)

    reply: BatchReply = await door.look(look)
    return reply


def _contacts(
    state: State, members: list[Member | None], first: int, start: int
) -> Iterator[tuple[int, int, Relation]]:
    """List what these members have to do with their customers, each with the places of member and customer."""
    for index, member in enumerate(filter(None, members), first):
        names = islice(member.contacts.values(), start if index == first else 0, None)
        for place, name in enumerate(names, start if index == first else 0):
            relation = state.relation(name)
            if relation.confirmed:
                yield index, place, relation


def _row(state: State, corpid: str, relation: Relation) -> BatchRow:
    tag_ids = list(state.corps[corpid].tags.alive(relation.noted.tag_ids))
    person = _person(corpid, state.consumer(relation.consumer))
    return BatchRow(person, FollowInfo(**_follow(state, relation), tag_id=tag_ids))


@call("POST", "externalcontact/remark", missing=NO_CUSTOMER)
async def remark(door: Door, caller: Caller, asked: RemarkAsked) -> Reply:
    """Note something of a member's customer."""
    mobiles = tuple(number for number in asked.remark_mobiles if number) if asked.remark_mobiles else None
    command = NoteCustomer(
        caller.corpid, asked.userid, asked.external_userid, asked.remark or None, asked.description or None,
        asked.remark_company or None, mobiles, asked.remark_pic_mediaid or None,
    )  # fmt: skip
    if all(getattr(command, name) is None for name in command.__struct_fields__[3:]):
        raise No(40058, "nothing to note")
    await door.ask(command)
    return Reply()


@call("POST", "externalcontact/unionid_to_external_userid")
async def unionid_to_external_userid(door: Door, caller: Caller, asked: UnionidAsked) -> ExternalUseridReply:
    """Give the enterprise's id of the person behind a unionid."""
    corpid = caller.corpid

    def look(state: State, _now_ms: int) -> str | No:
        handles = state.unionids.get(asked.unionid, ())
        found = min((handle for handle in handles if corpid in state.consumer(handle).known), default=None)
        return state.name_of(corpid, found) if found is not None else No(610014)

    return ExternalUseridReply(external_userid=await door.look(look))


@call("POST", "externalcontact/convert_to_openid", missing=NO_CUSTOMER)
async def convert_to_openid(door: Door, caller: Caller, asked: CustomerAsked) -> OpenidReply:
    """Give the openid under which the enterprise may pay a customer; it lasts as long as the person."""
    corpid = caller.corpid

    def look(state: State, _now_ms: int) -> str | No:
        handle = state.corps[corpid].consumers.get(asked.external_userid)
        return derive("o", state.seed, "openid", corpid, handle) if handle is not None else No(40096)

    return OpenidReply(openid=await door.look(look))

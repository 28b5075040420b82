"""Logins on an app's pages: a code becomes a person, a ticket the person's details (DOC 91023, 95833).

Control makes the codes, since nobody here holds a phone. A code is used once, within five minutes of the movable clock.
"""

from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType

from adapters.wecom_api.call import Caller, Door, No, call
from gateway.commands import book as commands
from gateway.events import OauthCodeUsed
from gateway.state import State
from gateway.state.apply.book import TICKET_MS
from gateway.state.book import openid_of
from gateway.state.people import Consumer, Member
from protocol.ids import derive
from protocol.wecom.apps import CodeAsked, LoginReply, OldLoginReply, PrivateReply, UserTicketAsked


class Visitor(NamedTuple):
    """Who came with a code: a member by userid, anybody else by openid, who is known also by the enterprise's id."""

    userid: str | UnsetType
    openid: str | UnsetType
    external_userid: str | UnsetType
    ticket: str | UnsetType
    device: str


async def _visitor(door: Door, caller: Caller, asked: CodeAsked) -> Visitor:
    (used,) = await door.ask(commands.UseOauthCode(caller.corpid, caller.agent_id, asked.code))
    assert isinstance(used, OauthCodeUsed), "using a code is one event"
    key = used.person

    def look(state: State, _now_ms: int) -> Visitor:
        person = state.people[key]
        device = derive("", state.seed, "device", key)
        if isinstance(person, Member) and person.corpid == caller.corpid:
            return Visitor(person.userid, UNSET, UNSET, used.ticket or UNSET, device)
        known = person.known.get(caller.corpid) if isinstance(person, Consumer) else None
        openid = openid_of(state.seed, caller.corpid, key)
        return Visitor(UNSET, openid, known.external_userid if known is not None else UNSET, UNSET, device)

    visitor: Visitor = await door.look(look)
    return visitor


@call("GET", "auth/getuserinfo", missing={"code": 40029}, exempt=True, limits=("5 minutes, once: documented",))
async def get_visitor(door: Door, caller: Caller, asked: CodeAsked) -> LoginReply:
    """Tell who came with a code."""
    visitor = await _visitor(door, caller, asked)
    return LoginReply(
        userid=visitor.userid,
        user_ticket=visitor.ticket,
        openid=visitor.openid,
        external_userid=visitor.external_userid,
    )


@call("GET", "user/getuserinfo", missing={"code": 40029}, limits=("5 minutes, once: documented",))
async def get_visitor_as_of_old(door: Door, caller: Caller, asked: CodeAsked) -> OldLoginReply:
    """Tell who came with a code, in the older spelling."""
    visitor = await _visitor(door, caller, asked)
    return OldLoginReply(
        userid=visitor.userid,
        device=visitor.device,
        user_ticket=visitor.ticket,
        expires_in=TICKET_MS // 1000 if visitor.ticket else UNSET,
        openid=visitor.openid,
        external_userid=visitor.external_userid,
    )


@call("POST", "auth/getuserdetail", missing={"user_ticket": 40029}, partial="`qr_code` is empty")
async def get_details(door: Door, caller: Caller, asked: UserTicketAsked) -> PrivateReply:
    """Tell what a member let the app know with the login."""

    def look(state: State, now_ms: int) -> Any:
        grant = state.corps[caller.corpid].book.tickets.get(asked.user_ticket)
        if grant is None or grant.ends_ms <= now_ms or grant.agent_id != caller.agent_id:
            return No(40029, "user_ticket")
        member = state.member(grant.person)
        return No(60111) if member.departed else _private(member)

    reply: PrivateReply = await door.look(look)
    return reply


def _private(member: Member) -> PrivateReply:
    noted = member.noted
    return PrivateReply(
        userid=member.userid, gender=noted.gender or "0", avatar=noted.avatar, qr_code="", mobile=noted.mobile,
        email=noted.email, biz_mail=noted.biz_mail, address=noted.address,
    )  # fmt: skip

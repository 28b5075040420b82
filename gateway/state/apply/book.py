"""How events change address books: members' details, tags, openids, codes, and what apps say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.events import CodePut, ContactWay, MemberPut
from gateway.events import book as events
from gateway.state.apply.registry import applies
from gateway.state.book import GRANTS_MAX, BookTag, Grant, unique_of
from gateway.state.corps import AppSheet, Corp
from gateway.state.people import Member

if TYPE_CHECKING:
    from gateway.state import State

CODE_MS = 5 * 60_000  # DOC 91023
TICKET_MS = 1_800_000  # DOC 91023


def member_put(corp: Corp, member: Member, event: MemberPut) -> None:
    """Take in a member's new details: free the old phone and mails, take the new, and say who leads what.

    Somebody who has left holds nothing: another member may have the number.
    """
    for entry in unique_of(member.details).values():
        if corp.book.taken.get(entry) == member.key:
            del corp.book.taken[entry]
    for id_ in _leads(member):
        if id_ in corp.departments and member.key in corp.departments[id_].leaders:
            corp.departments[id_].leaders.remove(member.key)
    member.details, member.departed = event.details, event.departed
    if event.departed:
        for tag in corp.book.tags.values():
            tag.members.pop(member.key, None)
        return
    corp.book.taken.update(dict.fromkeys(unique_of(event.details).values(), member.key))
    for id_ in _leads(member):
        if id_ in corp.departments:
            corp.departments[id_].leaders.append(member.key)


def _leads(member: Member) -> tuple[int, ...]:
    return member.details.leads if member.details is not None else ()


@applies(events.MemberRenamed)
def member_renamed(state: State, event: events.MemberRenamed) -> None:
    corp, old, new = state.corps[event.corpid], event.userid, event.new_userid
    state.member(corp.members[old]).userid = new
    corp.members = {new if userid == old else userid: key for userid, key in corp.members.items()}
    for key in corp.members.values():
        member = state.member(key)
        if member.details is not None and old in member.details.direct_leader:
            member.details = msgspec.structs.replace(member.details, direct_leader=(new,))
    for app in corp.apps.values():
        app.rights = msgspec.structs.replace(app.rights, members=_put(app.rights.members, old, new))
    for code, put in state.codes.items():
        if put.corpid == event.corpid:
            state.codes[code] = _renamed(put, old, new)
    for message in corp.mass.messages.values():
        message.parts = {new if userid == old else userid: part for userid, part in message.parts.items()}
        message.creator = new if message.creator == old else message.creator


def _put(names: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    """Put a name in another's place; the same tuple where that is not in it."""
    return tuple(new if name == old else name for name in names) if old in names else names


def _renamed(put: CodePut, old: str, new: str) -> CodePut:
    """Give a code whose member has another name now; the same one where it is none of its members."""
    if put.userid == old:
        return msgspec.structs.replace(put, userid=new)
    if isinstance(put.way, ContactWay) and old in put.way.users:
        return msgspec.structs.replace(put, way=msgspec.structs.replace(put.way, users=_put(put.way.users, old, new)))
    return put


@applies(events.DepartmentDeleted)
def department_deleted(state: State, event: events.DepartmentDeleted) -> None:
    """Forget a department; only members who have left can still name it."""
    corp = state.corps[event.corpid]
    del corp.departments[event.id]
    for tag in corp.book.tags.values():
        tag.departments.pop(event.id, None)
    for key in corp.members.values():
        member = state.member(key)
        if event.id in member.departments:
            member.departments = tuple(id_ for id_ in member.departments if id_ != event.id)
    for app in corp.apps.values():
        departments = tuple(id_ for id_ in app.rights.departments if id_ != event.id)
        if departments or app.rights.members:  # a range of nothing would be the whole enterprise
            app.rights = msgspec.structs.replace(app.rights, departments=departments)
    for code, put in state.codes.items():
        if put.corpid == event.corpid and isinstance(put.way, ContactWay) and event.id in put.way.parties:
            parties = tuple(id_ for id_ in put.way.parties if id_ != event.id)
            state.codes[code] = msgspec.structs.replace(put, way=msgspec.structs.replace(put.way, parties=parties))


@applies(events.BookTagPut)
def book_tag_put(state: State, event: events.BookTagPut) -> None:
    tags = state.corps[event.corpid].book.tags
    tag = tags.setdefault(event.id, BookTag(event.id, event.name))
    tag.name, tag.agent_id = event.name, event.agent_id


@applies(events.BookTagDeleted)
def book_tag_deleted(state: State, event: events.BookTagDeleted) -> None:
    del state.corps[event.corpid].book.tags[event.id]


@applies(events.BookTagged)
def book_tagged(state: State, event: events.BookTagged) -> None:
    tag = state.corps[event.corpid].book.tags[event.id]
    if event.on:
        tag.members |= dict.fromkeys(event.members)
        tag.departments |= dict.fromkeys(event.departments)
    else:
        for key in event.members:
            tag.members.pop(key, None)
        for id_ in event.departments:
            tag.departments.pop(id_, None)


@applies(events.OpenidGiven)
def openid_given(state: State, event: events.OpenidGiven) -> None:
    state.corps[event.corpid].book.openids[event.openid] = event.person


def _keep(table: dict[str, Grant], name: str, grant: Grant, now_ms: int) -> None:
    """Keep a code or a ticket, in the order of their ends; those that have ended go, and the oldest of too many."""
    while table and (len(table) >= GRANTS_MAX or table[next(iter(table))].ends_ms <= now_ms):
        del table[next(iter(table))]
    table[name] = grant


@applies(events.OauthCodeMade)
def oauth_code_made(state: State, event: events.OauthCodeMade) -> None:
    book = state.corps[event.corpid].book
    book.granted += 1
    grant = Grant(event.agent_id, event.person, event.private, event.time_ms + CODE_MS)
    _keep(book.codes, event.code, grant, event.time_ms)


@applies(events.OauthCodeUsed)
def oauth_code_used(state: State, event: events.OauthCodeUsed) -> None:
    book = state.corps[event.corpid].book
    del book.codes[event.code]
    if event.ticket:
        grant = Grant(event.agent_id, event.person, True, event.time_ms + TICKET_MS)
        _keep(book.tickets, event.ticket, grant, event.time_ms)


@applies(events.AppSet)
def app_set(state: State, event: events.AppSet) -> None:
    app = state.corps[event.corpid].apps[event.agent_id]
    app.name = event.name
    app.sheet = AppSheet(
        event.description, event.redirect_domain, event.home_url, event.report_location, event.report_enter, event.logo,
        app.sheet.menu if app.sheet is not None else "",
    )  # fmt: skip


@applies(events.MenuPut)
def menu_put(state: State, event: events.MenuPut) -> None:
    app = state.corps[event.corpid].apps[event.agent_id]
    app.sheet = app.sheet or AppSheet()
    app.sheet.menu = event.menu

"""Apps as the vendor's API shows them, their menus, and their tickets (DOC 90227 to 90233, 90506).

`agentid` is an integer here: an app whose id is none has no place in these answers. An app sees itself, and no other
(DOC 90227).
"""

from typing import Final

import msgspec
from aiohttp import web

from adapters.wecom_api.call import Caller, Door, No, call
from gateway.commands import book as commands
from gateway.state import State
from gateway.state.corps import ROOT, App, AppSheet
from protocol.wecom.access import Nothing
from protocol.wecom.apps import (
    MENU_BYTES_MAX,
    AppAsked,
    AppReply,
    AppRow,
    AppSetAsked,
    AppsReply,
    Menu,
    MenuReply,
    TicketAsked,
    TicketReply,
    VisibleParties,
    VisibleTags,
    VisibleUser,
    VisibleUsers,
)
from protocol.wecom.reply import Reply

_MISSING: Final = {"agentid": 40056}


def _own(state: State, caller: Caller, agentid: int) -> App | No:
    """Give the app that calls, if it asks for itself."""
    apps = state.corps[caller.corpid].apps
    if str(agentid) not in apps:
        return No(40056)
    return apps[caller.agent_id] if str(agentid) == caller.agent_id else No(301002)


async def _asked_for_itself(door: Door, caller: Caller, agentid: int) -> None:
    await door.look(lambda state, _now_ms: _own(state, caller, agentid))


@call("GET", "agent/get", missing=_MISSING, partial="no logo, never closed")
async def get_app(door: Door, caller: Caller, asked: AppAsked) -> AppReply:
    """Tell of the app, and of who sees it."""

    def look(state: State, _now_ms: int) -> AppReply | No:
        app = _own(state, caller, asked.agentid)
        if isinstance(app, No):
            return app
        sheet = app.sheet or AppSheet()
        narrow = app.rights.members or app.rights.departments
        return AppReply(
            agentid=asked.agentid,
            name=app.name,
            square_logo_url="",
            description=sheet.description,
            allow_userinfos=VisibleUsers([VisibleUser(userid) for userid in app.rights.members]),
            allow_partys=VisibleParties(list(app.rights.departments) if narrow else [ROOT]),
            allow_tags=VisibleTags(),
            close=0,
            redirect_domain=sheet.redirect_domain,
            report_location_flag=int(sheet.report_location),
            isreportenter=int(sheet.report_enter),
            home_url=sheet.home_url,
        )

    reply: AppReply = await door.look(look)
    return reply


@call("GET", "agent/list")
async def list_apps(door: Door, caller: Caller, _asked: Nothing) -> AppsReply:
    """List the app that calls."""

    def look(state: State, _now_ms: int) -> AppsReply:
        app = state.corps[caller.corpid].apps[caller.agent_id]
        return AppsReply(agentlist=[AppRow(int(app.agent_id), app.name, "")] if app.agent_id.isdecimal() else [])

    reply: AppsReply = await door.look(look)
    return reply


@call("POST", "agent/set", missing=_MISSING, partial="the logo is not shown")
async def set_app(door: Door, caller: Caller, asked: AppSetAsked) -> Reply:
    """Change what the app says of itself; what is left out stays."""
    await _asked_for_itself(door, caller, asked.agentid)
    await door.ask(commands.SetApp(caller.corpid, caller.agent_id, asked))
    return Reply()


@call("POST", "menu/create", query=("agentid",), partial="no limits on buttons; nobody sees it")
async def create_menu(door: Door, caller: Caller, asked: web.Request) -> Reply:
    """Give the app a menu."""
    await _asked_for_itself(door, caller, _agentid(asked))
    body = await asked.content.read(MENU_BYTES_MAX + 1)
    if len(body) > MENU_BYTES_MAX:
        raise No(40206, f"more than {MENU_BYTES_MAX} bytes")
    try:
        menu = msgspec.json.decode(body, type=Menu)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise No(40058, str(why)) from why
    await door.ask(commands.PutMenu(caller.corpid, caller.agent_id, msgspec.json.encode(menu.button).decode()))
    return Reply()


def _agentid(request: web.Request) -> int:
    text = request.query.get("agentid", "")
    if not text.isdecimal():
        raise No(40056)
    return int(text)


@call("GET", "menu/get", missing=_MISSING)
async def get_menu(door: Door, caller: Caller, asked: AppAsked) -> MenuReply:
    """Tell of the app's menu."""

    def look(state: State, _now_ms: int) -> MenuReply | No:
        app = _own(state, caller, asked.agentid)
        if isinstance(app, No):
            return app
        menu = app.sheet.menu if app.sheet is not None else ""
        return MenuReply(button=msgspec.Raw(menu.encode())) if menu else No(46003)

    reply: MenuReply = await door.look(look)
    return reply


@call("GET", "menu/delete", missing=_MISSING)
async def delete_menu(door: Door, caller: Caller, asked: AppAsked) -> Reply:
    """Take the app's menu away."""
    await _asked_for_itself(door, caller, asked.agentid)
    await door.ask(commands.PutMenu(caller.corpid, caller.agent_id, ""))
    return Reply()


@call("GET", "get_jsapi_ticket")
async def get_corp_ticket(door: Door, caller: Caller, _asked: Nothing) -> TicketReply:
    """Give the ticket with which an enterprise's pages may call scripts, the same one while it is valid."""
    ticket, expires_in = door.tokens.ticket(door.router.now_ms(), caller.corpid)
    return TicketReply(ticket=ticket, expires_in=expires_in)


@call("GET", "ticket/get")
async def get_app_ticket(door: Door, caller: Caller, asked: TicketAsked) -> TicketReply:
    """Give the app's own ticket, the same one while it is valid; its `type` is agent_config."""
    if asked.type != "agent_config":
        raise No(40058, "type: agent_config")
    ticket, expires_in = door.tokens.ticket(door.router.now_ms(), caller.corpid, caller.agent_id)
    return TicketReply(ticket=ticket, expires_in=expires_in)

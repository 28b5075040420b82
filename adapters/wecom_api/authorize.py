"""The page that an app sends people to, to learn who they are: it sends them back with a code (DOC 91022).

In WeCom the person holds the phone that shows it. Here whoever opens it says who they are: by `as` in the address, as
control names people, or by a click on one of a list. Without an `agentid` the code is good for any app.
"""

from html import escape
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from yarl import URL

from adapters.http import check_host
from adapters.wecom_api.call import Door, No
from gateway.commands.book import MakeOauthCode
from gateway.events import OauthCodeMade
from gateway.state import State
from gateway.state.corps import Corp
from gateway.state.people import Consumer
from protocol.wecom.hosts import LOGIN_HOST

PATH: Final = "/connect/oauth2/authorize"
SHOWN_MAX: Final = 50  # people of each side to choose from
STATE_MAX: Final = 128  # bytes of `state` (DOC 91022)
SCOPES: Final = ("snsapi_base", "snsapi_userinfo", "snsapi_privateinfo")

Choice = tuple[str, str]  # how control names somebody, and what they are called


async def authorize(door: Door, request: web.Request) -> web.StreamResponse:
    """Send somebody back with a code, or ask who they are."""
    check_host(request, LOGIN_HOST)  # or any web page could read who there is
    query = dict(request.query)
    try:
        choices: list[Choice] = await door.look(lambda state, _now_ms: _choices(state, query))
        if "as" in query:
            raise web.HTTPFound(_back(query, await _code(door, query)))
    except No as no:
        return web.Response(status=400, text=no.detail or "as: nobody is called so")
    return web.Response(text=_page(query, choices), content_type="text/html", charset="utf-8")


def _choices(state: State, query: dict[str, str]) -> list[Choice] | No:
    """List who may come; what is wrong with the address is said in the vendor's order."""
    corp = state.corps.get(query.get("appid", ""))
    if corp is None:
        return No(40013, "appid: no such enterprise")
    agentid = query.get("agentid", "")
    if agentid and agentid not in corp.apps:
        return No(40056, "agentid: no such app")
    leads_to, domain = _leads_to(query.get("redirect_uri", "")), _domain(corp, agentid)
    if not leads_to or (domain and leads_to != domain):
        return No(40058, f"redirect_uri: an address of http or https{f' at {domain}' if domain else ''}")
    scope = query.get("scope", "")
    if query.get("response_type") != "code" or scope not in SCOPES or (scope == SCOPES[2] and not agentid):
        return No(40058, f"response_type: code; scope: {', '.join(SCOPES)}, the last one with an agentid")
    if len(query.get("state", "").encode()) > STATE_MAX:
        return No(40058, f"state: at most {STATE_MAX} bytes")
    members = [state.member(key) for key in list(corp.members.values())[:SHOWN_MAX]]
    customers = list(corp.consumers.values())[:SHOWN_MAX]
    strangers = [] if customers else [key for key in list(state.people)[:SHOWN_MAX] if "/" not in key]
    return [
        *((f"{corp.corpid}/{member.userid}", member.name) for member in members if not member.departed),
        *((handle, _called(state, handle)) for handle in (*customers, *strangers)),
    ]


def _leads_to(uri: str) -> str:
    """Give the host, and the port, that an address of http or https leads to; empty where it leads nowhere."""
    try:
        url, parts = URL(uri), urlsplit(uri)
    except ValueError:
        return ""
    return parts.netloc if url.host and parts.scheme in ("http", "https") else ""


def _domain(corp: Corp, agentid: str) -> str:
    """Give the domain that an app has said its pages are at (`agent/set`); empty where it has said none."""
    sheet = corp.apps[agentid].sheet if agentid else None
    return sheet.redirect_domain if sheet is not None else ""


def _called(state: State, handle: str) -> str:
    person: Any = state.people[handle]
    return person.nickname if isinstance(person, Consumer) else handle


async def _code(door: Door, query: dict[str, str]) -> str:
    private = query["scope"] == "snsapi_privateinfo"
    (made,) = await door.ask(MakeOauthCode(query["appid"], query.get("agentid", ""), query["as"], private))
    assert isinstance(made, OauthCodeMade), "making a code is one event"
    return made.code


def _back(query: dict[str, str], code: str) -> str:
    """Give the address to go back to: what it asked already, then the code, then the state."""
    uri = urlsplit(query["redirect_uri"])
    given = urlencode({"code": code} | ({"state": query["state"]} if query.get("state") else {}))
    return uri._replace(query=f"{uri.query}&{given}" if uri.query else given).geturl()


def _page(query: dict[str, str], choices: list[Choice]) -> str:
    links = ((f"{PATH}?{urlencode({**query, 'as': name})}", name, called) for name, called in choices)
    rows = "".join(
        f'<li><a href="{escape(link)}">{escape(called)}</a> {escape(name)}</li>' for link, name, called in links
    )
    return f'<!doctype html><meta charset="utf-8"><title>Hutong</title><p>Who are you?</p><ul>{rows}</ul>'


__all__ = ["PATH", "authorize"]

"""WeCom's server API at the root of the port: one file a chapter of its documentation.

Rules of the folder:
- A call is a function that `@call` lists; its annotations are what is read and answered, and what OpenAPI says.
- Nothing is logged of what came in or went out: bodies and tokens are secrets.
- Ids of another enterprise are answered exactly like ids of nobody.
"""

import asyncio
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, cast

import structlog
from aiohttp import web
from yarl import URL

from adapters.wecom_api import (
    app_messages,
    appchat,
    apps,
    authorize,
    base,
    book_tags,
    counted,
    customers,
    departments,
    groups,
    join_ways,
    logins,
    mass,
    media,
    members,
    tags,
    templates,
    ways,
)
from adapters.wecom_api.answers import Outgoing, Said, Visit, base_url_of, refused
from adapters.wecom_api.call import BODY_BYTES_MAX, CALLS, Call, Caller, Door, No, refusing
from adapters.wecom_api.calls import PREFIX, Calls
from adapters.wecom_api.faults import reserved, wait
from adapters.wecom_api.gate import Gate
from adapters.wecom_api.paths import not_there
from adapters.wecom_api.rights import out_of_sight
from gateway.refusal import Refusal
from protocol.errors import FAULT, RESERVED_ID
from protocol.wecom.reply import Reply

BODY_S: Final = 30.0  # for a body to come whole
DOORS_MAX: Final = 4_096  # apps whose door is remembered
# Imported so that their calls are listed.
CHAPTERS = (
    app_messages,
    appchat,
    apps,
    base,
    book_tags,
    counted,
    customers,
    departments,
    groups,
    join_ways,
    logins,
    mass,
    media,
    members,
    tags,
    templates,
    ways,
)


log = structlog.get_logger()


class Api:
    """Answers every request below PREFIX."""

    def __init__(self, door: Door, calls: Calls) -> None:
        self._door = door
        self._calls = calls
        self._doors: dict[tuple[str, str], Door] = {}
        self._outgoing = Outgoing()

    def add_to(self, app: web.Application) -> None:
        for path in CALLS:
            app.router.add_route("*", PREFIX + path, self.respond)  # found at once, without looking at a pattern
        app.router.add_route("*", PREFIX + "{path:(?s:.*)}", self.respond)
        app.router.add_get(authorize.PATH, partial(authorize.authorize, self._door))
        app.router.add_get(
            media.PICTURES + "{media_id}/0", partial(media.show_picture, self._door), allow_head=False
        )  # fmt: skip

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Find the call, find out who calls, have it done, write the answer; the status is always 200."""
        request = _with_one_mark(request)
        calls, visit = self._calls, Visit(self._calls.begin(request, self._door.router.now_ms()))
        try:
            reply = await self._reply(request, visit)
            answer = reply if isinstance(reply, web.StreamResponse) else Said(visit, reply, self._outgoing)
        except No as why:
            no = why
        except (ConnectionError, web.RequestPayloadError) as why:
            no = No(40058, f"the body did not come whole ({type(why).__name__})")
        except Exception as defect:
            log.exception("defect", what=f"{request.method} {request.path}")
            no = No(-1, f"a defect of the gateway ({type(defect).__name__})")
        else:
            calls.end(visit.line, 0, reply.errmsg if isinstance(reply, Reply) else "")
            if answer is reply and not answer.prepared:
                answer.headers.extend(visit.headers())
            return answer
        answer = refused(visit, no, base_url_of(request, self._door.base_url()))
        calls.end(visit.line, no.errcode, cast(bytes, answer.body), no.refusal)
        return answer

    async def _reply(self, request: web.Request, visit: Visit) -> Reply | web.StreamResponse:
        path = request.path[len(PREFIX) :]
        found = CALLS.get(path)
        if found is None:
            path = "/".join(filter(None, path.split("/")))  # WxJava writes one path with two slashes
            found = CALLS.get(path)
        if found is None:
            raise not_there(path, self._calls, base_url_of(request, self._door.base_url()))
        if request.method != found.method:
            raise No(40058, f"{path} takes {found.method}")
        caller = Caller("", "", visit.address, visit.notes) if found.open else self._caller(request, visit)
        gate, state = self._door.gate, self._door.router.state
        place = caller.corpid or request.query.get("corpid", ""), path
        visit.line.corpid, visit.line.agent_id = place[0], caller.agent_id
        refusal = gate.admit(state, visit.now_ms, path, found, caller) or gate.underway.begin(state, place)
        if refusal is not None:
            raise refusing(refusal)
        try:
            if gate.faults:
                await befall(gate, visit, place, lambda: _cut_off(request))
            return await self._perform(request, visit, found, caller, place)
        except No:
            if found.exempt:
                late = gate.meters(state).take(path, caller.corpid, caller.agent_id, caller.address, visit.now_ms)
                if late is not None:
                    raise refusing(late) from None
            raise
        finally:
            gate.underway.end(place)

    async def _perform(
        self, request: web.Request, visit: Visit, found: Call, caller: Caller, place: tuple[str, str]
    ) -> Reply | web.StreamResponse:
        """Read what is asked, and have it done."""
        takes_request = found.asked is web.Request
        body = b"" if takes_request or found.method == "GET" else await _body(request)
        visit.line.bring(body)
        door = self._door if found.open else self._door_of(caller)
        refuse_reserved(request.query, body)
        if takes_request:
            return await found.handler(door, caller, request)
        asked = found.read(request.query, body)
        state = self._door.router.state
        if state.strict and (unseen := out_of_sight(state, place[1], caller, asked)) is not None:
            raise No(unseen[0], unseen[1].rule, unseen[1])
        if found.writes is None:
            return await found.handler(door, caller, asked)
        record: Hashable = found.writes(asked)
        refusal = door.gate.underway.begin_write(place, record)
        if refusal is not None:
            raise refusing(refusal, found.family)
        try:
            return await found.handler(door, caller, asked)
        finally:
            door.gate.underway.end_write(place, record)

    def _door_of(self, caller: Caller) -> Door:
        """Give the door of an app: what is done through it is done for that app."""
        door = self._doors.get(caller[:2])
        if door is None:
            if len(self._doors) >= DOORS_MAX:
                self._doors.clear()
            door = self._doors[caller[:2]] = replace(self._door, asker=caller.key)
        return door

    def _caller(self, request: web.Request, visit: Visit) -> Caller:
        """Find out who calls: the token is in the address, and nowhere else."""
        token = request.query.get("access_token", "")
        if not token:
            raise No(41001)
        known = self._door.tokens.read(self._door.router.state, visit.now_ms, token)
        if known == "invalid":
            raise No(40014)
        if known == "expired":
            raise No(42001)
        return Caller(*known, visit.address, visit.notes)


async def befall(gate: Gate, visit: Visit, place: tuple[str, str], cut_off: Callable[[], None]) -> None:
    """Let a fault that was ordered befall a call, if any strikes it."""
    struck = gate.faults.strike(*place)
    if struck is None:
        return
    fault, _ = struck
    visit.fault = str(fault.id)
    if fault.delay_ms:
        await wait(*struck)
    if fault.drop:
        cut_off()
    if fault.drop or fault.errcode:
        raise No(fault.errcode or -1, "a fault that was ordered", Refusal(FAULT, f"fault/{fault.id}"))


def refuse_reserved(text: Mapping[str, str], body: bytes) -> None:
    """Refuse what names an id that always fails."""
    errcode = reserved(text, body)
    if errcode:
        raise No(errcode, "an id that always fails", Refusal(RESERVED_ID, f"reserved/hutong-fail-{errcode}"))


def _cut_off(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _with_one_mark(request: web.Request) -> web.Request:
    """Take a second question mark for an ampersand: SDKs append the token to paths that end in one, or have one."""
    query = request.rel_url.raw_query_string
    if "?" not in query:
        return request
    url = URL.build(path=request.rel_url.raw_path, query_string=query.replace("?", "&"), encoded=True)
    return request.clone(rel_url=url)


async def _body(request: web.Request) -> bytes:
    """Read what a POST brings, but not more than so many bytes of it, and not for ever."""
    content = request.content
    if content.is_eof() and content.total_bytes <= BODY_BYTES_MAX:  # nearly always: it came with its head
        return content.read_nowait()
    try:
        async with asyncio.timeout(BODY_S):
            return await _whole(request)
    except TimeoutError as why:
        raise No(40058, "the body did not come whole in time") from why


async def _whole(request: web.Request) -> bytes:
    body = bytearray()
    if (request.content_length or 0) <= BODY_BYTES_MAX:
        while chunk := await request.content.readany():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                break
        else:
            return bytes(body)
    raise No(40206, f"more than {BODY_BYTES_MAX} bytes")


__all__ = ["CALLS", "PREFIX", "Api", "Door", "Gate"]

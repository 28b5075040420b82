"""WeCom's server API at the root of the port: one file a chapter of its documentation.

Rules of the folder:
- A call is a function that `@call` lists; its annotations are what is read and answered, and what OpenAPI says.
- Nothing is logged of what came in or went out: bodies and tokens are secrets.
- Ids of another enterprise are answered exactly like ids of nobody.
"""

from functools import partial

import structlog
from aiohttp import web

from adapters.wecom_api import base, media
from adapters.wecom_api.answers import refused, said
from adapters.wecom_api.call import BODY_BYTES_MAX, CALLS, Call, Caller, Door, No
from protocol.wecom.reply import Reply

PREFIX = "/cgi-bin/"
CHAPTERS = (base, media)  # imported so that their calls are listed

log = structlog.get_logger()


class Api:
    """Answers every request below PREFIX."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def add_to(self, app: web.Application) -> None:
        app.router.add_route("*", PREFIX + "{path:.*}", self.respond)
        app.router.add_get(media.PICTURES + "{media_id}/0", partial(media.show_picture, self._door))

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Find the call, find out who calls, have it done, write the answer; the status is always 200."""
        door, address = self._door, request.remote or ""
        try:
            reply = await self._reply(request, address)
        except No as why:
            no = why
        except (ConnectionError, web.RequestPayloadError) as why:
            no = No(40058, f"the body did not come whole ({type(why).__name__})")
        except Exception as defect:
            log.exception("defect", what=f"{request.method} {request.path}")
            no = No(-1, f"a defect of the gateway ({type(defect).__name__})")
        else:
            return said(reply) if isinstance(reply, Reply) else reply
        return refused(no, door.router.now_ms(), address, door.base_url())

    async def _reply(self, request: web.Request, address: str) -> Reply | web.StreamResponse:
        path = "/".join(filter(None, request.match_info["path"].split("/")))  # WxJava writes one path with two slashes
        found = CALLS.get(path)
        if found is None:
            raise No(40058, f"there is no path {path[:100]!r}")
        if request.method != found.method:
            raise No(40058, f"{path} takes {found.method}")
        caller = Caller("", "", address) if found.open else self._caller(request, address)
        if found.asked is web.Request:
            return await found.handler(self._door, caller, request)
        body = await _body(request, found)
        return await found.handler(self._door, caller, found.read(request.query, body))

    def _caller(self, request: web.Request, address: str) -> Caller:
        """Find out who calls: the token is in the address, and nowhere else."""
        token = request.query.get("access_token", "")
        if not token:
            raise No(41001)
        router = self._door.router
        known = self._door.tokens.read(router.state, router.now_ms(), token)
        if known == "invalid":
            raise No(40014)
        if known == "expired":
            raise No(42001)
        return Caller(*known, address)


async def _body(request: web.Request, found: Call) -> bytes:
    """Read what a POST brings, but not more than so many bytes of it."""
    if found.method == "GET":
        return b""
    body = bytearray()
    if (request.content_length or 0) <= BODY_BYTES_MAX:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                break
        else:
            return bytes(body)
    raise No(40206, f"more than {BODY_BYTES_MAX} bytes")


__all__ = ["PREFIX", "Api", "Door"]

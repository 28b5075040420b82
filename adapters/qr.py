"""Pictures of QR codes: `/_hutong/qr/{code}.png` and `.svg`. What they say is their own address, without the ending.

The picture is no secret: it hangs on walls. A code that is none any more has no picture.
"""

from collections.abc import Callable
from io import BytesIO
from typing import Final
from urllib.parse import quote

from aiohttp import web

from gateway.router import Router
from gateway.state import State

PATH: Final = "/_hutong/qr/"
TYPES: Final = {"png": "image/png", "svg": "image/svg+xml"}
DOT_PIXELS: Final = 8


def address_of(base_url: str, code: str) -> str:
    """Give the address of a code's picture."""
    return f"{base_url}{PATH}{quote(code, safe='')}.png"


class Pictures:
    """Answers for every picture below PATH."""

    def __init__(self, router: Router, base_url: Callable[[], str]) -> None:
        self._router = router
        self._base_url = base_url

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(PATH + r"{code:[^/]+}.{kind:png|svg}", self.respond)

    async def respond(self, request: web.Request) -> web.Response:
        """Draw a code."""
        code, kind = request.match_info["code"], request.match_info["kind"]

        def look(state: State, _now_ms: int) -> bool:
            return code in state.codes

        if not await self._router.query(look):
            raise web.HTTPNotFound(text="no such code\n")
        text = address_of(self._base_url(), code).removesuffix(".png")
        return web.Response(body=draw(text, kind), content_type=TYPES[kind])


def draw(text: str, kind: str) -> bytes:
    """Draw a QR code, which survives a tenth of it being covered."""
    import segno

    picture = BytesIO()
    segno.make_qr(text, error="m").save(picture, kind=kind, scale=DOT_PIXELS)
    return picture.getvalue()

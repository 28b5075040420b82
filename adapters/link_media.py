"""Files of a link's messages, over HTTP beside it: sent before a message names them, fetched by whoever reads it.

Rules of the file:
- Who comes shows the link's own token, or a ticket.
- A member sends to the own enterprise; a consumer to one that knows them, which the address names.
- Whoever knows the id of a file of such an enterprise may fetch it: ids are not to be guessed.
"""

from typing import Final, cast

import msgspec
from aiohttp import web
from msgspec import Struct

from adapters.http import check_origin, claims_of
from adapters.tokens import TokenBox
from adapters.wecom_api.call import Door, No
from adapters.wecom_api.media import give, range_of, take
from gateway.events.media import MediaKind
from gateway.state import State
from gateway.state.media import Media
from gateway.state.people import Member
from protocol.wecom.errcodes import TEXTS
from protocol.wecom.media import BYTES_MAX

PATH: Final = "/media"
_STATUS: Final = {-1: 503, 45001: 413}


class Sent(Struct, frozen=True):
    """What a message is to name."""

    media_id: str
    size: int
    expires_at_ms: int


class LinkMedia:
    """Answers below PATH."""

    def __init__(self, door: Door, tokens: TokenBox) -> None:
        self._door = door
        self._tokens = tokens

    def add_to(self, app: web.Application) -> None:
        app.router.add_post(PATH, self.receive)
        app.router.add_get(PATH + "/{media_id}", self.fetch, allow_head=False)

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Take in a file, one part of a multipart body; `type` says what kind it is, `corp` a consumer's enterprise."""
        corpids = self._corpids(request)
        wanted = request.query.get("corp", corpids[0] if len(corpids) == 1 else "")
        if wanted not in corpids:
            raise web.HTTPNotFound(text="name an enterprise that knows you: ?corp=\n")
        kind = request.query.get("type", "file")
        if kind not in BYTES_MAX:
            raise web.HTTPUnprocessableEntity(text=f"a type is one of {', '.join(BYTES_MAX)}\n")
        try:
            kept = await take(self._door, wanted, request, cast(MediaKind, kind), "message", BYTES_MAX[kind])
        except No as no:
            text = f"{TEXTS.get(no.errcode, 'refused')}: {no.detail}\n"
            return web.Response(status=_STATUS.get(no.errcode, 422), text=text)
        body = msgspec.json.encode(Sent(kept.media_id, kept.size, kept.expires_ms))
        return web.Response(status=201, body=body, content_type="application/json")

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """Give a file, or a range of it."""
        corpids, media_id = self._corpids(request), request.match_info["media_id"]

        def look(state: State, now_ms: int) -> Media | No:
            shelves = (state.corps[corpid].media for corpid in corpids if corpid in state.corps)
            return next((found for shelf in shelves if (found := shelf.find(media_id, now_ms)) is not None), No(40007))

        try:
            return await give(self._door, request, await self._door.look(look), range_of(request))
        except No as no:
            return web.Response(status=503 if no.errcode == -1 else 404, text="no such file\n")

    def _corpids(self, request: web.Request) -> tuple[str, ...]:
        """Name the enterprises whose files somebody may have to do with."""
        check_origin(request)
        state = self._door.router.state
        person = state.people[claims_of(request, self._tokens, state).person]
        return (person.corpid,) if isinstance(person, Member) else tuple(person.known)

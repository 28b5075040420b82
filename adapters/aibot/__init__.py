"""The door of bots: one WebSocket a bot, over which it is told, answers, speaks unasked and uploads (DOC 101463).

Rules of the folder:
- One connection a bot: a newer one that subscribes is told from then on, the older one is sent away.
- What is due is told in the order of the journal. No SDK acknowledges it.
- Every frame is answered, in order, whatever is wrong with it; none is worth the connection but one that is too large.
- A frame of a connection waits for a turn of everybody's loop: who sends many without a pause holds up nobody else.
- Of frames no secret is kept: they stand among the calls of the vendor's API, as `aibot/` and their `cmd`.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from time import time_ns
from typing import Final

import structlog
from aiohttp import web
from msgspec import UNSET

from adapters.aibot.commands import (
    COMMANDS,
    FAMILY,
    METERED,
    PING,
    SUBSCRIBE,
    Asking,
    Told,
    read_body,
    read_frame,
    read_subscription,
)
from adapters.aibot.connection import Connection
from adapters.aibot.delivery import Delivery, bot_of
from adapters.aibot.req_ids import PREFIX
from adapters.aibot.telling import callback, kicked
from adapters.aibot.uploads import ChunkedUploads
from adapters.callback_receivers import Called
from adapters.http import check_origin
from adapters.log import text_of
from adapters.wecom_api import befall, refuse_reserved
from adapters.wecom_api.answers import Visit, errmsg_of
from adapters.wecom_api.call import Door, No, refusing
from adapters.wecom_api.calls import CLIENT_CHARACTERS_MAX, PATH_CHARACTERS_MAX, CallLine, Calls, path_alone
from gateway.ports import Tokens
from gateway.state import State
from protocol.errors import Close
from protocol.wecom.aibot import Acknowledgement, Frame, SubscribeAsked
from protocol.wecom.hosts import BOT_HOST

PATH: Final = "/_hutong/aibot"
VENDORS_ORIGIN: Final = f"https://{BOT_HOST}"  # some clients say where they believe to be, and come through the proxy
UNSUBSCRIBED_MAX: Final = 32  # connections; above it the oldest makes room
ABOUT: Final = f"""This is Hutong, a simulator of WeCom and WeChat messaging.

/cgi-bin/...       WeCom's server API
{PATH}     bots over WebSocket, as / is for who asks for one
/_hutong/env       addresses and secrets to begin with, as `hutong env` prints them
"""

log = structlog.get_logger()


class Aibots:
    """Every bot's connection."""

    def __init__(
        self,
        door: Door,
        tokens: Tokens,
        calls: Calls,
        delivery: Delivery,
        ready: Callable[[], bool],
    ) -> None:
        self._door = door
        self._router = door.router
        self._tokens = tokens
        self._calls = calls
        self._delivery = delivery
        self._ready = ready
        self._uploads = ChunkedUploads(door.media)
        self.connections: dict[Connection, None] = {}
        self._strangers: dict[Connection, None] = {}  # who has subscribed to nothing yet, the oldest first
        self._subscribed: dict[str, Connection] = {}  # by the bot's key
        self._leaving: set[asyncio.Task[None]] = set()
        self._kicks = count(1)

    @property
    def subscribed(self) -> int:
        return len(self._subscribed)

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(PATH, self.respond, allow_head=False)
        app.router.add_get("/", self.respond, allow_head=False)
        self._delivery.files.add_to(app)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep how far each bot has been told while the block runs; then let those go who are being sent away."""
        async with self._delivery.open():
            yield
            await asyncio.gather(*self._leaving)

    async def close(self, close: Close, text: str) -> None:
        """Close every connection, politely within a bound, then not."""
        await asyncio.gather(*(connection.close(close, text) for connection in self.connections))

    # A connection

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Take a bot's connection; say what this is to who wants none."""
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(text=ABOUT)
        if not self._ready():
            raise web.HTTPServiceUnavailable(text="not ready\n", headers={"Retry-After": "1"})
        check_origin(request, VENDORS_ORIGIN)
        connection = Connection(request)
        socket = await connection.open()
        self.connections[connection] = self._strangers[connection] = None
        self._make_room()
        try:
            await self._serve(connection)
        finally:
            self._left(connection)
        return socket

    def _make_room(self) -> None:
        if len(self._strangers) > UNSUBSCRIBED_MAX:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.abort()

    def _left(self, connection: Connection) -> None:
        del self.connections[connection]
        self._strangers.pop(connection, None)
        if connection.telling is not None:
            connection.telling.cancel()
        if self._is_subscribed(connection):
            assert connection.who is not None
            del self._subscribed[connection.who.key]

    def _is_subscribed(self, connection: Connection) -> bool:
        return connection.who is not None and self._subscribed.get(connection.who.key) is connection

    async def _serve(self, connection: Connection) -> None:
        """Answer one frame after the other; begin to tell once a bot has subscribed, and knows."""
        try:
            while (frame := await connection.receive()) is not None:
                await connection.send(await self._answer(connection, frame))
                await asyncio.sleep(0)
                if connection.telling is None and self._is_subscribed(connection):
                    connection.telling = asyncio.create_task(self._delivery.tell(connection))
        except TimeoutError:
            why = "no heartbeat for too long" if connection.who is not None else "no subscription in time"
            await connection.close(Close.DEADLINE, why)
        except ConnectionError:
            connection.abort()

    # A frame

    async def _answer(self, connection: Connection, data: bytes) -> Acknowledgement:
        """Have done what a frame asks, and acknowledge it; heartbeats are not kept among the calls."""
        frame, wrong = read_frame(data)
        if frame.cmd == PING and wrong is None and self._is_subscribed(connection) and not self._door.gate.faults:
            return Acknowledgement(frame.headers, 0, "ok")
        visit = Visit(self._line(connection, frame, data))
        try:
            body = await self._perform(connection, frame, wrong, visit)
        except No as why:
            no = why
        except Exception as defect:
            log.exception("defect", what=visit.line.path)
            no = No(-1, f"a defect of the gateway ({type(defect).__name__})")
        else:
            self._calls.end(visit.line, 0, "ok")
            return Acknowledgement(frame.headers, 0, "ok", body or UNSET)
        if no.refusal is not None and no.refusal.retry_at_ms:
            no.detail += f", try again at {text_of(no.refusal.retry_at_ms)}"
        errmsg = errmsg_of(visit, no, self._door.base_url())
        self._calls.end(visit.line, no.errcode, errmsg, no.refusal)
        return Acknowledgement(frame.headers, no.errcode, errmsg)

    def _line(self, connection: Connection, frame: Frame, data: bytes) -> CallLine:
        path = f"aibot/{path_alone(frame.cmd)}"[:PATH_CHARACTERS_MAX]
        corpid, bot_id = connection.who or ("", "")
        client = connection.client[:CLIENT_CHARACTERS_MAX]
        now_ms = self._router.now_ms()
        line = CallLine("WS", path, connection.address, client, {}, time_ns(), now_ms, corpid, bot_id)
        line.bring(bytes(frame.body) if frame.cmd else data)
        return line

    async def _perform(self, connection: Connection, frame: Frame, wrong: No | None, visit: Visit) -> Told:
        if wrong is not None:
            raise wrong
        gate, line = self._door.gate, visit.line
        if gate.faults:
            await befall(gate, visit, (line.corpid, line.path), connection.abort)
        refuse_reserved({}, bytes(frame.body))
        if frame.cmd == SUBSCRIBE:
            await self._subscribe(connection, read_subscription(frame.body))
            line.corpid, line.agent_id = connection.who or ("", "")
            return None
        who = connection.who
        if who is None or not self._is_subscribed(connection):
            raise No(846609, f"{SUBSCRIBE} comes first, and a newer one ends an older one")
        if frame.cmd == PING:
            return None
        command = COMMANDS.get(frame.cmd)
        if command is None:
            raise No(40058, f"a cmd is one of {', '.join((SUBSCRIBE, PING, *COMMANDS))}")
        if frame.cmd in METERED:
            self._count(frame.cmd, who, connection.address)
        asking = Asking(self._door, self._tokens, self._uploads, who, frame.headers.req_id)
        return await command.handler(asking, read_body(frame.body, command.asked))

    def _count(self, cmd: str, who: Called, address: str) -> None:
        state = self._router.state
        refusal = self._door.gate.meters(state).take(cmd, *who, address, self._router.now_ms())
        if refusal is not None:
            raise refusing(refusal, FAMILY)

    async def _subscribe(self, connection: Connection, asked: SubscribeAsked) -> None:
        """Give a bot its connection; the older one is told, and sent away."""

        def look(state: State, _now_ms: int) -> Called | None:
            who = Called(state.bots.get(asked.bot_id, ""), asked.bot_id)
            app = bot_of(state, who)
            right = app is not None and hmac.compare_digest(app.secret.encode(), asked.secret.encode())
            return who if right else None

        meters, now_ms = self._door.gate.meters(self._router.state), self._router.now_ms()
        refusal = meters.secrets(connection.address, now_ms, path=SUBSCRIBE)
        if refusal is not None:
            raise refusing(refusal, FAMILY)
        who: Called | None = await self._door.look(look)
        if who is None:
            meters.secrets(connection.address, now_ms, wrong=True, path=SUBSCRIBE)
            raise No(853000)
        if connection.who not in (None, who):
            raise No(40058, "this connection is another bot's")
        if connection.who is not None and not self._is_subscribed(connection):
            raise No(846609, "a newer connection has ended this one")
        self._count(SUBSCRIBE, who, connection.address)
        older = self._subscribed.get(who.key)
        self._subscribed[who.key] = connection
        connection.who, connection.secret = who, asked.secret
        self._strangers.pop(connection, None)
        if older is not None and older is not connection:
            self._send_away(older)

    def _send_away(self, older: Connection) -> None:
        if older.telling is not None:
            older.telling.cancel()
        leaving = asyncio.create_task(self._kick(older))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _kick(self, older: Connection) -> None:
        assert older.who is not None
        name = f"kick {next(self._kicks)}"
        told = kicked(self._router.state, older.who, self._router.now_ms(), f"{time_ns()} {name}")
        try:
            await older.send(callback(told, f"{PREFIX}{told.msgid}"))
        except ConnectionError:
            return
        await older.close(Close.REPLACED, "the bot has a newer connection")

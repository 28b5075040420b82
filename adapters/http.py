"""The one HTTP port: the WebSocket door, health, metrics, and under /_hutong/ our own API."""

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any, Final, cast

import structlog
from aiohttp import web, web_app
from aiohttp.typedefs import Handler

from adapters import consumer, enterprise
from adapters.entrance import Entrance
from adapters.link import Link, Links
from adapters.proxy import lead
from adapters.tokens import LinkClaims, Rejected, TokenBox
from gateway.router import Router
from gateway.session import Session
from gateway.state import State
from gateway.state.people import Member
from protocol.codec import JSON, MSGPACK
from protocol.frames import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK

UNAUTHENTICATED_MAX: Final = 1_000  # connections that are no link yet
IDLE_S: Final = 5.0  # a connection without a whole request for so long is closed
BACKLOG: Final = 4096  # connections that wait to be accepted
LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")

log = structlog.get_logger()

_CODECS: Final = {SUBPROTOCOL_JSON: JSON, SUBPROTOCOL_MSGPACK: MSGPACK}


class LinkDoor:
    """`/ws`: checks who comes, makes the handshake, and hands the transport to a link."""

    def __init__(self, router: Router, tokens: TokenBox, links: Links, ready: Callable[[], bool]) -> None:
        self._router = router
        self._tokens = tokens
        self._links = links
        self._ready = ready

    async def open(self, request: web.Request) -> web.StreamResponse:
        """Open a link, or say why not."""
        try:
            return self._open(request)
        except web.HTTPException as no:
            log.info("link_refused", status=no.status, why=(no.text or "").strip())
            raise

    def _open(self, request: web.Request) -> web.StreamResponse:
        if not self._ready():
            raise web.HTTPServiceUnavailable(text="not ready\n", headers={"Retry-After": "1"})
        check_origin(request)
        claims = claims_of(request, self._tokens, self._router.state)
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        chosen = next((name for name in map(str.strip, offered.split(",")) if name in _CODECS), None)
        if chosen is None:
            raise web.HTTPBadRequest(text=f"offer a subprotocol: {', '.join(_CODECS)}\n")
        side = enterprise if claims.audience == enterprise.AUDIENCE else consumer

        def make(link: Link) -> Session:
            return Session(
                link, _CODECS[chosen], side.AUDIENCE, side.COMMANDS, claims.person, claims.device, claims.token_id
            )  # fmt: skip

        return self._links.take(request, shake_hands(request, chosen), claims, make)


def shake_hands(request: web.Request, *protocols: str) -> dict[str, str]:
    """Give the headers that make a WebSocket of a request, one without compression: it is a bomb, and costs memory."""
    handshake = web.WebSocketResponse(protocols=protocols, compress=False)
    try:
        headers, *_ = handshake._handshake(request)  # noqa: SLF001 - alone, without aiohttp's own session
    except ValueError as why:  # a key that is no ASCII
        raise web.HTTPBadRequest(text="no WebSocket handshake\n") from why
    return dict(headers)


def claims_of(request: web.Request, tokens: TokenBox, state: State) -> LinkClaims:
    """Find out who comes, by link token or ticket; one answer for everything that opens nothing."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        if token and scheme.lower() == "bearer":
            claims = tokens.read_link_token(token.strip())
        else:
            claims = tokens.spend_ticket(request.query.get("ticket", ""))
    except Rejected as why:
        raise unauthorized() from why
    if not admits(state, claims):
        raise unauthorized()
    return claims


def admits(state: State, claims: LinkClaims) -> bool:
    """Tell whether a good token still opens a link: not revoked, of somebody who is still there."""
    person = state.people.get(claims.person)
    gone = person is None or (isinstance(person, Member) and person.departed)
    return not gone and claims.token_id not in state.revoked


def unauthorized() -> web.HTTPUnauthorized:
    return web.HTTPUnauthorized(text="no valid token\n", headers={"WWW-Authenticate": "Bearer"})


def check_origin(request: web.Request, *others: str) -> None:
    """Refuse a foreign web page: an Origin, where there is one, must be this server's own address, to the letter, or
    one of a few others."""
    if not {*own_origins(request), *others}.issuperset(request.headers.getall("Origin", ())):
        raise web.HTTPForbidden(text="wrong origin\n")


def check_host(request: web.Request, *others: str) -> None:
    """Refuse a name that was made to point here: the Host must be a loopback name, or one of a few others."""
    host = request.headers.get("Host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if name not in (*LOOPBACK_NAMES, *others):
        raise web.HTTPForbidden(text="wrong host\n")


def own_origins(request: web.Request) -> set[str]:
    raw = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return {f"{request.scheme}://{name}:{raw[1]}" for name in LOOPBACK_NAMES} if raw else set()


class _TooMany(asyncio.Protocol):
    """Turns a connection away at once: all others are being answered."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()


class CannotListen(Exception):
    """The port cannot be had; the text says what to do, in one line."""


def _room(http: web.Server) -> bool:
    """Close the oldest connection that waits for a request, or for its client to take an answer, if any does."""
    open_ = [connection for connection in http.connections if not connection._force_close]  # noqa: SLF001 - tested
    if len(open_) < UNAUTHENTICATED_MAX:
        return True
    idle = next((one for one in open_ if one._current_request is None or one.writing_paused), None)  # noqa: SLF001
    if idle is None:
        return False
    asyncio.get_running_loop().call_soon(_let_go, idle)  # behind the answers of this round, which may be its own
    return True


def _let_go(idle: Any) -> None:
    transport, is_stuck = idle.transport, idle.writing_paused
    idle.force_close()
    if is_stuck and transport is not None:
        transport.abort()  # closed politely, it would stay until its answer is taken


def _ahead(prefix: str, first: Handler, others: Handler) -> Handler:
    """Hand what begins with a prefix to `first`; who wants to hear `100 Continue` goes the long way."""

    async def respond(request: web.Request) -> web.StreamResponse:
        if request.path.startswith(prefix) and "Expect" not in request.headers:
            return await first(request)
        return await others(request)

    return respond


def _bound(host: str, port: int) -> socket.socket:
    """Take a port, so that whoever comes waits; `CannotListen` if it is taken."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen(BACKLOG)
    except (OSError, OverflowError) as why:
        taken.close()
        text = why.strerror if isinstance(why, OSError) and why.strerror else why
        raise CannotListen(f"port {port} on {host} cannot be used ({text}): choose another with --port") from why
    return taken


class Listener:
    """The listening sockets: the plain one and, if asked for, those of TLS and the proxy. Who is no link is counted.

    Above the cap the connection that has been idle for longest makes room, and who does not read is idle: an honest
    client shows itself within milliseconds, so that whoever holds connections open holds up nobody but themselves.
    """

    def __init__(
        self, app: web.Application, host: str, port: int, tls_port: int | None = None, proxy_port: int | None = None
    ) -> None:
        """Take the ports; 0 is a free one. `CannotListen` if one is taken. The proxy wants TLS."""
        self._runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=IDLE_S,
            lingering_time=IDLE_S,
            handle_signals=False,
            shutdown_timeout=1.0,
        )
        self._entrances: list[Entrance] = []
        wanted = [number for number in (port, tls_port, proxy_port) if number is not None]
        self._sockets: list[socket.socket] = []
        try:
            self._sockets += (_bound(host, number) for number in wanted)
        except CannotListen:
            self.stop_accepting()
            raise
        numbers: list[int] = [taken.getsockname()[1] for taken in self._sockets]
        self.port = numbers[0]
        self.tls_port = numbers[1] if tls_port is not None else None
        self.proxy_port = numbers[2] if proxy_port is not None else None

    @property
    def connections(self) -> int:
        """Count the connections that are no link."""
        http = self._runner.server
        return (len(http.connections) if http is not None else 0) + sum(map(len, self._entrances))

    async def open(self, ahead: tuple[str, Handler] | None = None, context: ssl.SSLContext | None = None) -> None:
        """Begin to answer. `ahead` takes what begins with a prefix before aiohttp's router has looked at it: on the way
        of a call of the vendor's API, that is a tenth. `context` is what TLS shows."""
        await self._runner.setup()
        http = self._runner.server
        assert http is not None
        if ahead is not None:
            http.request_handler = cast(Any, _ahead(*ahead, cast(Handler, http.request_handler)))

        def protocol() -> asyncio.Protocol:
            if len(http.connections) >= UNAUTHENTICATED_MAX and not _room(http):
                return _TooMany()
            made: asyncio.Protocol = http()
            return made

        plain, *others = self._sockets
        assert context is not None or not others, "what listens for TLS shows something"
        if sys.platform == "linux":  # who says nothing yet waits in the system, and takes up nothing here
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, int(IDLE_S))
        self._entrances = [Entrance(plain, protocol)]
        self._entrances += (
            Entrance(taken, protocol, context, first) for taken, first in zip(others, (None, lead), strict=False)
        )

    def stop_accepting(self) -> None:
        for entrance in self._entrances:
            entrance.stop_accepting()
        for taken in self._sockets if not self._entrances else ():
            taken.close()

    async def close(self) -> None:
        self.stop_accepting()
        for entrance in self._entrances:
            await entrance.close()
        await self._runner.cleanup()
        web_app._cached_build_middleware.cache_clear()  # noqa: SLF001 - or it would keep the application, and the world

"""One call of control: a function whose annotations are its contract, and the door through which it looks and asks.

Rules of the file:
- A parameter `path`, `query` or `body` is a struct; the return type is the answer. OpenAPI is made from the same.
- Reads go through `Door.look`, writes through `Door.ask`: both answer when what they tell is durable.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, get_type_hints

import msgspec
from aiohttp import web
from msgspec import Struct

from adapters.callback_receivers import Receivers
from adapters.control.problems import plain, refused
from adapters.link import Links
from adapters.snapshots import Snapshots
from adapters.strict import Wrong, from_json, from_text
from adapters.tokens import TokenBox
from adapters.wecom_api.calls import Calls
from adapters.wecom_api.gate import Gate
from adapters.world import WORLD_BYTES_MAX
from gateway.commands import Command
from gateway.events import AnyEvent
from gateway.ports import Clock
from gateway.refusal import Refusal
from gateway.router import Router
from gateway.writer import Query

BODY_BYTES_MAX: Final = 1024 * 1024
WAITING_MAX: Final = 256  # requests that wait until something happens


class Urls(Struct, frozen=True):
    """Where this gateway is to be found."""

    base_url: str
    ws_url: str
    bots_url: str
    mqtt_url: str | None
    control_url: str
    tls_url: str | None = None
    proxy_url: str | None = None  # for clients that have the vendor's hosts written in
    ca_file: str | None = None  # what clients of TLS are told to trust


@dataclass(frozen=True)
class Door:
    """What the calls work with. `importing` is held by who brings in a world; `waiting` by who waits for something."""

    router: Router
    tokens: TokenBox
    links: Links
    clock: Clock
    urls: Callable[[], Urls]
    calls: Calls
    receivers: Receivers
    snapshots: Snapshots
    gate: Gate = field(default_factory=Gate)
    importing: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(WAITING_MAX))

    async def look(self, query: Query, missing: str = "") -> Any:
        """Look at the state; a refusal becomes a problem, which says what is missing."""
        answer = await self.router.query(query)
        if isinstance(answer, Refusal):
            raise refused(answer, missing if answer.reason.name.startswith("unknown_") else "")
        return answer

    async def ask(self, command: Command) -> list[AnyEvent]:
        """Have a command decided; a refusal becomes a problem."""
        answer = await self.router.ask(command)
        if isinstance(answer, Refusal):
            raise refused(answer)
        assert isinstance(answer, list), "control asks for nothing that MQTT repeats"
        return answer


class Toml(bytes):
    """A body or an answer that is a world file."""

    __slots__ = ()


class File(NamedTuple):
    """An answer that lies on the disk."""

    path: Path


class Stream(NamedTuple):
    """A body that is read as it comes; `length` is what it says of itself."""

    pieces: AsyncIterator[bytes]
    length: int | None


class Html(bytes):
    """An answer that is a page for people."""

    __slots__ = ()


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """The parent of what is asked: a key that nobody reads is an error."""


Call = Callable[..., Awaitable[Any]]


class Endpoint(NamedTuple):
    """A call and its contract."""

    method: str
    route: str
    call: Call
    summary: str
    path: type[Struct] | None
    query: type[Struct] | None
    body: type[Any] | None
    answer: type[Any]

    async def respond(self, door: Door, request: web.Request) -> web.StreamResponse:
        """Read what is asked, have it done, write the answer."""
        arguments: dict[str, Any] = {}
        if self.path is not None:
            arguments["path"] = from_text(dict(request.match_info), self.path)
        if self.query is not None:
            arguments["query"] = from_text(dict(request.query), self.query)
        elif request.query:
            raise Wrong(f"unknown key {next(iter(request.query))}: this call takes none in its address")
        if self.body is Toml:
            arguments["body"] = Toml(await read(request, WORLD_BYTES_MAX))
        elif self.body is Stream:
            arguments["body"] = Stream(request.content.iter_any(), request.content_length)
        elif self.body is not None:
            arguments["body"] = from_json(await read(request, BODY_BYTES_MAX), self.body)
        answer = await self.call(door, **arguments)
        if isinstance(answer, Toml):
            return web.Response(body=answer, content_type="application/toml", charset="utf-8")
        if isinstance(answer, File):
            return web.FileResponse(answer.path, headers={"Content-Type": "application/octet-stream"})
        if isinstance(answer, Html):
            return web.Response(body=answer, content_type="text/html", charset="utf-8")
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")


async def read(request: web.Request, most: int) -> bytes:
    """Read a body, but not more than so many bytes of it."""
    body = bytearray()
    if (request.content_length or 0) <= most:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > most:
                break
        else:
            return bytes(body)
    raise plain(413, f"the body has more than {most} bytes")


ENDPOINTS: Final[list[Endpoint]] = []


def endpoint(method: str, route: str) -> Callable[[Call], Call]:
    """Make a function a call of control; its docstring's first sentence is the summary."""

    def register(call: Call) -> Call:
        hints = get_type_hints(call)
        summary = (call.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        ENDPOINTS.append(
            Endpoint(
                method, route, call, summary, hints.get("path"), hints.get("query"), hints.get("body"), hints["return"]
            )
        )
        return call

    return register

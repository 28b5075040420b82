"""Builds the running system: production and tests call the same function."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import structlog
from aiohttp import web

from adapters import aibot, control, wecom_api
from adapters.aibot.delivery import Delivery
from adapters.aibot.files import BotFiles
from adapters.authority import Authority, kept_in
from adapters.callback_marks import BOTS_FILE, Marks
from adapters.callback_marks import FILE as MARKS_FILE
from adapters.callback_receivers import Receivers
from adapters.callbacks import Callbacks
from adapters.checkpoint import keep_checkpoints
from adapters.genesis import begin
from adapters.http import LinkDoor, Listener
from adapters.link import Links
from adapters.link_media import LinkMedia
from adapters.media import Uploads
from adapters.media_files import DiskFiles, Files, MemoryFiles
from adapters.metrics import Health, Watched
from adapters.opening import open_world
from adapters.qr import Pictures
from adapters.real_clock import RealClock
from adapters.restoring import Beginning
from adapters.snapshots import Snapshots
from adapters.tokens import Keys, TokenBox
from adapters.wecom_api.access import AccessTokens
from adapters.wecom_api.calls import Calls
from adapters.world import World
from gateway import profile
from gateway.config import DEFAULT, Config
from gateway.ports import Clock, Journal
from gateway.rights import Switch
from gateway.router import Router
from protocol.errors import Close

HOST: Final = "127.0.0.1"
LINKS_CLOSE_S: Final = 3.0  # of the stop, for clients to answer the close

log = structlog.get_logger()


@dataclass
class Gateway:
    """A running gateway and its parts.

    `fresh` says that its world was begun just now; `turning` is its
    loop.
    """

    router: Router
    tokens: TokenBox
    access_tokens: AccessTokens
    calls: Calls
    links: Links
    media: Uploads
    receivers: Receivers
    bots: aibot.Aibots
    listener: Listener
    journal: Journal
    clock: Clock
    fresh: bool
    turning: asyncio.Task[None]
    snapshots: Snapshots
    marks: dict[str, Callable[[], bytes]]  # how far each reader of the journal is, by its file
    marks_before: dict[str, bytes]  # the same as it was in the snapshot that a journal in memory was begun from
    ready: bool = False
    mqtt_url: str | None = None  # set by the door of MQTT
    authority: Authority | None = None

    @property
    def keys(self) -> Keys:
        return self.tokens.keys

    @property
    def id(self) -> str:
        """Name it, as long as its data folder lives."""
        return self.keys.folder_id

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.listener.port}"

    def urls(self) -> control.Urls:
        base, ws = self.base_url, self.base_url.replace("http", "ws", 1)
        tls_port, proxy_port = self.listener.tls_port, self.listener.proxy_port
        return control.Urls(
            base, f"{ws}/ws", f"{ws}{aibot.PATH}", self.mqtt_url, f"{base}{control.PREFIX}",
            f"https://{HOST}:{tls_port}" if tls_port is not None else None,
            f"http://{HOST}:{proxy_port}" if proxy_port is not None else None,
            str(self.authority.file.resolve()) if self.authority is not None else None,
        )  # fmt: skip

    def is_alive(self) -> bool:
        return not self.turning.done()

    def is_ready(self) -> bool:
        return self.ready and self.is_alive()

    async def until(self, stop: asyncio.Event) -> None:
        """Wait until somebody wants an end or another world, or the loop came to one: leaving `run` then raises why."""
        wishes = [asyncio.create_task(event.wait()) for event in (stop, self.snapshots.restoring)]
        await asyncio.wait((*wishes, self.turning), return_when=asyncio.FIRST_COMPLETED)
        for wish in wishes:
            wish.cancel()


OpenDoor = Callable[[Gateway], AbstractAsyncContextManager[Any]]


@asynccontextmanager
async def run(
    data: Path | None,
    port: int = 0,
    profile_name: str | None = None,
    durability: Literal["disk", "memory"] = "disk",
    config: Config = DEFAULT,
    clock: Clock | None = None,
    *,
    world: Callable[[], World] | None = None,
    doors: Sequence[OpenDoor] = (),
    strict: Sequence[Switch] | None = None,
    snapshot: Beginning | None = None,
    keys: Keys | None = None,
    tls_port: int | None = None,
    proxy_port: int | None = None,
) -> AsyncIterator[Gateway]:
    """Run a gateway until the block is left; then stop it the way SIGTERM does.

    An empty journal is begun with a world, a profile and switches, or from a snapshot; on any other, `fresh` is False
    and they are left alone. The ports come first and the journal last, so that a start that fails leaves nothing
    behind. `doors` are opened before the gateway is ready, and closed before its loop stops. If the loop fails, leaving
    the block raises why. `keys` are for where no folder keeps any: those of a life before. The proxy wants TLS, whose
    authority is kept in the data folder even where the journal is in memory: clients have to read it.
    """
    assert data is not None or tls_port is None, "the authority of TLS is kept in a data folder"
    profile.table(profile_name or profile.DEFAULT_PROFILE)
    real = RealClock()
    clock = clock or real
    folder = data if durability == "disk" else None
    app = web.Application()
    async with AsyncExitStack() as stack:
        listener = Listener(app, HOST, port, tls_port, proxy_port)
        stack.callback(listener.stop_accepting)
        files: Files = DiskFiles(folder) if folder is not None else MemoryFiles()
        begun = partial(begin, read=world, profile_name=profile_name, real_ms=clock.real_ms(), strict=strict)
        with ExitStack() as undo:
            authority = kept_in(data, undo) if tls_port is not None and data is not None else None
            opened = await open_world(folder, begun, files, snapshot, keys)
            undo.pop_all()
        stack.push_async_callback(opened.journal.close)
        stack.push_async_callback(listener.close)
        real.begin_at(opened.state.clock.newest_real_ms())
        tokens = TokenBox(opened.keys, real, folder)
        router = Router(opened.state, opened.journal, clock, tokens, _on_defect, config)
        turning = asyncio.create_task(router.run())
        stack.push_async_callback(_finish, router, turning)
        if folder is not None:
            stack.push_async_callback(_end, asyncio.create_task(keep_checkpoints(opened.journal, folder)))
        links = Links(router, real.real_s)
        media = Uploads(router, files, config.media_bytes_max if folder is not None else config.media_memory_bytes_max)
        marks = {
            name: Marks(folder / name if folder is not None else None, router.state, opened.marks.get(name, b""))
            for name in (MARKS_FILE, BOTS_FILE)
        }
        mark_texts = {name: one.text for name, one in marks.items()}
        snapshots = Snapshots(data, router, files, mark_texts, clock, in_memory=folder is None)
        await snapshots.clear()
        stack.push_async_callback(_end, asyncio.create_task(media.keep_swept()))
        receivers, calls = Receivers(router, clock, lambda: gateway.base_url), Calls()
        api_door = wecom_api.Door(router, AccessTokens(opened.keys.access), lambda: gateway.base_url, media)
        files_of_bots = BotFiles(api_door, opened.keys.files)
        delivery = Delivery(router, tokens, clock, receivers.lines, marks[BOTS_FILE], files_of_bots)
        bots = aibot.Aibots(api_door, tokens, calls, delivery, lambda: gateway.ready and gateway.is_alive())
        gateway = Gateway(
            router, tokens, api_door.tokens, calls, links, media, receivers, bots, listener,
            opened.journal, clock, opened.fresh, turning, snapshots, mark_texts, opened.marks, authority=authority,
        )  # fmt: skip
        api = _add_routes(app, gateway, api_door)
        await stack.enter_async_context(Callbacks(router, marks[MARKS_FILE], receivers).open())
        await stack.enter_async_context(bots.open())
        for door in doors:
            await stack.enter_async_context(door(gateway))
        stack.push_async_callback(_close_links, gateway)
        await listener.open((wecom_api.PREFIX, api.respond), authority.context() if authority is not None else None)
        gateway.ready = True
        yield gateway
    if (why := turning.exception()) is not None:
        raise why


def _add_routes(app: web.Application, gateway: Gateway, api_door: wecom_api.Door) -> wecom_api.Api:
    router, clock = gateway.router, gateway.clock
    app.router.add_get("/ws", LinkDoor(router, gateway.tokens, gateway.links, gateway.is_ready).open)
    Pictures(router, lambda: gateway.base_url).add_to(app)
    gateway.bots.add_to(app)
    door = control.Door(
        router,
        gateway.tokens,
        gateway.links,
        clock,
        gateway.urls,
        gateway.calls,
        gateway.receivers,
        gateway.snapshots,
        api_door.gate,
    )
    app.add_subapp(control.PREFIX, control.application(door))
    api = wecom_api.Api(api_door, gateway.calls)
    api.add_to(app)
    LinkMedia(api_door, gateway.tokens).add_to(app)
    watched = Watched(
        router, gateway.links, gateway.listener, clock, gateway.calls, gateway.receivers.lines, gateway.is_alive,
        gateway.is_ready, gateway.bots,
    )  # fmt: skip
    Health(watched).add_to(app)
    return api


def _on_defect(what: str, why: BaseException) -> None:
    log.error("defect", what=what, exc_info=why)


async def _close_links(gateway: Gateway) -> None:
    gateway.ready = False
    gateway.listener.stop_accepting()
    why = Close.RESTART, "the gateway restarts"
    await asyncio.gather(gateway.links.close(*why, LINKS_CLOSE_S), gateway.bots.close(*why))


async def _finish(router: Router, turning: asyncio.Task[None]) -> None:
    """Let the loop do what is already waiting; if it has failed, the one who runs the gateway is told at the end."""
    router.stop()
    await asyncio.wait((turning,))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

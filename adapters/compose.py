"""Builds the running system: production and tests call the same function."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import structlog
from aiohttp import web

from adapters import control
from adapters.checkpoint import keep_checkpoints
from adapters.http import LinkDoor, Listener
from adapters.journal_memory import MemoryJournal
from adapters.journal_sqlite import SqliteJournal
from adapters.link import Links
from adapters.tokens import Keys, TokenBox
from gateway import commands, events, profile
from gateway.config import DEFAULT, Config
from gateway.ports import Clock, Journal
from gateway.router import Router
from gateway.state import State
from protocol.errors import Close

HOST: Final = "127.0.0.1"
LINKS_CLOSE_S: Final = 3.0  # of the stop, for clients to answer the close
SEED: Final = "hutong"  # of the ids of a world that names none

log = structlog.get_logger()


class RealClock:
    """The machine's clock."""

    def real_ms(self) -> int:
        return time.time_ns() // 1_000_000


@dataclass
class Gateway:
    """A running gateway and its parts."""

    router: Router
    tokens: TokenBox
    links: Links
    listener: Listener
    journal: Journal
    profile_applied: bool
    ready: bool = False
    stopping: asyncio.Event | None = None

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.listener.port}"

    def urls(self) -> control.Urls:
        base = self.base_url
        return control.Urls(base, f"{base.replace('http', 'ws', 1)}/ws", None, f"{base}{control.PREFIX}")

    def is_ready(self) -> bool:
        return self.ready


def restore(journal: Journal) -> State:
    """Bring the state back: the newest checkpoint, then the records above it."""
    newest = journal.checkpoint()
    state = State.load(newest.state) if newest is not None else State()
    for placed in journal.replay(newest.position if newest is not None else 0):
        state.apply(events.decode(placed.record))
    return state


@asynccontextmanager
async def run(
    data: Path | None,
    port: int = 0,
    profile_name: str | None = None,
    durability: Literal["disk", "memory"] = "disk",
    config: Config = DEFAULT,
    clock: Clock | None = None,
) -> AsyncIterator[Gateway]:
    """Run a gateway until the block is left; then stop it the way SIGTERM does.

    An empty journal is begun with a world of its own: a seed and a profile. On any other, `profile_applied` is False.
    """
    numbers = profile.read(profile_name or profile.DEFAULT_PROFILE)
    on_disk = durability == "disk" and data is not None
    journal: Journal = SqliteJournal(data) if on_disk and data is not None else MemoryJournal()
    try:
        state = restore(journal)
        keys = Keys.kept_in(data) if on_disk and data is not None else Keys.fresh()
    except BaseException:
        await journal.close()
        raise
    tokens = TokenBox(keys)
    empty = state.position == 0

    def on_defect(what: str, why: BaseException) -> None:
        log.error("defect", what=what, exc_info=why)

    clock = clock or RealClock()
    router = Router(state, journal, clock, tokens, on_defect, config)
    links = Links(router, time.time)
    app = web.Application()
    listener = Listener(app)
    gateway = Gateway(router, tokens, links, listener, journal, empty)
    app.router.add_get("/ws", LinkDoor(router, tokens, links, gateway.is_ready).open)
    app.add_subapp(control.PREFIX, control.application(control.Door(router, tokens, clock, gateway.urls)))
    loop = asyncio.get_running_loop()
    turning = loop.create_task(router.run())
    others: list[asyncio.Task[None]] = []
    try:
        if empty:
            await router.ask(commands.ResetWorld(SEED))
            await router.ask(commands.SetProfile(numbers))
        await listener.open(HOST, port)
        if on_disk and data is not None:
            others.append(loop.create_task(keep_checkpoints(journal, data)))
        gateway.ready = True
        guard = loop.create_task(_guard(turning, asyncio.current_task()))
        others.append(guard)
        yield gateway
    finally:
        gateway.ready = False
        listener.stop_accepting()
        await links.close(Close.RESTART, "the gateway restarts", LINKS_CLOSE_S)
        router.stop()
        for task in others:
            task.cancel()
        await asyncio.gather(turning, *others, return_exceptions=True)
        await listener.close()
        await journal.close()
    if not turning.cancelled() and (why := turning.exception()) is not None:
        raise why


async def _guard(turning: asyncio.Task[None], owner: asyncio.Task[object] | None) -> None:
    """End the gateway when its loop ends by itself: memory is ahead of the journal then."""
    await asyncio.wait([turning])
    if owner is not None and turning.done() and not turning.cancelled() and turning.exception() is not None:
        log.critical("stopped", why=repr(turning.exception()))
        owner.cancel()

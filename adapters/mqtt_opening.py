"""What `--mqtt` names becomes a door of the gateway: a broker that is there, or the demo's own.

Imported only where MQTT is wanted: a gateway without a broker starts without loading a client for one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import aiomqtt
import structlog

from adapters.broker import Broker, BrokerFailed
from adapters.compose import Gateway, OpenDoor
from adapters.cursor import MQTT_FILE, FileCursor, MemoryCursor
from adapters.mqtt import MqttDoor
from adapters.mqtt_link import Address, wants_older
from gateway.commands import SendFor
from gateway.ports import CannotOpen
from gateway.refusal import Refusal
from gateway.router import Router
from protocol.errors import TOO_MANY, UNAVAILABLE

CONNECT_S: Final = 5.0

log = structlog.get_logger()


class NotTaken(Exception):
    """The router has no room for a command now; nothing was done."""


class Asked:
    """The router as the door of MQTT wants it."""

    def __init__(self, router: Router) -> None:
        self._router = router

    async def ask(self, command: SendFor) -> object:
        answer = await self._router.ask(command)
        if isinstance(answer, Refusal) and answer.reason in (UNAVAILABLE, TOO_MANY):
            raise NotTaken(answer.rule)
        return answer

    def corp_exists(self, corpid: str) -> bool:
        return corpid in self._router.state.corps


@asynccontextmanager
async def reached(where: str, trusted: str | None, folder: Path | None) -> AsyncIterator[OpenDoor]:
    """Reach the broker before anything is made for it, and give the door; `CannotOpen` says what to do."""
    async with AsyncExitStack() as stack:
        if where == "demo":
            try:
                url = (await stack.enter_async_context(Broker())).url
            except BrokerFailed as why:
                raise CannotOpen(str(why)) from why
        else:
            url = where
            await _probe(url)
        yield partial(open_door, url=url, trusted=_trusted(url, trusted), folder=folder)


def _trusted(url: str, said: str | None) -> frozenset[str] | None:
    """Name the enterprises that may be commanded over this broker; None is all of them."""
    if said is None:
        return Address.parse(url).trusted_by_default()
    return frozenset(corpid.strip() for corpid in said.split(",") if corpid.strip())


async def _probe(url: str) -> None:
    """Connect once, in the newest version of MQTT that the broker speaks."""
    try:
        address = Address.parse(url)
    except ValueError as why:
        raise CannotOpen(f"--mqtt: {why}") from why  # the address may hold a password
    try:
        try:
            await _connect(address, aiomqtt.ProtocolVersion.V5)
        except aiomqtt.MqttError as why:
            if not wants_older(why):
                raise
            await _connect(address, aiomqtt.ProtocolVersion.V311)
    except (aiomqtt.MqttError, OSError, TimeoutError) as why:
        said = str(why) or type(why).__name__
        raise CannotOpen(
            f"the broker at {address.host}:{address.port} cannot be used ({said}): start it, or leave --mqtt off"
        ) from why


async def _connect(address: Address, version: aiomqtt.ProtocolVersion) -> None:
    tls = aiomqtt.TLSParameters() if address.tls else None
    async with aiomqtt.Client(
        address.host, address.port, username=address.username, password=address.password, protocol=version,
        tls_params=tls, timeout=CONNECT_S,
    ):  # fmt: skip
        return


@asynccontextmanager
async def open_door(
    gateway: Gateway, url: str, trusted: frozenset[str] | None, folder: Path | None
) -> AsyncIterator[None]:
    """Let commands in and events out while the block runs."""
    router = gateway.router
    cursor = FileCursor(folder / MQTT_FILE) if folder is not None else MemoryCursor(gateway.marks_before.get(MQTT_FILE))
    door = MqttDoor(
        url, Asked(router), gateway.journal, router.state, cursor,
        client_id=f"hutong-{gateway.id}", trusted=trusted,
    )  # fmt: skip
    gateway.mqtt_url = url
    gateway.marks[MQTT_FILE] = door.mark
    running = asyncio.create_task(door.run())
    running.add_done_callback(_say_if_failed)
    growing = asyncio.create_task(_tell_growth(router, door))
    connected = asyncio.create_task(door.connected.wait())
    try:
        await asyncio.wait((connected, running), timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
        yield
    finally:
        for task in (connected, growing, running):
            task.cancel()
        await asyncio.gather(connected, growing, running, return_exceptions=True)


def _say_if_failed(running: asyncio.Task[None]) -> None:
    if not running.cancelled() and (why := running.exception()) is not None:
        log.error("defect", what="mqtt", exc_info=why)


async def _tell_growth(router: Router, door: MqttDoor) -> None:
    grown = router.watch()
    try:
        while True:
            await grown.wait()
            grown.clear()
            door.grew()
    finally:
        router.unwatch(grown)

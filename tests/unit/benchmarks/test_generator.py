"""The load generator against a small server of another make: what it counts, and what it does not let pass."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import msgpack
import pytest
from aiohttp import ClientSession, WSMsgType, web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler

from benchmarks.generator import Client, Figures, LoadFailed, Pace, Target, compile_generator, load

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="the generator is compiled with cc")

QUICK = Pace(window=4, warm_ms=10, measured_ms=60, settle_ms=10, drain_ms=200)


@dataclass
class Relay:
    """Passes every message on to the others of its conversation; may lose or refuse one in so many."""

    lose_every: int = 0
    refuse_every: int = 0
    close_after: int = 0
    acks: list[Any] = field(default_factory=list)
    links: dict[str, web.WebSocketResponse] = field(default_factory=dict)
    heard: int = 0

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        link = web.WebSocketResponse(protocols=["hutong.v1.msgpack"])
        await link.prepare(request)
        await link.ping(b"alive?")
        async for frame in link:
            assert frame.type is WSMsgType.BINARY
            await self.take(request.headers["Authorization"], link, msgpack.unpackb(frame.data))
        return link

    async def take(self, who: str, link: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        if frame["type"] == "hello":
            self.links[who] = link
            for answer in ({"type": "welcome", "last_number": 0}, message(1, "made"), {"type": "synced", "token": "t"}):
                await link.send_bytes(msgpack.packb(answer))
        elif frame["type"] == "ack":
            self.acks.append(frame["upto"])
        else:
            await self.relay(who, link, frame)

    async def relay(self, who: str, link: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        self.heard += 1
        if self.heard == self.close_after:
            await link.close(code=4401)
            return
        answer = {"type": "accepted", "number": frame["number"], "conversation": "cv1", "sequence": 300, "time_ms": 2}
        if self.refuse_every and self.heard % self.refuse_every == 0:
            answer = {"type": "refused", "number": frame["number"], "code": 910001, "reason": "no"}
        await link.send_bytes(msgpack.packb(answer))
        if answer["type"] == "refused" or (self.lose_every and self.heard % self.lose_every == 0):
            return
        for other in [each for name, each in self.links.items() if name != who]:
            await other.send_bytes(msgpack.packb(message(70_000 + self.heard, frame["content"]["text"])))


def message(sequence: int, text: str) -> dict[str, Any]:
    return {
        "type": "message", "corp": "ww1", "conversation": "cv1", "sequence": sequence, "time_ms": 1, "side": "member",
        "sender": "amy", "content": {"kind": "text", "text": text},
    }  # fmt: skip


@pytest.fixture
def relay() -> Relay:
    return Relay()


@pytest.fixture
async def target(relay: Relay) -> AsyncIterator[Target]:
    await asyncio.to_thread(compile_generator)
    application = web.Application()
    application.router.add_get("/ws", relay.serve)
    async with served(application) as port:
        clients = [Client(f"token{i}", "cv1", 0, sends=i < 2, reads=True) for i in range(3)]
        yield Target("hutong", os.getpid(), "127.0.0.1", port, clients)


@asynccontextmanager
async def served(application: web.Application) -> AsyncIterator[int]:
    """Serve on a port, and end at last what a generator that broke off left open.

    Closed politely, a connection with something unsent would outlive the loop, and so would one that is being taken:
    once a last request is answered, all that came before it have been.
    """
    transports: set[asyncio.Transport] = set()

    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        assert request.transport is not None
        transports.add(request.transport)
        return await handler(request)

    application.middlewares.append(note)
    async with TestServer(application) as server:
        assert server.port
        yield server.port
        async with ClientSession() as last, last.get(server.make_url("/")):
            assert server.runner is not None and server.runner.server is not None
            transports |= {one.transport for one in server.runner.server.connections if one.transport is not None}
    for transport in transports:
        transport.abort()
    await asyncio.sleep(0)  # for their ends to be told


async def run(target: Target, pace: Pace = QUICK) -> Figures:
    return await asyncio.to_thread(load, target, pace)


async def test_everything_accepted_is_counted_and_delivered_to_the_others(target: Target, relay: Relay) -> None:
    figures = await run(target)
    assert figures.accepted == figures.sent == relay.heard > 0
    assert figures.delivered == figures.expected == 2 * figures.accepted
    assert 0 < figures.messages <= figures.accepted
    assert figures.ack_us.count == figures.messages
    assert 0 < figures.ack_us.p50 <= figures.ack_us.p99 <= figures.ack_us.max


async def test_clients_acknowledge_each_second(target: Target, relay: Relay) -> None:
    figures = await run(target, replace(QUICK, measured_ms=1_100))
    assert all(conversation == "cv1" and sequence > 70_000 for [(conversation, sequence)] in relay.acks)
    assert 0 < len(relay.acks) < figures.delivered / 64


async def test_latency_counts_from_the_intended_time_in_the_open_loop(target: Target, relay: Relay) -> None:
    figures = await run(target, replace(QUICK, rate=500, measured_ms=200))
    assert relay.heard == figures.sent
    assert 30 < figures.messages < 200
    assert figures.delivery_us.count == figures.deliveries


@pytest.mark.parametrize(("fault", "told"), [
    ({"lose_every": 7}, "not delivered"),
    ({"refuse_every": 5}, "refused"),
    ({"close_after": 20}, "closed by the server: 4401"),
])  # fmt: skip
async def test_what_went_wrong_is_a_failure(target: Target, relay: Relay, fault: dict[str, int], told: str) -> None:
    for name, every in fault.items():
        setattr(relay, name, every)
    with pytest.raises(LoadFailed, match=told):
        await run(target)


async def test_a_refused_upgrade_is_a_failure(target: Target) -> None:
    async with served(web.Application()) as elsewhere:
        with pytest.raises(LoadFailed, match=r"no upgrade: HTTP/1\.1 404"):
            await run(replace(target, port=elsewhere))


async def test_idle_links_are_opened_and_memory_is_read_at_the_baseline_and_at_the_end(target: Target) -> None:
    figures = await run(target, replace(QUICK, measured_ms=0, baseline=1))
    assert figures.sent == 0
    assert figures.server_rss_kib.baseline > 0
    assert figures.server_rss_kib.ready > 0

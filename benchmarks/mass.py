"""A mass message beside other people's chats: how long it takes, and what it costs the others.

Rules of the file:
- A text to 10,000 customers of one member, every tenth of them online, the last one too: once they all have it, the
  last message is durable and handed on, since nothing is said before it is durable and customers come in order.
- The others chat at a fixed rate from the C generator, twice: alone, and while one mass message follows the other
  without a pause, so that all of the measured time is a mass message's.
- What counts is the slowest mass message of a run.
- The links of those who are online are counted on the generator's core; what that costs counts against the gateway.
"""

import asyncio
import json
import os
import struct
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any, Final, cast

import msgspec
import uvloop

from benchmarks.gateway import Control, gateway, gateway_clients
from benchmarks.generator import Figures, Pace, Target, load
from benchmarks.pinned import GENERATOR_CORE
from benchmarks.rows import Patience, empty_folder, run_of, say
from benchmarks.workload import Workload

RECIPIENTS: Final = 10_000
ONLINE_EVERY: Final = 10
OTHERS: Final = Workload(200, 2, 1, 1)
OTHERS_RATE: Final = 5_000.0  # messages a second
MADE: Final = 40  # mass messages that wait for the member's yes: more than fit into the measured time
WITHIN_S: Final = 30.0  # after which a mass message is given up
CORPID: Final = "wwmass"
SECRET: Final = "secret"  # noqa: S105 - of an enterprise made here
TEXT: Final = "双十一全场八折,会员另享满减。"
DISPATCHING: Final = 41063
_MARK: Final = b"mass"

_WORLD: Final = "\n".join(f'[[consumer]]\nid = "r{i}"\nnickname = "r{i}"' for i in range(RECIPIENTS)) + f"""
[[corp]]
corpid = "{CORPID}"
name = "Mass"
short_name = "Mass"
certification = "certified"
[[corp.app]]
agent_id = "1000002"
name = "CRM"
secret = "{SECRET}"
[[corp.member]]
userid = "wang"
name = "Wang"
""" + "\n".join(f'[[corp.relation]]\nmember = "wang"\nconsumer = "r{i}"' for i in range(RECIPIENTS))  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One run: seconds from yes to last of each mass message, and the others' delivery p99 alone and beside them."""

    seconds: list[float]
    alone_ms: float
    beside_ms: float
    disturbed: bool

    @property
    def slowest_s(self) -> float:
        return max(self.seconds)

    @property
    def moved_ms(self) -> float:
        return self.beside_ms - self.alone_ms


def measure(patience: Patience) -> list[Run]:
    """Send mass messages beside the others' chats, each run with a fresh server."""
    return [_run(patience) for _ in range(patience.repeats)]


def _run(patience: Patience) -> Run:
    say(f"hutong: mass messages to {RECIPIENTS:,} beside {OTHERS_RATE:,.0f} messages/s")
    pace = Pace(OTHERS.window, OTHERS_RATE, measured_ms=max(3000, patience.measured_ms))
    with empty_folder() as folder, gateway(OTHERS, folder, more=_WORLD) as target, _on(GENERATOR_CORE):
        return uvloop.run(_beside(target, pace))


@contextmanager
def _on(core: int) -> Iterator[None]:
    """Keep this process on a core meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


async def _beside(target: Target, pace: Pace) -> Run:
    """Load the others alone, then while mass messages are confirmed one after the other."""
    tasks = _Api(target).make_all()
    online = [f"r{i}" for i in range(ONLINE_EVERY - 1, RECIPIENTS, ONLINE_EVERY)]
    audience = await _Audience.open(target, online)
    alone = await asyncio.to_thread(load, target, pace)
    again = replace(target, clients=gateway_clients(OTHERS, _control(target), "again"))
    loading = asyncio.create_task(asyncio.to_thread(load, again, pace))
    seconds: list[float] = []
    while not loading.done():
        if len(seconds) == len(tasks):
            raise RuntimeError(f"{MADE} mass messages were over before the measured time")
        seconds.append(await audience.send(tasks[len(seconds)]))
    beside: Figures = await loading
    audience.close()
    disturbed = any(run_of(figures).disturbed for figures in (alone, beside))
    return Run(seconds, alone.delivery_us.p99 / 1000, beside.delivery_us.p99 / 1000, disturbed)


def _control(target: Target) -> Control:
    return Control(f"http://{target.host}:{target.port}/_hutong")


class _Api:
    """The vendor's API, as the enterprise's own program calls it."""

    def __init__(self, target: Target) -> None:
        self._url = f"http://{target.host}:{target.port}/cgi-bin"
        told = self._call(f"gettoken?corpid={CORPID}&corpsecret={SECRET}")
        self._token = told["access_token"]

    def make_all(self) -> list[str]:
        """Make the mass messages, and wait until their member has been told of all."""
        made = []
        for number in range(MADE):
            body = {"sender": "wang", "text": {"content": f"{_MARK.decode()} {number} {TEXT}"}}
            made.append(str(self._post("add_msg_template", body)["msgid"]))
        for msgid in made:
            while self._post("get_groupmsg_task", {"msgid": msgid})["errcode"] == DISPATCHING:
                pass
        return made

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._call(f"externalcontact/{path}?access_token={self._token}", json.dumps(body).encode())

    def _call(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._url}/{path}", body, timeout=30) as answer:  # noqa: S310 - loopback
            told: dict[str, Any] = json.load(answer)
        if told["errcode"] not in (0, DISPATCHING):
            raise RuntimeError(f"{path}: {told}")
        return told


class _Link(asyncio.Protocol):
    """A device that says hello, and counts the mass messages it receives."""

    def __init__(self, token: str, received: "_Audience | None") -> None:
        self._token = token
        self._audience = received
        self.live = asyncio.get_running_loop().create_future()
        self.refused = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one, without saying so
        self._transport.write(
            f"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: hutong.v1.msgpack\r\nAuthorization: Bearer {self._token}\r\n\r\n".encode()
        )
        self.say({"type": "hello"})

    def say(self, frame: dict[str, Any]) -> None:
        body = msgspec.msgpack.encode(frame)
        head = bytes((0x82, 0x80 | len(body))) if len(body) < 126 else struct.pack(">BBH", 0x82, 0xFE, len(body))
        self._transport.write(head + bytes(4) + body)  # a mask of zeros

    def data_received(self, data: bytes) -> None:
        if not self.live.done():
            if b"synced" in data:
                self.live.set_result(None)
        elif self._audience is not None:
            self._audience.hear(data.count(_MARK))
        elif b"refused" in data:
            self.refused = data

    def close(self) -> None:
        self._transport.abort()


def _same(link: _Link) -> _Link:
    return link


class _Audience:
    """The member, and the customers who are online."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._missing = 0
        self._number = 0
        self._heard = asyncio.Event()
        self._links: list[_Link] = []

    @classmethod
    async def open(cls, target: Target, people: list[str]) -> "_Audience":
        """Open everybody's link."""
        audience = cls(len(people))
        member = f"{CORPID}/wang"
        tokens = _control(target).tokens([member, *people])
        loop = asyncio.get_running_loop()
        for place, token in enumerate(tokens):
            receiver = audience if place else None
            link = _Link(token, receiver)
            await loop.create_connection(partial(_same, link), target.host, target.port)
            audience._links.append(link)
            await link.live
        return audience

    async def send(self, task: str) -> float:
        """Have the member confirm a mass message; give the seconds until everybody online has it."""
        self._missing = self._count
        self._heard.clear()
        self._number += 1
        began = perf_counter()
        self._links[0].say({"type": "confirm", "number": self._number, "task": task})
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._heard.wait()
        except TimeoutError as why:
            raise RuntimeError(f"{self._missing} did not receive it; {self._links[0].refused!r}") from why
        return perf_counter() - began

    def hear(self, messages: int) -> None:
        self._missing -= messages
        if self._missing == 0:
            self._heard.set()

    def close(self) -> None:
        for link in self._links:
            link.close()

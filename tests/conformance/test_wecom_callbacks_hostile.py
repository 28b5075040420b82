"""Callbacks to what is no receiver: it hangs, leads elsewhere, talks nonsense or without end, or goes in the middle.

Each is given up for a reason that is told, and led nowhere; what is opened for it is closed again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from tests.conformance.changes import FAST, attempts, happens, ids
from tests.conformance.receiver import Receiver
from tests.conformance.wecom import AGENT, STORE, Wecom, running

pytestmark = pytest.mark.usefixtures("changes_happen")

ATTEMPTS = 4
HEAD = b"HTTP/1.1 200 OK\r\n"
SHORT: dict[str, Any] = {"callback_ms": 100, "callback_check_ms": 100, **FAST}
ERROR_MAX = 500

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Hostile:
    """A server that reads what it is asked, does as it likes, and notes when each connection has ended."""

    def __init__(self, behave: Behaviour) -> None:
        self.url = ""
        self.asked = 0
        self.ended = 0
        self._behave = behave
        self._stirred = asyncio.Condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            if head.startswith(b"POST"):
                await reader.readuntil(b"</xml>")
            await self._behave(writer)
            await reader.read()
        writer.transport.abort()
        async with self._stirred:
            self.ended += 1
            self._stirred.notify_all()

    async def has_ended(self, connections: int) -> None:
        async with self._stirred, asyncio.timeout(20):
            await self._stirred.wait_for(lambda: self.ended >= connections)


@asynccontextmanager
async def hostile(behave: Behaviour) -> AsyncIterator[Hostile]:
    one = Hostile(behave)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/callback"
    try:
        yield one
    finally:
        server.close()


async def given_up(wecom: Wecom, receiver: Receiver, one: Hostile) -> list[dict[str, Any]]:
    """Have an app called back there, beside one that is called back at a receiver; give the lines of the first."""
    await receiver.settle(wecom, 1000003, secret="another")
    await receiver.settle(wecom, callback_url=one.url)
    await happens(wecom, "et1")
    lines = await attempts(wecom, ATTEMPTS, agent_id=AGENT)
    assert [line["outcome"] for line in lines] == ["failed"] * 3 + ["given_up"]
    assert one.asked == ATTEMPTS
    await one.has_ended(ATTEMPTS)
    assert set(ids(await receiver.came(1))) == {"et1"}  # again where the time is short, and it is late
    return lines


def says(data: bytes) -> Behaviour:
    """Say this, and go."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.write_eof()

    return behave


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x16\x03\x01\x02\x00" * 100,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsuccess",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nsuccess",
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\nsuccess",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\nsuccess",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsuccess\r\n",
        b"HTTP/1.1 200 OK\r\nno header " + b"\xff" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\nsuccess",
    ],
    ids=[
        "nothing", "TLS", "SSH", "half a head", "half a body", "length below 0", "two lengths", "half a chunk",
        "no chunk", "no header", "long header",
    ],
)  # fmt: skip
async def test_who_talks_nonsense_or_goes_in_the_middle_is_given_up(receiver: Receiver, data: bytes) -> None:
    async with hostile(says(data)) as one, running(**FAST) as wecom:
        for line in await given_up(wecom, receiver, one):
            assert line["error"].startswith("no connection: ")
            assert len(line["error"]) <= ERROR_MAX


async def hang(_writer: asyncio.StreamWriter) -> None:
    """Say nothing."""


async def hang_in_the_body(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 7\r\n\r\nsucc")


async def trickle(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\nx\r\n")
        await writer.drain()
        await asyncio.sleep(0.005)  # never done, and never quiet


async def heads_without_end(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
        await writer.drain()


@pytest.mark.parametrize("behave", [hang_in_the_body, trickle, heads_without_end])
async def test_who_is_never_done_is_given_up(receiver: Receiver, behave: Behaviour) -> None:
    async with hostile(behave) as one, running(**SHORT) as wecom:
        lines = await given_up(wecom, receiver, one)
        assert {line["error"] for line in lines} == {"no answer within 0.1 s"}


async def body_without_end(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n")
        await writer.drain()


async def test_a_body_without_end_is_cut_off_with_its_connection(receiver: Receiver) -> None:
    async with hostile(body_without_end) as one, running(**FAST) as wecom:
        await receiver.settle(wecom, callback_url=one.url)
        await happens(wecom, "et1")
        (line,) = await attempts(wecom, 1)
        assert (line["status"], line["error"]) == (200, "an answer of more than 65536 bytes")
        await one.has_ended(1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nobody_is_led_elsewhere(receiver: Receiver, status: int) -> None:
    """A redirect is not followed, not even to where a callback may lead."""
    async with hostile(hang) as elsewhere:
        lead = f"HTTP/1.1 {status} There\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n".encode()
        async with hostile(says(lead)) as one, running(**FAST) as wecom:
            lines = await given_up(wecom, receiver, one)
            assert {line["error"] for line in lines} == {f"status {status}"}
            told = await wecom.control("POST", f"/corps/{STORE}/apps/{AGENT}/callback/verify")
            assert (told["verified"], told["problem"]) == (False, f"status {status}")
        assert elsewhere.asked == 0

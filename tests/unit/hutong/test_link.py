"""How a client behaves on its link, against a server that is played by the test."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgpack
import pytest
from aiohttp import ClientConnectionError, WSMsgType, web

from hutong import link
from hutong.client import Consumer, LinkEnded, Refused

Played = Callable[["Far"], Awaitable[None]]


class Far:
    """The far end of one link: what the client writes, and what it is to read."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket

    async def hear(self) -> dict[str, Any]:
        """Give the client's next frame; whoever hears no frame has lost the link."""
        message = await self.socket.receive(timeout=5)
        if message.type is not WSMsgType.BINARY:
            raise ClientConnectionError
        frame: dict[str, Any] = msgpack.unpackb(message.data)
        return frame

    async def tell(self, kind: str, **fields: Any) -> None:
        await self.socket.send_bytes(msgpack.packb({"type": kind, **fields}))

    async def welcome(self, last_number: int = 0, resumed: bool = False, device: str = "phone") -> dict[str, Any]:
        """Hear hello, answer it, and let the client go live."""
        hello = await self.hear()
        await self.tell("welcome", person="amy", device=device, last_number=last_number, resumed=resumed)
        await self.tell("synced", token="t1")
        return hello

    async def message(self, sequence: int, conversation: str = "cv1", **content: Any) -> None:
        await self.tell(
            "message", corp="ww1", conversation=conversation, sequence=sequence, time_ms=0, side="member",
            sender="zhangsan", content=content or {"kind": "text", "text": f"text {sequence}"},
        )  # fmt: skip

    async def until_gone(self) -> None:
        while (await self.socket.receive()).type is WSMsgType.BINARY:
            pass


@asynccontextmanager
async def server(*plays: Played) -> AsyncIterator[str]:
    """Play one function a link, in order; further links are refused with 503."""
    waiting = list(plays)

    async def open_link(request: web.Request) -> web.StreamResponse:
        if not waiting:
            raise web.HTTPServiceUnavailable
        play = waiting.pop(0)
        socket = web.WebSocketResponse(protocols=("hutong.v1.msgpack",))
        await socket.prepare(request)
        await play(Far(socket))
        if not socket.closed and request.transport is not None:
            request.transport.abort()
        return socket

    app = web.Application()
    app.router.add_get("/ws", open_link)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "ACK_S", 0.02)
    monkeypatch.setattr(link, "BACKOFF_S", 0.001)


async def test_a_frame_is_acknowledged_once_stored() -> None:
    acknowledged: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def play(far: Far) -> None:
        await far.welcome()
        for sequence in (1, 2, 5):
            await far.message(sequence)
        acknowledged.set_result(await far.hear())
        await far.until_gone()

    async with server(play) as url, Consumer(url, "token"):
        assert await asyncio.wait_for(acknowledged, 5) == {"type": "ack", "upto": [["cv1", 2]]}


async def test_256_conversations_are_acknowledged_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "ACK_S", 1000.0)
    acknowledged: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def play(far: Far) -> None:
        await far.welcome()
        for number in range(300):
            await far.message(1, conversation=f"cv{number}")
        acknowledged.set_result(await far.hear())
        await far.until_gone()

    async with server(play) as url, Consumer(url, "token"):
        pairs = [[f"cv{number}", 1] for number in range(256)]
        assert await asyncio.wait_for(acknowledged, 5) == {"type": "ack", "upto": pairs}


async def test_hello_carries_the_token_and_what_came_after_it() -> None:
    hellos: asyncio.Queue[Any] = asyncio.Queue()

    async def first(far: Far) -> None:
        hellos.put_nowait(await far.welcome())
        await far.message(1)
        await far.hear()

    async def second(far: Far) -> None:
        hellos.put_nowait(await far.welcome(resumed=True))
        await far.until_gone()

    async with server(first, second) as url, Consumer(url, "token") as amy:
        assert await hellos.get() == {"type": "hello", "token": "", "cursors": []}
        assert await asyncio.wait_for(hellos.get(), 5) == {"type": "hello", "token": "t1", "cursors": [["cv1", 1]]}
        assert (amy.ledger.reconnects, amy.ledger.reloads) == (1, 0)


async def test_who_stops_reading_takes_nothing_until_they_read_on() -> None:
    stopped, said = asyncio.Event(), asyncio.Event()

    async def play(far: Far) -> None:
        await far.welcome()
        await stopped.wait()
        for sequence in range(1, 71):
            await far.message(sequence)
        said.set()
        await far.until_gone()

    async with server(play, play) as url, Consumer(url, "token") as amy:
        amy.stop_reading()
        stopped.set()
        await said.wait()
        async with Consumer(url, "token") as bob:
            await bob.wait_for(lambda message: message.sequence == 70)
        assert amy.ledger.received <= 1  # that frame was waited for already
        amy.read_on()
        await amy.wait_for(lambda message: message.sequence == 70)
        assert amy.ledger.received == 70 and amy.ledger.clean


async def test_a_refusal_is_gone_once_it_was_handled() -> None:
    async def play(far: Far) -> None:
        await far.welcome()
        number = (await far.hear())["number"]
        await far.tell("refused", number=number, code=910602, reason="frequency", text="used up", advice="later")
        await far.until_gone()

    async with server(play) as url, Consumer(url, "token") as amy:
        gc.disable()  # thousands of refusals would otherwise wait for a look at everything that there is
        try:
            left = await _refusal(amy)
            await asyncio.sleep(0)  # until the loop has let go of the step that this test was woken in
            assert left() is None
        finally:
            gc.enable()


async def _refusal(amy: Consumer) -> "weakref.ref[Refused]":
    try:
        await amy.say("cv1", "hello?")
    except Refused as refused:
        return weakref.ref(refused)
    raise AssertionError("it was to be refused")


async def test_unanswered_commands_come_again_in_order_before_new_ones() -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()

    async def first(far: Far) -> None:
        await far.welcome(last_number=7)
        for _ in range(2):
            heard.put_nowait((await far.hear())["number"])

    async def second(far: Far) -> None:
        await far.welcome(last_number=8, resumed=True)
        for sequence in (1, 2, 3):
            number = (await far.hear())["number"]
            heard.put_nowait(number)
            await far.tell("accepted", number=number, conversation="cv1", sequence=sequence, time_ms=0)
        await far.until_gone()

    async with server(first, second) as url, Consumer(url, "token") as amy:
        said = [asyncio.ensure_future(amy.say("cv1", text)) for text in "ab"]
        assert [await asyncio.wait_for(heard.get(), 5) for _ in said] == [8, 9]
        answers = [*await asyncio.gather(*said), await amy.say("cv1", "c")]
        assert [(answer.number, answer.sequence) for answer in answers] == [(8, 1), (9, 2), (10, 3)]
        assert [heard.get_nowait() for _ in range(3)] == [8, 9, 10]


@pytest.mark.parametrize("code", [4400, 4401, 4403, 4409, 1000])
async def test_some_closes_are_final(code: int) -> None:
    async def play(far: Far) -> None:
        await far.welcome()
        await far.message(1)
        await far.hear()
        await far.tell("fault", code=code, reason="reason", text="why it is so")
        await far.socket.close(code=code)

    async with server(play) as url, Consumer(url, "token") as amy:
        ended = await asyncio.wait_for(amy.ended(), 5)
        assert (ended.code, ended.text) == (code, "why it is so")
        with pytest.raises(LinkEnded):
            await amy.say("cv1", "still there?")
        assert [message.text async for message in amy] == ["text 1"]


@pytest.mark.parametrize("code", [1001, 1012, 1013, 4408, 4430])
async def test_after_other_closes_it_comes_back(code: int) -> None:
    async def first(far: Far) -> None:
        await far.welcome()
        await far.socket.close(code=code)

    async def second(far: Far) -> None:
        await far.welcome()
        await far.message(1)
        await far.until_gone()

    async with server(first, second) as url, Consumer(url, "token") as amy:
        assert (await amy.next_message()).text == "text 1"


async def test_a_silent_link_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "SILENCE_S", 0.02)

    async def first(far: Far) -> None:
        await far.welcome()
        await far.until_gone()

    async def second(far: Far) -> None:
        monkeypatch.setattr(link, "SILENCE_S", 60.0)
        await far.welcome()
        await far.message(1)
        await far.until_gone()

    async with server(first, second) as url, Consumer(url, "token") as amy:
        assert (await amy.next_message()).text == "text 1"


async def test_the_device_of_another_is_told() -> None:
    async def play(far: Far) -> None:
        await far.welcome(device="tablet")
        await far.until_gone()

    async with server(play) as url:
        with pytest.raises(LinkEnded, match="the token is for the device 'tablet', not 'phone'"):
            await Consumer(url, "token", device="phone").__aenter__()


async def test_another_world_is_taken_in_whole() -> None:
    async def first(far: Far) -> None:
        await far.welcome()
        await far.message(1)
        await far.hear()

    async def second(far: Far) -> None:
        await far.hear()
        await far.tell("welcome", person="amy", device="phone", last_number=0, resumed=False, reason="another world")
        await far.message(1, kind="text", text="in another world")
        await far.tell("synced", token="t2")
        await far.until_gone()

    async with server(first, second) as url, Consumer(url, "token") as amy:
        assert [(await amy.next_message()).text for _ in range(2)] == ["text 1", "in another world"]
        assert (amy.ledger.reloads, amy.ledger.repeated) == (1, 0)


async def test_repeats_are_allowed_before_synced_only() -> None:
    async def first(far: Far) -> None:
        await far.welcome()
        await far.message(1)
        await far.hear()

    async def second(far: Far) -> None:
        await far.hear()
        await far.tell("welcome", person="amy", device="phone", last_number=0, resumed=True)
        await far.message(1)
        await far.tell("synced", token="t2")
        for sequence in (2, 2, 3):
            await far.message(sequence)
        await far.until_gone()

    async with server(first, second) as url, Consumer(url, "token") as amy:
        await amy.wait_for(lambda message: message.sequence == 3)
        assert (amy.ledger.received, amy.ledger.repeated, amy.ledger.duplicated) == (3, 2, 1)


async def test_what_nobody_reads_is_bounded() -> None:
    async def play(far: Far) -> None:
        await far.welcome()
        for sequence in range(1, 11):
            await far.message(sequence)
        await far.until_gone()

    async with server(play) as url, Consumer(url, "token", keep=3) as amy:
        await amy.wait_for(lambda message: message.sequence == 10)
        assert [(await amy.next_message()).sequence for _ in range(3)] == [8, 9, 10]
        assert amy.ledger.unread_dropped == 7


async def test_a_fault_counts_where_its_close_is_lost() -> None:
    async def play(far: Far) -> None:
        await far.welcome()
        await far.message(1)
        await far.hear()
        await far.tell("fault", code=4409, reason="replaced", text="another link")

    async with server(play) as url, Consumer(url, "token") as amy:
        assert (await asyncio.wait_for(amy.ended(), 5)).code == 4409


async def test_two_may_wait_for_the_next_message() -> None:
    async def play(far: Far) -> None:
        await far.welcome()
        await far.until_gone()

    async with server(play) as url, Consumer(url, "token") as amy:
        both = [asyncio.ensure_future(amy.next_message()) for _ in range(2)]
        await asyncio.sleep(0)
        for sequence in (1, 2):
            amy._take_message(
                {"corp": "ww1", "conversation": "cv1", "sequence": sequence, "time_ms": 0, "side": "member",
                 "sender": "zhangsan", "content": {"kind": "text", "text": str(sequence)}}
            )  # fmt: skip
            await asyncio.sleep(0)
        assert sorted(message.text for message in await asyncio.gather(*both)) == ["1", "2"]

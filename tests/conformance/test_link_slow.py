"""Slow links: cut over to reading from the log, bounded in memory, in nobody's way; they miss nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

from adapters import link
from adapters.compose import Gateway, run
from gateway.commands import PutCorp, PutMember, PutRelation, ResetCorp
from gateway.session import Phase, Session
from tests.town import CORP, Town, build_town, consumer_token, done, member_token
from tests.wire import LOST, Wire, synced

TEXT = "好" * 1000  # 3,000 bytes
UNTAKEN_BYTES_MAX = 512 * 1024  # the outbox's bound, and one chunk of the log on top


class Crowd:
    """A group with talkers who keep up, and links that read when they are told."""

    def __init__(self, gateway: Gateway, town: Town) -> None:
        self.gateway = gateway
        self.port = gateway.listener.port
        self.conversation = town.groups["tea"]
        self.talker: Wire
        self.listener: Wire
        self._number = 0
        self.most_bytes = 0

    async def start(self) -> None:
        self.talker = await synced(self.port, member_token(self.gateway, "lin"))
        self.listener = await synced(self.port, consumer_token(self.gateway, "amy"), "json")

    async def slow(
        self, handle: str = "bo", device: str = "phone", receive_bytes: int = 4096, limit: int = 1024
    ) -> Wire:
        """Open a link that is live and does not read."""
        token = consumer_token(self.gateway, handle, device)
        wire = await Wire.open(self.port, token, receive_bytes=receive_bytes, limit=limit)
        await wire.hello()
        await wire.until("synced")
        return wire

    async def flood(self, messages: int, batch: int = 25) -> None:
        """Say so much in the group; the talker is answered and the listener hears it all, batch by batch."""
        for _ in range(messages // batch):
            sent = range(self._number + 1, self._number + batch + 1)
            for self._number in sent:
                self.talker.send(self._number, self.conversation, f"{self._number} {TEXT}")
            for number in sent:
                assert (await self.talker.until("accepted"))["number"] == number
            for number in sent:
                heard = await self.listener.until("message")
                assert heard["content"]["text"].split()[0] == str(number)
            self.most_bytes = max([self.most_bytes, *(pipe.buffered() for pipe in self.gateway.links.links)])

    @property
    def head(self) -> int:
        return self.gateway.router.state.conversations[self.conversation].head

    def session(self, person: str, device: str = "phone") -> Session:
        (found,) = [s for s in self.gateway.router.sessions if (s.person, s.device) == (person, device)]
        return found


@pytest.fixture
async def crowd(gateway: Gateway, town: Town) -> AsyncIterator[Crowd]:
    crowd = Crowd(gateway, town)
    await crowd.start()
    yield crowd
    assert gateway.router.statistics.defects == 0


async def heard_until_synced(wire: Wire, crowd: Crowd, upto: int = 0) -> list[int]:
    """Read up to the resume token behind a sequence; give the sequences of the group as they came.

    One comes a while after each push, too: where talking takes longer than that, also before a link is cut over.
    """
    sequences: list[int] = []
    while (frame := await wire.receive())["type"] != "synced" or max(sequences, default=0) < upto:
        if frame["type"] == "message" and frame["conversation"] == crowd.conversation:
            sequences.append(frame["sequence"])
    return sequences


async def test_reader_that_stops_is_cut_over_and_misses_nothing(crowd: Crowd) -> None:
    slow, first = await crowd.slow(), crowd.head + 1
    await crowd.flood(1000)
    assert crowd.gateway.router.statistics.cut_over == 1
    assert crowd.session("bo").phase is Phase.CATCHING_UP
    assert crowd.most_bytes <= UNTAKEN_BYTES_MAX
    assert await heard_until_synced(slow, crowd, crowd.head) == list(range(first, crowd.head + 1))
    await crowd.flood(25)
    tail = [(await slow.until("message"))["sequence"] for _ in range(25)]
    assert tail == list(range(crowd.head - 24, crowd.head + 1))


async def test_reader_that_returns_while_others_go_on_becomes_live_again(crowd: Crowd) -> None:
    """The log grows while it is read: who catches up must arrive all the same, in order, with no hole and no repeat."""
    slow, first = await crowd.slow(receive_bytes=2**16, limit=2**16), crowd.head + 1
    await crowd.flood(500)
    assert crowd.session("bo").phase is Phase.CATCHING_UP
    stop = asyncio.Event()

    async def go_on() -> None:
        while not stop.is_set():
            await crowd.flood(25)

    going_on = asyncio.get_running_loop().create_task(go_on())
    async with asyncio.timeout(30):
        sequences = await heard_until_synced(slow, crowd)  # sent when the link becomes live
    stop.set()
    await going_on
    while sequences[-1] < crowd.head:
        frame = await slow.receive()
        if frame["type"] == "message":
            sequences.append(frame["sequence"])
    assert sequences == list(range(first, crowd.head + 1))


async def test_many_that_stop_hold_up_nobody(gateway: Gateway, crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than may read the log at once, all stalled half-way: somebody who comes back is served at once."""
    monkeypatch.setattr(link, "STALLED_S", 3600.0)  # on a busy machine they stand still for longer than they may
    stalled = [await crowd.slow("bo", f"slow {n}") for n in range(gateway.router.config.catching_up_max + 6)]
    first = crowd.head + 1
    await crowd.flood(300)
    assert gateway.router.statistics.cut_over >= len(stalled)  # a busy machine may starve a quick one, too
    for wire in stalled:  # let each begin to read the log, and stop again
        await wire.until("message")
    back = await Wire.open(crowd.port, consumer_token(gateway, "bo", "back"))
    await back.hello()
    assert len(await heard_until_synced(back, crowd)) == crowd.head
    await crowd.flood(100)
    assert crowd.most_bytes <= UNTAKEN_BYTES_MAX
    for wire in stalled:
        sequences = await heard_until_synced(wire, crowd, crowd.head)
        assert sequences == list(range(first + 1, crowd.head + 1))


async def test_chunk_larger_than_the_socket_takes_is_read_once(gateway: Gateway, crowd: Crowd) -> None:
    """A link that catches up and is told `drained` half-way must not begin to read the log a second time."""
    await crowd.flood(500)
    slow = await Wire.open(crowd.port, consumer_token(gateway, "bo"), receive_bytes=4096, limit=1024)
    await slow.hello()
    assert await heard_until_synced(slow, crowd) == list(range(1, crowd.head + 1))


async def test_link_that_takes_nothing_is_let_go_and_one_that_takes_little_is_not(crowd: Crowd) -> None:
    slow = await crowd.slow()
    await crowd.flood(500)
    (pipe,) = [pipe for pipe in crowd.gateway.links.links if pipe.session.person == "bo"]
    sweep, clock = crowd.gateway.links._sweep, asyncio.get_running_loop().time
    assert sweep is not None
    sweep.cancel()  # looked after by hand: time is moved
    await held_up(pipe)
    pipe.look(clock(), 0)
    pipe._taken_at -= link.STALLED_S + 1
    before = pipe._written - pipe.buffered()
    while before == pipe._written - pipe.buffered():
        await slow.until("message")
    await held_up(pipe)
    pipe.look(clock(), 0)
    assert not pipe._transport.is_closing()
    pipe._taken_at -= link.STALLED_S + 1
    pipe.look(clock(), 0)
    assert pipe._transport.is_closing()
    assert await slow.ending() == LOST
    await crowd.flood(25)


async def held_up(pipe: link.Link) -> None:
    """Wait until what was written is not all taken; between two chunks of the log it may be for a moment."""
    while not pipe._paused:  # noqa: ASYNC110 - the link tells nobody
        await asyncio.sleep(0)


async def test_what_is_pushed_beside_a_forget_is_not_lost_on_a_slow_link(gateway: Gateway, crowd: Crowd) -> None:
    """A reset of one enterprise in the very turn of another's message: the slow link reads that from the log."""
    router = gateway.router
    await done(router, PutCorp("wwother", "Other Ltd", "Other", "certified"))
    await done(router, PutMember("wwother", "hu", "Hu"))
    await done(router, PutRelation("wwother", "hu", "bo"))
    slow, first = await crowd.slow(), crowd.head + 1
    bo, lin = crowd.session("bo"), crowd.session(f"{CORP}/lin")
    while bo.phase is Phase.LIVE and bo.pipe.buffered() < 250 * 1024:
        await crowd.flood(1, 1)
    assert bo.phase is Phase.LIVE
    text: dict[str, Any] = {"kind": "text", "text": "last " + TEXT * 1}
    for number in range(10_001, 10_011):
        frame = {"type": "send", "number": number, "conversation": crowd.conversation, "content": text}
        lin.receive(crowd.talker.encode(frame)[8:])
    router.ready(lin)
    await done(router, ResetCorp("wwother"))
    assert await heard_until_synced(slow, crowd, crowd.head) == list(range(first, crowd.head + 1))


async def test_many_slow_ones_of_a_full_group(gateway: Gateway) -> None:
    """Fifty in a group, every second one stalled: memory is bounded for each, and the others hear all."""
    handles = [f"c{n}" for n in range(50)]
    town = await build_town(gateway.router, ["lin"], ["amy", "bo", *handles], ["tea"])
    crowd = Crowd(gateway, town)
    await crowd.start()
    stalled = [await crowd.slow(handle) for handle in handles[::2]]
    quick = [await synced(crowd.port, consumer_token(gateway, handle), "json") for handle in handles[1::2]]
    first = crowd.head + 1

    async def hear(wire: Wire, count: int) -> list[int]:
        return [(await wire.until("message"))["sequence"] for _ in range(count)]

    _, *heard = await asyncio.gather(crowd.flood(400), *(hear(wire, 400) for wire in quick))
    whole = list(range(first, crowd.head + 1))
    assert all(sequences == whole for sequences in heard)
    assert gateway.router.statistics.cut_over >= len(stalled)  # a busy machine may starve a quick one, too
    assert crowd.most_bytes <= UNTAKEN_BYTES_MAX
    for sequences in await asyncio.gather(*(heard_until_synced(wire, crowd, crowd.head) for wire in stalled)):
        assert sequences == whole


async def test_welcome_comes_before_what_was_missed(tmp_path: Path) -> None:
    """Also where others speak in the turn of the hello, so that its answer waits for the disk."""
    async with run(tmp_path / "data", profile_name="bench") as gateway:
        town = await build_town(gateway.router, ["lin", "wu"], ["amy", "bo"], ["tea"])
        crowd = Crowd(gateway, town)
        await crowd.start()
        lin = crowd.session(f"{CORP}/lin")
        for number in range(1, 31):
            late = await Wire.open(crowd.port, consumer_token(gateway, "bo"))
            bo = crowd.session("bo")
            bo.receive(msgpack.packb({"type": "hello"}))
            gateway.router.ready(bo)
            text = {"kind": "text", "text": TEXT}
            lin.receive(
                msgpack.packb({"type": "send", "number": number, "conversation": crowd.conversation, "content": text})
            )
            gateway.router.ready(lin)
            assert (await late.receive())["type"] == "welcome"
            late.drop()
        Wire.drop_all()

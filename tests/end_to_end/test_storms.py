"""Everybody comes at once, nobody says what they came for, there is no room: who is there goes on, and nothing is lost.

STORM_LINKS=2000 is the long form (`make assurance`): larger, with what takes its time, and it prints what it measured.
"""

import asyncio
import os
import random
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.end_to_end.server import Server, prepare, tokens_of
from tests.ledger import Crew, Device
from tests.town import CORP, Town
from tests.wire import LOST, Wire, handshake, synced

LONG = "STORM_LINKS" in os.environ
LINKS = int(os.environ.get("STORM_LINKS", "300"))
PATIENCE_S = 30.0 if not LONG else 600.0
STORMS = 3 if not LONG else 1
SAID = 30  # while everybody is away, and again while everybody comes back
HALF = 500
CONSUMERS = ["amy", "bo", "cai", "dan"]


def tell(measured: str) -> None:
    sys.stdout.write(f"\n{measured}\n")


def used_descriptors(pid: int) -> int:
    return max(int(one.name) for one in Path(f"/proc/{pid}/fd").iterdir()) + 1


class Sure(random.Random):
    """Dice of a device that never forgets its token or how far it has read."""

    def random(self) -> float:
        return 0.0


class Talker:
    """A member who says one thing after the other in the group, and remembers where it stands."""

    def __init__(self, wire: Wire, conversation: str) -> None:
        self._wire = wire
        self._conversation = conversation
        self.said: dict[int, str] = {}  # by sequence

    async def talk(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            for number in range(len(self.said) + 1, len(self.said) + count + 1):
                self._wire.send(number, self._conversation, f"message {number}")
                accepted = await self._wire.until("accepted")
                self.said[accepted["sequence"]] = f"message {number}"

    def heard_all(self, device: Device) -> bool:
        return max(self.said) in device.books.get(self._conversation, {})

    def judge(self, device: Device) -> None:
        """See that a device has every message once, and none between them that was not said."""
        book = device.books[self._conversation]
        assert sorted(book) == list(range(min(book), max(self.said) + 1))
        assert {sequence: book[sequence].text for sequence in self.said} == self.said
        assert device.repeats == 0


@pytest.fixture
async def town(tmp_path: Path) -> Town:
    return await prepare(tmp_path, ["lin"], CONSUMERS, ["tea"])


@pytest.fixture
async def talker(tmp_path: Path, town: Town, server: Server) -> Talker:
    token = tokens_of(tmp_path).link_token(f"{CORP}/lin", "phone")
    return Talker(await synced(server.port, token), town.groups["tea"])


def cut_all_but_the_talker() -> None:
    for wire in Wire.opened[1:]:
        wire.drop()
    del Wire.opened[1:]


@pytest.mark.usefixtures("many_files")
async def test_storms_of_reconnects(tmp_path: Path, server: Server, talker: Talker) -> None:
    box = tokens_of(tmp_path)
    names = [(CONSUMERS[number % len(CONSUMERS)], f"device {number}") for number in range(LINKS)]
    crew = Crew([Device(who, name, box.link_token(who, name), "msgpack", (), Sure()) for who, name in names])
    crew.board(server.port, talking=False)
    await crew.until(lambda: all(device.resume for device in crew.devices), PATIENCE_S)
    for _ in range(STORMS):
        cut_all_but_the_talker()
        await crew.ashore()
        await talker.talk(SAID)
        begun = time.monotonic()
        crew.board(server.port, talking=False)
        await talker.talk(SAID)
        await crew.until(lambda: all(map(talker.heard_all, crew.devices)), PATIENCE_S)
        tell(f"{LINKS} links came back and had read what they missed in {time.monotonic() - begun:.1f} s")
    assert {tuple(device.ended) for device in crew.devices} == {(LOST,) * STORMS}
    for device in crew.devices:
        talker.judge(device)
    cut_all_but_the_talker()
    await crew.ashore()
    assert (await server.terminate()).complaints == []


async def test_half_handshakes_go_by_themselves_and_hold_up_nobody(
    tmp_path: Path, town: Town, server: Server, talker: Talker
) -> None:
    begun = time.monotonic()
    half = [await Wire.connect(server.port) for _ in range(HALF)]
    for number, wire in enumerate(half):
        wire.writer.write(handshake(server.port, {})[: 1 + number % 100])
    await synced(server.port, tokens_of(tmp_path).link_token("amy", "phone"))
    await talker.talk(SAID)
    async with asyncio.timeout(PATIENCE_S):
        for wire in half:
            with suppress(ConnectionError):
                assert await wire.reader.read() == b""
    tell(f"{HALF} half handshakes had gone after {time.monotonic() - begun:.1f} s")
    await talker.talk(SAID)


async def test_links_live_on_where_there_are_no_descriptors(
    tmp_path: Path, town: Town, server: Server, talker: Talker
) -> None:
    """Who comes then waits, what is said is kept, and once there is room again they are let in."""
    limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (used_descriptors(server.pid) + 8, limits[1]))
    crowd = [await Wire.connect(server.port) for _ in range(50)]
    for wire in crowd:
        wire.writer.write(b"GET /ws HT")
    async with asyncio.timeout(PATIENCE_S):
        while "not_accepted" not in server.talk():
            await talker.talk(1)
    token = tokens_of(tmp_path).link_token("amy", "phone")
    coming = asyncio.create_task(synced(server.port, token))
    await talker.talk(SAID)
    assert not coming.done()
    for wire in crowd:
        wire.drop()
    async with asyncio.timeout(PATIENCE_S):
        await coming
    await talker.talk(SAID)
    await server.kill()
    again = await Server.start(tmp_path)
    reader = Device("amy", "new", tokens_of(tmp_path).link_token("amy", "new"), "msgpack", (), Sure())
    try:
        crew = Crew([reader])
        crew.board(again.port, talking=False)
        await crew.until(lambda: talker.heard_all(reader), PATIENCE_S)
        talker.judge(reader)
    finally:
        Wire.drop_all()
        await crew.ashore()
        await again.end()


@pytest.mark.skipif(not LONG, reason="takes 33 s of real time; tests/conformance looks with a clock set forward")
async def test_peer_that_vanishes_without_a_word_is_found(tmp_path: Path, server: Server) -> None:
    wire = await synced(server.port, tokens_of(tmp_path).link_token("amy", "phone"))
    begun = time.monotonic()
    with suppress(asyncio.IncompleteReadError):  # its socket takes everything in, and nobody answers
        async with asyncio.timeout(60):
            while True:
                await wire.raw_frame()
    tell(f"a peer that had vanished was let go after {time.monotonic() - begun:.1f} s")

"""A fifth of all links is not read while everybody is spoken to: memory is bounded, and nobody misses anything.

STALLED_LINKS=5000 is the long form (`make assurance`), which prints what it measured.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgpack
import pytest

from adapters.compose import run
from gateway.commands import PutGroup
from tests.end_to_end.server import Server, metric, tokens_of
from tests.town import CORP, build_town, done
from tests.wire import Wire, synced

LONG = "STALLED_LINKS" in os.environ
LINKS = int(os.environ.get("STALLED_LINKS", "500"))
GROUPS = LINKS // 100  # each of 10 people with 10 devices, two of which are not read
DEVICES = [f"device {number}" for number in range(10)]
STALLED = DEVICES[::5]
BATCH = 25
BATCHES = 24  # 600 KiB for each link: more than the kernel and the gateway keep for one that is not read
TEXT = "x" * 1000
GROWTH_BYTES_MAX = (64 if LONG else 16) * 2**20  # while a fifth is not read
RETURN_BYTES_MAX = 2**17  # more for each link that catches up: a chunk of the log, of 64 messages, that waits for it
PATIENCE_S = 600.0 if LONG else 60.0


class Ear:
    """A link of somebody who listens to a group, read in large pieces; what was said there carries its number."""

    def __init__(self, wire: Wire) -> None:
        self.heard: list[int] = []
        self._wire = wire
        self._rest = b""

    async def hear(self, number: int) -> None:
        """Read until this has been heard."""
        while number not in self.heard[-1:]:
            read = await self._wire.reader.read(2**18)
            assert read, "the link has ended"
            self._take(self._rest + read)

    def _take(self, data: bytes) -> None:
        at = 0
        while at + 4 <= len(data):
            long = data[at + 1] == 126
            start = at + (4 if long else 2)
            end = start + (int.from_bytes(data[at + 2 : start]) if long else data[at + 1])
            if end > len(data):
                break
            if data[at] & 0xF == 2:
                self._note(msgpack.unpackb(data[start:end]))
            at = end
        self._rest = data[at:]

    def _note(self, frame: dict[str, object]) -> None:
        content = frame.get("content")
        if isinstance(content, dict) and content["kind"] == "text":
            self.heard.append(int(content["text"].split()[0]))


class Talker:
    """A member who is in every group, and says the same in each."""

    def __init__(self, wire: Wire, conversations: list[str]) -> None:
        self._wire = wire
        self._conversations = conversations
        self._number = 0
        self.said = 0  # in each group

    async def talk(self) -> None:
        """Say a batch in each group, one after the other, and have it all accepted."""
        said = range(self.said + 1, self.said + BATCH + 1)
        for conversation in self._conversations:
            for self.said in said:
                self._number += 1
                self._wire.send(self._number, conversation, f"{self.said} {TEXT}")
            for _ in said:
                await self._wire.until("accepted")


@pytest.fixture
async def groups(tmp_path: Path) -> dict[str, str]:
    """Put groups of ten into a folder's journal; give each consumer's conversation."""
    handles = [f"c{number}" for number in range(10 * GROUPS)]
    async with run(tmp_path, profile_name="bench") as gateway:
        router = gateway.router
        await build_town(router, ["lin"], handles, [])
        found: dict[str, str] = {}
        for number in range(GROUPS):
            inside = tuple(handles[10 * number : 10 * number + 10])
            await done(router, PutGroup(CORP, f"g{number}", "lin", f"g{number}", consumers=inside))
            found |= dict.fromkeys(inside, router.state.corps[CORP].chats[f"g{number}"])
    return found


@pytest.fixture
async def server(tmp_path: Path, groups: dict[str, str]) -> AsyncIterator[Server]:
    server = await Server.start(tmp_path, program=("tests.end_to_end.patient",))
    yield server
    Wire.drop_all()
    await server.end()


async def live(port: int, token: str, receive_bytes: int, limit: int) -> Wire:
    """Open a link that is live, with so much room for what it does not read."""
    wire = await Wire.open(port, token, receive_bytes=receive_bytes, limit=limit)
    await wire.hello()
    await wire.until("synced")
    return wire


async def hear_all(ears: list[Ear], number: int) -> None:
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as hearing:
        for ear in ears:
            hearing.create_task(ear.hear(number))


@pytest.mark.usefixtures("many_files")
async def test_links_that_are_not_read_cost_little_and_miss_nothing(
    tmp_path: Path, groups: dict[str, str], server: Server
) -> None:
    box = tokens_of(tmp_path)

    async def opened(devices: list[str], receive_bytes: int = 0, limit: int = 2**16) -> list[Ear]:
        tokens = [box.link_token(who, device) for who in groups for device in devices]
        return [Ear(await live(server.port, token, receive_bytes, limit)) for token in tokens]

    quick = await opened([name for name in DEVICES if name not in STALLED])
    slow = await opened(STALLED, 2**14, 1024)  # little room for what is not read
    lin = await synced(server.port, box.link_token(f"{CORP}/lin", "phone"))
    talker = Talker(lin, sorted(set(groups.values())))
    before, growth = server.memory_bytes(), 0
    for _ in range(BATCHES):
        await asyncio.gather(talker.talk(), hear_all(quick, talker.said + BATCH))
        growth = max(growth, server.memory_bytes() - before)
    assert await metric(server.port, "hutong_cut_over_total") >= len(slow)  # a busy machine may starve a quick one, too
    assert growth <= GROWTH_BYTES_MAX
    await hear_all(slow, talker.said)
    later = server.memory_bytes() - before
    assert later <= GROWTH_BYTES_MAX + len(slow) * RETURN_BYTES_MAX
    await asyncio.gather(talker.talk(), hear_all(quick + slow, talker.said + BATCH))
    assert {tuple(ear.heard) for ear in quick + slow} == {tuple(range(1, talker.said + 1))}
    figures = f"{growth / 2**20:.1f} MiB more, and {later / 2**20:.1f} when they had caught up"
    sys.stdout.write(f"\n{len(slow)} of {LINKS} links were not read: {figures}\n")
    Wire.drop_all()
    assert (await server.terminate()).complaints == []

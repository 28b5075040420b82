"""A disk that fills up under the server and has space again: what is refused, what goes on, and that nothing is lost.

The disk is a small file system of its own, which only root may mount. FULL_CYCLES=N is the long form.
"""

import asyncio
import os
import random
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.compose import run
from adapters.data_folder import RESERVE_BYTES, free_bytes
from gateway.commands import SendFor
from gateway.events import Origin
from protocol.content import Text
from tests.end_to_end.crews import audit, conversations_of, crew_of, settle, still_town
from tests.end_to_end.server import PATIENCE_S, Server, look, metric, tokens_of
from tests.ledger import Crew, Device
from tests.town import CORP, Town, done
from tests.wire import LOST, Wire, synced

CYCLES = int(os.environ.get("FULL_CYCLES", "20"))
SEED = 20261126
MIB: Final = 1024 * 1024
DISK_BYTES: Final = 100 * MIB
AGAIN_S: Final = 2.0  # the promise: so long after there is space, sends are accepted again
OFTEN: Final = ("tests.end_to_end.reserve", str(RESERVE_BYTES))
NO_RESERVE: Final = ("tests.end_to_end.reserve", "0")
REFUSED: Final = {"type": "refused", "code": 910004, "reason": "unavailable", "rule": "disk reserve", "advice": "later"}

Start = Callable[..., Awaitable[Server]]


class Disk:
    """A small file system with a data folder, and a file that leaves the others as little as a test wants."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self._folder = folder
        self._filler = folder / "filler"

    def fill(self, left_bytes: int = 0) -> None:
        """Leave so much; somebody else may take the last page meanwhile."""
        with self._filler.open("ab", buffering=0) as file, suppress(OSError):
            while (more := free_bytes(self._folder) - left_bytes) > 0:
                file.write(bytes(min(more, MIB)))

    def empty(self) -> None:
        self._filler.unlink()


@dataclass
class Patient(Device):
    """A device that says again, under the same number, what a full disk refused.

    One thing at a time: once a later number is accepted, the one before is stale.
    """

    in_flight_max: int = 1
    refused: list[int] = field(default_factory=list)
    refusals: int = 0

    def _talk(self, wire: Wire) -> None:
        for number in self.refused:
            wire.send(number, *self.unanswered[number])
        self.refused.clear()
        super()._talk(wire)

    async def _hear(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "refused":
            assert frame.items() >= REFUSED.items(), frame
            self.refused.append(frame["number"])
            self.refusals += 1
        else:
            await super()._hear(frame)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    mounting = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounting.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounting.stderr.strip()}")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607


@pytest.fixture
async def town(disk: Disk) -> Town:
    return await still_town(disk.data)


@pytest.fixture
async def start(disk: Disk, town: Town) -> AsyncIterator[Start]:
    """Start servers on the disk, and leave none behind."""
    started: list[Server] = []

    async def begin(*program: str) -> Server:
        started.append(await Server.start(disk.data, program=program or ("hutong",)))
        return started[-1]

    yield begin
    Wire.drop_all()
    for server in started:
        await server.end()


async def durable_position(port: int) -> float:
    return await metric(port, "hutong_journal_position")


async def until_ready_is(port: int, status: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await look(port, "/readyz"))[0] != status:
            pass


async def answer_to(wire: Wire, number: int, conversation: str) -> dict[str, Any]:
    """Have something said under a number, and give what came of it."""
    wire.send(number, conversation, f"message {number}")
    while (frame := await wire.receive())["type"] not in ("accepted", "refused"):
        pass
    assert frame["number"] == number
    return frame


async def read_anew(port: int, token: str, conversation: str) -> dict[int, str]:
    """Give what a device without memory is told of a conversation."""
    wire = await Wire.open(port, token)
    await wire.hello()
    said = {}
    while (frame := await wire.receive())["type"] != "synced":
        if frame["type"] == "message" and frame["conversation"] == conversation:
            said[frame["sequence"]] = frame["content"].get("text", "")
    return said


async def have_the_till_ask(folder: Path) -> None:
    """Have a service ask for a message to amy whose delivery it is to be told of."""
    async with run(folder) as gateway:
        names = {handle: name for name, handle in gateway.router.state.corps[CORP].consumers.items()}
        order = SendFor(CORP, Origin("till", "1"), "member", "lin", "consumer", names["amy"], Text("order"))
        await done(gateway.router, order)


async def test_below_its_reserve_it_refuses_what_is_new_and_goes_on(disk: Disk, town: Town, start: Start) -> None:
    await have_the_till_ask(disk.data)
    box, single = tokens_of(disk.data), town.singles["lin", "amy"]
    lins, amys = box.link_token(f"{CORP}/lin", "phone"), box.link_token("amy", "phone")
    server = await start()
    lin, amy = await synced(server.port, lins), await synced(server.port, amys)
    first = await answer_to(lin, 1, single)
    assert first["type"] == "accepted"

    disk.fill(left_bytes=RESERVE_BYTES // 2)
    await until_ready_is(server.port, 503)
    assert "[-] disk: less than 64 MiB, the reserve, is free" in (await look(server.port, "/readyz?verbose"))[1]
    assert await look(server.port, "/livez") == (200, "ok\n")
    for wire, number in ((lin, 2), (amy, 1)):
        assert (await answer_to(wire, number, single)).items() >= REFUSED.items()
    assert await answer_to(lin, 1, single) == first
    before = await durable_position(server.port)
    amy.ack({single: first["sequence"]})
    async with asyncio.timeout(PATIENCE_S):
        while await durable_position(server.port) != before + 1:
            pass
    told = await read_anew(server.port, box.link_token("amy", "tablet"), single)
    assert (told[first["sequence"] - 1], told[first["sequence"]]) == ("order", "message 1")

    await server.kill()
    server = await start()
    assert (await look(server.port, "/readyz"))[0] == 503
    assert await durable_position(server.port) == before + 1
    assert await read_anew(server.port, box.link_token("amy", "desk"), single) == told
    lin, amy = await synced(server.port, lins), await synced(server.port, amys)
    assert await answer_to(lin, 1, single) == first
    assert (await answer_to(lin, 2, single)).items() >= REFUSED.items()

    disk.empty()
    async with asyncio.timeout(AGAIN_S):
        while (second := await answer_to(lin, 2, single))["type"] == "refused":
            pass
    assert second["sequence"] == first["sequence"] + 1
    assert (await answer_to(amy, 1, single))["type"] == "accepted"
    assert await look(server.port, "/readyz") == (200, "ok\n")
    ended = await server.terminate()
    assert (ended.code, len(ended.complaints)) == (0, 1)
    assert ended.complaints[0].startswith("hutong: less than 64 MiB, the reserve, is free under ")


async def acknowledge(crew: Crew, more: int) -> None:
    """Wait until each has so many messages more acknowledged."""
    goals = [(each, len(each.answered) + more) for each in crew.devices]
    await crew.until(lambda: all(len(each.answered) >= goal for each, goal in goals))


async def refuse(crew: Crew, patients: list[Patient], more: int) -> None:
    """Wait until each has been refused so many times more."""
    goals = [(each, each.refusals + more) for each in patients]
    await crew.until(lambda: all(each.refusals >= goal for each, goal in goals))


async def test_full_and_space_again_and_again(disk: Disk, town: Town, start: Start) -> None:
    """While it is full nothing is acknowledged, also after a kill; with space every refused number is accepted."""
    dice, box = random.Random(SEED), tokens_of(disk.data)
    people = [*(f"{CORP}/{userid}" for userid in town.members), *town.consumers]
    patients = [
        Patient(
            who, "phone", box.link_token(who, "phone"), dice.choice(["msgpack", "json"]),
            conversations_of(town, who), random.Random(dice.random()),
        )
        for who in people
    ]  # fmt: skip
    crew = Crew([*patients])
    server = await start(*OFTEN)
    crew.board(server.port)
    for cycle in range(CYCLES):
        await acknowledge(crew, dice.randrange(1, 20))
        disk.fill(left_bytes=RESERVE_BYTES // 2)
        await refuse(crew, patients, 1)
        acknowledged = crew.acknowledged
        if cycle % 5 == 2:
            await server.kill()
            await crew.ashore()
            server = await start(*OFTEN)
            crew.board(server.port)
        await refuse(crew, patients, 50)
        assert crew.acknowledged == acknowledged
        disk.empty()
    await acknowledge(crew, 1)
    await server.kill()
    await crew.ashore()
    assert {code for each in patients for code in each.ended} == {LOST}
    server = await start()
    assert await settle(disk.data, server.port, town, crew, dice) > CYCLES * len(people)
    assert (await server.terminate()).complaints == []


async def test_full_to_the_last_byte(disk: Disk, town: Town, start: Start) -> None:
    """With no reserve it ends by one line; started as it is on the full disk, it shows all that was acknowledged."""
    dice = random.Random(SEED)
    crew = crew_of(disk.data, town, dice)
    for _ in range(2):
        server = await start(*NO_RESERVE)
        crew.board(server.port)
        await acknowledge(crew, dice.randrange(1, 50))
        disk.fill()
        await crew.until(crew.is_ashore)
        ended = await server.ended()
        assert (ended.code, len(ended.complaints)) == (1, 1), ended
        assert ended.complaints[0].startswith("hutong: the journal could not be ")
        assert ended.complaints[0].endswith("is on disk; make room or mend the disk, then start again")
        await crew.ashore()
        server = await start()
        assert (await look(server.port, "/readyz"))[0] == 503
        auditors = await audit(disk.data, server.port, town, crew, dice)
        for each in crew.devices:
            for conversation, sequence, text in each.answered.values():
                assert auditors[each.person].books[conversation][sequence].text == text
        await server.kill()
        disk.empty()
    server = await start()
    assert await settle(disk.data, server.port, town, crew, dice) >= 2 * len(crew.devices)
    assert (await server.terminate()).complaints == []

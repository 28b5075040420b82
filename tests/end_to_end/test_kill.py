"""A server that is killed under load, again and again, loses nothing that it acknowledged and says nothing twice."""

import asyncio
import os
import random
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGCONT, SIGKILL

import apsw
import pytest

from tests.end_to_end.server import Child, Server, hutong, prepare, tokens_of
from tests.ledger import Crew, Device, judge
from tests.town import CORP, Town
from tests.wire import LOST, Wire

CYCLES = int(os.environ.get("RANDOM_KILLS", "20"))
NAMED_CYCLES = int(os.environ.get("NAMED_KILLS", "40"))
POINTS = ["before-write", "after-write", "after-sync", "after-ack", "before-emptying", "between-emptyings"]
SEED = int(os.environ.get("KILL_SEED", "20261121"))
STILL_S = 2.0
MEMBERS = ["lin", "wu", "he"]
CONSUMERS = ["amy", "bo", "cai", "dan"]


@pytest.fixture
async def town(tmp_path: Path) -> Town:
    return await prepare(tmp_path / "data", MEMBERS, CONSUMERS, ["tea"])


@pytest.fixture
async def server(tmp_path: Path, town: Town) -> AsyncIterator[list[Server]]:
    """Hold the servers that a test starts, and leave none behind."""
    servers: list[Server] = []
    yield servers
    Wire.drop_all()
    for started in servers:
        await started.end()


def conversations_of(town: Town, person: str) -> tuple[str, ...]:
    single = [name for (userid, handle), name in town.singles.items() if person in {f"{CORP}/{userid}", handle}]
    return (*single, *town.groups.values(), *town.groups.values())


def device(folder: Path, town: Town, person: str, name: str, dice: random.Random) -> Device:
    token = tokens_of(folder).link_token(person, name)
    kind = dice.choice(["msgpack", "json"])
    return Device(person, name, token, kind, conversations_of(town, person), random.Random(dice.random()))


def crew_of(folder: Path, town: Town, dice: random.Random) -> Crew:
    """Give everybody a phone, and every second person a tablet too."""
    people = [*(f"{CORP}/{userid}" for userid in town.members), *town.consumers]
    phones = [device(folder, town, person, "phone", dice) for person in people]
    return Crew([*phones, *(device(folder, town, person, "tablet", dice) for person in people[::2])])


async def audit(folder: Path, port: int, town: Town, crew: Crew, dice: random.Random) -> dict[str, Device]:
    """Read everything anew, once for each person, on devices without memory."""
    auditors = {}
    for person in {device.person for device in crew.devices}:
        auditors[person] = auditor = device(folder, town, person, "auditor", dice)
        auditor.talking = False
    reading = Crew([*auditors.values()])
    reading.board(port, talking=False)
    await reading.until(lambda: all(auditor.resume for auditor in auditors.values()))
    return auditors


async def settle(folder: Path, port: int, town: Town, crew: Crew, dice: random.Random) -> int:
    """Have everything unanswered answered and everything missed read, then compare the books."""
    crew.board(port, talking=False)
    await crew.until(lambda: not any(each.unanswered for each in crew.devices))
    auditors = await audit(folder, port, town, crew, dice)

    def read() -> bool:
        return all(
            each.cursors().get(name, 0) >= max(book)
            for each in crew.devices
            for name, book in auditors[each.person].books.items()
        )

    await crew.until(read)
    return judge(crew, auditors)


async def test_twenty_kills_under_load(tmp_path: Path, town: Town, server: list[Server]) -> None:
    folder, dice = tmp_path / "data", random.Random(SEED)
    crew = crew_of(folder, town, dice)
    for cycle in range(CYCLES):
        server.append(running := await Server.start(folder))
        checkpointing = await Child.launch("checkpoint", str(folder)) if cycle % 5 == 2 else None
        goal = crew.acknowledged + dice.randrange(20, 400)
        crew.board(running.port)
        await crew.until(lambda goal=goal: crew.acknowledged >= goal)  # type: ignore[misc]
        await running.kill()
        await crew.ashore()
        if checkpointing is not None:
            assert (await checkpointing.ended()).code == 0
    assert {code for each in crew.devices for code in each.ended} == {LOST}
    server.append(running := await Server.start(folder))
    assert await settle(folder, running.port, town, crew, dice) >= CYCLES * 20
    assert len(list(folder.glob("checkpoint-*"))) == 2
    assert (await running.terminate()).code == 0


async def test_kills_at_named_points(tmp_path: Path, town: Town, server: list[Server]) -> None:
    """The server kills itself before a write, between it and its sync, before and after an answer, in an emptying."""
    folder, dice = tmp_path / "data", random.Random(SEED)
    crew = crew_of(folder, town, dice)
    for cycle in range(NAMED_CYCLES):
        point = POINTS[cycle % len(POINTS)]
        count = dice.randrange(*((2, 6) if "emptying" in point else (20, 100)))  # behind what a start writes
        program = ("tests.end_to_end.killed_at", point, str(count))
        server.append(running := await Server.start(folder, program=program))
        crew.board(running.port)
        await crew.until(crew.is_ashore)
        assert (await running.ended()).code == -SIGKILL, point
        await crew.ashore()
    server.append(running := await Server.start(folder))
    assert await settle(folder, running.port, town, crew, dice) > NAMED_CYCLES
    assert (await running.terminate()).code == 0


async def test_sigterm_under_load(tmp_path: Path, town: Town, server: list[Server]) -> None:
    folder, dice = tmp_path / "data", random.Random(SEED)
    crew = crew_of(folder, town, dice)
    for _ in range(3):
        server.append(running := await Server.start(folder))
        goal = crew.acknowledged + 300
        crew.board(running.port)
        await crew.until(lambda goal=goal: crew.acknowledged >= goal)  # type: ignore[misc]
        ended = await running.terminate()
        assert (ended.code, ended.complaints) == (0, [])
        await crew.ashore()
    assert {code for each in crew.devices for code in each.ended} == {1012}
    server.append(running := await Server.start(folder))
    assert await settle(folder, running.port, town, crew, dice) >= 900


async def test_standing_still_under_load(tmp_path: Path, town: Town, server: list[Server]) -> None:
    """Stopped for a while and let go on, a server has lost nothing, nor any link."""
    folder, dice = tmp_path / "data", random.Random(SEED)
    crew = crew_of(folder, town, dice)
    server.append(running := await Server.start(folder))
    crew.board(running.port)
    for _ in range(2):
        goal = crew.acknowledged + 300
        await crew.until(lambda goal=goal: crew.acknowledged >= goal)  # type: ignore[misc]
        running.stop()
        await asyncio.sleep(STILL_S)  # the time itself is what is tried
        running.signal(SIGCONT)
    goal = crew.acknowledged + 300
    await crew.until(lambda: crew.acknowledged >= goal)
    assert not any(each.ended for each in crew.devices)
    assert (await running.terminate()).complaints == []
    await crew.ashore()
    server.append(running := await Server.start(folder))
    assert await settle(folder, running.port, town, crew, dice) >= 900


async def test_checkpoint_of_the_child_is_what_a_restart_begins_with(
    tmp_path: Path, town: Town, server: list[Server]
) -> None:
    """With the journal's first rows damaged, only a server that begins at the checkpoint can start."""
    folder, damaged, dice = tmp_path / "data", tmp_path / "damaged", random.Random(SEED)
    crew = crew_of(folder, town, dice)
    server.append(running := await Server.start(folder))
    crew.board(running.port)
    await crew.until(lambda: crew.acknowledged >= 300)
    assert (await hutong("checkpoint", str(folder))).code == 0
    goal = crew.acknowledged + 100
    await crew.until(lambda: crew.acknowledged >= goal)
    await running.kill()
    await crew.ashore()
    shutil.copytree(folder, damaged)
    connection = apsw.Connection(str(damaged / "journal.sqlite"))
    connection.execute("UPDATE rows SET hash = zeroblob(16) WHERE first = 1")
    connection.close()
    server.append(running := await Server.start(damaged))
    crew.board(running.port, talking=False)
    await crew.until(lambda: not any(each.unanswered for each in crew.devices))
    await running.terminate()
    await crew.ashore()
    for checkpoint in damaged.glob("checkpoint-*"):
        checkpoint.unlink()
    ended = await hutong("serve", "--data", str(damaged), "--port", "0")
    assert ended.code == 1
    (complaint,) = ended.complaints
    assert "record 1 of the journal is damaged" in complaint

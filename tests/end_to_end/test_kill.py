"""A server that is killed under load, again and again, loses nothing that it acknowledged and says nothing twice."""

import asyncio
import os
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from signal import SIGCONT, SIGKILL

import apsw
import pytest

from adapters.checkpoint_files import read_checkpoints
from adapters.snapshot_file import check
from hutong.control import NotRunning
from tests.end_to_end.crews import CONSUMERS, crew_of, settle, still_town
from tests.end_to_end.server import Child, Server, control_of, hutong, tokens_of
from tests.town import Town
from tests.wire import LOST, HandshakeRefused, Wire

CYCLES = int(os.environ.get("RANDOM_KILLS", "24"))
NAMED_CYCLES = int(os.environ.get("NAMED_KILLS", "36"))
POINTS = {  # and at which time that each is reached death comes: behind what a start writes
    "before-write": (20, 100),
    "after-write": (20, 100),
    "after-sync": (20, 100),
    "after-ack": (20, 100),
    "before-emptying": (2, 6),
    "between-emptyings": (2, 6),
    "half-snapshot": (1, 3),
    "whole-snapshot": (1, 3),
    "named-snapshot": (1, 3),
    "half-checkpoint": (1, 4),
    "whole-checkpoint": (1, 2),
    "named-checkpoint": (1, 2),
}
SEED = int(os.environ.get("KILL_SEED", "20261121"))
STILL_S = 2.0
STOPPED_S = 10.0  # the promise: a stop takes no longer, whatever is under way


@pytest.fixture
async def town(tmp_path: Path) -> Town:
    return await still_town(tmp_path / "data")


@pytest.fixture
async def server(tmp_path: Path, town: Town) -> AsyncIterator[list[Server]]:
    """Hold the servers that a test starts, and leave none behind."""
    servers: list[Server] = []
    yield servers
    Wire.drop_all()
    for started in servers:
        await started.end()


async def test_kills_at_random_moments(tmp_path: Path, town: Town, server: list[Server]) -> None:
    """What is acknowledged outlives them, the quotas it has used and the tokens that were revoked just before, too."""
    folder, dice = tmp_path / "data", random.Random(SEED)
    crew, revoked = crew_of(folder, town, dice), list[str]()
    for cycle in range(CYCLES):
        server.append(running := await Server.start(folder))
        checkpointing = await Child.launch("checkpoint", str(folder)) if cycle % 5 == 2 else None
        crew.board(running.port)
        await crew.talk(dice.randrange(20, 400))
        revoked.append(tokens_of(folder).link_token(dice.choice(CONSUMERS), f"spare {cycle}"))
        await control_of(running.port).ask("POST", "/tokens/revoke", {"token": revoked[-1]})
        await running.kill()
        await crew.ashore()
        if checkpointing is not None:
            assert (await checkpointing.ended()).code == 0
    assert {code for each in crew.devices for code in each.ended} == {LOST}
    server.append(running := await Server.start(folder))
    assert await settle(folder, running.port, town, crew, dice) >= CYCLES * 20
    assert len(list(folder.glob("checkpoint-*"))) == min(2, (CYCLES + 2) // 5)  # as many as were made above
    for token in revoked:
        with pytest.raises(HandshakeRefused, match="401"):
            await Wire.open(running.port, token)
    assert (await running.terminate()).code == 0


async def save_on(port: int) -> None:
    """Save the world until the server is gone: no point of a snapshot is to be reached more than twice."""
    async with control_of(port) as control:
        with suppress(NotRunning):
            for _ in range(2):
                await control.save_snapshot("base")


def parts(folder: Path) -> set[Path]:
    return {*folder.rglob("*.part")}


def judge_files(folder: Path) -> None:
    """Whatever has the name of a whole file is whole."""
    for snapshot in folder.glob("snapshots/*.snapshot"):
        check(snapshot)
    named = {path.name for path in folder.glob("checkpoint-*")} - {path.name for path in parts(folder)}
    assert {f"checkpoint-{whole.position}" for whole in read_checkpoints(folder)} == named


async def test_kills_at_named_points(tmp_path: Path, town: Town, server: list[Server]) -> None:
    """The server kills itself around a write, its sync and its answer, in an emptying, a snapshot or a checkpoint."""
    folder, dice = tmp_path / "data", random.Random(SEED)
    crew = crew_of(folder, town, dice)
    for cycle in range(NAMED_CYCLES):
        point = [*POINTS][cycle % len(POINTS)]
        program = ("tests.end_to_end.killed_at", point, str(dice.randrange(*POINTS[point])))
        server.append(running := await Server.start(folder, program=program))
        assert point.endswith("checkpoint") or not parts(folder)  # whose child may be at work already
        crew.board(running.port)
        if point.endswith(("snapshot", "checkpoint")):
            await crew.talk(20)
            crew.hush()  # these take a second, in which thousands would be said
        if "snapshot" in point:
            await save_on(running.port)
        await crew.until(crew.is_ashore)
        assert (await running.ended()).code == -SIGKILL, point
        await crew.ashore()
        judge_files(folder)
        assert parts(folder) or not point.startswith(("half", "whole")), point
    server.append(running := await Server.start(folder))
    assert not parts(folder)
    assert len([*folder.glob("checkpoint-*")]) <= 2
    assert await settle(folder, running.port, town, crew, dice) > NAMED_CYCLES
    assert (await running.terminate()).code == 0


async def test_sigterm_under_load(tmp_path: Path, town: Town, server: list[Server]) -> None:
    folder, dice = tmp_path / "data", random.Random(SEED)
    crew = crew_of(folder, town, dice)
    for _ in range(3):
        server.append(running := await Server.start(folder))
        crew.board(running.port)
        await crew.talk(300)
        async with asyncio.timeout(STOPPED_S):
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
        await crew.talk(300)
        running.stop()
        await asyncio.sleep(STILL_S)  # the time itself is what is tried
        running.signal(SIGCONT)
    await crew.talk(300)
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
    await crew.talk(300)
    assert (await hutong("checkpoint", str(folder))).code == 0
    await crew.talk(100)
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

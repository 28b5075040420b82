"""A server whose power is cut under load, again and again, loses nothing that it acknowledged and says nothing twice.

It lives on a file system that forgets what was not synced, which takes root and libfuse: `SERVER_CUTS=20` tries it with
one town, 40 with two, and so on.
"""

import os
import random
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from adapters.checkpoint_files import read_checkpoints
from tests.end_to_end.crews import crew_of, settle, still_town
from tests.end_to_end.server import PATIENCE_S, Server, hutong
from tests.power.forgetful import CUT, mounted, why_not

CUTS_A_TOWN = 20
SEED = int(os.environ.get("CUT_SEED", "20261126"))
SEEDS = range(SEED, SEED + int(os.environ.get("SERVER_CUTS", "0")) // CUTS_A_TOWN)
CHANGES = range(300, 3000)  # behind what a start, a checkpoint and everybody's coming write


@pytest.mark.parametrize("seed", SEEDS)
async def test_twenty_power_cuts_under_load(tmp_path: Path, seed: int) -> None:
    if why := why_not():
        pytest.skip(f"NOT RUN: {why}")
    disk, mount, dice = tmp_path / "disk", tmp_path / "mount", random.Random(seed)
    mount.mkdir()
    town = await still_town(disk)
    crew = crew_of(disk, town, dice)
    for cycle in range(CUTS_A_TOWN):
        with mounted(disk, mount, dice.choice(CHANGES), dice.getrandbits(32)) as told:
            async with AsyncExitStack() as ends:
                ends.push_async_callback((server := await Server.start(mount)).end)
                if cycle % 5 == 1:
                    assert (await hutong("checkpoint", str(mount))).code == 0
                crew.board(server.port)
                await crew.until(crew.is_ashore)
            await crew.ashore()
            assert told.poll(PATIENCE_S) and told.recv() == CUT
        assert len([*read_checkpoints(disk)]) == min(2, (cycle + 4) // 5)
    async with AsyncExitStack() as ends:
        ends.push_async_callback((server := await Server.start(disk)).end)
        assert await settle(disk, server.port, town, crew, dice) >= CUTS_A_TOWN
        assert (await server.terminate()).code == 0

"""Whatever the network does to their links, people lose nothing that was acknowledged, and nothing is said twice."""

import random
import sys
from pathlib import Path

import pytest

from tests import toxic
from tests.end_to_end.crews import crew_of, settle, still_town
from tests.end_to_end.server import Server
from tests.town import Town
from tests.toxic import Toxic, Toxin, clean
from tests.wire import LOST, Wire

SEED = 20261126
SLOW: list[tuple[Toxin, Toxin]] = [(toxic.late, toxic.late), (toxic.bytewise, toxic.bytewise)]
ENDING: list[tuple[Toxin, Toxin]] = [(toxin, clean) for toxin in (toxic.cut, toxic.reset)]
ENDING += [(clean, toxin) for toxin in (toxic.cut, toxic.reset)]


@pytest.fixture
async def town(tmp_path: Path) -> Town:
    return await still_town(tmp_path)


async def test_nothing_is_lost_nor_said_twice_on_a_bad_network(tmp_path: Path, town: Town, server: Server) -> None:
    dice = random.Random(SEED)
    crew = crew_of(tmp_path, town, dice)

    async def go_ashore() -> None:
        Wire.drop_all()
        await crew.ashore()

    async def judge(what: tuple[Toxin, Toxin]) -> None:
        """Have everybody come back on a good network, and compare what they know."""
        sys.stdout.write(f"{' and '.join(toxin.__name__ for toxin in what)}\n")
        await settle(tmp_path, server.port, town, crew, dice)
        await go_ashore()

    async with Toxic(server.port) as network:
        for toxins in SLOW:  # the handshake and the hello as well
            network.poison(*toxins)
            crew.board(network.port)
            await crew.talk(100)
            await go_ashore()
            await judge(toxins)
        for toxins in ENDING:
            for _ in range(3):
                network.poison()
                crew.board(network.port)
                await crew.talk(dice.randrange(20, 100))
                network.poison(*toxins)
                await crew.until(crew.is_ashore)
            await judge(toxins)
        network.poison()
        crew.board(network.port)
        await crew.talk(100)
        network.poison(toxic.silent, toxic.silent)
        await go_ashore()
        await network.at_work(len(crew.devices))  # the server has heard of no end
        await judge((toxic.silent, toxic.silent))
    assert {code for device in crew.devices for code in device.ended} == {LOST}
    assert (await server.terminate()).complaints == []

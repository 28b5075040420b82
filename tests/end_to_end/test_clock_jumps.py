"""Somebody sets the machine's clock forward and back under the running server: no quota grows, no token comes back.

libfaketime stands between the server and the system's clock, and reads from a file how far to shift it; the monotonic
clock is left alone, as the kernel leaves it.
"""

import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from hutong.client import LinkEnded, Member
from tests.end_to_end.server import Server

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
JUMPS = int(os.environ.get("CLOCK_JUMPS", "12"))
SEED = 20261126
LIMIT = 3  # messages that `tiny` lets a member send in one conversation in a minute
CORP, LIN, SECRET = "wwshop", "wwshop/lin", "s3cret-of-shop"
WORLD = f"""
version = 1
profile = "tiny"
[[consumer]]
id = "amy"
[[corp]]
corpid = "{CORP}"
name = "Shop"
certification = "certified"
[[corp.app]]
agent_id = "1000002"
name = "crm"
secret = "{SECRET}"
[[corp.member]]
userid = "lin"
name = "Lin"
[[corp.relation]]
member = "lin"
consumer = "amy"
"""


class Machine:
    """A server whose machine's clock is moved, and how many messages it took in each minute that it told of."""

    def __init__(self, folder: Path, session: ClientSession) -> None:
        self._folder = folder
        self._session = session
        self._shift = folder / "shift"
        self._ahead_s = 0
        self.set(0)
        self.taken: Counter[int] = Counter()
        self.times_ms: list[int] = [0]
        self.sequences: list[int] = []
        self.refused = 0

    def set(self, ahead_s: int) -> None:
        """Set the machine's clock so far ahead of the true time, or behind it."""
        self._ahead_s = ahead_s
        fresh = self._shift.with_suffix(".new")
        fresh.write_text(f"{ahead_s:+d}\n")
        fresh.replace(self._shift)

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self._ahead_s * 1_000

    async def start(self) -> None:
        assert LIBRARY is not None, "libfaketime is missing: scripts/install-test-servers installs it"
        world = self._folder / "world.toml"
        world.write_text(WORLD)
        self.server = await Server.start(
            self._folder / "data", "--world", str(world), LD_PRELOAD=str(LIBRARY), FAKETIME_NO_CACHE="1",
            FAKETIME_TIMESTAMP_FILE=str(self._shift), FAKETIME_DONT_FAKE_MONOTONIC="1",
        )  # fmt: skip

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def restart(self) -> None:
        assert (await self.server.terminate()).code == 0
        await self.start()

    async def control(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self._session.request(method, f"{self.url}/_hutong{path}", json=body) as answer:
            return answer.status, await answer.json()

    async def call(self, path: str, **query: str) -> dict[str, Any]:
        async with self._session.get(f"{self.url}/cgi-bin/{path}", params=query) as answer:
            told: dict[str, Any] = await answer.json()
            return told

    async def token(self, seconds: int) -> str:
        _, told = await self.control("POST", "/tokens", {"people": [LIN], "device": "phone", "seconds": seconds})
        return str(told["tokens"][0])

    async def opens(self, token: str) -> bool:
        """Tell whether a token opens a link: it does where it makes a ticket."""
        return (await self.control("POST", "/tickets", {"token": token}))[0] == 200

    async def find_chat(self) -> None:
        told = (await self.control("GET", "/people/amy/conversations"))[1]
        self._chat = next(one["conversation"] for one in told["conversations"] if one["kind"] == "single")

    async def say(self) -> None:
        """Send a message, and note in which minute it was taken."""
        content = {"kind": "text", "text": "x"}
        act = {"type": "send", "conversation": self._chat, "content": content}
        status, told = await self.control("POST", f"/people/{LIN}/acts", act)
        if status == 200:
            self.taken[told["time_ms"] // 60_000] += 1
            self.times_ms.append(told["time_ms"])
            self.sequences.append(told["sequence"])
        else:
            assert told["reason"].endswith("_frequency"), told
            self.refused += 1

    def judge(self) -> None:
        """What was taken is in order, and no minute has more than it may have."""
        assert self.times_ms == sorted(self.times_ms)
        assert self.sequences == list(range(self.sequences[0], self.sequences[0] + len(self.sequences)))
        assert max(self.taken.values()) <= LIMIT


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    async with ClientSession() as session:
        made = Machine(tmp_path, session)
        await made.start()
        await made.find_chat()
        yield made
        await made.server.end()


async def test_the_servers_clock_is_moved(machine: Machine) -> None:
    """Without this, every other test here would look at nothing."""
    machine.set(86_400)
    _, told = await machine.control("GET", "/clock")
    assert abs(told["now_ms"] - machine.wall_ms()) < 20_000
    machine.set(0)
    _, later = await machine.control("GET", "/clock")
    assert later["now_ms"] >= told["now_ms"] > machine.wall_ms() + 80_000_000
    assert later["real_ms"] >= told["real_ms"]


async def test_jumps_give_no_message_more_and_keep_the_order(machine: Machine) -> None:
    dice = random.Random(SEED)
    newest_ms = 0
    for jump in range(JUMPS):
        machine.set(dice.choice((-1, 1)) * dice.choice((0, 1, 61, 3_600, 90_000, 30 * 86_400)))
        for _ in range(LIMIT + 1):
            await machine.say()
        machine.judge()
        newest_ms = max(newest_ms, machine.wall_ms(), machine.times_ms[-1])
        if jump % 6 == 5:
            await machine.restart()
        _, told = await machine.control("GET", "/clock")
        assert told["now_ms"] >= machine.times_ms[-1]
        assert told["now_ms"] <= newest_ms + 60_000, "a clock that is set back makes nobody's run ahead"
    assert machine.refused > 0 and len(machine.taken) > 1


async def test_a_token_that_has_expired_does_not_come_back(machine: Machine) -> None:
    short, long = await machine.token(60), await machine.token(86_400)
    access = (await machine.call("gettoken", corpid=CORP, corpsecret=SECRET))["access_token"]
    async with Member(machine.url, short) as lin:
        machine.set(3 * 3_600)
        assert (await lin.ended()).code == 4401
    await machine.say()  # the journal knows of the later time
    for back_s in (0, -3_600, -86_400 * 30):
        machine.set(back_s)
        assert not await machine.opens(short)
        assert await machine.opens(long)
        assert (await machine.call("getcallbackip", access_token=access))["errcode"] == 42001
        again = Member(machine.url, short)
        with pytest.raises(LinkEnded):
            await again.connect(timeout_s=20)
        await again.close()
    await machine.restart()
    assert not await machine.opens(short)
    assert await machine.opens(long)
    assert (await machine.call("getcallbackip", access_token=access))["errcode"] == 42001


async def test_a_token_that_was_taken_back_does_not_come_back(machine: Machine) -> None:
    """What has expired by a clock that was far ahead is forgotten as revoked: it must not be good by another clock."""
    first, second = await machine.token(3_600), await machine.token(30 * 86_400)
    for token, ahead_s in ((first, 0), (second, 2 * 86_400)):
        machine.set(ahead_s)
        assert (await machine.control("POST", "/tokens/revoke", {"token": token}))[0] == 200
    machine.set(0)
    assert not await machine.opens(first) and not await machine.opens(second)
    await machine.restart()
    assert not await machine.opens(first) and not await machine.opens(second)

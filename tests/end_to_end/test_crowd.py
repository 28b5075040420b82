"""A crowd on a running gateway: its report adds up, rules show in it, and a gateway that stands still cannot hide."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGCONT, SIGINT
from typing import Any

import pytest

from hutong.crowd.books import Books
from hutong.crowd.cast import Cast, online, settle
from hutong.crowd.file import Crowd, Persona, named
from hutong.crowd.report import Report
from hutong.crowd.stage import Stage
from tests.end_to_end.server import PATIENCE_S, Child, Server, control_of

CROWD = """\
version = 1
seed = 7
seconds = 3
idle_s = 1
[[persona]]
name = "clerk"
side = "member"
count = 4
rate_per_s = 8
[[persona]]
name = "bot"
side = "member"
count = 1
floods = true
[[persona]]
name = "patient"
side = "consumer"
count = 25
answers = 1
after_s = [0.1, 0.5]
[[persona]]
name = "touchy"
side = "consumer"
count = 15
deletes_after = 2
[[persona]]
name = "silent"
side = "consumer"
count = 10
reads = false
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = await Server.start(tmp_path / "data")
    yield running
    await running.end()


async def crowd(server: Server, file: Path, *options: str) -> Child:
    return await Child.launch("crowd", str(file), "--url", f"http://127.0.0.1:{server.port}", *options)


def written(folder: Path, text: str = CROWD) -> Path:
    file = folder / "crowd.toml"
    file.write_text(text)
    return file


async def output(child: Child) -> str:
    """Read all that it prints; what it says to people stays where it is."""
    lines = []
    while line := await child.line():
        lines.append(line.decode())
    return "".join(lines)


async def test_everything_adds_up_and_a_second_run_begins_anew(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        run = await crowd(server, written(tmp_path), "--json")
        told = json.loads(await output(run))
        assert (await run.ended()).code == 0
        personas: dict[str, dict[str, Any]] = {row.pop("what"): row for row in told["personas"]}
        assert (told["people"], told["unanswered"]) == (55, 0)
        assert (told["lost"], told["duplicated"], told["out_of_order"]) == (0, 0, 0)
        assert personas.keys() == {"clerk", "bot", "patient"}
        for row in personas.values():
            assert row["sent"] == row["accepted"] + row["refused"]
            assert row["heard"] == row["due"] == row["accepted"] > 0
            assert 0 < row["p50_ms"] <= row["p99_ms"]
        rules = {row["rule"]: row["times"] for row in told["refused"] if row["persona"] == "bot"}
        assert "frequency/member/sender/minute" in rules
        assert sum(rules.values()) == personas["bot"]["refused"]
        assert 0 < told["deleted"] <= 15
        for whose in ("gateway", "crowd"):
            assert told["cost"][whose]["before_mib"] > 10
            assert told["cost"][whose]["connect_us"] > 0


async def test_ctrl_c_brings_the_report_of_what_was_so_far(server: Server, tmp_path: Path) -> None:
    run = await crowd(server, written(tmp_path, CROWD.replace("seconds = 3", "seconds = 3000")))
    async with control_of(server.port) as control:
        assert (await control.decisions(reason="sender_frequency", wait_s=30))["decisions"]
    run.signal(SIGINT)
    told = await output(run)
    ended = await run.ended()
    assert ended.code == 0, ended.talk
    assert "Traceback" not in ended.talk
    assert told.splitlines()[-1] == "0 lost, 0 duplicated, 0 out of order: counted by the clients."
    assert "55 people on real links:" in told
    for head in ("Who reached whom", "What was refused", "What it cost"):
        assert head in told


async def test_an_enterprise_that_is_reset_in_the_middle_cuts_the_run_short(server: Server, tmp_path: Path) -> None:
    file = written(tmp_path, CROWD.replace("seconds = 3", "seconds = 3000"))
    run = await crowd(server, file)
    async with control_of(server.port) as control:
        assert (await control.decisions(reason="sender_frequency", wait_s=30))["decisions"]
        await control.reset(named(str(file)).corpid)
    told = await output(run)
    ended = await run.ended()
    assert ended.code == 1
    assert "cut short: the link is closed: the enterprise was reset (4403)" in ended.talk
    assert "Traceback" not in ended.talk
    assert told.splitlines()[-1] == "0 lost, 0 duplicated, 0 out of order: counted by the clients."
    assert "were not answered" in told


class Watched(Books):
    """Books that keep what was meant when, and tell whoever waits for so many texts."""

    def __init__(self, personas: tuple[Persona, ...]) -> None:
        super().__init__(personas)
        self.meant_s: list[float] = []
        self._goals: dict[int, asyncio.Event] = {}

    def begin(self, persona: int, listener: int, meant_s: float, now_s: float) -> int:
        self.meant_s.append(meant_s)
        if len(self.meant_s) in self._goals:
            self._goals[len(self.meant_s)].set()
        return super().begin(persona, listener, meant_s, now_s)

    async def reach(self, texts: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            if len(self.meant_s) < texts:
                await self._goals.setdefault(texts, asyncio.Event()).wait()


async def test_a_gateway_that_stands_still_shows_in_the_latency_of_all_who_meant_to_speak(tmp_path: Path) -> None:
    personas = (
        Persona(name="clerk", side="member", count=1, rate_per_s=300),
        Persona(name="patient", side="consumer", count=1),
    )
    cast, books = Cast(Crowd(version=1, persona=personas)), Watched(personas)
    stage = Stage(cast, books)
    server = await Server.start(tmp_path / "data", "--profile", "bench")
    stood: list[Any] = []

    async def stand_still() -> None:
        await books.reach(30)
        server.stop()
        first = len(books.meant_s)
        await books.reach(first + 200)  # a client asks no more than 64 at a time, so most of these could not be sent
        stood.extend((first, len(books.meant_s), time.monotonic()))
        server.signal(SIGCONT)

    try:
        async with control_of(server.port) as control:
            tokens = await settle(control, cast)
            async with online(control.base_url, cast, tokens, stage.heard):
                assert await stage.act(stand_still())
    finally:
        server.signal(SIGCONT)
        await server.end()
    first, last, until_s = stood
    latency_s = books.rows[0].seconds  # in the order of the texts: there is one conversation
    assert len(latency_s) == len(books.meant_s) >= last
    for number in range(first, last):
        assert latency_s[number] >= until_s - books.meant_s[number]


async def test_a_gateway_that_is_killed_and_comes_back_has_lost_and_repeated_nothing(tmp_path: Path) -> None:
    personas = (
        Persona(name="clerk", side="member", count=5, rate_per_s=20),
        Persona(name="patient", side="consumer", count=30, answers=1, after_s=(0, 0.2)),
        Persona(name="silent", side="consumer", count=5, reads=False),
    )
    cast, books = Cast(Crowd(version=1, persona=personas)), Watched(personas)
    stage = Stage(cast, books)
    server = await Server.start(tmp_path / "data", "--profile", "bench")
    servers = [server]

    async def die_and_come_back() -> None:
        await books.reach(100)
        await server.kill()
        servers.append(await Server.start(tmp_path / "data", port=server.port))
        await books.reach(len(books.meant_s) + 100)

    try:
        async with control_of(server.port) as control:
            tokens = await settle(control, cast)
            async with online(control.base_url, cast, tokens, stage.heard):
                assert await stage.act(die_and_come_back())
                report = Report(cast, books, {})
    finally:
        await servers[-1].end()
    assert report.clean, list(report.lines())
    assert all(tally.heard == tally.due == tally.sent > 0 for tally in books.tallies())


async def test_a_file_that_cannot_be_ends_with_code_2_and_no_server_with_3(server: Server, tmp_path: Path) -> None:
    port, _ = server.port, await server.terminate()
    for text, code, says in ((CROWD, 3, f"127.0.0.1:{port}"), (CROWD + "raeds = true", 2, "Did you mean reads?")):
        ended = await (await crowd(server, written(tmp_path, text))).ended()
        assert (ended.code, len(ended.complaints)) == (code, 1)
        assert says in ended.talk

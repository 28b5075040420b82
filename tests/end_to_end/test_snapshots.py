"""Snapshots of a running server, by its own commands: saved, restored in place, carried about, killed on the way."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hutong.client import Consumer, Member, Refused
from hutong.control import Control, NotRunning, Problem
from tests.end_to_end.server import Server, control_of, hutong

STORE = "wwlanhe"
ZHANG = f"{STORE}/zhangsan"
AMY = "an.zhao"  # a customer of zhangsan's
every_durability = pytest.mark.parametrize("durability", ["disk", "memory"])


@pytest.fixture
async def servers() -> AsyncIterator[list[Server]]:
    started: list[Server] = []
    yield started
    for server in started:
        await server.end()


def url_of(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


@asynccontextmanager
async def people(control: Control, device: str = "phone") -> AsyncIterator[tuple[Consumer, Member]]:
    amys, zhangs = await control.tokens([AMY, ZHANG], device)
    async with Consumer(control.base_url, amys) as amy, Member(control.base_url, zhangs) as zhang:
        yield amy, zhang


def texts(person: Consumer | Member) -> list[str]:
    return [message.text for message in person.messages if message.side != "system"]


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def said(control: Control, device: str) -> list[str]:
    """Read all of it on a device without memory."""
    async with people(control, device) as (amy, _):
        return texts(amy)


async def ran(server: Server, *arguments: str) -> str:
    """Run a command of the command line against a server; give what it said."""
    ended = await hutong(*arguments, "--url", url_of(server))
    assert ended.code == 0, ended
    return ended.talk


async def refused_by(member: Member, conversation: str) -> str:
    with pytest.raises(Refused) as no:
        await member.say(conversation, "one too many")
    return no.value.rule


@every_durability
async def test_restored_in_place(tmp_path: Path, servers: list[Server], durability: str) -> None:
    """Clients come back by themselves; what was used of the quotas is used; what was not saved is gone."""
    options = ("--world", "demo", "--profile", "tiny", "--durability", durability)
    servers.append(server := await Server.start(tmp_path / "data", *options))
    async with control_of(server.port) as control:
        await control.set_clock(rate=0)
        then = (await control.clock())["now_ms"]
        async with people(control) as (amy, zhang):
            chat = amy.conversation("zhangsan")
            for number in range(3):
                await zhang.say(chat, f"{number}")
            assert await refused_by(zhang, chat) == "frequency/member/conversation/minute"
            assert "base: " in await ran(server, "snapshot", "save", "base")
            await control.set_clock(advance_ms=60_000)
            await zhang.say(chat, "3")
            assert "the world is base again" in await ran(server, "snapshot", "restore", "base")
            assert (await control.clock())["now_ms"] == then
            assert await refused_by(zhang, chat) == "frequency/member/conversation/minute"
            await amy.say(chat, "after it")
            assert amy.ledger.reloads == 1
            assert amy.ledger.clean
        assert await said(control, "new") == ["0", "1", "2", "after it"]
    ended = await server.terminate()
    assert ended.code == 0
    events = [json.loads(line)["event"] for line in ended.talk.splitlines() if line.startswith("{")]
    assert [event for event in events if event in ("started", "stopped")] == ["started", "stopped"] * 2
    if durability == "disk":
        servers.append(server := await Server.start(tmp_path / "data"))
        async with control_of(server.port) as control:
            assert await said(control, "newer") == ["0", "1", "2", "after it"]


async def test_restores_do_not_add_up(tmp_path: Path, servers: list[Server]) -> None:
    """The world that was leaves the memory; these 10,000 people take six mebibytes."""
    world = tmp_path / "world.toml"
    world.write_text("version = 1\n" + "".join(f'[[consumer]]\nid = "c{n}"\nnickname = "c"\n' for n in range(10_000)))
    servers.append(server := await Server.start(tmp_path / "data", "--world", str(world)))
    async with control_of(server.port) as control:
        await control.save_snapshot("base")
        await control.restore_snapshot("base")
        before = server.memory_bytes()
        for _ in range(4):
            await control.restore_snapshot("base")
        assert server.memory_bytes() - before < 12 * 2**20


async def test_carried_to_another_gateway(tmp_path: Path, servers: list[Server]) -> None:
    servers.append(one := await Server.start(tmp_path / "one", "--world", "demo", "--durability", "memory"))
    file, link_token = tmp_path / "away" / "base.snapshot", ""
    file.parent.mkdir()
    async with control_of(one.port) as control, people(control) as (amy, _):
        chat = amy.conversation("zhangsan")
        await amy.say(chat, "before")
        await ran(one, "snapshot", "save", "base")
        await ran(one, "snapshot", "export", "base", str(file))
        (link_token,) = await control.tokens([AMY], "phone")
        servers.append(two := await Server.start(tmp_path / "two", "--snapshot", str(file)))
        await amy.say(chat, "only there")
        async with control_of(two.port) as other:
            async with people(other) as (cousin, _):
                assert texts(cousin) == ["before"]
                await cousin.say(chat, "only here")
            assert await said(control, "tablet") == ["before", "only there"]
            assert await said(other, "tablet") == ["before", "only here"]
            stranger = Consumer(other.base_url, link_token)
            with pytest.raises(Exception, match="401"):
                await stranger.connect()
            await stranger.close()
    # The other way round: into a gateway that runs, under another name.
    await ran(two, "snapshot", "import", str(file), "from-one")
    listed = await hutong("snapshot", "list", "--json", "--url", url_of(two))
    assert listed.code == 0
    async with control_of(two.port) as other:
        (row,) = (await other.snapshots())["snapshots"]
        assert (row["name"], row["broken"]) == ("from-one", "")
        await ran(two, "snapshot", "restore", "from-one")
        assert await said(other, "watch") == ["before"]
        await ran(two, "snapshot", "remove", "from-one")
        assert (await other.snapshots())["snapshots"] == []


async def test_what_cannot_be_done_is_said(tmp_path: Path, servers: list[Server]) -> None:
    servers.append(server := await Server.start(tmp_path / "data"))
    (tmp_path / "bad").write_bytes(b"x" * 100_000)

    async def no(*arguments: str) -> tuple[int, str]:
        ended = await hutong("snapshot", *arguments, "--url", url_of(server))
        return ended.code, ended.talk

    assert await no("restore", "none") == (1, "hutong: there is no snapshot 'none'\n")
    assert await no("remove", "none") == (1, "hutong: there is no snapshot 'none'\n")
    assert await no("export", "none", str(tmp_path / "x")) == (1, "hutong: there is no snapshot 'none'\n")
    code, talk = await no("import", str(tmp_path / "bad"))
    assert (code, "the snapshot is not taken" in talk) == (1, True)
    assert (await no("import", str(tmp_path / "nowhere")))[0] == 2
    code, talk = await no("save", "a b")
    assert (code, "begins with a letter or a digit" in talk) == (1, True)
    async with control_of(server.port) as control:
        for name in ("a/b", "x" * 65, "ä", "..", ".hidden", "-x", ""):
            with pytest.raises(Problem):
                await control.save_snapshot(name)
        await control.save_snapshot("base-wal")
    assert [path.name for path in (tmp_path / "data" / "snapshots").iterdir()] == ["base-wal.snapshot"]
    for options in (("--snapshot", "none"), ("--snapshot", "x", "--world", "demo")):
        ended = await hutong("serve", "--data", str(tmp_path / "new"), "--port", "0", *options)
        assert ended.code == (1 if len(options) == 2 else 2)
        assert len(ended.talk.splitlines()) == 1
    assert not (tmp_path / "new").exists()
    said = (await server.terminate()).talk
    assert "defect" not in said


async def test_an_export_is_whole_or_nothing(tmp_path: Path, servers: list[Server]) -> None:
    servers.append(server := await Server.start(tmp_path / "data", "--world", "demo"))
    (tmp_path / "folder").mkdir()
    async with control_of(server.port) as control:
        await control.save_snapshot("base")
    for file in (tmp_path / "folder", tmp_path / "none" / "file"):
        ended = await hutong("snapshot", "export", "base", str(file), "--url", url_of(server))
        assert (ended.code, len(ended.talk.splitlines())) == (1, 1)
        assert "cannot be written" in ended.talk
    assert listed(tmp_path) == ["data", "folder"]


async def test_an_export_that_is_broken_off(tmp_path: Path) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nSQLite")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(half, "127.0.0.1", 0) as broken:
        port = broken.sockets[0].getsockname()[1]
        async with control_of(port) as control:
            with pytest.raises(NotRunning):
                await control.get_snapshot("base", tmp_path / "file")
    assert listed(tmp_path) == []


async def test_killed_while_saving_and_restoring(tmp_path: Path, servers: list[Server]) -> None:
    """After each kill the next start has the world that was, or the one that was saved, whole; and can do it again."""
    dice, data = random.Random(20261126), tmp_path / "data"
    servers.append(server := await Server.start(data, "--world", "demo"))
    async with control_of(server.port) as control, people(control) as (amy, _):
        chat = amy.conversation("zhangsan")
        await amy.say(chat, "saved")
    await ran(server, "snapshot", "save", "base")
    for cycle in range(8):
        async with control_of(server.port) as control:
            async with people(control) as (amy, _):
                await amy.say(chat, "not saved")
            # Once a restore has answered, nothing changes what the next start begins with; other kills hit by chance.
            path = "/snapshots/other" if cycle % 4 == 0 else "/snapshots/base/restore"
            asking = asyncio.create_task(control.ask("POST", path))
            await asyncio.wait((asking,), timeout=None if cycle % 4 == 3 else dice.random() * 0.9)
            await server.kill()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        servers.append(server := await Server.start(data))
        async with control_of(server.port) as control:
            heard = await said(control, f"auditor {cycle}")
            assert heard[0] == "saved"
            assert set(heard[1:]) <= {"not saved"}
            assert cycle % 4 != 0 or len(heard) > 1, "a save changes nothing"
            assert cycle % 4 != 3 or len(heard) == 1, "it was decided"
            assert (await control.snapshots())["snapshots"][0]["broken"] == ""
    await ran(server, "snapshot", "restore", "base")
    async with control_of(server.port) as control:
        assert await said(control, "last") == ["saved"]
    assert not [*data.glob("restoring*")]

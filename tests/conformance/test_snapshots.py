"""Snapshots of every kind of journal: what was saved from one begins another, and nothing that is broken begins any."""

import asyncio
import gc
import json
import random
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Literal
from weakref import ref

import apsw
import pytest
from aiohttp import ClientSession

from adapters import http, real_clock, restoring
from adapters.callback_marks import FILE as MARKS_FILE
from adapters.compose import Gateway, run
from adapters.data_folder import RESERVE_BYTES, claim
from adapters.real_clock import RealClock
from adapters.restoring import Beginning, beginning, prepare
from adapters.snapshot_file import BrokenSnapshot, check
from adapters.snapshots import NoSnapshots, file_of
from adapters.tokens import Rejected
from gateway.commands import RevokeToken, SendFor, SetClock
from gateway.events import CommandRefused, Origin, Posted, decode
from gateway.state import State
from gateway.state.media import Media
from hutong.client import Consumer
from hutong.control import Control, Problem
from protocol.content import Text
from tests.town import CORP, build_town, done

Durability = Literal["disk", "memory"]
every_pair = pytest.mark.parametrize(
    ("out_of", "into"), [(one, other) for one in ("disk", "memory") for other in ("disk", "memory")]
)
REAL_MS = RealClock().real_ms()
DAY_MS = 86_400_000
UPLOADS = {"picture": b"\xff\xd8\xff\xe0" + bytes(300_000), "empty": b"", "small": b"12345", "long": b"A" * 10_000}


def same(state: State, other: State) -> bool:
    """Tell whether two lives differ in nothing but how they are called, and that one has begun later."""
    loaded = State.load(other.dump())
    loaded.epoch, loaded.position, loaded.clock = state.epoch, state.position, state.clock
    return loaded.digest() == state.digest()


async def upload(gateway: Gateway, body: bytes, name: str) -> Media:
    async with gateway.media.receiving(CORP, 1_000_000) as incoming:
        assert await incoming.write(body)
        kept = await gateway.media.keep(incoming, "file", "message", name)
    found = gateway.media.find(CORP, kept.media_id)
    assert found is not None
    return found


async def body_of(gateway: Gateway, media: Media) -> bytes:
    found = gateway.media.find(CORP, media.media_id)
    assert found is not None
    return b"".join([piece async for piece in gateway.media.read(found, 0, found.size)])


@asynccontextmanager
async def lived(data: Path, durability: Durability) -> AsyncIterator[Gateway]:
    """Run a gateway in whose world something has happened."""
    async with run(data, profile_name="bench", durability=durability) as gateway:
        await build_town(gateway.router, ["lin", "wu"], ["amy", "bo"], ["tea"])
        await done(gateway.router, SetClock(90_000, 0.0))
        async with consumer(gateway, "amy") as amy:
            for number in range(20):
                await amy.say("lin", f"number {number}")
        yield gateway


def consumer(gateway: Gateway, handle: str, device: str = "phone") -> Consumer:
    return Consumer(gateway.base_url, gateway.tokens.link_token(handle, device))


def snapshot_of(data: Path, name: str = "base") -> Path:
    return data / "snapshots" / f"{name}.snapshot"


async def records_of(gateway: Gateway) -> list[bytes]:
    return [placed.record for placed in await gateway.journal.scan(0, 1_000_000)]


@every_pair
async def test_a_world_goes_on_from_a_snapshot(tmp_path: Path, out_of: Durability, into: Durability) -> None:
    async with lived(tmp_path / "one", out_of) as gateway:
        kept = [(await upload(gateway, body, name), body) for name, body in UPLOADS.items()]
        row = await gateway.snapshots.save("base")
        records, then = await records_of(gateway), State.load(gateway.router.state.dump())
        assert (row.position, row.profile, row.time_ms) == (len(records), "bench", gateway.router.now_ms())
        async with consumer(gateway, "bo") as bo:
            await bo.say("lin", "too late")
    file = snapshot_of(tmp_path / "one")
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    begun = beginning(file, REAL_MS)
    async with run(tmp_path / "two", durability=into, snapshot=begun) as other:
        *copied, last = await records_of(other)
        assert (copied, decode(last)) == (records, begun.restored)
        assert same(then, other.router.state)
        assert other.router.now_ms() == then.clock.latest_ms, "the clock was frozen"
        assert [await body_of(other, media) for media, _ in kept] == [body for _, body in kept]
        async with consumer(other, "amy", "tablet") as amy:
            heard = [message.text for message in amy.messages if message.side != "system"]
            assert heard == [f"number {number}" for number in range(20)]
            said = await amy.say("lin", "on we go")
            assert said.sequence == amy.messages[-1].sequence + 1 or said.sequence > 20
    if into == "disk":
        async with run(tmp_path / "two") as again:
            assert not again.fresh
            assert decode((await records_of(again))[len(records)]) == begun.restored


async def test_two_gateways_from_one_snapshot_live_apart(tmp_path: Path) -> None:
    async with lived(tmp_path / "one", "disk") as gateway:
        await gateway.snapshots.save("base")
        token = gateway.tokens.link_token("amy", "phone")
        file = snapshot_of(tmp_path / "one")
        async with (
            run(tmp_path / "two", snapshot=beginning(file, REAL_MS)) as two,
            run(tmp_path / "three", snapshot=beginning(file, REAL_MS)) as three,
        ):
            epochs = {one.router.state.epoch for one in (gateway, two, three)}
            assert len(epochs) == len({one.id for one in (gateway, two, three)}) == 3
            assert gateway.tokens.read_link_token(token).person == "amy"
            for other in (two, three):
                async with ClientSession() as session:
                    headers = {"Authorization": f"Bearer {token}", "Sec-WebSocket-Protocol": "hutong.v1.json"}
                    async with session.get(f"{other.base_url}/ws", headers=headers) as answer:
                        assert answer.status == 401
            async with consumer(two, "amy", "tablet") as amy:
                await amy.say("lin", "only here")
            assert two.router.state.position > three.router.state.position


async def test_a_revoked_token_stays_revoked(tmp_path: Path) -> None:
    async with lived(tmp_path / "one", "disk") as gateway:
        await gateway.snapshots.save("base")
        await done(gateway.router, RevokeToken("jti", 2**40))
        chosen = await gateway.snapshots.restore("base")
        assert gateway.snapshots.restoring.is_set()
        with pytest.raises(NoSnapshots, match="just now"):
            await gateway.snapshots.save("late")
    async with run(tmp_path / "one") as again:
        assert again.router.state.epoch == chosen.restored.epoch
        assert "jti" in again.router.state.revoked


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A machine whose clock stands still, so far `ahead_ms` of where it was."""
    made = SimpleNamespace(ahead_ms=0, monotonic_ns=lambda: 0)
    made.time_ns = lambda: (REAL_MS + made.ahead_ms) * 1_000_000
    monkeypatch.setattr(real_clock, "time", made)
    return made


async def test_no_token_comes_back_where_the_machines_clock_was_set_back(
    tmp_path: Path, machine: SimpleNamespace
) -> None:
    """Neither one that has expired since, nor one that was taken back and that, expired, nobody remembers as such."""
    async with lived(tmp_path / "one", "disk") as gateway:
        await gateway.snapshots.save("base")
        expired, revoked = (gateway.tokens.link_token("amy", "phone", days * DAY_MS // 1_000) for days in (1, 30))
        claims = gateway.tokens.read_link_token(revoked)
        await done(gateway.router, RevokeToken(claims.token_id, claims.expires_s))
        machine.ahead_ms = 31 * DAY_MS
        await done(gateway.router, RevokeToken("another", 2**40))
        assert http.admits(gateway.router.state, claims), "the gateway has forgotten it: it has expired"
        machine.ahead_ms = -DAY_MS
        await gateway.snapshots.restore("base")
    for _ in ("restored", "started again"):
        async with run(tmp_path / "one") as again:
            for token in (expired, revoked):
                with pytest.raises(Rejected):
                    again.tokens.read_link_token(token)


async def test_a_snapshot_from_the_future_makes_no_future(tmp_path: Path, machine: SimpleNamespace) -> None:
    """Its world goes on where it was; what expires by real time does so by that of the machine it is restored on."""
    machine.ahead_ms = 30 * DAY_MS
    async with lived(tmp_path / "one", "disk") as gateway:
        await done(gateway.router, SetClock(0, 1.0))
        await done(gateway.router, RevokeToken("jti", 2**40))
        await gateway.snapshots.save("base")
        latest_ms = gateway.router.state.clock.latest_ms
    machine.ahead_ms = 0
    begun = beginning(snapshot_of(tmp_path / "one"), REAL_MS)
    for _ in ("restored", "started again"):
        async with run(tmp_path / "two", snapshot=begun) as other:
            assert (other.clock.real_ms(), other.router.now_ms()) == (REAL_MS, latest_ms)
            assert "jti" in other.router.state.revoked


async def say(gateway: Gateway, ident: str) -> Posted | CommandRefused:
    """Have a member write to a customer; give what came of it."""
    amy = gateway.router.state.consumer("amy").known[CORP].external_userid
    command = SendFor(CORP, Origin("test", ident), "member", "lin", "consumer", amy, Text("x"))
    end = (await done(gateway.router, command))[-1]
    assert isinstance(end, Posted | CommandRefused)
    return end


async def test_a_restore_gives_no_message_more_and_keeps_the_order(tmp_path: Path, machine: SimpleNamespace) -> None:
    """Wherever the machine's clock stands: what was used of a minute is used, and the next one comes after it."""
    async with run(tmp_path, profile_name="tiny") as gateway:
        await build_town(gateway.router, ["lin"], ["amy"], [])
        ends = [await say(gateway, f"{number}") for number in range(4)]
        assert [type(end) for end in ends] == [Posted, Posted, Posted, CommandRefused]
        await gateway.snapshots.save("base")
        machine.ahead_ms = -DAY_MS
        await gateway.snapshots.restore("base")
    async with run(tmp_path) as again:
        assert isinstance(await say(again, "4"), CommandRefused)
        machine.ahead_ms = 60_000
        last = await say(again, "5")
        assert isinstance(last, Posted)
        assert last.time_ms - ends[-1].time_ms == 60_000


@pytest.mark.parametrize("durability", ["disk", "memory"])
async def test_a_world_that_was_left_is_not_kept_in_memory(tmp_path: Path, durability: Durability) -> None:
    """Or a gateway would grow by a whole world with each restore."""
    async with run(tmp_path, durability=durability) as gateway:
        async with Control(gateway.base_url) as control:
            await control.save_snapshot("base")
            await control.ask("POST", "/snapshots/base/restore")
        router = ref(gateway.router)
    del gateway
    gc.collect()
    assert router() is None


async def test_marks_go_with_the_world(tmp_path: Path) -> None:
    """What an app was called back about before the snapshot, it is not called back about after it."""
    async with lived(tmp_path / "one", "memory") as gateway:
        text = b'{"epoch":1,"apps":{"wwtown/#till":{"upto":7,"aside":{"5":2}}}}'
        gateway.marks[MARKS_FILE] = lambda: text
        await gateway.snapshots.save("base")
    begun = beginning(snapshot_of(tmp_path / "one"), REAL_MS)
    await prepare(tmp_path / "two", begun)
    marks = json.loads((tmp_path / "two" / restoring.PART / MARKS_FILE).read_bytes())
    assert marks == {"epoch": begun.restored.epoch, "apps": {"wwtown/#till": {"upto": 7, "aside": {"5": 2}}}}
    told = json.loads((tmp_path / "two" / restoring.PART / "mqtt-cursor.json").read_bytes())
    assert told == [1, check(begun.file).position], "nobody told events: those before are told to nobody"


# What is broken


@pytest.fixture
async def good(tmp_path: Path) -> Path:
    async with lived(tmp_path / "one", "memory") as gateway:
        await upload(gateway, UPLOADS["small"], "small")
        await upload(gateway, UPLOADS["long"], "long")
        await gateway.snapshots.save("base")
    return snapshot_of(tmp_path / "one")


def changed(file: Path, statement: str) -> None:
    connection = apsw.Connection(str(file))
    connection.execute(statement)
    connection.close()


def forged(file: Path, packed: bytes, first: int = 1) -> None:
    """Let another row stand for all, and make every hash anew, as somebody would who means harm."""
    row_hash = sha256(bytes(16) + first.to_bytes(8, "big", signed=True) + packed).digest()[:16]
    connection = apsw.Connection(str(file))
    said = json.loads(connection.execute("SELECT about FROM snapshot").get)
    said |= {"position": max(first, 1), "journal_hash": row_hash.hex()}
    connection.execute("DELETE FROM rows")
    connection.execute("INSERT INTO rows VALUES (?, ?, ?)", (first, row_hash, packed))
    connection.execute("UPDATE snapshot SET about = ?", (json.dumps(said).encode(),))
    connection.close()


def with_an_upload_twice(file: Path) -> None:
    """Let the first upload come again behind the others, with the seal made anew."""
    connection = apsw.Connection(str(file))
    connection.execute("INSERT INTO media SELECT file, piece FROM media ORDER BY rowid LIMIT 1")
    seal = sha256()
    for name, piece in connection.execute("SELECT file, piece FROM media ORDER BY rowid"):
        seal.update(f"{name} {len(piece)} ".encode() + piece)
    said = json.loads(connection.execute("SELECT about FROM snapshot").get) | {"media_hash": seal.hexdigest()[:32]}
    connection.execute("UPDATE snapshot SET about = ?", (json.dumps(said).encode(),))
    connection.close()


def with_a_page_that_follows_itself(file: Path) -> None:
    """Let the middle of an upload be read in a circle: the same bytes come, and might come without end."""
    whole = file.read_bytes()
    pages = [whole[at : at + 4096] for at in range(0, len(whole), 4096)]
    number = next(number for number, page in enumerate(pages, 1) if page[4:] == b"A" * 4092)
    pages[number - 1] = number.to_bytes(4, "big") + b"A" * 4092
    file.write_bytes(b"".join(pages))


def turned_into_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


BREAKS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda file: file.write_bytes(b""),
    "text": lambda file: file.write_bytes(b"version = 1\n" * 1000),
    "half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "a folder": turned_into_a_folder,
    "no records": lambda file: changed(file, "DELETE FROM rows"),
    "a last record less": lambda file: changed(file, "DELETE FROM rows WHERE first = (SELECT max(first) FROM rows)"),
    "an upload less": lambda file: changed(file, "DELETE FROM media"),
    "another upload": lambda file: changed(file, "UPDATE media SET piece = x'00'"),
    "an upload elsewhere": lambda file: changed(file, "UPDATE media SET file = '../../keys.json'"),
    "another format": lambda file: changed(file, "UPDATE snapshot SET format = 2"),
    "no word of itself": lambda file: changed(file, "UPDATE snapshot SET about = x'ff'"),
    "two of itself": lambda file: changed(file, "INSERT INTO snapshot SELECT * FROM snapshot"),
    "a trigger": lambda file: changed(file, "CREATE TRIGGER t AFTER INSERT ON rows BEGIN SELECT 1; END"),
    "a view for a table": lambda file: changed(
        file, "ALTER TABLE rows RENAME TO r; CREATE VIEW rows AS SELECT * FROM r"
    ),
    "a table more": lambda file: changed(file, "CREATE TABLE more (x)"),
    "rows that hold no records": lambda file: forged(file, b"\xff"),
    "rows that hold something else": lambda file: forged(file, b"\x91\xa1x"),
    "a row before the first": lambda file: forged(file, b"\x91\xc4\x00", first=-5),
    "an upload twice": with_an_upload_twice,
    "a page that follows itself": with_a_page_that_follows_itself,
    "records that are none": lambda file: changed(file, "UPDATE rows SET records = 'text' WHERE first = 1"),
}


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("durability", ["disk", "memory"])
async def test_a_broken_snapshot_begins_nothing(
    tmp_path: Path, good: Path, name: str, durability: Durability
) -> None:  # fmt: skip
    BREAKS[name](good)
    with pytest.raises(BrokenSnapshot) as broken:
        check(good)
    assert "\n" not in str(broken.value)
    with pytest.raises(BrokenSnapshot):
        async with run(tmp_path / "new" / "data", durability=durability, snapshot=beginning(good, REAL_MS)):
            pass
    assert not (tmp_path / "new").exists()


def flip(file: Path, whole: bytes, dice: random.Random) -> None:
    at = dice.randrange(len(whole))
    file.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << dice.randrange(8)]) + whole[at + 1 :])


async def test_a_flipped_bit_is_found_or_means_nothing(tmp_path: Path, good: Path) -> None:
    """Wherever it is: the file is refused, or gives the very same world (the bit was in no use)."""
    dice, hits = random.Random(7), 0
    whole = await asyncio.to_thread(good.read_bytes)
    async with run(tmp_path / "new", durability="memory", snapshot=beginning(good, REAL_MS)) as gateway:
        records = await records_of(gateway)
    for _ in range(80):
        await asyncio.to_thread(flip, good, whole, dice)
        try:
            async with run(tmp_path / "new", durability="memory", snapshot=beginning(good, REAL_MS)) as gateway:
                assert (await records_of(gateway))[:-1] == records[:-1]
        except BrokenSnapshot:
            hits += 1
    assert hits > 20


async def test_a_world_that_cannot_be_lived_again_is_not_taken(tmp_path: Path, good: Path) -> None:
    """Every hash is right, and what is told is nonsense: the gateway goes on with the world it has."""
    async with run(tmp_path / "bad", durability="memory") as gateway:
        await gateway.journal.append([b"\x92\x63\x01"])
        gateway.router.state.position += 1
        gateway.router.durable_position += 1
        await gateway.snapshots.save("bad")
    bad = snapshot_of(tmp_path / "bad", "bad")
    assert check(bad).position > 1
    with pytest.raises(BrokenSnapshot, match="cannot be lived again"):
        async with run(tmp_path / "new", durability="memory", snapshot=beginning(bad, REAL_MS)):
            pass
    async with lived(tmp_path / "two", "disk") as gateway:
        digest = gateway.router.state.digest()
        (tmp_path / "two" / "snapshots").mkdir()
        shutil.copy(bad, snapshot_of(tmp_path / "two", "bad"))
        with pytest.raises(BrokenSnapshot, match="cannot be lived again"):
            await gateway.snapshots.restore("bad")
        assert not gateway.snapshots.restoring.is_set()
    assert not (tmp_path / "two" / restoring.PART).exists()
    async with run(tmp_path / "two") as again:
        assert again.router.state.digest() == digest


# What there is no room for


def names(data: Path) -> list[str]:
    return sorted(path.name for path in (data / "snapshots").glob("*"))


async def test_no_room_and_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    async with lived(data, "disk") as gateway:
        await gateway.snapshots.save("base")
        with monkeypatch.context() as full:
            full.setattr("adapters.snapshots.free_bytes", lambda _: RESERVE_BYTES)
            for no in (gateway.snapshots.save("other"), gateway.snapshots.restore("base")):
                with pytest.raises(NoSnapshots, match="more must be free") as refused:
                    await no
                assert refused.value.status == 503
        with monkeypatch.context() as filling:
            filling.setattr("adapters.journal_sqlite.free_bytes", lambda _: 0)
            for no in (gateway.snapshots.save("other"), gateway.snapshots.restore("base")):
                with pytest.raises(NoSnapshots, match="less than the reserve is free"):
                    await no
        monkeypatch.setattr("adapters.snapshots.SNAPSHOTS_MAX", 1)
        with pytest.raises(NoSnapshots, match="no room for more") as many:
            await gateway.snapshots.save("other")
        assert many.value.status == 409
        await gateway.snapshots.save("base")
        assert names(data) == ["base.snapshot"]
        assert not gateway.snapshots.restoring.is_set()
    assert not [*data.glob("restoring*")]


@asynccontextmanager
async def restoring_slowly(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Have a restore stand still before its world is made, for as long as the block runs."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(data: Path, snapshot: Beginning) -> None:
        begun.set()
        await go_on.wait()
        await prepare(data, snapshot)

    monkeypatch.setattr("adapters.snapshots.prepare", slow)
    work = asyncio.create_task(gateway.snapshots.restore("base"))
    await begun.wait()
    yield
    go_on.set()
    await work


@pytest.mark.parametrize("durability", ["disk", "memory"])
async def test_what_waits_for_a_restore(
    tmp_path: Path, durability: Durability, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Nothing happens to the files under it, and no token is taken back that the next life would not know of."""
    async with lived(tmp_path, durability) as gateway, Control(gateway.base_url) as control:
        await gateway.snapshots.save("base")
        (token,) = await control.tokens(["amy"], "phone")
        async with restoring_slowly(gateway, monkeypatch):
            for method, path in (
                ("POST", "/snapshots/other"), ("DELETE", "/snapshots/base"), ("POST", "/snapshots/base/restore"),
                ("POST", "/tokens/revoke"),
            ):  # fmt: skip
                with pytest.raises(Problem) as no:
                    await control.ask(method, path, {"token": token} if "revoke" in path else None)
                assert no.value.status == 503
            assert [row["name"] for row in (await control.snapshots())["snapshots"]] == ["base"]
        with pytest.raises(Problem, match="ask again"):  # it is decided, and the gateway goes on for a moment
            await control.ask("POST", "/tokens/revoke", {"token": token})


async def test_a_token_may_be_taken_back_after_a_restore_that_failed(tmp_path: Path, good: Path) -> None:
    async with lived(tmp_path / "two", "memory") as gateway, Control(gateway.base_url) as control:
        await gateway.snapshots.save("base")
        BREAKS["half"](snapshot_of(tmp_path / "two"))
        with pytest.raises(Problem):
            await control.ask("POST", "/snapshots/base/restore")
        (token,) = await control.tokens(["amy"], "phone")
        await control.ask("POST", "/tokens/revoke", {"token": token})


async def test_two_gateways_of_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is kept, two may run beside each other; what one makes there the other does not sweep away."""
    async with lived(tmp_path, "memory") as one, run(tmp_path, durability="memory") as two:
        await one.snapshots.save("base")
        async with restoring_slowly(one, monkeypatch):
            with pytest.raises(NoSnapshots, match="in use by another") as no:
                await two.snapshots.save("other")
            assert no.value.status == 503


async def test_a_start_removes_what_a_crash_left(tmp_path: Path) -> None:
    """But for what another gateway is making there just now."""
    part = tmp_path / "snapshots" / "crashed.part"
    part.mkdir(parents=True)
    (part / "journal.sqlite").write_bytes(b"half")
    with ExitStack() as undo:
        claim(part.parent, undo)
        async with run(tmp_path, durability="memory"):
            assert names(tmp_path) == ["crashed.part"]
    async with run(tmp_path, durability="memory"):
        assert names(tmp_path) == []


async def test_who_stops_sending_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.snapshots.STALLED_S", 0.01)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"SQLite"
        await asyncio.Event().wait()

    async with lived(tmp_path, "memory") as gateway:
        with pytest.raises(NoSnapshots, match="nothing came") as no:
            await gateway.snapshots.put("base", stalled(), None)
        assert no.value.status == 408
        await gateway.snapshots.save("base")
        assert names(tmp_path) == ["base.snapshot"]


async def test_what_went_while_they_were_listed(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    snapshot_of(tmp_path).symlink_to("nowhere")
    async with run(tmp_path, durability="memory") as gateway:
        (row,) = await gateway.snapshots.all()
        assert (row.name, row.broken) == ("base", "it has just been removed")


def test_a_folder_is_no_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`serve --snapshot base` where a folder of that name lies about."""
    monkeypatch.chdir(tmp_path)
    Path("base").mkdir()
    assert file_of(Path("data"), "base") == Path("data/snapshots/base.snapshot")


async def test_a_save_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    """A gateway that stops cancels who waits for it; the next one finds no trace, and a crash's trace is removed."""
    data = tmp_path / "data"
    async with lived(data, "disk") as gateway:
        for turns in (1, 3, 10, 30, 100):  # of the loop, to be broken off at another place each time
            saving = asyncio.create_task(gateway.snapshots.save("base"))
            for _ in range(turns):
                await asyncio.sleep(0)
            saving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await saving
            assert names(data) == []
        saving = asyncio.create_task(gateway.snapshots.save("base"))
        while not (data / "snapshots" / "base.part" / "journal.sqlite").exists():  # noqa: ASYNC110 - a thread makes it
            await asyncio.sleep(0)
        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving
        assert names(data) == []
        (data / "snapshots" / "crashed.part").mkdir(parents=True)
        await gateway.snapshots.save("base")
        assert names(data) == ["base.snapshot"]


async def test_what_is_brought_in_is_whole_or_nothing(tmp_path: Path, good: Path) -> None:
    data, whole = tmp_path / "data", await asyncio.to_thread(good.read_bytes)

    async def pieces(upto: int, broken_off: bool) -> AsyncIterator[bytes]:
        for at in range(0, upto, 10_000):
            yield whole[at : min(at + 10_000, upto)]
        if broken_off:
            raise ConnectionResetError

    async with run(data, durability="memory") as gateway:
        with pytest.raises(ConnectionResetError):
            await gateway.snapshots.put("base", pieces(len(whole) // 2, broken_off=True), len(whole))
        with pytest.raises(BrokenSnapshot):
            await gateway.snapshots.put("base", pieces(len(whole) // 2, broken_off=False), None)
        assert names(data) == []
        row = await gateway.snapshots.put("base", pieces(len(whole), broken_off=False), len(whole))
        assert await gateway.snapshots.all() == [row]
        assert await asyncio.to_thread(snapshot_of(data).read_bytes) == whole

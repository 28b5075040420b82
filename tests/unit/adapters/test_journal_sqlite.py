"""The journal on disk, where it differs from a list: locks, versions, damage, a torn tail, a disk that fails."""

import asyncio
import shutil
from contextlib import closing, suppress
from pathlib import Path

import apsw
import msgspec
import pytest

from adapters.checkpoint_files import write_checkpoint
from adapters.journal_file import FILE, WAL_BYTES, check_sqlite
from adapters.journal_rows import ROWS_A_STATEMENT
from adapters.journal_sqlite import SqliteJournal
from gateway.events import Posted, encode
from gateway.ports import AppendFailed, CannotOpen, Damaged, Placed


def commit(first: int, count: int = 10, size: int = 200) -> list[bytes]:
    """Make messages of one conversation, for the positions from `first` on."""
    frame = msgspec.Raw(msgspec.msgpack.encode("x" * size))
    return [encode(Posted("cv1", at, at - 1, 7, "ww1/amy", frame)) for at in range(first, first + count)]


def placed(upto: int, after: int = 0) -> list[Placed]:
    return [Placed(at, record) for at, record in enumerate(commit(1, upto), 1) if at > after]


async def fill(folder: Path, commits: int = 3) -> None:
    """Leave a closed journal with so many commits of ten records, a row each."""
    journal = SqliteJournal(folder)
    for ordinal in range(commits):
        await journal.append(commit(ordinal * 10 + 1))
    await journal.close()


def change(folder: Path, sql: str) -> None:
    """Change the closed journal behind Hutong's back."""
    with closing(apsw.Connection(str(folder / FILE))) as connection:
        connection.execute(sql)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# Refusals to start


async def test_second_server_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    first = SqliteJournal(tmp_path)
    before = names(tmp_path)
    with pytest.raises(CannotOpen, match=rf"{tmp_path} is in use by another Hutong: stop that one"):
        SqliteJournal(tmp_path)
    assert names(tmp_path) == before
    await first.append(commit(1))
    await first.close()
    await SqliteJournal(tmp_path).close()


async def test_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    await fill(tmp_path)
    change(tmp_path, "UPDATE meta SET format = 2")
    before = contents(tmp_path)
    with pytest.raises(CannotOpen, match=r"newer Hutong \(format 2, ours is 1\): install that one"):
        SqliteJournal(tmp_path)
    assert contents(tmp_path) == before


def test_database_of_another_program_is_refused(tmp_path: Path) -> None:
    change(tmp_path, "CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(CannotOpen, match="no journal of Hutong's"):
        SqliteJournal(tmp_path)
    assert names(tmp_path) == {FILE}


def test_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\0" * 5000)
    with pytest.raises(Damaged, match="record 1 "):
        SqliteJournal(tmp_path)
    assert names(tmp_path) == {FILE}


async def test_half_begun_journal_is_begun_again(tmp_path: Path) -> None:
    change(tmp_path, "PRAGMA journal_mode = WAL")  # as a crash before the tables were made leaves it
    await fill(tmp_path)


def test_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    for folder in (tmp_path / "data", tmp_path / "data" / "below"):
        with pytest.raises(CannotOpen, match=rf"{folder} cannot hold the journal .*: give --data a folder"):
            SqliteJournal(folder)
    assert names(tmp_path) == {"data"}


def test_unwritable_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # permissions do not stop root, who may run this
    with pytest.raises(CannotOpen, match=rf"{tmp_path} cannot hold the journal \(not writable\)"):
        SqliteJournal(tmp_path)
    assert names(tmp_path) == set()


def test_failed_beginning_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(connection: apsw.Connection) -> None:
        connection.execute("CREATE TABLE half (made INTEGER)")
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr("adapters.journal_file.create_tables", full)
    with pytest.raises(CannotOpen, match="disk is full"):
        SqliteJournal(tmp_path / "new" / "data")
    assert names(tmp_path) == set()


@pytest.mark.parametrize("version", ["3.40.1", "3.51.2", "3.51.3", "3.60.0", "4.0.0"])
def test_sqlite_that_loses_commits_is_refused(version: str) -> None:
    if version in {"3.40.1", "3.51.2"}:
        with pytest.raises(CannotOpen, match=rf"SQLite {version} can lose commits: install an apsw"):
            check_sqlite(version)
    else:
        check_sqlite(version)


# Damage


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE rows SET records = CAST(substr(records,1,99)||x'00'||substr(records,101) AS BLOB) WHERE first = 11",
        "UPDATE rows SET records = substr(records, 1, 99) WHERE first = 11",
        "UPDATE rows SET records = 'text' WHERE first = 11",
        "UPDATE rows SET hash = zeroblob(16) WHERE first = 11",
        "UPDATE rows SET first = 12 WHERE first = 11",
        "DELETE FROM rows WHERE first = 11",
    ],
)
async def test_damaged_row_is_named(tmp_path: Path, damage: str) -> None:
    await fill(tmp_path, commits=4)
    change(tmp_path, damage)
    journal = SqliteJournal(tmp_path)
    for after in (0, 9, 10):
        with pytest.raises(Damaged, match="record 11 of the journal is damaged"):
            list(journal.replay(after))
        with pytest.raises(Damaged, match="record 11 of the journal is damaged"):
            await journal.scan(after, 25)
    assert await journal.scan(0, 10) == placed(10)
    assert list(journal.replay(30)) == placed(40, after=30)
    with pytest.raises(Damaged, match=r"record (11|12|21) "):  # who comes from behind meets the row after it first
        await journal.walk(35, 35, 0)
    await journal.close()


async def test_walk_to_a_missing_record_names_it(tmp_path: Path) -> None:
    await fill(tmp_path, commits=4)
    change(tmp_path, "DELETE FROM rows WHERE first = 11")
    journal = SqliteJournal(tmp_path)
    with pytest.raises(Damaged, match="record 15 of the journal is damaged"):
        await journal.walk(15, 1, 0)
    await journal.close()


async def test_damaged_last_row_stops_the_start(tmp_path: Path) -> None:
    await fill(tmp_path)
    change(tmp_path, "UPDATE rows SET hash = zeroblob(16) WHERE first = 21")
    with pytest.raises(Damaged, match=r"record 21 of the journal is damaged \(its hash does not match\): put back"):
        SqliteJournal(tmp_path)
    assert names(tmp_path) == {FILE}


async def test_flipped_bit_in_the_file_is_never_believed(tmp_path: Path) -> None:
    await fill(tmp_path, commits=20)
    whole = (tmp_path / FILE).read_bytes()
    for at in range(4096, len(whole), 997):
        (tmp_path / FILE).write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        try:
            journal = SqliteJournal(tmp_path)
        except (Damaged, CannotOpen):
            continue
        read: list[Placed] = []
        with suppress(Damaged):
            for record in journal.replay(0):
                read.append(record)  # noqa: PERF402  (what was read before the damage counts too)
        assert read == placed(len(read))
        await journal.close()


async def test_checkpoint_past_the_end_tells_of_lost_records(tmp_path: Path) -> None:
    await fill(tmp_path)
    write_checkpoint(tmp_path, 40, b"state")
    journal = SqliteJournal(tmp_path)
    with pytest.raises(Damaged, match="records 31 to 40 of the journal are missing"):
        journal.checkpoint()
    await journal.close()


# A torn tail: what a crash leaves is copied from beside a running journal


@pytest.fixture
async def crashed(tmp_path: Path) -> tuple[Path, list[int]]:
    """Give a folder as a crash leaves it after three commits of ten, and where in its WAL each commit ends."""
    running = SqliteJournal(tmp_path / "running")
    ends = []
    for ordinal in range(3):
        await running.append(commit(ordinal * 10 + 1))
        ends.append((tmp_path / "running" / f"{FILE}-wal").stat().st_size)
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in (FILE, f"{FILE}-wal"):
        shutil.copy(tmp_path / "running" / name, crashed)
    await running.close()
    return crashed, ends


async def records_after_crash(folder: Path, wal: bytes) -> list[Placed]:
    (folder / f"{FILE}-shm").unlink(missing_ok=True)
    (folder / f"{FILE}-wal").write_bytes(wal)
    journal = SqliteJournal(folder)
    records = list(journal.replay(0))
    await journal.append(commit(len(records) + 1))
    assert list(journal.replay(0)) == placed(len(records) + 10)
    journal._failure = "crashed"  # so that closing leaves the WAL as it is
    await journal.close()
    return records


async def test_torn_tail_is_cut_behind_the_last_acknowledged_record(crashed: tuple[Path, list[int]]) -> None:
    folder, ends = crashed
    wal = (folder / f"{FILE}-wal").read_bytes()
    assert len(wal) == ends[-1]
    frame = wal[-4120:]  # a commit that was being written: whole frames with a wrong salt, half ones, rubbish
    for tail in (b"", b"\0", b"rubbish" * 1000, frame[:-1], frame, frame[: 4120 // 2], b"\0" * 9000):
        assert await records_after_crash(folder, wal + tail) == placed(30)


async def test_torn_commit_is_cut_whole(crashed: tuple[Path, list[int]]) -> None:
    folder, ends = crashed
    wal = (folder / f"{FILE}-wal").read_bytes()
    for cut in range(ends[1], ends[2], 511):
        assert await records_after_crash(folder, wal[:cut]) == placed(20)
        flipped = wal[:cut] + bytes([wal[cut] ^ 1]) + wal[cut + 1 :]
        assert len(await records_after_crash(folder, flipped)) in {20, 30}  # 30: a byte that no checksum covers


# A disk that fails


async def test_full_disk_is_final(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    await journal.append(commit(1))
    journal._writing.pragma("max_page_count", 3)
    with pytest.raises(AppendFailed, match=r"could not be written: .*full"):
        await journal.append(commit(11, size=20_000))
    journal._writing.pragma("max_page_count", 1_000_000)
    with pytest.raises(AppendFailed, match="full"):
        await journal.append(commit(11))
    assert journal.position == 10
    assert await journal.scan(0, 100) == placed(10)
    await journal.close()
    again = SqliteJournal(tmp_path)
    assert list(again.replay(0)) == placed(10)
    await again.close()


async def test_appends_behind_a_failed_one_fail_too(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    journal._writing.pragma("max_page_count", 3)
    outcomes = await asyncio.gather(
        journal.append(commit(1, size=20_000)), journal.append(commit(11)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [AppendFailed, AppendFailed]
    await journal.close()


async def test_failed_emptying_of_the_wal_is_final(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    journal._reading.close()
    journal._empty_wal()
    with pytest.raises(AppendFailed, match="could not be checkpointed"):
        await journal.append(commit(1))
    await journal.close()


async def test_failed_journal_is_not_checkpointed(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    await journal.append(commit(1))
    journal._failure = "the disk failed"
    copied = (tmp_path / FILE).read_bytes()
    journal._empty_wal()
    assert (tmp_path / FILE).read_bytes() == copied
    await journal.close()
    assert (tmp_path / f"{FILE}-wal").stat().st_size > 0


# Ordinary days


async def test_settings_that_durability_rests_on(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    for connection in (journal._writing, journal._reading):
        assert connection.pragma("synchronous") == 2
        assert connection.pragma("journal_mode") == "wal"
        assert connection.pragma("wal_autocheckpoint") == 0
    await journal.close()


async def test_closed_journal_is_one_file_and_refuses(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    await journal.append(commit(1))
    await journal.close()
    assert names(tmp_path) == {FILE}
    with pytest.raises(AppendFailed, match="closed"):
        await journal.append(commit(11))


async def test_wal_is_emptied_before_it_is_twice_its_bound(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    for ordinal in range(24):
        await journal.append(commit(ordinal * 10 + 1, size=100_000))
        await journal.scan(0, 1)  # stands behind the emptying in the reading thread's queue
        assert (tmp_path / f"{FILE}-wal").stat().st_size < 2 * WAL_BYTES
    await journal.close()


async def test_commit_of_more_rows_than_a_statement_takes_is_one_commit(tmp_path: Path) -> None:
    records = commit(1, ROWS_A_STATEMENT + 1, size=17_000)
    journal = SqliteJournal(tmp_path)
    await journal.append(records)
    assert [record for _, record in journal.replay(0)] == records
    assert journal._writing.execute("SELECT count(*) FROM rows").get == ROWS_A_STATEMENT + 1
    await journal.close()


async def test_commit_of_many_statements_stands_whole_or_not_at_all(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    journal._writing.pragma("max_page_count", 5 * ROWS_A_STATEMENT + 10)  # a row takes five: the second statement fails
    with pytest.raises(AppendFailed):
        await journal.append(commit(1, ROWS_A_STATEMENT * 2, size=17_000))
    await journal.close()
    again = SqliteJournal(tmp_path)
    assert again.position == 0
    await again.close()


async def test_abandoned_append_is_still_a_commit(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    task = asyncio.ensure_future(journal.append(commit(1)))
    await asyncio.sleep(0)
    task.cancel()
    await journal.append(commit(11))
    assert list(journal.replay(0)) == placed(20)
    await journal.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr("adapters.journal_sqlite.time.monotonic", lambda: now[0])
    return now


async def test_room_ends_at_the_reserve_and_is_asked_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    free = [100]
    monkeypatch.setattr("adapters.journal_sqlite.free_bytes", lambda folder: free[0])
    journal = SqliteJournal(tmp_path, reserve_bytes=100)
    assert journal.room()
    free[0] = 99
    assert journal.room()
    clock[0] = 1.0
    assert not journal.room()
    free[0] = 100
    clock[0] = 2.0
    assert journal.room()
    await journal.close()

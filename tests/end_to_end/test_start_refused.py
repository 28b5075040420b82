"""A data folder that cannot be used: one clear line that says what to do, exit code 1, and nothing half-created.

A taken port, a broken world file and an unreachable broker are in test_serve.py.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from adapters.checkpoint import make_checkpoint
from tests.end_to_end.server import Server, hutong, prepare


def contents(folder: Path) -> dict[str, bytes | None]:
    """Give everything below a folder; a refusal must leave it so."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if not path.name.endswith(("-wal", "-shm"))  # SQLite's own, empty once everything is in the database
    }


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """Make a folder with a journal of some records."""
    await prepare(tmp_path / "data", ["lin"], ["amy"], ["tea"])
    return tmp_path / "data"


async def refused(data: Path) -> str:
    """Start on a folder that cannot be used; give the one line it says."""
    ended = await hutong("serve", "--data", str(data), "--port", "0")
    assert (ended.code, len(ended.complaints)) == (1, 1), ended
    (complaint,) = ended.complaints
    assert complaint.startswith("hutong: ")
    return complaint.removeprefix("hutong: ")


def change(data: Path, statement: str) -> None:
    connection = apsw.Connection(str(data / "journal.sqlite"))
    connection.execute(statement)
    connection.close()


def last_record_changed(data: Path) -> None:
    changed = "CAST(records || x'00' AS BLOB)"
    change(data, f"UPDATE rows SET records = {changed} WHERE first = (SELECT max(first) FROM rows)")  # noqa: S608


def last_record_made_text(data: Path) -> None:
    change(data, "UPDATE rows SET records = records || 'x' WHERE first = (SELECT max(first) FROM rows)")


def row_of_the_middle(data: Path) -> None:
    change(data, "DELETE FROM rows WHERE first = (SELECT first FROM rows ORDER BY first LIMIT 1 OFFSET 3)")


def no_database(data: Path) -> None:
    (data / "journal.sqlite").write_bytes(b"this is no database" * 1000)


def missing_rows(data: Path) -> None:
    make_checkpoint(data)
    change(data, "DELETE FROM rows WHERE first > 3")


DAMAGE: list[tuple[Callable[[Path], None], str]] = [
    (lambda data: change(data, "UPDATE meta SET format = 99"), "was written by a newer Hutong (format 99"),
    (lambda data: change(data, "UPDATE rows SET hash = zeroblob(16) WHERE first = 1"), "record 1 of the journal is"),
    (row_of_the_middle, "of the journal is damaged (it is missing)"),
    (missing_rows, "of the journal are missing (a checkpoint knows them)"),
    (last_record_changed, "of the journal is damaged (its hash does not match)"),
    (last_record_made_text, "of the journal is damaged ("),
    (no_database, "record 1 of the journal is damaged"),
    (lambda data: change(data, "DROP TABLE meta"), "is no journal of Hutong's"),
]
NAMES = [
    "newer",
    "first record",
    "record missing",
    "end missing",
    "last record",
    "no bytes",
    "no database",
    "another program's",
]


@pytest.mark.parametrize(("damage", "said"), DAMAGE, ids=NAMES)
async def test_journal_that_cannot_be_used(data: Path, damage: Callable[[Path], None], said: str) -> None:
    damage(data)
    before = contents(data)
    assert said in await refused(data)
    assert contents(data) == before


async def test_folder_in_use_is_left_alone(data: Path) -> None:
    server = await Server.start(data)
    try:
        assert "is in use by another Hutong" in await refused(data)
        assert (await server.terminate()).code == 0
    finally:
        await server.end()


async def test_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    assert "cannot hold the journal" in await refused(tmp_path / "data")
    assert "cannot hold the journal" in await refused(tmp_path / "data" / "below")
    assert contents(tmp_path) == {"data": b"mine"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_folder_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    assert "cannot hold the journal" in await refused(tmp_path / "data")
    assert contents(tmp_path) == {"data": None}


async def test_damage_put_right_by_a_backup(data: Path, tmp_path: Path) -> None:
    """What the line tells people to do works."""
    shutil.copytree(data, tmp_path / "backup")
    last_record_changed(data)
    await refused(data)
    shutil.rmtree(data)
    shutil.copytree(tmp_path / "backup", data)
    server = await Server.start(data)
    assert (await server.terminate()).code == 0

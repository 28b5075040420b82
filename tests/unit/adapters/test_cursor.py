"""The mark of a reader of the journal: kept over restarts; no damage of its file keeps the gateway from starting."""

from pathlib import Path

import pytest

from adapters.cursor import BEGINNING, FileCursor, Mark, MemoryCursor, encoded

BAD = {
    "empty": b"",
    "half": b"[1, 2",
    "no UTF-8": b'["\xff\xfe", 2]',
    "deep": b"[" * 100_000,
    "another shape": b'{"epoch": 1}',
    "before the beginning": b"[1, -5]",
    "beyond all numbers": b"[1, 1" + b"0" * 5_000 + b"]",
}


async def test_what_was_stored_is_loaded(tmp_path: Path) -> None:
    cursor = FileCursor(tmp_path / "mark.json")
    assert cursor.load() == BEGINNING
    await cursor.store(Mark(3, 14))
    assert FileCursor(tmp_path / "mark.json").load() == Mark(3, 14)
    assert MemoryCursor(encoded(Mark(3, 14))).load() == Mark(3, 14)


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_the_beginning(tmp_path: Path, name: str) -> None:
    file = tmp_path / "mark.json"
    file.write_bytes(BAD[name])
    assert FileCursor(file).load() == MemoryCursor(BAD[name]).load() == BEGINNING


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "mark.json").mkdir()
    assert FileCursor(tmp_path / "mark.json").load() == BEGINNING

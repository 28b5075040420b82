"""The file system that forgets keeps what was synced, and loses the rest by dice: without FUSE, by its own calls."""

import errno
import random
from collections.abc import Callable

import pytest

from tests.power.disk import SECTOR_BYTES, Image
from tests.power.forgetful import Forgetful

SEEDS = range(100)
FILE = "/file"


def left_by(live: Callable[[Forgetful], None]) -> list[Image]:
    """Live the same life for each seed, and give what each cut leaves."""
    left = []
    for seed in SEEDS:
        folder = Forgetful({"old": b"old"}, 100, random.Random(seed))
        live(folder)
        left.append(folder.forget())
    return left


def begin(folder: Forgetful) -> None:
    folder.create(FILE, 0)
    folder.write(FILE, b"a" * 2 * SECTOR_BYTES, 0, 0)
    folder.fsync(FILE, 0, 0)


def test_content_is_durable_by_the_files_sync_and_its_name_by_the_folders() -> None:
    images = left_by(begin)
    assert {image.get("file") for image in images} == {None, b"a" * 2 * SECTOR_BYTES}

    def named(folder: Forgetful) -> None:
        folder.create(FILE, 0)
        folder.fsyncdir("/", 0, 0)
        folder.write(FILE, b"a", 0, 0)

    assert {image.get("file") for image in left_by(named)} == {b"", b"a"}


def test_unsynced_sectors_are_kept_dropped_or_torn_each_for_itself() -> None:
    def live(folder: Forgetful) -> None:
        begin(folder)
        folder.fsyncdir("/", 0, 0)
        folder.write(FILE, b"b" * 2 * SECTOR_BYTES, 0, 0)

    sectors = [(image["file"][:SECTOR_BYTES], image["file"][SECTOR_BYTES:]) for image in left_by(live)]
    whole = {b"a" * SECTOR_BYTES, b"b" * SECTOR_BYTES}
    assert {pair for pair in sectors if whole.issuperset(pair)} == {(one, other) for one in whole for other in whole}
    torn = [sector for pair in sectors for sector in pair if sector not in whole]
    assert torn
    assert all(set(sector.rstrip(b"a")) == {ord("b")} for sector in torn)


def test_unsynced_names_are_lost_from_the_last_one_on() -> None:
    def live(folder: Forgetful) -> None:
        begin(folder)
        folder.rename(FILE, "/other")
        folder.unlink("/old")

    names = {frozenset(image) for image in left_by(live)}
    assert names == {frozenset(each) for each in [["old"], ["old", "file"], ["old", "other"], ["other"]]}


def test_what_was_there_before_stays_until_it_is_changed_durably() -> None:
    def live(folder: Forgetful) -> None:
        folder.truncate("/old", 1)
        folder.truncate("/old", 3)

    left = {image["old"] for image in left_by(live)}
    assert {b"old", b"o\0\0"} <= left <= {b"old", b"o", b"o\0", b"o\0d", b"o\0\0"}


def test_nothing_succeeds_behind_a_cut() -> None:
    folder = Forgetful({"old": b"old"}, 2, random.Random(1))
    folder("write", "/old", b"new", 0, 0)
    for call, arguments in [("fsync", ("/old", 0, 0)), ("fsync", ("/old", 0, 0)), ("read", ("/old", 3, 0, 0))]:
        with pytest.raises(OSError, match="the power is cut") as why:
            folder(call, *arguments)
        assert why.value.errno == errno.EIO

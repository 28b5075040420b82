"""How a snapshot becomes a data folder's world: made whole beside the old one, then put in its place.

Rules of the file:
- The new world is made in `restoring.part`: written, checked and replayed there, and until then nothing has happened.
- Renamed to `restoring`, it is what the folder's next start begins with, whenever a crash comes.
- What stands in `restoring` is linked into its place and removed last, so that a start that was cut off is done again.
"""

import asyncio
import os
import secrets
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from adapters.checkpoint import child_command, complaint_of
from adapters.data_folder import claim, replace, sync_folder
from adapters.journal_file import files_of
from adapters.journal_sqlite import SqliteJournal
from adapters.media_files import FOLDER as MEDIA_FOLDER
from adapters.media_files import DiskFiles
from adapters.snapshot_file import MARK_FILES, BrokenSnapshot, pour
from gateway.events import WorldRestored
from gateway.ports import CannotOpen

PART: Final = "restoring.part"
WHOLE: Final = "restoring"
EPOCH_BITS: Final = 48  # never the same twice, above every reset's, and a whole number to every reader of JSON


class Beginning(NamedTuple):
    """A snapshot that a world is to begin from, and the event that makes it a life of its own."""

    file: Path
    restored: WorldRestored


def beginning(file: Path, real_ms: int, revoked: dict[str, int] | None = None) -> Beginning:
    """Let a snapshot begin a life at a real time, with an epoch that no other life has."""
    epoch = (1 << EPOCH_BITS) | secrets.randbits(EPOCH_BITS)
    return Beginning(file, WorldRestored(epoch, revoked or {}, real_ms))


async def prepare(data: Path, snapshot: Beginning) -> None:
    """Make the snapshot's world beside the folder's own, checked to the last record; a failure leaves nothing."""
    part = data / PART
    await asyncio.to_thread(shutil.rmtree, part, ignore_errors=True)
    try:
        await _make(part, snapshot)
        await _live_again(part)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, part, ignore_errors=True)
        raise


async def _make(part: Path, snapshot: Beginning) -> None:
    async with SqliteJournal.begun(part) as journal:
        marks = await pour(snapshot.file, journal, DiskFiles(part), snapshot.restored)
    for name, text in marks.items():
        await asyncio.to_thread(replace, part / name, text)


async def _live_again(part: Path) -> None:
    """Have the checkpoint child replay what was made: the next start then begins with a checkpoint."""
    if complaint := await complaint_of(child_command(part)):
        raise BrokenSnapshot(f"what it holds cannot be lived again ({complaint})")


def decide(data: Path) -> None:
    """Let the world that was prepared be the one that the next start begins with."""
    (data / PART).rename(data / WHOLE)
    sync_folder(data)


def forget(data: Path) -> None:
    """Drop a world that was prepared."""
    shutil.rmtree(data / PART, ignore_errors=True)


def take_up(data: Path) -> None:
    """Put the world that was decided on in the place of the folder's own; without one, do nothing."""
    if not (data / WHOLE).exists() and not (data / PART).exists():
        return
    with ExitStack() as undo:
        lock = claim(data, undo)
        undo.pop_all()
    try:
        if (data / WHOLE).exists():
            _replace_world(data)
        forget(data)
    except OSError as why:
        raise CannotOpen(
            f"{data} cannot take in the world that was restored ({why}): make room or mend the disk, then start again"
        ) from why
    finally:
        os.close(lock)


def _replace_world(data: Path) -> None:
    whole = data / WHOLE
    for file in (*files_of(data), *data.glob("checkpoint-*"), *(data / name for name in MARK_FILES)):
        file.unlink(missing_ok=True)
    shutil.rmtree(data / MEDIA_FOLDER, ignore_errors=True)
    for file in whole.rglob("*"):
        if file.is_file():
            target = data / file.relative_to(whole)
            target.parent.mkdir(mode=0o700, exist_ok=True)
            _link(file, target)
    for folder in (data / MEDIA_FOLDER, data):
        if folder.exists():
            sync_folder(folder)
    whole.rename(data / PART)
    sync_folder(data)


def _link(source: Path, target: Path) -> None:
    """Give a file a second name; where the file system has no such thing, copy it."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())

"""Opens a journal and brings its world back, or begins a world in it; what fails leaves nothing behind."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from adapters.data_folder import claim
from adapters.genesis import Genesis
from adapters.journal_file import FILE, files_of
from adapters.journal_memory import MemoryJournal
from adapters.journal_sqlite import SqliteJournal
from adapters.media_files import Files
from adapters.restoring import Beginning, decide, prepare, take_up
from adapters.snapshot_file import BrokenSnapshot, pour
from adapters.tokens import KEYS_FILE, Keys
from gateway import events
from gateway.ports import CannotOpen, Journal
from gateway.state import State


class Opened(NamedTuple):
    """A journal and what is remembered of it. `fresh` says that the world was begun just now; `marks` are those of its
    readers, where no folder keeps them."""

    journal: Journal
    state: State
    keys: Keys
    fresh: bool
    marks: dict[str, bytes]


async def open_world(
    folder: Path | None,
    begin: Callable[[State], Genesis],
    files: Files,
    snapshot: Beginning | None = None,
    keys: Keys | None = None,
) -> Opened:
    """Open a folder's journal, or one in memory where there is no folder; begin an empty one, from a snapshot if given.

    A world is thought out before a new folder is touched, and appended as one commit: a crash leaves all of it or none.
    """
    if folder is None:
        return await _in_memory(begin, files, snapshot, keys or Keys.fresh())
    take_up(folder)
    if snapshot is not None and not (folder / FILE).exists():
        await _unpack(folder, snapshot)
        return (await _on_disk(folder, begin))._replace(fresh=True)
    return await _on_disk(folder, begin)


async def _in_memory(
    begin: Callable[[State], Genesis], files: Files, snapshot: Beginning | None, keys: Keys
) -> Opened:  # fmt: skip
    journal = MemoryJournal()
    if snapshot is None:
        return await _restored(journal, keys, begin(State()), begin)
    marks = await pour(snapshot.file, journal, files, snapshot.restored)
    try:
        return Opened(journal, restore(journal), keys, fresh=True, marks=marks)
    except Exception as why:  # every hash is right, and what is told is nonsense
        raise BrokenSnapshot(f"what it holds cannot be lived again ({why!r})") from why


async def _unpack(folder: Path, snapshot: Beginning) -> None:
    """Put a snapshot's world into an empty folder; one that turns out to be broken leaves nothing behind."""
    with ExitStack() as undo:
        lock = claim(folder, undo)
        try:
            await prepare(folder, snapshot)
            decide(folder)
        except OSError as why:
            raise CannotOpen(f"{folder} cannot take the snapshot in ({why}): make room or mend the disk") from why
        undo.pop_all()
    os.close(lock)
    take_up(folder)


async def _on_disk(folder: Path, begin: Callable[[State], Genesis]) -> Opened:
    begun = begin(State()) if not (folder / FILE).exists() else None
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    keyed = (folder / KEYS_FILE).exists()
    journal = SqliteJournal(folder)
    try:
        return await _restored(journal, Keys.kept_in(folder), begun, begin)
    except BaseException:
        if begun is not None:  # there was no journal, and nobody else can have made one: we hold the folder's lock
            for file in files_of(folder) if keyed else (*files_of(folder), folder / KEYS_FILE):
                file.unlink(missing_ok=True)
        await journal.close()
        for path in missing:
            path.rmdir()
        raise


async def _restored(
    journal: Journal, keys: Keys, begun: Genesis | None, begin: Callable[[State], Genesis]
) -> Opened:  # fmt: skip
    state = restore(journal)
    if state.position:
        return Opened(journal, state, keys, fresh=False, marks={})
    begun = begun or begin(state)
    await journal.append(begun.records)
    return Opened(journal, begun.state, keys, fresh=True, marks={})


def restore(journal: Journal) -> State:
    """Bring the state back: the newest checkpoint, then the records above it."""
    newest = journal.checkpoint()
    state = State.load(newest.state) if newest is not None else State()
    for placed in journal.replay(newest.position if newest is not None else 0):
        state.apply(events.decode(placed.record))
    return state

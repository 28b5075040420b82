"""Opens a journal and brings its world back, or begins a world in it; what fails leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from adapters.genesis import Genesis
from adapters.journal_file import FILE, files_of
from adapters.journal_memory import MemoryJournal
from adapters.journal_sqlite import SqliteJournal
from adapters.tokens import KEYS_FILE, Keys
from gateway import events
from gateway.ports import Journal
from gateway.state import State


class Opened(NamedTuple):
    """A journal and what is remembered of it. `fresh` says that the world was begun just now."""

    journal: Journal
    state: State
    keys: Keys
    fresh: bool


async def open_world(folder: Path | None, begin: Callable[[State], Genesis]) -> Opened:
    """Open a folder's journal, or one in memory where there is no folder.

    A world is thought out before a new folder is touched, and appended as one commit: a crash leaves all of it or none.
    """
    begun = begin(State()) if folder is None or not (folder / FILE).exists() else None
    if folder is None:
        journal: Journal = MemoryJournal()
        return await _restored(journal, Keys.fresh(), begun, begin)
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
        return Opened(journal, state, keys, fresh=False)
    begun = begun or begin(state)
    await journal.append(begun.records)
    return Opened(journal, begun.state, keys, fresh=True)


def restore(journal: Journal) -> State:
    """Bring the state back: the newest checkpoint, then the records above it."""
    newest = journal.checkpoint()
    state = State.load(newest.state) if newest is not None else State()
    for placed in journal.replay(newest.position if newest is not None else 0):
        state.apply(events.decode(placed.record))
    return state

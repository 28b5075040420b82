"""A world begun from a snapshot lives on as the one it was taken from: the same commands give the same world.

Only the epoch differs, and the positions, by the one event that began the fork.
"""

import asyncio
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.callback_marks import FILE as MARKS_FILE
from adapters.journal_file import FILE
from adapters.journal_memory import MemoryJournal
from adapters.journal_sqlite import SqliteJournal
from adapters.media_files import MemoryFiles
from adapters.opening import restore
from adapters.snapshot_file import About, add_media, copy_records, finish, pour
from gateway import commands, events
from gateway.events import WorldRestored
from gateway.ports import Journal
from gateway.state import State
from tests.property.lives import Life
from tests.property.test_every_command import ASKED, SELDOM, World
from tests.property.test_replay import ALL, Survivor


def placeless(record: bytes) -> object:
    """Give a record without what names a position: of the message before it, or of the enterprise's beginning."""
    event = events.decode(record)
    return msgspec.structs.replace(event, previous=0) if isinstance(event, events.Posted) else event


async def fork_of(source: Journal, state: State, epoch: int) -> State:
    """Take a snapshot, and begin a world from it."""
    with TemporaryDirectory() as folder:
        made = SqliteJournal(Path(folder))
        about = About(state.position, state.epoch, state.profile.name, 0, 0)
        about = msgspec.structs.replace(about, media_hash=add_media(Path(folder) / FILE, MemoryFiles(), []))
        await copy_records(source, made, state.position)
        await made.close()
        finish(Path(folder) / FILE, about, {MARKS_FILE: b"{}"})
        journal = MemoryJournal()
        await pour(Path(folder) / FILE, journal, MemoryFiles(), WorldRestored(epoch, {}))
        return restore(journal)


def forked(life: Life) -> State:
    """Begin a world from a snapshot of a life, and see that nothing of it is lost."""

    async def fork() -> State:
        source = MemoryJournal()
        await source.append(life.records)
        return await fork_of(source, life.state, 77)

    state = asyncio.run(fork())
    assert (state.epoch, state.position) == (77, life.state.position + 1)
    beside = State.load(state.dump())
    beside.epoch, beside.position = life.state.epoch, life.state.position
    assert beside.digest() == life.state.digest()
    return state


def test_nothing_is_lost_on_the_way() -> None:
    """Not what was used of the quotas, nor what devices have sent."""
    dice, survivor = random.Random(20261126), Survivor()
    for _ in range(600):
        survivor.live((dice.choice(ALL), *(dice.randrange(12) for _ in range(3))))  # type: ignore[arg-type]
    state = survivor.life.state
    assert any(used.counts for used in state.quotas.used.values())
    assert any(person.devices for person in state.people.values())
    forked(survivor.life)


@given(seed=st.integers(0, 2**32), before=st.integers(0, 150), after=st.integers(1, 100))
@settings(max_examples=8, deadline=None)
def test_a_fork_lives_on_as_its_original(seed: int, before: int, after: int) -> None:
    world = World(seed)
    for _ in range(before):
        kind = world.dice.choice(ASKED)
        if kind not in SELDOM:
            world.ask(kind)
        world.work()
    state = forked(world)
    fork = World(seed)
    fork.state, fork.records, fork.now_ms, fork.asked = state, [], world.now_ms, world.asked
    world.records = []
    dice = world.dice.getstate()
    for life in (world, fork):
        life.dice.setstate(dice)
        for _ in range(after):
            life.ask(life.dice.choice([kind for kind in ASKED if kind is not commands.ResetWorld]))
            life.work()
    assert list(map(placeless, fork.records)) == list(map(placeless, world.records))

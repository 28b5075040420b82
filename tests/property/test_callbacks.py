"""However receivers fail and whenever the gateway restarts: every record is told or given up, in order, and none twice.

The lanes and the marks are the real ones; receivers answer from a script, and nothing waits for a clock.
"""

import asyncio
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.callback_lines import CallbackLine
from adapters.callback_marks import FILE, Marks
from adapters.callback_receivers import Called, Receivers
from adapters.callbacks import Callbacks
from gateway.config import Config
from gateway.router import Router
from gateway.state import State
from gateway.state.corps import App, Corp

APPS = ("1", "2")
CONFIG = Config(callback_spacing_ms=0, callback_aside_max=2)


class World:
    """As much of the router as the door looks at, and receivers that fail a record so many times."""

    def __init__(self, failures: dict[tuple[str, int], int]) -> None:
        self.state = State()
        corp = self.state.corps["ww"] = Corp("ww", "c", "c")
        corp.apps = {name: App(name, name, name, "http://receiver") for name in APPS}
        self.config = CONFIG
        self.durable_position = 0
        self.attempts: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._failures = failures
        self._grown = asyncio.Event()
        self.told = asyncio.Event()

    def watch(self) -> asyncio.Event:
        return self._grown

    def unwatch(self, _grown: asyncio.Event) -> None:
        pass

    def app_of(self, who: Called) -> App:
        return self.state.corps["ww"].apps[who.agent_id]

    async def call(self, who: Called, position: int, attempt: int) -> CallbackLine:
        assert position <= self.durable_position, "told before it was durable"
        await asyncio.sleep(0)
        self.attempts[who.agent_id].append((position, attempt))
        self.told.set()
        is_told = attempt > self._failures.get((who.agent_id, position), 0)
        outcome: Any = "delivered" if is_told else "given_up" if attempt > CONFIG.callback_retries else "failed"
        return CallbackLine("ww", who.agent_id, position, "create", attempt, False, outcome, 0, 0, 0)

    def open(self) -> Any:
        return self

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass

    def happen(self, due: set[str]) -> None:
        """Append a record that these apps are due."""
        self.state.position += 1
        for name in due:
            self.state.corps["ww"].apps[name].due.append(self.state.position)
            self.state.newest_due = self.state.position
        self.durable_position = self.state.position
        self._grown.set()

    def expected(self, name: str) -> dict[int, int]:
        """Give how often an app is to be told of each record."""
        most = CONFIG.callback_retries + 1
        return {position: min(most, self._failures.get((name, position), 0) + 1) for position in self.app(name).due}

    def app(self, name: str) -> App:
        return self.state.corps["ww"].apps[name]


failures = st.dictionaries(st.tuples(st.sampled_from(APPS), st.integers(1, 12)), st.integers(0, 5), max_size=12)
steps = st.lists(st.sets(st.sampled_from(APPS)) | st.just("restart") | st.integers(0, 20), max_size=16)


@given(failures, steps)
@settings(deadline=None, max_examples=200)
def test_every_record_is_told_or_given_up_once(failures: dict[tuple[str, int], int], steps: list[Any]) -> None:
    asyncio.run(lives(failures, steps))


async def lives(failures: dict[tuple[str, int], int], steps: list[Any]) -> None:
    world = World(failures)
    with TemporaryDirectory() as folder:
        remaining = [*steps, "finish"]
        while remaining:
            marks = Marks(Path(folder) / FILE, world.state)
            async with Callbacks(cast(Router, world), marks, cast(Receivers, world)).open():
                while remaining and (step := remaining.pop(0)) != "restart":
                    await take(world, step)
    for name in APPS:
        told = world.attempts[name]
        firsts = [position for position, attempt in told if attempt == 1]
        assert firsts == world.app(name).due, "first attempts are in order, and none is left out"
        for position, count in world.expected(name).items():
            assert [attempt for place, attempt in told if place == position] == list(range(1, count + 1))


async def take(world: World, step: Any) -> None:
    if isinstance(step, set):
        world.happen(step)
    elif isinstance(step, int):
        for _ in range(step):
            await asyncio.sleep(0)
    else:
        world.happen(set())
        async with asyncio.timeout(20):
            while any(len(world.attempts[name]) < sum(world.expected(name).values()) for name in APPS):
                world.told.clear()
                await world.told.wait()

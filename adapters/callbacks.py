"""The door to apps' receivers: reads what is due out of the journal, seals it, posts it, and tries again.

Rules of the file:
- Each app has two lanes: first attempts, in the order of the journal, and retries. No app waits for another.
- What fails waits aside, so that later ones go out; of those aside and of those due there is a bound (state/apply).
- Done is marked after it was done: at least once, and a repeat only after a crash or an answer that came too late.
- Retries follow real time.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from adapters.callback_marks import Marks, Progress
from adapters.callback_receivers import Called, Receivers
from gateway.router import Router
from gateway.state.corps import App


class _Lanes:
    """What goes on for one app. `waiting` are those aside, each with the moment of its next attempt."""

    def __init__(self, who: Called, progress: Progress) -> None:
        self.who = who
        self.progress = progress
        self.waiting: deque[tuple[float, int]] = deque((0.0, position) for position in sorted(progress.aside))
        self.room = asyncio.Event()
        self.first: asyncio.Task[None] | None = None
        self.again: asyncio.Task[None] | None = None


class Callbacks:
    """Has every app called back that has something due."""

    def __init__(self, router: Router, marks: Marks, receivers: Receivers) -> None:
        self._router = router
        self._config = router.config
        self._marks = marks
        self._receivers = receivers
        self._lanes: dict[str, _Lanes] = {}  # by the app's key
        self._looked = -1
        self._ending = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Call back while the block runs; then let what is under way end, within a bound."""
        watching = asyncio.create_task(self._watch())
        async with self._marks.kept(), self._receivers.open():
            try:
                yield
            finally:
                await _cancel(watching)
                await self._drain()

    async def _drain(self) -> None:
        self._ending.set()
        lanes = [task for lane in self._lanes.values() for task in (lane.first, lane.again) if task is not None]
        for lane in self._lanes.values():
            lane.room.set()
        if lanes:
            _, late = await asyncio.wait(lanes, timeout=self._config.callback_drain_ms / 1000)
            await _cancel(*late)

    # What is due

    async def _watch(self) -> None:
        grown = self._router.watch()
        try:
            while True:
                if self._router.state.newest_due > self._looked:
                    self._look()
                await grown.wait()
                grown.clear()
        finally:
            self._router.unwatch(grown)

    def _look(self) -> None:
        """Set to work on every app that has something due; forget those that are gone."""
        self._looked = self._router.durable_position
        gone = self._marks.keys()
        for corp in self._router.state.corps.values():
            for app in corp.apps.values():
                if app.due and app.bot is None:  # a bot has a connection of its own
                    who = Called(corp.corpid, app.agent_id)
                    gone.discard(who.key)
                    self._work(self._lanes_of(who))
        for key in gone:
            self._marks.forget(key)
            self._lanes.pop(key, None)

    def _lanes_of(self, who: Called) -> _Lanes:
        lanes = self._lanes.get(who.key)
        if lanes is None:
            lanes = self._lanes[who.key] = _Lanes(who, self._marks.of(who.key))
        return lanes

    def _work(self, lanes: _Lanes) -> None:
        """See to it that both lanes of an app run as long as they have something to do."""
        if (lanes.first is None or lanes.first.done()) and self._next(lanes) is not None:
            lanes.first = asyncio.create_task(self._go_first(lanes))
        if (lanes.again is None or lanes.again.done()) and lanes.waiting:
            lanes.again = asyncio.create_task(self._go_again(lanes))

    def _next(self, lanes: _Lanes) -> int | None:
        """Give the first position due whose first attempt is not made, and that is durable."""
        app: App | None = self._receivers.app_of(lanes.who)
        if app is None:
            return None
        return lanes.progress.next_of(app.due, self._router.durable_position)

    # The two lanes

    async def _go_first(self, lanes: _Lanes) -> None:
        """Make first attempts in order; with too many aside, wait until there is room."""
        while not self._ending.is_set() and (position := self._next(lanes)) is not None:
            if len(lanes.waiting) >= self._config.callback_aside_max:
                lanes.room.clear()
                await lanes.room.wait()
                continue
            is_done = await self._attempt(lanes, position, 1)
            lanes.progress.upto = position
            self._note(lanes, position, 1, is_done)

    async def _go_again(self, lanes: _Lanes) -> None:
        """Try again what waits aside, each at its time."""
        while not self._ending.is_set() and lanes.waiting:
            at, position = lanes.waiting[0]
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, at - time.monotonic())):
                    await self._ending.wait()
                return
            attempt = lanes.progress.aside[position] + 1
            is_done = await self._attempt(lanes, position, attempt)
            lanes.waiting.popleft()
            self._note(lanes, position, attempt, is_done)
            lanes.room.set()

    async def _attempt(self, lanes: _Lanes, position: int, attempt: int) -> bool:
        """Make one attempt; True if there is no more to do."""
        try:
            line = await self._receivers.call(lanes.who, position, attempt)
        except Exception as defect:  # noqa: BLE001 - one record's defect is no reason to call no more
            self._router.defect("callback", defect)
            return attempt > self._config.callback_retries
        return line is None or line.outcome != "failed"

    def _note(self, lanes: _Lanes, position: int, attempt: int, is_done: bool) -> None:
        """Mark what came of an attempt."""
        if is_done:
            lanes.progress.aside.pop(position, None)
        else:
            lanes.progress.aside[position] = attempt
            lanes.waiting.append((time.monotonic() + self._config.callback_spacing_ms / 1000, position))
            if not self._ending.is_set():
                self._work(lanes)
        self._marks.changed()


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

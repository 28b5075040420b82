"""An event loop of one thread whose time is simulated: what is due next happens next, however long that takes."""

import asyncio
from asyncio import Future, Handle, Task, TimerHandle
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from heapq import heappop, heappush
from typing import Any, Final

from tests.simulation.broken import demand

STEPS_MAX: Final = 20_000  # callbacks at one moment: more is an endless loop


class Loop(asyncio.AbstractEventLoop):
    """As much of a loop as the gateway's logic uses. `tasks` are those that have not ended, in the order of making.

    A task may end by an exception that is `meant`: somebody waits for it. By any other it fails the run.
    """

    def __init__(self, *meant: type[Exception]) -> None:
        self._meant = meant
        self.tasks: dict[Task[Any], None] = {}
        self._now = 0.0
        self._ready: deque[Handle] = deque()
        self._timers: list[tuple[float, int, TimerHandle]] = []
        self._made = 0
        self._failure: BaseException | None = None

    def time(self) -> float:
        return self._now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        handle = Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        handle = TimerHandle(when, callback, args, self, context)
        self._made += 1
        heappush(self._timers, (when, self._made, handle))
        return handle

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """Let it lie: it is passed over when its time comes."""

    def create_future(self) -> Future[Any]:
        return Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any], **named: Any) -> Task[Any]:  # type: ignore[override]
        task = Task(coro, loop=self, **named)
        self.tasks[task] = None
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: Task[Any]) -> None:
        del self.tasks[task]
        why = None if task.cancelled() else task.exception()
        if why is not None and not isinstance(why, self._meant):
            self._failure = self._failure or why

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Be told of futures whose exceptions nobody has looked at: they ended with their process."""

    # How time goes on.

    def run_ready(self) -> None:
        """Do everything that can be done at this moment; fail as a task has failed."""
        self._drain()
        if self._failure is not None:
            raise self._failure

    def _drain(self) -> None:
        ready, steps = self._ready, 0
        while ready:
            handle = ready.popleft()
            if not handle.cancelled():
                handle._callback(*handle._args)  # type: ignore[attr-defined]
            steps += 1
            demand(steps < STEPS_MAX, "R3", "the gateway never rests")

    def run_until(self, when: float) -> None:
        """Let time pass up to a moment."""
        timers, steps = self._timers, 0
        self.run_ready()
        while timers and timers[0][0] <= when:
            at, _, handle = heappop(timers)
            if not handle.cancelled():
                steps = steps + 1 if at <= self._now else 0
                demand(steps < STEPS_MAX, "R3", "the gateway wakes up again and again")
                self._now = max(self._now, at)
                handle._callback(*handle._args)  # type: ignore[attr-defined]
                self.run_ready()
        self._now = max(self._now, when)

    def end_tasks(self) -> None:
        """Have every task end, as a process that dies takes them along; what they say then reaches nobody."""
        for _ in range(20):
            for task in list(self.tasks):
                task.cancel()
            self._drain()
            if not self.tasks:
                return
        raise AssertionError(f"tasks that do not end: {list(self.tasks)[:3]}")

"""One thread with a queue in front of it, for what would hold up the event loop."""

import asyncio
import threading
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class OwnThread:
    """Calls functions one after the other, in the order of asking, always on the same thread.

    An executor does this too, for 8 µs more a call: it keeps a future of its own, with a lock, behind asyncio's.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> "Future[R]":
        """Ask for a call; the future is settled on the running loop with what the function returns or raises."""
        loop = asyncio.get_running_loop()
        future: Future[R] = loop.create_future()

        def answer() -> None:
            try:
                result = function(*arguments, **named)
            except BaseException as error:  # noqa: BLE001  (raised again where it was asked for)
                _tell(loop, _fail, future, error)
            else:
                _tell(loop, _settle, future, result)

        self._calls.put(answer)
        return future

    def post(self, function: Callable[[], None]) -> None:
        """Ask for a call that nobody waits for; the function keeps its errors to itself."""
        self._calls.put(function)

    def leave(self) -> None:
        """Let the thread end once it has done what was asked for."""
        self._calls.put(None)

    def end(self) -> None:
        """Let what was asked for finish, and the thread with it."""
        self.leave()
        self._thread.join()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def _tell(loop: AbstractEventLoop, settle: Callable[..., None], future: "Future[Any]", outcome: object) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(settle, future, outcome)


def _settle(future: "Future[Any]", result: object) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


async def finished(function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """Call a function on some thread; who is cancelled meanwhile waits for its end, since a thread goes on anyway."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *arguments, **named))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait((work,))
        raise

"""One thread, one order, answers on the loop."""

import asyncio
import threading
from typing import Any

import pytest

from adapters.own_thread import OwnThread


async def test_calls_run_in_order_on_one_thread() -> None:
    thread = OwnThread("ours")
    seen: list[tuple[int, str]] = []

    def see(ordinal: int) -> int:
        seen.append((ordinal, threading.current_thread().name))
        return ordinal

    assert await asyncio.gather(*(thread.call(see, ordinal) for ordinal in range(50))) == list(range(50))
    assert seen == [(ordinal, "ours") for ordinal in range(50)]
    thread.end()


async def test_errors_are_raised_where_the_call_was_asked_for() -> None:
    thread = OwnThread("ours")
    with pytest.raises(ZeroDivisionError):
        await thread.call(divmod, 1, 0)
    assert await thread.call(divmod, 7, 2) == (3, 1)
    thread.end()


@pytest.mark.parametrize("divisor", [1, 0])
async def test_abandoned_call_disturbs_nobody(divisor: int) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    thread = OwnThread("ours")
    thread.call(divmod, 1, divisor).cancel()
    assert await thread.call(divmod, 7, 2) == (3, 1)
    thread.end()
    assert complaints == []


def test_end_lets_finish_what_was_asked_for_though_the_loop_is_gone() -> None:
    thread, go = OwnThread("ours"), threading.Event()
    seen: list[str] = []

    async def ask() -> None:
        thread.call(go.wait)
        thread.call(seen.append, "finished")

    asyncio.run(ask())
    go.set()
    thread.end()
    assert seen == ["finished"]

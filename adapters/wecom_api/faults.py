"""Faults that somebody ordered: calls of a path fail with a number of the vendor's, wait, or are cut off.

Rules of the file:
- The table is soft and bounded; a reset empties it. Waiting is in real time, and ends when its fault is taken back.
- Who cannot reach control has reserved ids: a string of the request that begins with `hutong-fail-45009`, or has such a
  name between bars, makes the call answer 45009.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final
from weakref import WeakValueDictionary

from msgspec import Struct

FAULTS_MAX: Final = 1_000
DELAY_MS_MAX: Final = 600_000
RESERVED: Final = "hutong-fail-"

_IN_TEXT: Final = re.compile(r"(?:^|\|)hutong-fail-(-?\d{1,7})(?!\d)")
_IN_BODY: Final = re.compile(rb'["|]hutong-fail-(-?\d{1,7})(?!\d)')


class Fault(Struct):
    """One order. `corpid` empty strikes every enterprise; `left` 0 every call; `errcode` 0 lets the call be made."""

    id: int
    path: str
    corpid: str
    errcode: int
    delay_ms: int
    drop: bool
    left: int
    struck: int = 0


class Faults:
    """The table of orders."""

    def __init__(self) -> None:
        self._orders: dict[int, tuple[Fault, asyncio.Event]] = {}
        # Orders that have struck as often as they should, for as long as a call waits because of one.
        self._spent: WeakValueDictionary[tuple[int, str], asyncio.Event] = WeakValueDictionary()
        self._made = 0

    def __bool__(self) -> bool:
        return bool(self._orders)

    def order(
        self, path: str, corpid: str = "", errcode: int = 0, delay_ms: int = 0, drop: bool = False, times: int = 0
    ) -> Fault | None:
        """Take an order in; None if there are too many."""
        if len(self._orders) >= FAULTS_MAX:
            return None
        self._made += 1
        fault = Fault(self._made, path, corpid, errcode, delay_ms, drop, times)
        self._orders[fault.id] = fault, asyncio.Event()
        return fault

    def all(self) -> list[Fault]:
        return [fault for fault, _ in self._orders.values()]

    def strike(self, corpid: str, path: str) -> tuple[Fault, asyncio.Event] | None:
        """Find the oldest order that strikes this call, and count the call."""
        for fault, over in self._orders.values():
            if fault.path == path and fault.corpid in ("", corpid):
                fault.struck += 1
                if fault.left:
                    fault.left -= 1
                    if not fault.left:
                        del self._orders[fault.id]
                        self._spent[fault.id, fault.corpid] = over
                return fault, over
        return None

    def take_back(self, number: int) -> bool:
        """Take one order back; who waits because of it goes on."""
        return self._end(lambda order, _: order == number) > 0

    def clear(self, corpid: str = "") -> int:
        """Take back every order, or those on one enterprise; tell how many."""
        return self._end(lambda _, struck: corpid in ("", struck))

    def _end(self, is_meant: Callable[[int, str], bool]) -> int:
        ended = [over for fault, over in self._orders.values() if is_meant(fault.id, fault.corpid)]
        ended += [over for key, over in list(self._spent.items()) if is_meant(*key)]
        for fault in self.all():
            if is_meant(fault.id, fault.corpid):
                del self._orders[fault.id]
        for over in ended:
            over.set()
        return len(ended)


async def wait(fault: Fault, over: asyncio.Event) -> None:
    """Wait as long as the order says, or until it is taken back."""
    with suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), fault.delay_ms / 1000)


def reserved(text: Mapping[str, str], body: bytes) -> int | None:
    """Give the number that a reserved id in the address or in the body asks for."""
    if body.find(b"hutong-fail-") >= 0 and (found := _IN_BODY.search(body)):
        return int(found[1])
    for value in text.values():
        if RESERVED in value and (named := _IN_TEXT.search(value)):
            return int(named[1])
    return None

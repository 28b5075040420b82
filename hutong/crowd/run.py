"""One run of a crowd from beginning to end: settle, link, be idle, act, wait for what is due, report."""

import asyncio
import gc
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from hutong.client import LinkEnded, OutcomeUnknown
from hutong.control import Control
from hutong.crowd.books import Books
from hutong.crowd.cast import Cast, online, settle
from hutong.crowd.cost import Mark, mark
from hutong.crowd.file import Crowd
from hutong.crowd.report import Report
from hutong.crowd.stage import Stage

NOTE_S: Final = 5.0


class Run:
    """A run that somebody watches, and may end early."""

    def __init__(self, crowd: Crowd, note: Callable[[str], None]) -> None:
        self._crowd = crowd
        self._note = note
        self._cast = Cast(crowd)
        self._books = Books(crowd.persona)
        self._end: asyncio.Event | None = None  # made when people begin to act, set when they stop

    def end(self) -> bool:
        """Let people stop acting, so that the report comes early; false if they do not act, or are stopping already."""
        if self._end is None or self._end.is_set():
            return False
        self._end.set()
        return True

    async def play(self, url: str) -> Report:
        """Play it on the gateway there."""
        cast, stage = self._cast, Stage(self._cast, self._books)
        marks: dict[str, Mark] = {}
        async with Control(url) as control:
            tokens = await settle(control, cast)
            self._note(f"{len(cast.actors)} people live in the enterprise {self._crowd.corpid}")
            await mark(control)  # the first look loads what it needs, and that is no cost of the links
            marks["before"] = await mark(control)
            async with online(control.base_url, cast, tokens, stage.heard):
                marks["linked"] = await mark(control)
                self._note("everybody is online, each on a WebSocket of their own")
                await asyncio.sleep(self._crowd.idle_s)
                marks["idled"] = await mark(control)
                self._note(f"nobody has said anything for {self._crowd.idle_s:g} s; now they act")
                _look_seldom_for_garbage()
                self._note(await self._act(stage))
                marks["acted"] = await mark(control)
                return Report(cast, self._books, marks)

    async def _act(self, stage: Stage) -> str:
        """Have everybody act, and tell how it ended; the gateway may close links for good in the middle."""
        told = "not everything was answered and heard in time"
        try:
            if await stage.act(self._time()):
                told = "everything due was heard"
        except* (LinkEnded, OutcomeUnknown) as group:
            told = f"cut short: {group.exceptions[0]}"
        return told

    async def _time(self) -> None:
        """Wait as long as people act, and tell now and then what they have done."""
        self._end = asyncio.Event()
        until_s = time.monotonic() + self._crowd.seconds
        try:
            while not self._end.is_set() and (left_s := until_s - time.monotonic()) > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._end.wait(), min(NOTE_S, left_s))
                self._note(str(self._books))
        finally:
            self._end.set()


def _look_seldom_for_garbage() -> None:
    """Tune the interpreter for a process in which everybody would wait, 0.1 s and more, while it looks at them all."""
    gc.collect()
    gc.freeze()  # the people stay
    gc.set_threshold(50_000, 20, 100)

"""Tells bots what is due to them: read out of the journal, behind a mark, written to the connection of each.

Rules of the file:
- Done is marked after it was written to the socket: at least once, and a repeat only after a crash or a broken line.
- A bot that is gone, or has another secret, loses its connection.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import time_ns

import msgspec

from adapters.aibot.connection import Connection
from adapters.aibot.files import BotFiles
from adapters.aibot.req_ids import req_id_of
from adapters.aibot.telling import callback, told_of
from adapters.callback_lines import CallbackLine, CallbackLines
from adapters.callback_marks import Marks
from adapters.callback_receivers import Called
from gateway import events
from gateway.ports import Clock, Tokens
from gateway.router import Router
from gateway.state import State
from gateway.state.corps import App
from protocol.errors import Close
from protocol.wecom.aibot import EventTold


class Delivery:
    """What is told to bots; `lines` has all of it that was told lately, beside what apps were."""

    def __init__(
        self, router: Router, tokens: Tokens, clock: Clock, lines: CallbackLines, marks: Marks, files: BotFiles
    ) -> None:
        self.files = files
        self._router = router
        self._tokens = tokens
        self._clock = clock
        self._lines = lines
        self._marks = marks

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep how far each bot has been told while the block runs."""
        self._forget_gone()
        async with self._marks.kept():
            yield

    def _forget_gone(self) -> None:
        bots = {Called(corpid, bot_id).key for bot_id, corpid in self._router.state.bots.items()}
        for key in self._marks.keys() - bots:
            self._marks.forget(key)

    async def tell(self, connection: Connection) -> None:
        """Tell a bot what is due, for as long as it has this connection; one that is gone loses it."""
        who, grown = connection.who, self._router.watch()
        assert who is not None
        self._forget_gone()
        progress = self._marks.of(who.key)
        try:
            while (app := bot_of(self._router.state, who)) is not None and app.secret == connection.secret:
                position = progress.next_of(app.due, self._router.durable_position)
                if position is None:
                    await grown.wait()
                    grown.clear()
                    continue
                await self._tell_of(connection, who, position)
                progress.upto = position
                self._marks.changed()
            await connection.close(Close.FORBIDDEN, "the bot is gone, or has another secret")
        except ConnectionError:
            connection.abort()
        finally:
            self._router.unwatch(grown)

    async def _tell_of(self, connection: Connection, who: Called, position: int) -> None:
        """Tell of one record; a defect of one is no reason to tell of no more."""
        began_ns, state = time_ns(), self._router.state
        try:
            placed = await self._router.journal.scan(position - 1, 1)
            event = events.decode(placed[0].record) if placed and placed[0].position == position else None
            told = told_of(state, who, position, event, lambda media_id: self.files.told(who.corpid, media_id))
            if told is None:
                return
            frame = callback(told, req_id_of(self._tokens, state, who, position))
            await connection.send(frame)
        except ConnectionError:
            raise
        except Exception as defect:  # noqa: BLE001 - counted and logged
            self._router.defect("telling a bot", defect)
            return
        name = told.event.eventtype if isinstance(told, EventTold) else told.msgtype
        self._lines.add(
            CallbackLine(
                who.corpid, who.agent_id, position, name, 1, False, "delivered", self._router.now_ms(),
                self._clock.real_ms(), (time_ns() - began_ns) // 1000, message=msgspec.json.encode(frame).decode(),
            )
        )  # fmt: skip


def bot_of(state: State, who: Called) -> App | None:
    """Give a bot, if it is there and is one."""
    corp = state.corps.get(who.corpid)
    app = corp.apps.get(who.agent_id) if corp is not None else None
    return app if app is not None and app.bot is not None else None

"""What is kept: the journal and its replay, and the answers that repeats get."""

import asyncio
from contextlib import ExitStack
from typing import Any

from adapters import opening
from adapters.journal_sqlite import SqliteJournal
from gateway import decide, events
from gateway.events import CommandRefused
from gateway.router import Router
from gateway.state import State, apply
from gateway.state.people import Device
from gateway.state.quotas import Quotas
from gateway.writer import Writer
from tests.simulation.bugs import apply_as, planted, put

# The journal.


@planted
def ack_before_commit(stack: ExitStack) -> None:
    """The append returns before the disk has synced."""
    real = SqliteJournal.append

    async def append(self: SqliteJournal, records: list[bytes]) -> None:
        asyncio.get_running_loop().create_task(real(self, records))
        await asyncio.sleep(0)

    put(stack, SqliteJournal, "append", append)


@planted
def append_fails_in_silence(stack: ExitStack) -> None:
    """An error of the disk is passed over."""
    real = SqliteJournal._commit

    def commit(self: SqliteJournal, rows: Any, position: int) -> None:
        try:
            real(self, rows, position)
        except Exception:  # noqa: BLE001 - the bug
            self._failure, self._position = "", position

    put(stack, SqliteJournal, "_commit", commit)


@planted
def query_before_append(stack: ExitStack) -> None:
    """A query is told what is not durable yet."""

    async def query(self: Router, look: Any) -> Any:
        return self.writer.look(look, self.writer.now_ms())

    put(stack, Router, "query", query)


@planted
def tokens_run_ahead(stack: ExitStack) -> None:
    """A resume token says more than is durable."""
    real = Writer.synced
    put(stack, Writer, "synced", lambda self, session, _position: real(self, session, self.state.position + 1))


@planted
def restart_loses_the_last_record(stack: ExitStack) -> None:
    """Replay stops one short."""

    def restore(journal: Any) -> State:
        lived = State()
        for placed in list(journal.replay(0))[:-1]:
            lived.apply(events.decode(placed.record))
        return lived

    put(stack, opening, "restore", restore)


@planted
def checkpoint_without_quotas(stack: ExitStack) -> None:
    """Quotas are not kept over a restart."""
    real = State.dump

    def dump(self: State) -> bytes:
        kept, self.quotas = self.quotas, Quotas()
        try:
            return real(self)
        finally:
            self.quotas = kept

    put(stack, State, "dump", dump)


# Repeats.


@planted
def dedup_one_short(stack: ExitStack) -> None:
    """The newest number of a device is not known as a repeat."""
    real = Device.keep

    def keep(self: Device, answer: Any) -> None:
        real(self, answer)
        self.last_number -= 1

    put(stack, Device, "keep", keep)


@planted
def other_body_is_a_repeat(stack: ExitStack) -> None:
    """A number with another body gets the first answer."""
    put(stack, decide, "crc32", lambda _body: 7)


@planted
def answers_need_room(stack: ExitStack) -> None:
    """A refusal stands before what was accepted: a full disk, or a clash. (Found in the gateway by this simulation.)"""
    put(stack, decide, "is_answered", lambda *_: False)


@planted
def services_are_heard_twice(stack: ExitStack) -> None:
    """The outcomes of services' commands are not remembered."""
    put(stack, apply, "_remember", lambda *_: None)
    apply_as(stack, CommandRefused, lambda *_: None)

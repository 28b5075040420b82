"""Bugs planted on purpose: a simulation is only trusted if it finds them. One small function each.

Each patches one thing of the gateway while seeds are lived; the checkers know nothing of them.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from adapters import http, opening, real_clock
from adapters.callbacks import Callbacks, _Lanes
from adapters.journal_sqlite import SqliteJournal
from adapters.mqtt import MqttDoor
from gateway import catchup, deadlines, decide, effects, events, policy, router, state, windows
from gateway.audience import Audience
from gateway.events import CommandRefused, CorpPut, TokenRevoked
from gateway.outbox import Outbox
from gateway.policy import consent, group_size, relation
from gateway.router import Router
from gateway.session import Phase, Session
from gateway.state import State, apply
from gateway.state.apply import APPLIERS
from gateway.state.clock import MovableClock
from gateway.state.corps import Corp
from gateway.state.people import Device
from gateway.state.quotas import Meter, Quotas
from gateway.writer import Writer
from tests.simulation.plan import drawn
from tests.simulation.run import live

SEEDS_MAX: Final = 2_000
OPS: Final = 500

Planting = Callable[[ExitStack], None]
PLANTED: Final[dict[str, Planting]] = {}


def planted(bug: Planting) -> Planting:
    PLANTED[bug.__name__] = bug
    return bug


def put(stack: ExitStack, at: Any, name: str, value: Any) -> None:
    stack.enter_context(patch.object(at, name, value))


def apply_as(stack: ExitStack, kind: type, value: Callable[[State, Any], None]) -> None:
    stack.enter_context(patch.dict(APPLIERS, {kind: value}))


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


# Catching up.


@planted
def resume_off_by_one(stack: ExitStack) -> None:
    """The first record above a token is left out."""
    real = catchup.plan
    put(stack, catchup, "plan", lambda at, who, after, cursors: real(at, who, after + (after > 0), cursors))


@planted
def resume_repeats_one(stack: ExitStack) -> None:
    """The record at a token is told again."""
    real = catchup.plan
    put(stack, catchup, "plan", lambda at, who, after, cursors: real(at, who, max(0, after - 1), cursors))


@planted
def cursors_hide_one(stack: ExitStack) -> None:
    """A cursor is taken for one more than it says."""
    real = catchup.plan
    put(
        stack, catchup, "plan",
        lambda at, who, after, cursors: real(at, who, after, {name: upto + 1 for name, upto in cursors.items()}),
    )  # fmt: skip


def _resuming(stack: ExitStack, forgive: Callable[[State, Any, Any], bool]) -> None:
    real = Writer._resume_from

    def resume_from(self: Writer, person: Any, hello: Any) -> tuple[int, str]:
        point = self._tokens.read_resume_token(hello.token) if hello.token else None
        if point is not None and forgive(self.state, person, point):
            return min(point.position, self.state.position), ""
        return real(self, person, hello)

    put(stack, Writer, "_resume_from", resume_from)


@planted
def token_of_another_world(stack: ExitStack) -> None:
    """A token of another epoch is believed."""
    _resuming(stack, lambda at, who, point: point.epoch != at.epoch and point.person == who.key)


@planted
def token_of_somebody_else(stack: ExitStack) -> None:
    """A token of another person is believed."""
    _resuming(stack, lambda at, who, point: point.person != who.key)


@planted
def token_of_a_later_time(stack: ExitStack) -> None:
    """A token ahead of the log is believed."""
    _resuming(stack, lambda at, who, point: point.position > at.position)


@planted
def gap_when_cut_over(stack: ExitStack) -> None:
    """A link that fell behind reads on behind the turn that it did not take."""
    real = Router._fell_behind
    put(stack, Router, "_fell_behind", lambda self, session, _position: real(self, session, self.durable_position))


@planted
def lost_wake_up(stack: ExitStack) -> None:
    """Nobody is told that a link's socket has drained."""
    put(stack, Router, "drained", lambda *_: None)


@planted
def recall_spares_the_catch_up(stack: ExitStack) -> None:
    """What was taken back is read from the journal as it was."""
    put(stack, router, "tombstone", lambda frame: frame)


@planted
def recall_spares_what_is_held_back(stack: ExitStack) -> None:
    """What was taken back is still pushed. (Found in the gateway by this simulation.)"""
    put(stack, Writer, "_let_go", lambda *_: None)


# Fan-out.


@planted
def second_device_forgotten(stack: ExitStack) -> None:
    """Of each person's links only one is pushed to."""
    real = Audience.of
    put(stack, Audience, "of", lambda self, at: list({one.person: one for one in real(self, at)}.values()))


@planted
def answers_after_pushes(stack: ExitStack) -> None:
    """What a turn says to a link stands behind what it pushes."""
    real = Outbox.flush

    def flush(self: Outbox, bytes_max: int) -> bool:
        if self.pushes and self.answers and not self.held:
            self.answers, self.pushes = self.pushes, self.answers
        return real(self, bytes_max)

    put(stack, Outbox, "flush", flush)


@planted
def removed_but_pushed_to(stack: ExitStack) -> None:
    """Who has left a group is still pushed to."""
    put(stack, Audience, "unseat", lambda *_: None)


@planted
def joined_but_not_pushed_to(stack: ExitStack) -> None:
    """Who joins a group is not pushed to before the next link."""
    put(stack, Audience, "seat", lambda *_: None)


@planted
def last_record_is_not_read(stack: ExitStack) -> None:
    """A membership ends before the record that tells of its end."""
    real = APPLIERS[events.Left]

    def left(at: State, event: events.Left) -> None:
        real(at, events.Left(event.conversation, event.person, event.sequence - 1, event.scene, event.time_ms))

    apply_as(stack, events.Left, left)


@planted
def joins_see_the_past(stack: ExitStack) -> None:
    """A membership begins before the record that tells of its beginning."""
    real = APPLIERS[events.Joined]

    def joined(at: State, event: events.Joined) -> None:
        first = max(1, event.sequence - 1)
        real(at, events.Joined(event.conversation, event.person, first, event.scene, event.time_ms, event.by))

    apply_as(stack, events.Joined, joined)


@planted
def pushes_are_dropped(stack: ExitStack) -> None:
    """A slow link loses pushes, and is thought to have kept up."""
    real = Outbox.flush
    put(stack, Outbox, "flush", lambda self, bytes_max: real(self, bytes_max) or True)


# Rules.


@planted
def quota_charged_on_refusal(stack: ExitStack) -> None:
    """What is refused counts."""
    real = policy.check

    def check(at: State, attempt: Any) -> Any:
        refusal = real(at, attempt)
        if refusal is not None and attempt.sender is not None and not attempt.mass:
            at.charge(attempt.conversation, attempt.key, attempt.now_ms)
        return refusal

    put(stack, policy, "check", check)


@planted
def quota_one_over(stack: ExitStack) -> None:
    """A rule allows one more than its limit."""

    counted, real = Meter.cells, Meter.refusing

    def cells(self: Meter, subjects: Any, indexes: Any) -> Any:
        return tuple((cell, limit + 1) for cell, limit in counted(self, subjects, indexes))

    def refusing(self: Meter, subjects: Any, indexes: Any) -> Any:
        rule = real(self, subjects, indexes)
        return rule if rule is not None and sum(indexes) % 2 else None

    put(stack, Meter, "cells", cells)
    put(stack, Meter, "refusing", refusing)


@planted
def window_edge_early(stack: ExitStack) -> None:
    """A window begins a second before it does."""
    real = windows.indexes
    put(stack, windows, "indexes", lambda now_ms: real(now_ms + 1_000))


@planted
def badge_cached_past_withdrawal(stack: ExitStack) -> None:
    """Who may speak, and with which badge, is remembered past a change of the enterprise."""
    put(stack, state, "QUIET", state.QUIET | {CorpPut})


@planted
def certification_never_ends(stack: ExitStack) -> None:
    """The date of a certification is not looked at."""
    put(stack, deadlines, "due_until", lambda *_: [])
    put(stack, Corp, "certification_at", lambda self, _now_ms: self.certification)


@planted
def group_one_over(stack: ExitStack) -> None:
    """A group has one seat more than its limit."""
    real = group_size.check
    put(stack, group_size, "check", lambda at, group, more, scanned=False: real(at, group, more - 1, scanned))


@planted
def removed_but_heard(stack: ExitStack) -> None:
    """Who has left a group may still speak in it."""
    put(stack, relation, "_check_seat", lambda *_: None)


@planted
def broken_rule_allows(stack: ExitStack) -> None:
    """A rule that fails lets everything pass."""
    real = decide.by_client

    def by_client(at: State, now_ms: int, person: Any, device: str, frame: Any) -> Any:
        try:
            return real(at, now_ms, person, device, frame)
        except ZeroDivisionError:
            return real(at, now_ms, person, device, frame)

    put(stack, decide, "by_client", by_client)


def machine_ms() -> int:
    """Read the machine's clock, as it is simulated."""
    time: Any = vars(real_clock)["time"]
    return int(time.time_ns() // 1_000_000)


@planted
def clock_goes_back(stack: ExitStack) -> None:
    """The machine's clock is believed when it is set back."""
    put(stack, real_clock.RealClock, "real_ms", lambda self: machine_ms())
    put(
        stack,
        MovableClock,
        "at",
        lambda self, now_ms: self.shown_ms + now_ms - self.real_ms if self.real_ms else now_ms,
    )


@planted
def expired_token_comes_back(stack: ExitStack) -> None:
    """A token that has expired is good again when the machine's clock is set back."""
    put(stack, real_clock.RealClock, "real_ms", lambda self: machine_ms())


# Sessions.


@planted
def revoked_token_keeps_its_link(stack: ExitStack) -> None:
    """A link stays open when its token is taken back."""
    real = effects.of
    put(stack, effects, "of", lambda at, event: [] if isinstance(event, TokenRevoked) else real(at, event))


@planted
def revoked_token_opens_links(stack: ExitStack) -> None:
    """A token that was taken back still opens a link."""
    put(stack, http, "admits", lambda at, claims: claims.person in at.people)


@planted
def revocation_is_forgotten(stack: ExitStack) -> None:
    """What was revoked is not remembered."""
    apply_as(stack, TokenRevoked, lambda *_: None)


@planted
def older_link_stays(stack: ExitStack) -> None:
    """The same device's older link goes on."""
    real = Router.open

    def open_(self: Router, session: Session) -> None:
        self._devices.pop((session.person, session.device), None)
        real(self, session)

    put(stack, Router, "open", open_)


@planted
def nobody_need_say_hello(stack: ExitStack) -> None:
    """A frame before the hello is taken."""

    def receive(self: Session, data: bytes) -> None:
        if self.phase is not Phase.CLOSING:
            self.inbox.append(self.codec.decode(data))

    put(stack, Session, "receive", receive)


@planted
def inbox_out_of_order(stack: ExitStack) -> None:
    """Of two frames that wait the newer is taken first."""
    real = Session.receive

    def receive(self: Session, data: bytes) -> None:
        real(self, data)
        if len(self.inbox) > 1 and self.phase is not Phase.HELLO:
            self.inbox[-1], self.inbox[-2] = self.inbox[-2], self.inbox[-1]

    put(stack, Session, "receive", receive)


@planted
def inbox_without_bound(stack: ExitStack) -> None:
    """A link with too much waiting is read on."""
    put(stack, Writer, "is_full", lambda *_: False)


@planted
def closed_links_are_kept(stack: ExitStack) -> None:
    """A link that has closed is still somebody's audience."""
    put(stack, Audience, "drop", lambda *_: None)


# The other doors.


@planted
def command_acknowledged_first(stack: ExitStack) -> None:
    """A command is acknowledged to the broker when it comes."""
    real = MqttDoor._begin

    def begin(self: MqttDoor, message: Any) -> Any:
        assert self.link is not None
        self.link.acknowledge(message)
        return real(self, message)

    put(stack, MqttDoor, "_begin", begin)


@planted
def mark_before_telling(stack: ExitStack) -> None:
    """How far events are told is stored before they are."""
    real = MqttDoor._tell_records

    async def tell_records(self: MqttDoor, link: Any, placed: Any, epoch: int) -> tuple[int, int]:
        await self._cursor.store(self._mark._replace(epoch=epoch, position=placed[-1].position))
        self._mark = self._cursor.load()
        return await real(self, link, placed, epoch)

    put(stack, MqttDoor, "_tell_records", tell_records)


@planted
def callback_given_up_at_once(stack: ExitStack) -> None:
    """A callback that has failed is not tried again."""
    real = Callbacks._note
    put(stack, Callbacks, "_note", lambda self, lanes, position, attempt, _: real(self, lanes, position, attempt, True))


@planted
def callback_marked_first(stack: ExitStack) -> None:
    """A callback is marked as done before it is."""
    real = Callbacks._attempt

    async def attempt(self: Callbacks, lanes: _Lanes, position: int, number: int) -> bool:
        lanes.progress.upto = max(lanes.progress.upto, position)
        self._marks.changed()
        return await real(self, lanes, position, number)

    put(stack, Callbacks, "_attempt", attempt)


@planted
def callback_before_commit(stack: ExitStack) -> None:
    """An app is called back about what is not durable yet."""

    def next_(self: Callbacks, lanes: _Lanes) -> int | None:
        app = self._receivers.app_of(lanes.who)
        return lanes.progress.next_of(app.due, 1 << 60) if app is not None else None

    put(stack, Callbacks, "_next", next_)


@planted
def blocked_but_heard(stack: ExitStack) -> None:
    """A block stops nothing."""
    put(stack, consent, "check", lambda *_: None)


class Caught(NamedTuple):
    """How a planted bug was found: after so many seeds, by the claim that broke; none if it was not."""

    name: str
    seeds: int
    claim: str


def hunt(name: str, first: int = 0, most: int = SEEDS_MAX) -> Caught:
    """Live through seeds with a bug until one of them breaks a promise."""
    with ExitStack() as stack:
        PLANTED[name](stack)
        for seed in range(first, first + most):
            try:
                live(drawn(seed, OPS))
            except AssertionError as why:  # the gateway's own defects are told as one, too
                return Caught(name, seed - first + 1, getattr(why, "claim", "") or type(why).__name__)
    return Caught(name, most, "")


def rotation(turn: int, count: int = 5) -> list[str]:
    """Choose the bugs that are hunted in a turn: all have theirs."""
    names = list(PLANTED)
    return [names[(turn * count + step) % len(names)] for step in range(count)]


def report(names: str, first: int) -> int:
    """Print a line for each; fail if one was not found."""
    missed = 0
    for name in PLANTED if names == "all" else names.split(","):
        caught = hunt(name, first)
        missed += not caught.claim
        told = f"{caught.seeds:5} seeds, {caught.claim}" if caught.claim else f"not found in {caught.seeds} seeds"
        print(f"{name:32} {told}", flush=True)
    return missed


__all__ = ["PLANTED", "hunt", "report", "rotation"]

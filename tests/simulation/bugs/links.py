"""What links are told: catching up, fan-out, and whose link it is."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from adapters import http
from gateway import catchup, effects, events, router
from gateway.audience import Audience
from gateway.events import TokenRevoked
from gateway.outbox import Outbox
from gateway.router import Router
from gateway.session import Phase, Session
from gateway.state import State
from gateway.state.apply import APPLIERS
from gateway.state.people import Member
from gateway.writer import Writer
from protocol.frames import Forget
from tests.simulation.bugs import apply_as, planted, put

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


# Resets of an enterprise.


@planted
def nobody_is_told_to_forget(stack: ExitStack) -> None:
    """Customers are not told that an enterprise was reset."""
    real = Session.answer

    def answer(self: Session, frame: Any) -> None:
        if not isinstance(frame, Forget):
            real(self, frame)

    put(stack, Session, "answer", answer)


@planted
def cursors_outlive_a_reset(stack: ExitStack) -> None:
    """A cursor hides messages of the conversation that has its name after a reset."""
    put(stack, Writer, "_drop_cursors", lambda *_: None)


@planted
def inboxes_outlive_a_reset(stack: ExitStack) -> None:
    """What was asked of an enterprise is asked of the one in its place. (Found in the gateway by this simulation.)"""
    real = Writer._before_reset

    def before_reset(self: Writer, turn: Any, corpid: str) -> None:
        waiting = {session: list(session.inbox) for session in self.sessions}
        real(self, turn, corpid)
        for session, frames in waiting.items():
            session.inbox.clear()
            session.inbox.extend(frames)

    put(stack, Writer, "_before_reset", before_reset)


@planted
def members_resume_over_a_reset(stack: ExitStack) -> None:
    """A member's token of before a reset is believed."""
    _resuming(
        stack,
        lambda at, who, point: (
            isinstance(who, Member) and point.person == who.key and point.epoch == at.epoch
            and point.position < at.corps[who.corpid].since_position
        ),
    )  # fmt: skip


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

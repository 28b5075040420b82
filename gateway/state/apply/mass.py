"""Mass messages: made, announced, confirmed, delivered in slices, cancelled.

A slice counts each recipient who was reached once, however many messages the text and its attachments are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Raw

from gateway.events import Origin
from gateway.events import mass as events
from gateway.state.apply.registry import applies
from gateway.state.jobs import Job
from gateway.state.mass import SENT, MassMessage, Part

if TYPE_CHECKING:
    from gateway.state import State


_NOTHING = Raw(b"\xc0")  # nil: what is said stands in the mass message


def _message(state: State, event: events.MassAnnounced | events.MassConfirmed | events.MassSliced) -> MassMessage:
    return state.corps[event.corpid].mass.messages[event.id]


def _begin(
    state: State, event: events.MassAnnounced | events.MassConfirmed, sender: str, to: tuple[str, ...], affair: str
) -> None:  # fmt: skip
    state.jobs_made += 1
    state.jobs[event.job] = Job(
        event.job, event.corpid, False, sender, to, _NOTHING, Origin("", ""), mass=event.id, affair=affair
    )


@applies(events.MassMade)
def mass_made(state: State, event: events.MassMade) -> None:
    parts = {userid: Part(recipients) for userid, recipients in event.parts.items()}
    state.corps[event.corpid].mass.keep(
        MassMessage(
            event.id, event.chat_type, event.contents, event.creator, event.time_ms, event.allow_select, parts
        )
    )  # fmt: skip


@applies(events.MassAnnounced)
def mass_announced(state: State, event: events.MassAnnounced) -> None:
    message = _message(state, event)
    _begin(state, event, "", event.members, event.affair)
    if event.affair == "mass_task":
        message.dispatch = event.job
    elif event.affair == "mass_reminded":
        message.reminded_ms = [*message.reminded_ms, event.time_ms][-3:]


@applies(events.MassConfirmed)
def mass_confirmed(state: State, event: events.MassConfirmed) -> None:
    part = _message(state, event).parts[event.userid]
    part.sent_ms = event.time_ms
    _begin(state, event, state.corps[event.corpid].members[event.userid], part.recipients, "")


@applies(events.MassSliced)
def mass_sliced(state: State, event: events.MassSliced) -> None:
    message, job = _message(state, event), state.jobs[event.job]
    part = message.parts[event.userid]
    meter, indexes = state.meters[message.counted], state.indexes(event.time_ms)
    for name, result in zip(part.recipients[job.done :], event.results, strict=False):
        if result == SENT:
            meter.charge(state.subjects(state.conversations[name], job.sender, mass=True), indexes)
    part.take(event.results, event.time_ms)
    job.done = len(part.results)
    if part.done:
        del state.jobs[event.job]


@applies(events.MassCancelled)
def mass_cancelled(state: State, event: events.MassCancelled) -> None:
    state.corps[event.corpid].mass.messages[event.id].cancelled = True

"""What apps have said to members: who has it already, who was passed over, and what was taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Raw

from gateway.events.app_messages import AppRecalled, AppSaid, AppSpoke, CardUpdated
from gateway.events.event import Origin
from gateway.state.app_messages import AppMessage
from gateway.state.apply.registry import applies
from gateway.state.jobs import Job
from protocol.ids import app_key

if TYPE_CHECKING:
    from gateway.state import State

NOTHING: Final = Raw(b"\xc0")


def _start(
    state: State, job: int, corpid: str, agent_id: str, recipients: tuple[str, ...], content: Raw, msgid: str,
    affair: str = "",
) -> None:  # fmt: skip
    state.jobs_made += 1
    state.jobs[job] = Job(
        job, corpid, True, app_key(corpid, agent_id), recipients, content, Origin("", msgid), affair=affair, msgid=msgid
    )  # fmt: skip


@applies(AppSpoke)
def app_spoke(state: State, event: AppSpoke) -> None:
    message = AppMessage(
        event.msgid, event.agent_id, event.time_ms, event.digest, event.code, len(event.recipients)
    )  # fmt: skip
    state.corps[event.corpid].messages.keep(message)
    _start(state, event.job, event.corpid, event.agent_id, event.recipients, event.content, event.msgid)


@applies(AppSaid)
def app_said(state: State, event: AppSaid) -> None:
    job = state.jobs[event.job]
    job.done = event.done
    if job.done >= len(job.recipients):
        del state.jobs[event.job]
    message = state.corps[event.corpid].messages.kept.get(event.msgid)
    if message is None or message.recalled or not event.recipient:
        return
    if event.refused:
        message.dropped += 1
    else:
        message.places[event.conversation] = event.sequence


@applies(AppRecalled)
def app_recalled(state: State, event: AppRecalled) -> None:
    message = state.corps[event.corpid].messages.kept[event.msgid]
    message.recalled = True
    state.jobs = {job.id: job for job in state.jobs.values() if job.msgid != event.msgid}
    for name, sequence in message.places.items():
        conversation = state.conversations[name]
        conversation.recalled = (*conversation.recalled, sequence)
    if message.places:
        _start(
            state, event.job, event.corpid, message.agent_id, tuple(message.places), NOTHING, event.msgid, "recalled"
        )


@applies(CardUpdated)
def card_updated(state: State, event: CardUpdated) -> None:
    message = state.corps[event.corpid].messages.kept[event.msgid]
    message.code = ""
    conversations, content = event.conversations, event.content
    _start(state, event.job, event.corpid, message.agent_id, conversations, content, event.msgid, "updated")

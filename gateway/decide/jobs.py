"""The next slice of a job, whatever it is about."""

from gateway.commands import SliceJob
from gateway.decide import app_messages, mass, messages
from gateway.events import AnyEvent
from gateway.state import State


def slice_job(state: State, now_ms: int, command: SliceJob) -> list[AnyEvent]:
    """Give a job its next recipient, or its next recipients."""
    job = state.jobs[command.job]
    if job.mass:
        return mass.slice_job(state, now_ms, job, command.most)
    return app_messages.slice_job(state, now_ms, job) if job.msgid else messages.slice_job(state, now_ms, job)


def slice_failed(state: State, now_ms: int, command: SliceJob) -> list[AnyEvent]:
    """End a recipient on whom deciding failed: the defect would meet the same job again, also after a restart."""
    job = state.jobs[command.job]
    if job.mass:
        return mass.slice_failed(state, now_ms, job)
    return app_messages.slice_failed(now_ms, job) if job.msgid else messages.slice_failed(now_ms, job)

"""The next slice of a job, whatever it is about."""

from gateway.commands import SliceJob
from gateway.decide import mass, messages
from gateway.events import AnyEvent
from gateway.state import State


def slice_job(state: State, now_ms: int, command: SliceJob) -> list[AnyEvent]:
    """Give a job its next recipient, or its next recipients."""
    job = state.jobs[command.job]
    return mass.slice_job(state, now_ms, job, command.most) if job.mass else messages.slice_job(state, now_ms, job)


def slice_failed(state: State, now_ms: int, command: SliceJob) -> list[AnyEvent]:
    """End a recipient on whom deciding failed: the defect would meet the same job again, also after a restart."""
    job = state.jobs[command.job]
    return mass.slice_failed(now_ms, job) if job.mass else messages.slice_failed(now_ms, job)

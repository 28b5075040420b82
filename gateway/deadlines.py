"""What falls due and when, and the slices of jobs; the loop sleeps until the next.

Deadlines are not kept anywhere of their own: they are read from the state, so replay cannot lose or double one.
"""

from typing import Final

from gateway.commands import Lapse, SliceJob
from gateway.decide import directory
from gateway.events import AnyEvent
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.jobs import Job

SLICES_MAX: Final = (
    50  # messages of jobs in one turn, behind the people waiting: one of theirs waits for two turns at most
)


def due_until(state: State, until_ms: int) -> list[tuple[int, Lapse]]:
    """List what falls due up to and at a moment, in order."""
    return sorted(
        ((corp.certified_until_ms, Lapse(corp.corpid)) for corp in state.corps.values()
         if 0 < corp.certified_until_ms <= until_ms),
        key=lambda due: (due[0], due[1].corpid),
    )  # fmt: skip


def next_due_ms(state: State) -> int:
    """Give the moment of the next deadline; 0 where there is none."""
    return min((corp.certified_until_ms for corp in state.corps.values() if corp.certified_until_ms > 0), default=0)


def fire(state: State, now_ms: int, command: Lapse) -> list[AnyEvent]:
    """Let one deadline have its effect."""
    decided = directory.lapse(state, now_ms, command)
    return [] if isinstance(decided, Refusal) else decided


def slices(state: State) -> list[SliceJob]:
    """Name the jobs' next recipients for one turn: round-robin over the jobs, so that none starves another."""
    if not state.jobs:
        return []
    jobs = list(state.jobs.values())
    if len(jobs) > SLICES_MAX:
        jobs = sorted(jobs, key=lambda job: job.done)[:SLICES_MAX]  # not all have a slice: those who had fewest
    share = max(1, SLICES_MAX // len(jobs))
    return [command for job in jobs for command in _slices_of(job, share)]


def _slices_of(job: Job, share: int) -> list[SliceJob]:
    """Give a mass message its share as one slice, with one event of what became; others a slice a recipient."""
    if job.mass:
        return [SliceJob(job.id, share)]
    return [SliceJob(job.id)] * min(share, len(job.recipients) - job.done)

"""The slices of jobs: bounded a turn, and no job starves another."""

from collections import Counter

import pytest
from msgspec import Raw

from gateway import deadlines
from gateway.events import Origin
from gateway.state import State
from gateway.state.jobs import Job


def with_jobs(count: int, recipients: int) -> State:
    state = State()
    people = tuple(f"silk/{number}" for number in range(recipients))
    for job in range(1, count + 1):
        state.jobs[job] = Job(job, "silk", True, "silk/#till", people, Raw(b""), Origin("till", f"{job}"))
    return state


def turn(state: State) -> Counter[int]:
    """Do one turn's slices, as far as jobs are concerned."""
    done = Counter(command.job for command in deadlines.slices(state))
    for job, times in done.items():
        state.jobs[job].done += times
    state.jobs = {job.id: job for job in state.jobs.values() if job.done < len(job.recipients)}
    return done


@pytest.mark.parametrize("count", [1, 3, 150, 200, 201, 450])
def test_a_turn_is_bounded_and_all_jobs_go_on_alike(count: int) -> None:
    state = with_jobs(count, 10)
    progress: Counter[int] = Counter()
    for _ in range(10 * count):
        if not state.jobs:
            break
        done = turn(state)
        assert 0 < sum(done.values()) <= deadlines.SLICES_MAX
        progress += done
        going = [state.jobs[job].done if job in state.jobs else 10 for job in range(1, count + 1)]
        assert count <= deadlines.SLICES_MAX or max(going) - min(going) <= 1
    assert progress == dict.fromkeys(range(1, count + 1), 10)


def test_nothing_to_do_is_no_slice() -> None:
    assert deadlines.slices(State()) == []

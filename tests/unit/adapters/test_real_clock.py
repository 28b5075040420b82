"""The real clock follows the machine's forward, and never back."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.real_clock import RealClock
from gateway import events
from gateway.state import State
from gateway.state.clock import LATEST_MS, MovableClock

SECOND_NS = 1_000_000_000


class Machine:
    """Both clocks of a machine: one that anybody may set, one that nobody can."""

    def __init__(self, wall_ns: int) -> None:
        self.wall_ns, self.monotonic_ns = wall_ns, 7 * SECOND_NS

    def pass_ns(self, ns: int) -> None:
        self.wall_ns += ns
        self.monotonic_ns += ns


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(1_700_000_000 * SECOND_NS)
    monkeypatch.setattr(time, "time_ns", lambda: made.wall_ns)
    monkeypatch.setattr(time, "monotonic_ns", lambda: made.monotonic_ns)
    return made


def test_set_forward_it_follows(machine: Machine) -> None:
    clock = RealClock()
    machine.pass_ns(SECOND_NS)
    assert clock.real_ms() == 1_700_000_001_000
    machine.wall_ns += 3600 * SECOND_NS
    assert clock.real_ms() == 1_700_003_601_000


def test_set_back_it_runs_on_at_the_same_pace(machine: Machine) -> None:
    clock = RealClock()
    assert clock.real_ms() == 1_700_000_000_000
    machine.wall_ns -= 3600 * SECOND_NS
    assert clock.real_ms() == 1_700_000_000_000
    machine.pass_ns(5 * SECOND_NS)
    assert clock.real_ms() == 1_700_000_005_000
    machine.wall_ns += 7200 * SECOND_NS
    assert clock.real_ms() == 1_700_003_605_000


def test_it_begins_where_the_journal_ends(machine: Machine) -> None:
    clock = RealClock()
    clock.begin_at(1_600_000_000_000)
    assert clock.real_ms() == 1_700_000_000_000
    clock.begin_at(1_800_000_000_000)
    machine.pass_ns(SECOND_NS)
    assert clock.real_ms() == 1_800_000_001_000


@given(st.lists(st.tuples(st.integers(-(10**15), 10**15), st.integers(0, 10**12)), max_size=20))
def test_whatever_is_done_to_the_machines_clock_it_never_goes_back_nor_stands(moves: list[tuple[int, int]]) -> None:
    machine, clock = Machine(1_700_000_000 * SECOND_NS), RealClock()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(time, "time_ns", lambda: machine.wall_ns)
        patched.setattr(time, "monotonic_ns", lambda: machine.monotonic_ns)
        shown_ms = clock.real_ms()
        for jump_ns, passed_ns in moves:
            machine.wall_ns += jump_ns
            machine.pass_ns(passed_ns)
            now_ms = clock.real_ms()
            assert now_ms >= shown_ms + passed_ns // 1_000_000 and now_ms >= machine.wall_ns // 1_000_000
            shown_ms = now_ms


@given(
    st.integers(1, 10**12), st.integers(1, 10**12), st.floats(0, 1e5), st.integers(0, 10**9), st.integers(0, 10**9)
)  # fmt: skip
def test_the_movable_clock_knows_which_real_time_has_been(
    real: int, shown: int, rate: float, later: int, unseen: int
) -> None:
    """What was told at a real time is told at none before it; and no time that has not been is taken for one."""
    state = State()
    state.apply(events.ClockSet(real, shown, rate))
    state.apply(events.WorldReset(1, "", state.clock.at(real + later)))
    known = state.clock.newest_real_ms()
    assert real <= known <= real + later
    assert state.clock.at(known) >= state.clock.latest_ms - max(1, rate)  # to the millisecond, stretched
    assert state.clock.at(known + unseen) >= state.clock.latest_ms


@pytest.mark.parametrize(
    "clock", [MovableClock(1, 1, 1e-300, 10**10), MovableClock(latest_ms=10**30), MovableClock(revoked_ms=10**30)]
)
def test_whatever_a_snapshot_says_it_is_a_time(clock: MovableClock) -> None:
    assert clock.newest_real_ms() == LATEST_MS

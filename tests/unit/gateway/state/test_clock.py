"""The movable clock never goes back, whatever real time does."""

from hypothesis import given
from hypothesis import strategies as st

from gateway import events
from gateway.state import State
from gateway.state.clock import MovableClock

times = st.integers(1, 10**12)


def test_it_shifts_stops_and_stretches() -> None:
    assert MovableClock().at(1_000) == 1_000
    assert MovableClock(1_000, 5_000, 1.0).at(1_250) == 5_250
    assert MovableClock(1_000, 5_000, 0.0).at(9_999) == 5_000
    assert MovableClock(1_000, 5_000, 60.0).at(1_100) == 11_000


@given(times, times, st.floats(0, 1e5), st.lists(times, min_size=1, max_size=10))
def test_what_was_told_in_an_event_is_never_undercut(real: int, shown: int, rate: float, later: list[int]) -> None:
    state = State()
    state.apply(events.ClockSet(real, shown, rate))
    newest = 0
    for real_ms in later:
        now_ms = state.clock.at(real_ms)
        assert now_ms >= newest
        assert now_ms >= shown
        newest = now_ms
        state.apply(events.WorldReset(1, "", now_ms))
        assert State.load(state.dump()).clock.at(real_ms) == now_ms


@given(times, times, st.floats(0, 1e5), times, times)
def test_restored_it_goes_on_from_what_it_told_and_knows_no_other_real_time(
    real: int, shown: int, rate: float, restored: int, later: int
) -> None:
    for last in (events.ClockSet(real, shown, rate), events.WorldReset(1, "", shown)):
        state = State()
        state.apply(last)
        now_ms = state.clock.at(restored)
        state.apply(events.WorldRestored(2, {}, restored))
        assert state.clock.newest_real_ms() == restored
        assert state.clock.at(restored) == now_ms >= shown
        assert state.clock.at(restored + later) >= now_ms

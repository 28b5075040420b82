"""The windows of quotas are those of Shanghai's calendar, as zoneinfo knows it."""

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.windows import WINDOWS, WindowName, indexes, resets_at_ms

SHANGHAI = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(1992, 1, 1, tzinfo=SHANGHAI)  # the last summer time ended in 1991

moments = st.integers(0, 120 * 366 * 86_400_000).map(lambda ms: BEGIN + timedelta(milliseconds=ms))


def near_an_edge(year: int, month: int, day: int, nudge: int) -> datetime:
    return datetime(year, month, 1, tzinfo=SHANGHAI) + timedelta(days=day, milliseconds=nudge)


edges = st.builds(near_an_edge, st.integers(1993, 2100), st.integers(1, 12), st.integers(0, 31), st.integers(-1, 1))


def ms(moment: datetime) -> int:
    return round((moment - datetime.fromtimestamp(0, SHANGHAI)) / timedelta(milliseconds=1))


def begins(moment: datetime, window: WindowName) -> datetime:
    """Find the begin of a window with the calendar alone."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "minute": moment.replace(second=0, microsecond=0),
        "hour": moment.replace(minute=0, second=0, microsecond=0),
        "day": midnight,
        "week": midnight - timedelta(days=moment.weekday()),
        "month": midnight.replace(day=1),
    }[window]


def ends(moment: datetime, window: WindowName) -> datetime:
    begin = begins(moment, window)
    if window == "month":
        return begins(begin + timedelta(days=31), "month")
    return begin + timedelta(**{f"{window}s": 1})


@given(moments | edges)
@example(datetime(2026, 12, 31, 23, 59, 59, 999_000, tzinfo=SHANGHAI))
@example(datetime(2028, 2, 29, tzinfo=SHANGHAI))
def test_a_window_ends_where_the_calendar_says(moment: datetime) -> None:
    for window in WINDOWS:
        assert resets_at_ms(window, ms(moment)) == ms(ends(moment, window)), window


@given(moments | edges, moments | edges)
def test_two_moments_share_a_window_exactly_if_the_calendar_says(one: datetime, other: datetime) -> None:
    shared = [begins(one, window) == begins(other, window) for window in WINDOWS]
    assert [a == b for a, b in zip(indexes(ms(one)), indexes(ms(other)), strict=True)] == shared


@given(moments | edges)
def test_the_next_window_begins_when_this_one_ends(moment: datetime) -> None:
    now = ms(moment)
    for place, window in enumerate(WINDOWS):
        end = resets_at_ms(window, now)
        assert now < end
        assert indexes(end - 1)[place] == indexes(now)[place]
        assert indexes(end)[place] == indexes(now)[place] + 1


@given(st.lists(moments, min_size=2, max_size=5))
def test_windows_are_numbered_in_the_order_of_time(some: list[datetime]) -> None:
    numbered = [indexes(ms(moment)) for moment in sorted(some)]
    assert all(a <= b for earlier, later in pairwise(numbered) for a, b in zip(earlier, later, strict=True))

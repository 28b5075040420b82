"""Aligned windows of time: minute and hour by the clock; day, week from Monday, and month in UTC+8, as WeCom counts."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

WindowName = Literal["minute", "hour", "day", "week", "month"]
WINDOWS: Final[tuple[WindowName, ...]] = get_args(WindowName)

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
CHINA_MS: Final = 8 * HOUR_MS  # UTC+8, without summer time since 1991
THURSDAY_DAYS: Final = 3  # 1970-01-01 was a Thursday: three days after a Monday

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _china_date(now_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=now_ms + CHINA_MS)


def indexes(now_ms: int) -> tuple[int, int, int, int, int]:
    """Number the windows that hold `now_ms`, in the order of WINDOWS; two moments share a window if numbers agree."""
    day = (now_ms + CHINA_MS) // DAY_MS
    date = _china_date(now_ms)
    return now_ms // MINUTE_MS, now_ms // HOUR_MS, day, (day + THURSDAY_DAYS) // 7, date.year * 12 + date.month - 1


def days_of(month: int) -> int:
    """Give how many days a month has, by its number."""
    return monthrange(month // 12, month % 12 + 1)[1]


def resets_at_ms(window: WindowName, now_ms: int) -> int:
    """Tell when the window that holds `now_ms` ends: the first moment of the next one."""
    if window == "minute":
        return (now_ms // MINUTE_MS + 1) * MINUTE_MS
    if window == "hour":
        return (now_ms // HOUR_MS + 1) * HOUR_MS
    day = (now_ms + CHINA_MS) // DAY_MS
    if window == "day":
        return (day + 1) * DAY_MS - CHINA_MS
    if window == "week":
        return ((day + THURSDAY_DAYS) // 7 * 7 + 7 - THURSDAY_DAYS) * DAY_MS - CHINA_MS
    date = _china_date(now_ms)
    first = datetime(date.year + date.month // 12, date.month % 12 + 1, 1, tzinfo=UTC)
    return int((first - _EPOCH).total_seconds()) * 1000 - CHINA_MS

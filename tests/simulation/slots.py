"""Which counter a message is counted in: that of a rule of frequency, for somebody, in an aligned window."""

from functools import cache

from tests.property.naive import window

MINUTE_MS = 60_000

Rule = tuple[str, str, str]  # side, per, window
Slot = tuple[Rule, str, str]  # a rule, whom it counts, in which window


@cache
def _windows(minute: int) -> dict[str, str]:
    return {name: window(minute * MINUTE_MS, name) for name in ("minute", "hour", "day", "week", "month")}


def window_of(now_ms: int, name: str) -> str:
    """Name the aligned window of a moment; none begins or ends within a minute."""
    return _windows(now_ms // MINUTE_MS)[name]

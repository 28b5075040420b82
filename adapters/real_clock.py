"""The machine's clock, for whoever must not be fooled when somebody sets it back."""

import time


class RealClock:
    """The machine's time, which never goes back: where the machine's does, this one runs on from where it was.

    Set forward it follows at once: a machine that has slept is not told apart from one whose clock was moved. What has
    expired stays expired, and no window of a quota begins twice.
    """

    def __init__(self) -> None:
        self._shown_ns = 0
        self._at_ns = 0  # of the monotonic clock, when that was shown

    def real_ms(self) -> int:
        wall_ns, monotonic_ns = time.time_ns(), time.monotonic_ns()
        shown_ns = self._shown_ns + monotonic_ns - self._at_ns
        if wall_ns > shown_ns:
            shown_ns = wall_ns
            self._shown_ns, self._at_ns = wall_ns, monotonic_ns
        return shown_ns // 1_000_000

    def real_s(self) -> float:
        return self.real_ms() / 1000

    def begin_at(self, real_ms: int) -> None:
        """Show no time before this one: it is known to have been."""
        if real_ms > self.real_ms():
            self._shown_ns, self._at_ns = real_ms * 1_000_000, time.monotonic_ns()

"""The movable clock: real time, shifted, stopped or stretched; it never goes back."""

from typing import Final

from msgspec import Struct

LATEST_MS: Final = 32_503_680_000_000  # the year 3000: calendars reach further, nobody's plans do


class MovableClock(Struct, array_like=True):
    """From `real_ms` on the clock shows `shown_ms`, running at `rate`; `latest_ms` is the newest time ever told.

    `revoked_ms` is the real time when a link token was taken back last: older ones that had expired were forgotten.
    """

    real_ms: int = 0
    shown_ms: int = 0
    rate: float = 1.0
    latest_ms: int = 0
    revoked_ms: int = 0

    def at(self, real_ms: int) -> int:
        """Show the time for a real time; never less than was ever shown."""
        if self.real_ms == 0:
            return max(real_ms, self.latest_ms)
        shown_ms = self.shown_ms + int((real_ms - self.real_ms) * self.rate)
        return max(min(shown_ms, LATEST_MS), self.latest_ms)

    def restored_at(self, real_ms: int) -> "MovableClock":
        """Go on from what was told last at a real time of another life, which may be earlier than this clock knows."""
        shown_ms = self.at(real_ms)
        return MovableClock(real_ms, shown_ms, self.rate, shown_ms)

    def newest_real_ms(self) -> int:
        """Tell which real time has been, as far as this clock knows: it was not earlier when `latest_ms` was told."""
        newest_ms: float = self.real_ms
        if self.real_ms == 0:
            newest_ms = self.latest_ms
        elif self.rate > 0:
            newest_ms += (self.latest_ms - self.shown_ms) / self.rate
        return int(min(max(newest_ms, self.revoked_ms), LATEST_MS))  # bounded: a snapshot may say anything

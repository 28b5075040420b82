"""Who asks for too many phone numbers that are nobody's: rule 9.10 of the vendor's limits (DOC 90313).

More misses in a day than a fifth of the enterprise's size, and it is not answered for a day. The meter is soft, as all
meters of attempts: a restart empties it. It follows the movable clock.
"""

from typing import Final

from gateway.decide.directory import CORPS_MAX
from gateway.state import State
from gateway.state.corps import Corp

DAY_MS: Final = 24 * 3_600_000
_PART: Final = 5  # a fifth: 20 % (DOC 90313)

Key = tuple[int, int, str]


class Misses:
    """Counts misses, an enterprise each. One that was reset is another."""

    def __init__(self) -> None:
        self._missed: dict[Key, tuple[int, int]] = {}  # when the first was, and how many
        self._ends: dict[Key, int] = {}

    def ends_ms(self, state: State, corp: Corp, now_ms: int) -> int:
        """Tell until when an enterprise is not answered; 0 while it is."""
        ends_ms = self._ends.get(_key(state, corp), 0)
        return ends_ms if ends_ms > now_ms else 0

    def count(self, state: State, corp: Corp, now_ms: int) -> None:
        """Count a miss."""
        key = _key(state, corp)
        since_ms, misses = self._missed.pop(key, (now_ms, 0))
        if now_ms - since_ms >= DAY_MS:
            since_ms, misses = now_ms, 0
        if (misses + 1) * _PART > len(corp.members):
            self._ends[key] = now_ms + DAY_MS
            return
        self._missed[key] = since_ms, misses + 1
        for table in (self._missed, self._ends):
            if len(table) > CORPS_MAX:
                del table[next(iter(table))]


def _key(state: State, corp: Corp) -> Key:
    return state.epoch, corp.since_position, corp.corpid

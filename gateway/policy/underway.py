"""How many calls at a time? So many of one path for an enterprise, and one that writes a record (DOC 90313)."""

from collections.abc import Hashable

from gateway.refusal import Refusal
from gateway.state import State
from protocol.errors import CONCURRENT_CALLS, WRITE_CONFLICT

Place = tuple[str, str]  # an enterprise and a path


class Underway:
    """The calls that have begun and not ended; they are few, and each is struck off at its end."""

    def __init__(self) -> None:
        self._running: dict[Place, int] = {}
        self._writing: set[tuple[str, str, Hashable]] = set()

    def begin(self, state: State, place: Place) -> Refusal | None:
        """Count a call that begins; `end` must follow, unless this says no."""
        running = self._running.get(place, 0)
        most = state.profile.concurrent_calls_max
        if place[0] and 0 < most <= running:
            return Refusal(CONCURRENT_CALLS, "calls/concurrent", 0, running, most)
        self._running[place] = running + 1
        return None

    def end(self, place: Place) -> None:
        running = self._running[place] - 1
        if running:
            self._running[place] = running
        else:
            del self._running[place]

    def begin_write(self, place: Place, record: Hashable) -> Refusal | None:
        """Reserve a record for the call that writes it; `end_write` must follow, unless this says no."""
        key = (*place, record)
        if key in self._writing:
            return Refusal(WRITE_CONFLICT, f"calls/{place[1]}/one at a time")
        self._writing.add(key)
        return None

    def end_write(self, place: Place, record: Hashable) -> None:
        self._writing.discard((*place, record))


__all__ = ["Place", "Underway"]

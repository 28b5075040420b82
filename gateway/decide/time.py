"""What needs real time to be decided: moving the clock, and taking a link token back."""

from typing import Final

from gateway import deadlines
from gateway.commands import Command, RevokeToken, SetClock
from gateway.events import AnyEvent, ClockSet, TokenRevoked
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.clock import LATEST_MS
from protocol.errors import MALFORMED, TOO_MANY

ADVANCE_MS_MAX: Final = 20 * 366 * 86_400_000  # twenty years in one step
RATE_MAX: Final = 100_000
REVOKED_MAX: Final = 10_000


def decide(state: State, now_ms: int, real_ms: int, command: Command) -> list[AnyEvent] | Refusal:
    """Decide a command about time itself."""
    if isinstance(command, SetClock):
        return _set_clock(state, now_ms, real_ms, command)
    assert isinstance(command, RevokeToken), "every command has a handler"
    real_s = real_ms // 1000
    if sum(until > real_s for until in state.revoked.values()) >= REVOKED_MAX:
        return Refusal(TOO_MANY, "revoked tokens")
    return [TokenRevoked(command.token_id, command.expires_s, real_s)]


def _set_clock(state: State, now_ms: int, real_ms: int, command: SetClock) -> list[AnyEvent] | Refusal:
    """Move the clock; what falls due on the way falls due at its own time, one after the other."""
    rate = state.clock.rate if command.rate is None else command.rate
    if not 0 <= command.advance_ms <= ADVANCE_MS_MAX:
        return Refusal(MALFORMED, "clock/advance_ms: 0 to twenty years; the clock never goes back")
    if not 0 <= rate <= RATE_MAX:
        return Refusal(MALFORMED, f"clock/rate: 0 to {RATE_MAX}")
    target = now_ms + command.advance_ms
    if target > LATEST_MS:
        return Refusal(MALFORMED, "clock/latest: the clock ends with the year 2999")
    moved: list[AnyEvent] = []
    for due_ms, command_due in deadlines.due_until(state, target):
        moved.append(ClockSet(real_ms, max(due_ms, now_ms), rate))
        moved += deadlines.fire(state, max(due_ms, now_ms), command_due)
    return [*moved, ClockSet(real_ms, target, rate)]

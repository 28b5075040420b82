"""May this message pass? One small file a policy, asked in this order.

What never changes by waiting comes first; frequency is last, so that a refused message uses no quota.
"""

from collections.abc import Callable
from typing import Final

from gateway.policy import badge, consent, content, frequency, relation, speak
from gateway.policy.attempt import Attempt, Line
from gateway.refusal import Refusal
from gateway.state import State

Explain = Callable[[State, Attempt], list[Line]]
ORDER: Final[tuple[tuple[str, Explain], ...]] = (
    ("speak", speak.explain),
    ("relation", relation.explain),
    ("badge", badge.explain),
    ("content", content.explain),
    ("consent", consent.explain),
    ("frequency", frequency.explain),
)


def check(state: State, attempt: Attempt) -> Refusal | None:
    """Give the first refusal, or None. Direct calls, in ORDER: this runs for every message."""
    return check_standing(state, attempt) or frequency.check(state, attempt)


def check_standing(state: State, attempt: Attempt) -> Refusal | None:
    """Give the first refusal of what does not change by waiting: all but frequency."""
    return (
        speak.check(state, attempt)
        or relation.check(state, attempt)
        or badge.check(state, attempt)
        or content.check(state, attempt)
        or consent.check(state, attempt)
    )


def explain(state: State, attempt: Attempt) -> list[Line]:
    """Tell every rule's mind, whether or not an earlier one has refused."""
    return [line for _, policy in ORDER for line in policy(state, attempt)]


__all__ = ["ORDER", "Attempt", "Line", "check", "explain"]

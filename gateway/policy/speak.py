"""May the sender speak at all? A member must be activated, real-name verified and still there (DOC 90313, 92228)."""

from gateway.policy.attempt import Attempt, Line, verdict
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.people import Member
from protocol.errors import DEPARTED, NOT_ACTIVATED, NOT_REAL_NAME


def check(state: State, attempt: Attempt) -> Refusal | None:
    member = attempt.sender
    return None if type(member) is not Member else refusal_of(state, member)


def refusal_of(state: State, member: Member) -> Refusal | None:
    """Tell why this member may do nothing toward consumers, or None."""
    if member.departed:
        return Refusal(DEPARTED, "speak/departed")
    if not member.activated:
        return Refusal(NOT_ACTIVATED, "speak/activated")
    if member.details is not None and not member.details.enabled:
        return Refusal(NOT_ACTIVATED, "speak/enabled")
    if not member.real_name_verified and state.profile.real_name_required:
        return Refusal(NOT_REAL_NAME, "speak/real_name_required")
    return None


def explain(state: State, attempt: Attempt) -> list[Line]:
    refusal = check(state, attempt)
    return [verdict("speak", refusal.rule if refusal else "speak", refusal)]

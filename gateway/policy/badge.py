"""Does the enterprise's certification allow it? And the badge that the consumer's screen must show.

An unverified enterprise's members reach, by profile, customers up to a bound, or only their own WeChat: then a member
with more than one live contact may write to none of them. An app needs the certification that the profile names to
write to consumers.
"""

from typing import Final

from gateway.policy.attempt import Attempt, Line, verdict
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.corps import Corp
from gateway.state.people import Consumer, Member
from protocol.errors import BADGE_TOO_LOW, CONTACTS_FULL, SCALE_EXHAUSTED
from protocol.frames import Badge

OWN_CONTACTS_MAX: Final = 1


def badge_of(member: Member, corp: Corp, now_ms: int) -> Badge:
    """Make the badge of a member as it is now."""
    return Badge(member.name, corp.short_name, corp.certification_at(now_ms))


def check(state: State, attempt: Attempt) -> Refusal | None:
    member = attempt.sender
    if type(member) is Member:
        if attempt.conversation.relation is None or state.profile.unverified_chat != "own":
            return None
        if member.live_contacts <= OWN_CONTACTS_MAX or attempt.corp.has("verified", attempt.now_ms):
            return None
        return Refusal(BADGE_TOO_LOW, "badge/unverified_chat")
    if attempt.app is not None and _reaches_consumers(state, attempt):
        least = state.profile.app_certification_min
        if not attempt.corp.has(least, attempt.now_ms):
            return Refusal(BADGE_TOO_LOW, "badge/app_certification_min")
    return None


def _reaches_consumers(state: State, attempt: Attempt) -> bool:
    return any(isinstance(state.people.get(person), Consumer) for person in attempt.conversation.people)


def check_new_contact(
    state: State, corp: Corp, member: Member, consumer: Consumer | None, now_ms: int
) -> Refusal | None:
    """Tell whether a member may have one more contact, and the enterprise one more customer."""
    profile = state.profile
    unverified = not corp.has("verified", now_ms)
    if unverified and profile.unverified_chat == "own" and member.live_contacts >= OWN_CONTACTS_MAX:
        return Refusal(BADGE_TOO_LOW, "badge/unverified_chat")
    if 0 < profile.member_contacts_max <= member.live_contacts:
        return Refusal(CONTACTS_FULL, "badge/member_contacts_max")
    return check_new_customer(state, corp, consumer, now_ms)


def check_new_customer(state: State, corp: Corp, consumer: Consumer | None, now_ms: int) -> Refusal | None:
    """Tell whether the enterprise may have this consumer as a customer."""
    most = corp.customers_max(state.profile, now_ms)
    known = consumer.known.get(corp.corpid) if consumer is not None else None
    if (known is not None and known.ties > 0) or most == 0 or corp.customers < most:
        return None
    return Refusal(SCALE_EXHAUSTED, f"badge/customers_{corp.certification_at(now_ms)}_max")


def explain(state: State, attempt: Attempt) -> list[Line]:
    refusal = check(state, attempt)
    line = verdict("badge", refusal.rule if refusal else "badge", refusal)
    return [line]

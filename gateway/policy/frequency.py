"""How often? Each rule counts in aligned windows, per sender, conversation, recipient or enterprise.

A rule about the recipient applies where there is exactly one.
"""

from typing import Final

from gateway import profile, windows
from gateway.policy.attempt import Attempt, Line
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.quotas import MONTH, SUBJECTS, Meter, slot_of
from protocol.errors import CONVERSATION_FREQUENCY, CORP_FREQUENCY, RECIPIENT_FREQUENCY, SENDER_FREQUENCY, Reason

REASONS: Final[dict[str, Reason]] = {
    "sender": SENDER_FREQUENCY,
    "conversation": CONVERSATION_FREQUENCY,
    "recipient": RECIPIENT_FREQUENCY,
    "corp": CORP_FREQUENCY,
}


def check(state: State, attempt: Attempt) -> Refusal | None:
    subjects = state.subjects(attempt.conversation, attempt.key, mass=bool(attempt.mass))
    return check_subjects(state, state.meters[attempt.counted], subjects, attempt.now_ms)


def check_subjects(
    state: State, meter: Meter, subjects: tuple[str, str, str, str], now_ms: int
) -> Refusal | None:  # fmt: skip
    """Check a message's sender, conversation, recipient and enterprise against the rules of the sender's side."""
    indexes = state.indexes(now_ms)
    rule = meter.refusing(subjects, indexes)
    if rule is None:
        return None
    used = state.quotas.count(rule, subjects[SUBJECTS.index(rule.per)], now_ms)
    resets_at_ms = windows.resets_at_ms(rule.window, now_ms)
    return Refusal(REASONS[rule.per], f"frequency/{slot_of(rule)}", resets_at_ms, used, rule.most(indexes[MONTH]))


def explain(state: State, attempt: Attempt) -> list[Line]:
    """Tell of every rule of the sender's side what is used, what is left, and when it starts again."""
    subjects = state.subjects(attempt.conversation, attempt.key, mass=bool(attempt.mass))
    month = state.indexes(attempt.now_ms)[MONTH]
    sources = {
        (row["side"], row["per"], row["window"]): row["source"]
        for row in profile.table(state.profile.name).get("frequency", [])
    }
    lines = []
    for rule in state.meters[attempt.counted].rules:
        subject = subjects[SUBJECTS.index(rule.per)]
        if not subject:
            continue
        used, most = state.quotas.count(rule, subject, attempt.now_ms), rule.most(month)
        lines.append(
            Line(
                "frequency",
                f"frequency/{slot_of(rule)}",
                used < most,
                "" if used < most else REASONS[rule.per].text,
                used,
                most,
                max(0, most - used),
                windows.resets_at_ms(rule.window, attempt.now_ms),
                sources.get((rule.side, rule.per, rule.window), ""),
            )
        )
    return lines

"""Is the content within bounds? Text in bytes of UTF-8; every other body in bytes as encoded; never empty."""

from gateway.policy.attempt import Attempt, Line, verdict
from gateway.refusal import Refusal
from gateway.state import State
from protocol.content import Text
from protocol.errors import BODY_TOO_LARGE, EMPTY, TEXT_TOO_LONG


def check(state: State, attempt: Attempt) -> Refusal | None:
    content = attempt.content
    if type(content) is Text:
        text, most = content.text, state.profile.text_bytes_max
        if not text:
            return Refusal(EMPTY, "content/empty")
        # A character is at most 4 bytes: a short text needs no counting.
        if len(text) * 4 > most and len(text.encode()) > most:
            return Refusal(TEXT_TOO_LONG, "content/text_bytes_max")
        return None
    if attempt.body_bytes > state.profile.body_bytes_max:
        return Refusal(BODY_TOO_LARGE, "content/body_bytes_max")
    return None


def explain(state: State, attempt: Attempt) -> list[Line]:
    refusal = check(state, attempt)
    return [verdict("content", refusal.rule if refusal else "content", refusal)]

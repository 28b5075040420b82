"""Is the content within bounds? Text in bytes of UTF-8; every other body in bytes as encoded; never empty.

What only an app can say is bounded by the vendor, field by field, where it comes in.
"""

from typing import Final

from gateway.policy.attempt import Attempt, Line, verdict
from gateway.profile import Profile
from gateway.refusal import Refusal
from gateway.state import State
from protocol.content import AppContent, Articles, Card, Markdown, MiniProgramNotice, Stream, TemplateCard, Text
from protocol.errors import BODY_TOO_LARGE, EMPTY, TEXT_TOO_LONG

APP_ONLY: Final = (Card, Articles, Markdown, MiniProgramNotice, TemplateCard)
STREAM_BYTES_MAX: Final = 20_480  # DOC 101463


def check(state: State, attempt: Attempt) -> Refusal | None:
    return check_body(state.profile, attempt.content, attempt.body_bytes)


def check_body(profile: Profile, content: AppContent, body_bytes: int) -> Refusal | None:
    """Check what is said, whoever says it; `body_bytes` is its size as encoded."""
    if type(content) is Text:
        text, most = content.text, profile.text_bytes_max
        if not text:
            return Refusal(EMPTY, "content/empty")
        if len(text) > characters_max(profile) and len(text.encode()) > most:
            return Refusal(TEXT_TOO_LONG, "content/text_bytes_max")
        return None
    if isinstance(content, APP_ONLY):
        return None
    if isinstance(content, Stream):
        too_long = len(content.text.encode()) > STREAM_BYTES_MAX
        return Refusal(TEXT_TOO_LONG, "content/stream_bytes_max") if too_long else None
    if body_bytes > profile.body_bytes_max:
        return Refusal(BODY_TOO_LARGE, "content/body_bytes_max")
    return None


def characters_max(profile: Profile) -> int:
    """Give how many characters are never too many: each is at most 4 bytes, so that a short text needs no counting."""
    return profile.text_bytes_max // 4


def explain(state: State, attempt: Attempt) -> list[Line]:
    refusal = check(state, attempt)
    return [verdict("content", refusal.rule if refusal else "content", refusal)]

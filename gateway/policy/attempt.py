"""What the policies look at: one message that somebody wants to send now; and a line of an explanation."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from gateway.refusal import Refusal
from gateway.state.conversations import Conversation
from gateway.state.corps import App, Corp
from gateway.state.people import AnyPerson, Consumer, Member
from protocol.content import AppContent


class Attempt(Struct, gc=False):
    """Who wants to say what, where and when. `sender` is the person; `app` is set instead where an app sends.

    `mass` is set where it is one of a mass message's: its frequency counts there. `answers` says that a bot was asked.
    """

    now_ms: int
    corp: Corp
    conversation: Conversation
    side: Literal["member", "consumer", "app"]
    key: str
    content: AppContent
    body_bytes: int
    sender: AnyPerson | None = None
    app: App | None = None
    mass: Literal["", "corp_mass", "own_mass"] = ""
    answers: bool = False

    @property
    def counted(self) -> str:
        """Say which rules of frequency count it."""
        if self.conversation.kind == "app_group":
            return "app_group"
        return self.mass or ("bot" if self.app is not None and self.app.bot is not None else self.side)

    @property
    def member(self) -> Member | None:
        return self.sender if type(self.sender) is Member else None

    @property
    def consumer(self) -> Consumer | None:
        return self.sender if type(self.sender) is Consumer else None


class Line(Struct, frozen=True, omit_defaults=True):
    """One rule's mind of an attempt. `used`, `limit` and `resets_at_ms` stand where the rule counts."""

    policy: str
    rule: str
    allows: bool
    text: str = ""
    used: int | None = None
    limit: int | None = None
    left: int | None = None
    resets_at_ms: int | None = None
    source: str = ""


def verdict(policy: str, rule: str, refusal: Refusal | None, source: str = "") -> Line:
    """Put a yes-or-no rule into a line."""
    return Line(policy, rule, refusal is None, refusal.reason.text if refusal else "", source=source)

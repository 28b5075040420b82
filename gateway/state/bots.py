"""What a bot remembers: what it was asked and may still answer, and what of its own can still be acted on.

Rules of the file:
- A question is named by the position of its record. The oldest give way, as does what is due to an app.
- What can be acted on is named by conversation and sequence.
"""

from typing import Final, Literal

from msgspec import Struct, field

from gateway.events.bots import Shown

ASKED_MAX: Final = 10_000
SHOWN_MAX: Final = 10_000

Question = Literal["message", "enter", "card", "feedback"]


class Streaming(Struct, array_like=True):
    """An answer that goes on: its first part stands at `sequence`, `digest` tells a part that says nothing new."""

    id: str
    sequence: int
    began_ms: int
    digest: bytes
    finished: bool


class Asked(Struct, array_like=True):
    """Something that a bot may answer; of a click, `sequence` is that of the card."""

    kind: Question
    conversation: str
    time_ms: int
    sequence: int = 0
    answered: bool = False
    stream: Streaming | None = None


class Bot(Struct, array_like=True):
    """What only an app that is a bot has."""

    asked: dict[int, Asked] = field(default_factory=dict)  # by position
    shown: dict[tuple[str, int], Shown] = field(default_factory=dict)  # by conversation and sequence

    def ask(self, position: int, asked: Asked) -> None:
        """Remember a question, in place of the oldest one too many."""
        self.asked[position] = asked
        if len(self.asked) > ASKED_MAX:
            del self.asked[next(iter(self.asked))]

    def show(self, conversation: str, sequence: int, shown: Shown) -> None:
        """Remember what can be acted on, in place of the oldest one too many."""
        self.shown[conversation, sequence] = shown
        if len(self.shown) > SHOWN_MAX:
            del self.shown[next(iter(self.shown))]

"""What one person does: decided from the persona, the dice, what was heard, and the time.

Rules of the file:
- It knows no sockets and no clock: `now_s` is a parameter, and what it decides is a value.
- The same seed, person and hearing give the same decisions, whatever others do meanwhile: each decision has dice of its
  own, so nothing is kept for them either.
"""

import random
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hutong.crowd.file import Persona


class Say(NamedTuple):
    """Say something in a conversation; `at_s` is when it was meant to be said, and latency counts from there."""

    conversation: str
    at_s: float


class Delete(NamedTuple):
    """End the relation of a conversation."""

    conversation: str
    at_s: float


class Script:
    """One person's part. `key` names the person among all who share the seed."""

    __slots__ = ("_heard", "_key", "_recent", "persona")

    def __init__(self, persona: Persona, seed: int, key: str) -> None:
        self.persona = persona
        self._key = f"{seed}/{key}"
        self._heard = 0
        self._recent: dict[str, deque[float]] = {}  # when the latest were heard, for each who may be too many

    def hears(self, conversation: str, now_s: float) -> Say | Delete | None:
        """Decide what to do about a message that somebody else has said."""
        self._heard += 1
        most = self.persona.deletes_after
        if most is not None and self._is_too_much(most, conversation, now_s):
            return Delete(conversation, now_s)
        if not self.persona.answers:
            return None
        dice = self._dice(self._heard)
        if dice.random() >= self.persona.answers:
            return None
        return Say(conversation, now_s + dice.uniform(*self.persona.after_s))

    def _is_too_much(self, most: int, conversation: str, now_s: float) -> bool:
        recent = self._recent.setdefault(conversation, deque(maxlen=most))
        recent.append(now_s)
        if len(recent) < most or now_s - recent[0] > self.persona.within_s:
            return False
        recent.clear()
        return True

    def speaks(self, conversations: Sequence[str], now_s: float) -> Iterator[Say]:
        """Say without end, to one after the other, at moments that depend on no answer.

        Arrivals are Poisson's, as those of many who know nothing of one another.
        """
        dice = self._dice("speaks")
        for conversation in self.in_turn(conversations):
            now_s += dice.expovariate(self.persona.rate_per_s)
            yield Say(conversation, now_s)

    def in_turn(self, conversations: Sequence[str]) -> Iterator[str]:
        """Go round the conversations without end, beginning where the dice say: not all with the first."""
        first = self._dice("turn").randrange(len(conversations)) if conversations else 0
        while conversations:
            yield conversations[first % len(conversations)]
            first += 1

    def _dice(self, decision: int | str) -> random.Random:
        return random.Random(f"{self._key}/{decision}")  # noqa: S311  # a story needs no secret dice

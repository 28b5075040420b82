"""What a crowd said, and what became of it: counted where the clients send and receive.

Rules of the file:
- Each text has a number and carries it, so that whoever hears it can be told from whoever should.
- A text costs some bytes here, whatever became of it: a run of a million texts is no burden.
- Latency counts from when a text was meant to be said. Whoever waits to speak waits already for an answer, and a
  gateway that stands still slows down all who meant to speak meanwhile, not only the one who did.
"""

import asyncio
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from hutong.client import Refused
from hutong.crowd.file import SAID_MAX, Persona
from hutong.tally import Tally, percentiles_ms

ACCEPTED: Final = 1
REFUSED: Final = 2
HEARD: Final = 4


@dataclass(slots=True)
class Row:
    """What one persona's people have done."""

    sent: int = 0
    accepted: int = 0
    refused: int = 0
    heard: int = 0
    deleted: int = 0
    seconds: "array[float]" = field(default_factory=lambda: array("d"))  # from meaning to say it to its being heard


@dataclass(slots=True)
class Refusals:
    """How often one rule refused one persona."""

    persona: str
    rule: str
    advice: str
    times: int = 0


class Books:
    """The books of one run. People and personas are numbered in the order of the file."""

    def __init__(self, personas: tuple[Persona, ...], said_max: int = SAID_MAX) -> None:
        self._personas = personas
        self._said_max = said_max
        self.rows = [Row() for _ in personas]
        self.refusals: dict[tuple[int, str], Refusals] = {}
        self.duplicated = 0  # heard twice, or by somebody for whom it was not, or refused and heard
        self.missing = 0  # accepted, and not heard yet
        self.late_s = 0.0  # at most, from when a text was meant to when this process came to it
        self._even = asyncio.Event()
        self._even.set()
        # One entry a text.
        self._persona: array[int] = array("H")
        self._listener: array[int] = array("L")
        self._meant_s: array[float] = array("d")
        self._state = bytearray()

    @property
    def full(self) -> bool:
        """Tell whether there is no room for another text."""
        return len(self._state) >= self._said_max

    def begin(self, persona: int, listener: int, meant_s: float, now_s: float) -> int:
        """Note that somebody is about to say something to somebody, and give the text's number."""
        self.late_s = max(self.late_s, now_s - meant_s)
        self.rows[persona].sent += 1
        self._persona.append(persona)
        self._listener.append(listener)
        self._meant_s.append(meant_s)
        self._state.append(0)
        return len(self._state) - 1

    def text(self, number: int) -> str:
        """Give the words of a text."""
        return f"{self._personas[self._persona[number]].name} {number}"

    def number(self, text: str) -> int | None:
        """Tell which text somebody hears; None where somebody from outside has spoken."""
        digits = text.rpartition(" ")[2]
        if not (digits.isascii() and digits.isdecimal() and int(digits) < len(self._state)):
            return None
        return int(digits) if self.text(int(digits)) == text else None

    def accept(self, number: int) -> None:
        """Note that a text was accepted; it may have been heard before."""
        row = self.rows[self._persona[number]]
        row.accepted += 1
        self._state[number] |= ACCEPTED
        if self._state[number] & HEARD:
            row.heard += 1
        else:
            self.missing += 1
            self._even.clear()

    def refuse(self, number: int, refused: Refused) -> None:
        """Note that a text was refused."""
        persona = self._persona[number]
        self.rows[persona].refused += 1
        self.duplicated += bool(self._state[number] & HEARD)
        self._state[number] |= REFUSED
        self.note_refusal(persona, refused)

    def note_refusal(self, persona: int, refused: Refused) -> None:
        """Count a refusal of anything under its rule."""
        rule = refused.rule or refused.reason
        found = self.refusals.get((persona, rule))
        if found is None:
            found = self.refusals[persona, rule] = Refusals(self._personas[persona].name, rule, refused.advice)
        found.times += 1

    def hear(self, number: int, listener: int, now_s: float, timed: bool = True) -> None:
        """Note that somebody has heard a text; of one who reads later than people do, the latency says nothing."""
        state, row = self._state[number], self.rows[self._persona[number]]
        if state & (HEARD | REFUSED) or self._listener[number] != listener:
            self.duplicated += 1
            return
        self._state[number] = state | HEARD
        if timed:
            row.seconds.append(now_s - self._meant_s[number])
        if state & ACCEPTED:
            row.heard += 1
            self.missing -= 1
            if not self.missing:
                self._even.set()

    @property
    def unanswered(self) -> int:
        """Count the texts whose outcome is not known."""
        return sum(row.sent - row.accepted - row.refused for row in self.rows)

    async def even(self, within_s: float) -> bool:
        """Wait until everything accepted was heard; false if it was not in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._even.wait()
        except TimeoutError:
            return False
        return True

    def tallies(self) -> Iterator[Tally]:
        """Add up each persona's texts; each has one listener, so as many are due as were accepted."""
        for persona, row in zip(self._personas, self.rows, strict=True):
            if row.sent:
                yield Tally(
                    persona.name, row.sent, row.accepted, row.refused, row.accepted, row.heard,
                    *percentiles_ms(row.seconds),
                )  # fmt: skip

    def __str__(self) -> str:
        sent, accepted, refused, heard = (
            sum(getattr(row, name) for row in self.rows) for name in ("sent", "accepted", "refused", "heard")
        )
        return f"{sent} said, {accepted} accepted, {refused} refused, {heard} heard"

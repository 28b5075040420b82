"""Who said what, who should hear it, who heard it, and how soon: counted where the clients receive.

Every text of the demo is said once, so a text that one person hears twice is a duplicate, whatever its sequence.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from hutong.client import Accepted, Message, Person, Refused
from hutong.tally import Tally, percentiles_ms

SETTLE_S: Final = 15.0
LOOK_S: Final = 0.02


@dataclass(slots=True)
class Spoken:
    """One text: by whom, in which act, who is to hear it, and who has, after how many seconds."""

    act: str
    said_s: float
    due: frozenset[str]
    timed: bool
    accepted: bool = False
    heard: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Refusal:
    """A row of what was refused."""

    act: str
    who: str
    whom: str
    rule: str
    text: str
    advice: str
    retry_at_ms: int


class Census:
    """The books of one run."""

    def __init__(self) -> None:
        self.spoken: dict[str, Spoken] = {}
        self.refusals: list[Refusal] = []
        self.twice = 0
        self._numbers: Counter[str] = Counter()

    def text(self, phrase: str) -> str:
        """Make a text that nobody has said yet."""
        self._numbers[phrase] += 1
        return f"{phrase} ({self._numbers[phrase]})"

    def hears(self, key: str) -> Callable[[Message], None]:
        """Make the ear of one person."""

        def hear(message: Message) -> None:
            spoken = self.spoken.get(message.text) if message.side != "system" else None
            if spoken is None:
                return
            if key in spoken.heard:
                self.twice += 1
            else:
                spoken.heard[key] = time.perf_counter() - spoken.said_s

        return hear

    def begin(self, act: str, text: str, due: Iterable[str], timed: bool = True) -> Spoken:
        """Note that a text is about to be said."""
        spoken = self.spoken[text] = Spoken(act, time.perf_counter(), frozenset(due), timed)
        return spoken

    async def say(
        self,
        act: str,
        speaker: Person,
        whom: str,
        conversation: str,
        phrase: str,
        due: Iterable[str],
        timed: bool = True,
    ) -> Accepted | Refused:
        """Have somebody say something, and note the outcome."""
        text = self.text(phrase)
        spoken = self.begin(act, text, due, timed)
        try:
            accepted = await speaker.say(conversation, text)
        except Refused as refused:
            self.refuse(act, speaker.person, whom, refused)
            return refused
        spoken.accepted = True
        return accepted

    def refuse(self, act: str, who: str, whom: str, refused: Refused) -> None:
        """Note a refusal of a client's command."""
        self.refusals.append(
            Refusal(act, who, whom, refused.rule, refused.text, refused.advice, refused.retry_at_ms)
        )  # fmt: skip

    def missing(self) -> int:
        """Count the deliveries that are still due."""
        return sum(len(spoken.due - spoken.heard.keys()) for spoken in self.spoken.values() if spoken.accepted)

    async def settle(self) -> None:
        """Wait until everybody has heard what was accepted, within a bound."""
        until = time.perf_counter() + SETTLE_S
        while self.missing() and time.perf_counter() < until:  # noqa: ASYNC110  # 220 links would set it at every frame
            await asyncio.sleep(LOOK_S)

    def overheard(self) -> int:
        """Count deliveries to people who were not meant to hear, or of what was refused."""
        return sum(
            len(spoken.heard.keys() - spoken.due) if spoken.accepted else len(spoken.heard)
            for spoken in self.spoken.values()
        )

    def acts(self) -> list[str]:
        return list(dict.fromkeys(spoken.act for spoken in self.spoken.values()))

    def of(self, act: str) -> list[Spoken]:
        return [spoken for spoken in self.spoken.values() if spoken.act == act]

    def tally(self, act: str) -> Tally:
        """Add up an act."""
        spoken = self.of(act)
        accepted = [one for one in spoken if one.accepted]
        due, heard = sum(len(one.due) for one in accepted), sum(len(one.heard) for one in accepted)
        seconds = (after for one in accepted if one.timed for after in one.heard.values())
        return Tally(
            act, len(spoken), len(accepted), len(spoken) - len(accepted), due, heard, *percentiles_ms(seconds)
        )  # fmt: skip

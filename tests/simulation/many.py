"""Mass messages as they must be, by the simplest means: who is told, who has said yes, who hears what, how often."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from gateway import events
from tests.simulation.broken import demand
from tests.simulation.slots import window_of

if TYPE_CHECKING:
    from tests.simulation.truth import Truth

SENT, HAD_OTHERS = 1, 3  # what becomes of a recipient, as the vendor numbers it


class Many:
    """The mass messages of a log so far; a part is named by enterprise, message and member."""

    def __init__(self, truth: "Truth") -> None:
        self.made: dict[tuple[str, str], events.MassMade] = {}
        self._truth = truth
        self._cancelled: set[tuple[str, str]] = set()
        self._outcomes: dict[tuple[str, str, str], int] = {}  # confirmed part → of so many recipients
        self._said: list[tuple[str, str, str]] = []  # since the last slice: conversation, member, text
        self._untold: Counter[tuple[str, str, str]] = Counter()  # member, message, what about it

    def make(self, event: events.MassMade) -> None:
        self.made[event.corpid, event.id] = event

    def forget(self, corpid: str) -> None:
        """Nothing of an enterprise that was reset is to be delivered any more."""
        self.made = {message: made for message, made in self.made.items() if message[0] != corpid}
        self._cancelled = {message for message in self._cancelled if message[0] != corpid}
        self._outcomes = {part: done for part, done in self._outcomes.items() if part[0] != corpid}
        for key in [key for key in self._untold if key[0].startswith(f"{corpid}/")]:
            del self._untold[key]

    def cancel(self, event: events.MassCancelled) -> None:
        self._cancelled.add((event.corpid, event.id))

    def announce(self, event: events.MassAnnounced) -> None:
        self._untold.update((member, event.id, event.affair) for member in event.members)

    def notice(self, person: str, told: dict[str, Any]) -> None:
        """A member is told of a message as often as that was announced."""
        key = person, told["task"], told["affair"]
        demand(self._untold[key], "M1", f"{key} is told unasked, or twice")
        self._untold[key] -= 1

    def confirm(self, event: events.MassConfirmed) -> None:
        """A part is confirmed once, and not once it is called off."""
        part, message = (event.corpid, event.id, event.userid), (event.corpid, event.id)
        demand(event.userid in self.made[message].parts, "M1", f"{part} is nobody's")
        demand(part not in self._outcomes, "M1", f"{part} is confirmed twice")
        demand(message not in self._cancelled, "M1", f"{part} is confirmed, and was called off")
        self._outcomes[part] = 0

    def say(self, conversation: str, frame: dict[str, Any]) -> None:
        self._said.append((conversation, frame["sender"], frame["content"]["text"]))

    def slice(self, event: events.MassSliced) -> None:
        """The next recipients have an outcome, and it is whole in the log for those, and no others, whom it reached."""
        part, made = (event.corpid, event.id, event.userid), self.made[event.corpid, event.id]
        demand(part in self._outcomes, "M1", f"{part} is delivered, and was not confirmed")
        done = self._outcomes[part]
        to = made.parts[event.userid][done : done + len(event.results)]
        demand(len(to) == len(event.results), "M1", f"{part} has more outcomes than recipients")
        self._outcomes[part] += len(to)
        outcomes = list(zip(to, event.results, strict=True))
        texts = [getattr(one, "text", "") for one in made.contents]
        said = [(name, event.userid, text) for name, result in outcomes if result == SENT for text in texts]
        demand(self._said == said, "M1", f"of {part} is said {self._said}, not {said}")
        self._said = []
        for name, result in outcomes:
            self._count(made, name, result, event.time_ms)

    def _count(self, made: events.MassMade, name: str, result: int, now_ms: int) -> None:
        """Who is reached counts once, however much is said; who has had enough has."""
        truth, sides = self._truth, ("own_mass" if made.creator else "corp_mass", "mass")
        _, consumer = truth.pairs.get(name, ("", name))
        slots = [
            (rule, name if rule[1] == "conversation" else f"{made.corpid} {consumer}", window_of(now_ms, rule[2]))
            for rule in truth.limits
            if rule[0] in sides
        ]
        if result == HAD_OTHERS:
            full = [slot for slot in slots if truth.used[slot] >= truth.limits[slot[0]]]
            demand(full, "G3", f"{name} is said to have had others' messages, and may have more: {slots}")
        elif result == SENT:
            for slot in slots:
                truth.count(slot)

    def rest(self) -> None:
        """At the end of a commit everything that was said is accounted for."""
        demand(not self._said, "M1", f"{self._said[:3]} is said to many, and has no outcome")

    def lacking(self) -> str:
        """Say which part, or which member, still waits."""
        for part, done in self._outcomes.items():
            if done < len(self.made[part[:2]].parts[part[2]]):
                return f"{part} has {done} outcomes"
        untold = next(iter(+self._untold), None)
        return f"nobody told {untold}" if untold is not None else ""

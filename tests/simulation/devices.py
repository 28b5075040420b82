"""Devices: each keeps on its own disk what it was told, and judges everything that it hears."""

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgpack
import orjson

from protocol import content, frames
from protocol.codec import JSON, MSGPACK
from protocol.ids import corp_of
from tests.property.simulated import Key, payloads
from tests.simulation.broken import demand
from tests.simulation.slots import window_of
from tests.simulation.truth import drop
from tests.simulation.wire import Wire
from tests.wire import BINARY, PONG, TEXT

if TYPE_CHECKING:
    from tests.simulation.world import World


@dataclass
class Asked:
    """A numbered frame that waits for its answer on this link; `clash` has another body than the number first had."""

    number: int
    clash: bool = False


@dataclass
class Life:
    """What a device knows of one link. `opened` is the truth's commit when it was."""

    after: int
    cursors: dict[str, int]
    phase: str = "new"
    token_id: str = ""
    wrong: str = ""  # why its hello must not be believed
    got: dict[str, int] = field(default_factory=dict)
    asked: deque[Asked] = field(default_factory=deque)
    written: dict[str, int] = field(default_factory=dict)  # what the gateway has written on it, by conversation
    resets: int = 0  # of its person's enterprise, when it was welcomed


class Device:
    """One device of a person. What stands in `stored` survives every end of a link."""

    def __init__(self, world: "World", person: str, name: str, codec: str) -> None:
        self.world = world
        self.person = person
        self.name = name
        self.codec = codec
        self.token = ""  # the newest resume token
        self.link_token = ""
        self.stored: set[Key] = set()
        self.cursors: dict[str, int] = {}
        self.number = 0
        self.sent: dict[int, frames.ClientCommand] = {}
        self.said: dict[int, set[str]] = {}
        self.resets = 0  # of its person's enterprise, when it was welcomed last
        self.former = 0  # numbers up to here belong to a life of an enterprise that was forgotten
        self.unanswered: dict[int, None] = {}
        self.accepted: dict[int, Key] = {}
        self.wire: Wire | None = None
        self.life = Life(0, {})

    @property
    def key(self) -> str:
        return f"{self.person}:{self.name}"

    @property
    def linked(self) -> bool:
        return self.wire is not None and not self.wire.peer_gone

    # Coming and going.

    def connect(self, with_token: bool, cursors: int, wrong: str = "", *, rude: bool = False) -> None:
        """Open a link and say hello; `wrong` is what is the matter with the token that it shows."""
        if self.wire is not None and not self.wire.peer_gone:
            self.wire.vanish()
        world = self.world
        claims = world.admitted(self)
        if claims is None:
            return
        if not with_token:
            self.token, self.stored, self.cursors = "", set(), {}
        named = dict(list(self.cursors.items())[:cursors]) if self.token else {}
        token = world.tokens.spoilt(self.token, self.person, wrong) if self.token else ""
        position = world.tokens.position(self.token) if self.token else 0
        self.life = Life(position, named, token_id=claims.token_id, wrong=wrong if self.token else "")
        world.open(self, claims, self.life)
        if rude:
            self.say(frames.Send(self.number + 1, next(iter(self.cursors), "cv-nowhere"), content.Text("not greeted")))
        self.say(frames.Hello(token, tuple(named.items())))

    def lost(self, wire: Wire) -> None:
        if wire is self.wire:
            self.wire = None

    def say(self, frame: frames.ClientFrame) -> None:
        if self.wire is not None:
            opcode, codec = (TEXT, JSON) if self.codec == "json" else (BINARY, MSGPACK)
            self.wire.send(opcode, codec.encode(frame))

    def command(self, frame: frames.ClientCommand) -> None:
        """Ask for something new, under the number that the frame has."""
        self.number = frame.number
        self.sent[frame.number] = frame
        if isinstance(frame, frames.Send) and isinstance(frame.content, content.Text):
            self.said.setdefault(frame.number, set()).add(f"{frame.conversation} {frame.content.text}")
        self.unanswered[frame.number] = None
        self._ask(frame, Asked(frame.number))

    def _ask(self, frame: frames.ClientCommand, asked: Asked) -> None:
        if self.life.phase != "new":
            self.life.asked.append(asked)
            self.say(frame)

    def repeat(self) -> None:
        """Say the last command again, as a device does that has heard nothing."""
        if self.number in self.sent:
            self._ask(self.sent[self.number], Asked(self.number))

    def clash(self) -> None:
        """Ask for something else under a number that was accepted."""
        number = max(self.accepted, default=0)
        sent = self.sent.get(number)
        if isinstance(sent, frames.Send):
            other = frames.Send(number, sent.conversation, content.Text("something else"))
            self._ask(other, Asked(number, clash=True))

    # What the gateway writes: judged when it leaves.

    def written(self, wire: Wire, data: bytes) -> list[dict[str, Any]]:
        """Hold every frame against the truth as it stands on disk now."""
        seen = []
        for opcode, payload in payloads(data):
            if opcode in {0x81, 0x82}:
                frame = orjson.loads(payload) if opcode == 0x81 else msgpack.unpackb(payload)
                judge = WRITTEN.get(frame["type"])
                if judge is not None:
                    judge(self, frame, wire.life)
                    demand(
                        wire is self.wire or self.wire is None, "S1", f"{self.key} is told {frame} on its older link"
                    )
                seen.append(frame)
            else:
                seen.append({"type": f"control {opcode & 15}"})
        return seen

    def _welcome_written(self, frame: dict[str, Any], life: Life) -> None:
        life.resets = self.world.truth.resets[corp_of(self.person)]
        if life.wrong:
            demand(not frame["resumed"], "D10", f"{self.key} resumes with a token of {life.wrong}")
        if not frame["resumed"]:
            life.after, life.cursors = 0, {}

    def _message_written(self, frame: dict[str, Any], life: Life) -> None:
        truth = self.world.truth
        key = name, sequence = frame["conversation"], frame["sequence"]
        demand(key in truth.frames, "J3", f"{self.key} is told of {key} before it is durable")
        position = truth.boxes.get(self.person, {}).get(key, (0, b""))[0]
        demand(position, "D11", f"{self.key} is told of {key}, and was not there")
        recalled = truth.recalled.get(key, 0)
        if recalled > truth.committed[key] and recalled < truth.commit:
            demand(frame["content"].get("affair") == "recalled", "D9", f"{self.key} is told of {key}, taken back")
        else:
            same = frame == truth.frames[key] or frame["content"].get("affair") == "recalled"
            demand(same, "D3", f"{self.key} is told something else at {key}")
        demand(position > life.after, "D7", f"{self.key} is told of {key} at {position}, at or below its token")
        demand(sequence > life.cursors.get(name, 0), "D7", f"{self.key} is told of {key}, at or below its cursor")
        demand(
            sequence > life.written.get(name, 0), "D2", f"{self.key} is told of {key} after {life.written.get(name)}"
        )
        life.written[name] = sequence
        self._sealed(life, f"{key}")

    def _sealed(self, life: Life, what: str) -> None:
        """Nothing is for whose token was taken back, or for the older of two links."""
        truth = self.world.truth
        revoked = truth.revoked.get(life.token_id, truth.commit)
        demand(revoked >= truth.commit, "S3", f"{self.key} is told {what} by a token that was revoked")

    def _accepted_written(self, frame: dict[str, Any], life: Life) -> None:
        truth, number = self.world.truth, frame["number"]
        key = frame["conversation"], frame["sequence"]
        place = truth.accepted.get((self.person, self.name, number))
        demand(place is not None, "J1", f"{self.key} {number} is acknowledged, and not on disk")
        demand(place == key, "D5", f"{self.key} {number} stands at {place}, not at {key}")
        self._sealed(life, f"of {number}")

    def _refused_written(self, frame: dict[str, Any], life: Life) -> None:
        """A quota that is said to be used up is, by those who count the log."""
        world, rule = self.world, frame.get("rule", "")
        if frame["reason"] == "internal":
            demand(world.excused, "G1", f"{self.key} {frame['number']} met a defect")
        sent = self.sent.get(frame["number"])
        if not rule.startswith("frequency/") or not isinstance(sent, frames.Send):
            return
        side, per, name = rule.split("/")[1:]
        subject = world.truth.subject(side, per, self.person, sent.conversation)
        slot = (side, per, name), subject, window_of(frame["retry_at_ms"] - 1, name)
        used, limit = world.truth.used[slot], world.truth.limits[slot[0]]
        demand(used >= limit, "G3", f"{self.key} {frame['number']} is refused by {rule} at {used} of {limit}")

    def _forget_written(self, frame: dict[str, Any], life: Life) -> None:
        """From here on an enterprise's ids may come again, with other messages."""
        for kept in (life.written, life.cursors):
            drop(kept, lambda name: self._is_of(frame["corp"], name))

    def _is_of(self, corp: str, conversation: str) -> bool:
        return self.world.truth.owners.get(conversation) == corp

    def _synced_written(self, frame: dict[str, Any], life: Life) -> None:
        at, truth = self.world.tokens.position(frame["token"]), self.world.truth
        demand(at <= truth.position, "J3", f"{self.key} gets a token for {at}, and {truth.position} are durable")

    # What it reads: kept when it comes.

    def read(self, wire: Wire, seen: list[dict[str, Any]]) -> None:
        if wire is not self.wire:
            return
        for frame in seen:
            self.world.note(f"{self.key} {frame['type']} {frame.get('conversation')} {frame.get('sequence')}")
            take = READ.get(frame["type"])
            if take is not None:
                take(self, frame)
            if wire is not self.wire:
                return

    def _welcome(self, frame: dict[str, Any]) -> None:
        life = self.life
        demand(life.phase == "new", "S2", f"{self.key} is welcomed twice")
        demand(frame["person"] == self.person and frame["device"] == self.name, "S2", f"{self.key} is {frame}")
        if not frame["resumed"]:
            self.token, self.stored, self.cursors = "", set(), {}
        if self.resets != life.resets:
            self.accepted = {}  # by an enterprise that does not know this device any more
        self.resets = life.resets
        life.phase = "welcomed"
        self.number = max(self.number, frame["last_number"])
        for number in sorted(self.unanswered):
            life.asked.append(Asked(number))
            self.say(self.sent[number])

    def _message(self, frame: dict[str, Any]) -> None:
        key = frame["conversation"], frame["sequence"]
        demand(self.life.phase != "new", "S2", f"{self.key} is told of {key} before its welcome")
        self.stored.add(key)
        self.cursors[key[0]] = max(self.cursors.get(key[0], 0), key[1])

    def _forget(self, frame: dict[str, Any]) -> None:
        self.stored = {key for key in self.stored if not self._is_of(frame["corp"], key[0])}
        drop(self.cursors, lambda name: self._is_of(frame["corp"], name))
        self.former = max(self.accepted, default=0)

    def _answer(self, frame: dict[str, Any]) -> Asked:
        """Each question has one answer, in the order of asking."""
        asked, number = self.life.asked, frame["number"]
        demand(asked, "G1", f"{self.key} {number} is answered, and was not asked")
        one = asked.popleft()
        demand(one.number == number, "G1", f"{self.key} is answered {number} before {one.number}")
        return one

    def _accepted(self, frame: dict[str, Any]) -> None:
        one, key = self._answer(frame), (frame["conversation"], frame["sequence"])
        demand(not one.clash, "D6", f"{self.key} {one.number} is accepted with another body")
        demand(self.accepted.setdefault(one.number, key) == key, "D5", f"{self.key} {one.number} has a new place {key}")
        self.unanswered.pop(one.number, None)
        mine = self.world.truth.boxes.get(self.person, {})
        if isinstance(self.sent[one.number], frames.Send) and one.number > self.former and key in mine:
            self.stored.add(key)

    def _refused(self, frame: dict[str, Any]) -> None:
        one = self._answer(frame)
        if not one.clash:
            lost = one.number in self.accepted and frame["reason"] != "stale_number"
            demand(not lost, "D5", f"{self.key} {one.number} was accepted, and is refused as {frame['reason']}")
            self.unanswered.pop(one.number, None)

    def _synced(self, frame: dict[str, Any]) -> None:
        tokens = self.world.tokens
        position = tokens.position(frame["token"])
        missing = self._missing(position)
        demand(not missing, "D10", f"{self.key} lacks {missing[:3]}, which stand before its token for {position}")
        self.token = frame["token"]
        self.life.phase = "synced"

    def _missing(self, position: int) -> list[Key]:
        box = self.world.truth.boxes.get(self.person, {})
        return [key for key, (at, _) in box.items() if at <= position and key not in self.stored]

    def lacks(self) -> list[Key]:
        """Name what its person may read and it has not got."""
        return sorted(self.world.truth.boxes.get(self.person, {}).keys() - self.stored)

    def keeps(self) -> list[Key]:
        """Name what it has got and its person may not read any more."""
        return sorted(self.stored - self.world.truth.boxes.get(self.person, {}).keys())

    def _ping(self, frame: dict[str, Any]) -> None:
        if self.wire is not None:
            self.wire.send(PONG, b"")

    def _closed(self, frame: dict[str, Any]) -> None:
        if self.wire is not None:
            self.wire.cut()


WRITTEN = {
    "welcome": Device._welcome_written,
    "message": Device._message_written,
    "accepted": Device._accepted_written,
    "refused": Device._refused_written,
    "synced": Device._synced_written,
    "forget": Device._forget_written,
}
READ = {
    "welcome": Device._welcome,
    "message": Device._message,
    "accepted": Device._accepted,
    "refused": Device._refused,
    "synced": Device._synced,
    "forget": Device._forget,
    "control 9": Device._ping,
    "control 8": Device._closed,
}

"""A router with everything around it simulated: a journal whose appends can be held back, sockets, and devices.

Rules of the file:
- Devices read the wire with the independent packages, msgpack and orjson; nothing of the gateway decodes for them.
- A device's cursor is the highest sequence of the *messages* it got: they come in order. An `accepted` moves none.
- `Mailboxes` is the naive truth: walks the durable events one by one and hands each record to whoever is in then.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgpack
import orjson

from adapters import consumer, enterprise
from adapters.journal_memory import MemoryJournal
from gateway import commands, decide, events, profile
from gateway.config import Config
from gateway.events import AnyEvent
from gateway.ports import ResumePoint
from gateway.router import Router
from gateway.session import Phase, Session, Unanswerable
from gateway.state import State
from protocol import content, frames
from protocol.codec import JSON, MSGPACK
from protocol.errors import Close
from protocol.ids import corp_of

CORP = "silk"
MEMBERS = ("zhang", "li")
CONSUMERS = ("amy", "bo", "cai")
PEOPLE = (*(f"{CORP}/{name}" for name in MEMBERS), *CONSUMERS)
NOW_MS = 1_786_320_000_000

Key = tuple[str, int]  # a conversation and a sequence


class HeldJournal(MemoryJournal):
    """A memory journal whose appends return when they are let."""

    def __init__(self, records: list[bytes]) -> None:
        super().__init__()
        self._records = list(records)
        self._gate = asyncio.Event()
        self._gate.set()
        self.grew: Callable[[], None] = lambda: None

    def hold(self) -> None:
        self._gate.clear()

    def let(self) -> None:
        self._gate.set()

    @property
    def held(self) -> bool:
        return not self._gate.is_set()

    async def append(self, records: list[bytes]) -> None:
        await self._gate.wait()
        await super().append(records)
        self.grew()

    def record(self, position: int) -> bytes:
        return self._records[position - 1]


class Mailboxes:
    """What everybody may read, by the simplest means: who is in when a record is written gets it."""

    def __init__(self) -> None:
        self.position = 0
        self.boxes: dict[str, dict[Key, tuple[int, bytes]]] = {}
        self.inside: dict[str, set[str]] = {}
        self.corps: dict[str, str] = {}
        self.heads: dict[str, int] = {}
        self.accepted: dict[tuple[str, str, int], Key] = {}

    def take(self, event: AnyEvent) -> None:
        self.position += 1
        match event:
            case events.Posted():
                self._post(event)
            case events.Joined():
                self.inside[event.conversation].add(event.person)
            case events.Left():
                self.inside[event.conversation].discard(event.person)
            case events.CorpReset():
                self._forget(event.corpid)
            case events.Answered():
                self.accepted[event.person, event.device, event.number] = event.conversation, 0
            case _:
                self._open(event)

    def _open(self, event: AnyEvent) -> None:
        """Take in that a conversation is there, with those who are in it from the start."""
        match event:
            case events.MemberPut():
                self._enter(event.own, event.corpid, f"{event.corpid}/{event.userid}")
            case events.ConsumerKnown():
                self._enter(event.own, event.corpid, event.handle)
            case events.RelationPut():
                self._enter(event.conversation, event.corpid, event.member, event.consumer)
            case events.GroupPut():
                self._enter(event.conversation, event.corpid)
            case events.AppOpened():
                self._enter(event.conversation, event.corpid, event.person)
            case _:
                pass

    def _enter(self, conversation: str, corpid: str, *people: str) -> None:
        self.inside.setdefault(conversation, set()).update(people)
        self.corps[conversation] = corpid

    def _forget(self, corpid: str) -> None:
        gone = {name for name, corp in self.corps.items() if corp == corpid}
        for name in gone:
            del self.inside[name], self.corps[name]
            self.heads.pop(name, None)
        for box in self.boxes.values():
            for key in [key for key in box if key[0] in gone]:
                del box[key]

    def _post(self, event: events.Posted) -> None:
        assert event.sequence == self.heads.get(event.conversation, 0) + 1, "dense"
        self.heads[event.conversation] = event.sequence
        for person in self.inside[event.conversation]:
            self.boxes.setdefault(person, {})[event.conversation, event.sequence] = self.position, event.frame
        if event.device:
            self.accepted[event.sender, event.device, event.number] = event.conversation, event.sequence


class PlainTokens:
    """Resume tokens that a test can read."""

    def resume_token(self, point: ResumePoint) -> str:
        return f"{point.epoch} {point.position} {point.person}"

    def read_resume_token(self, token: str) -> ResumePoint | None:
        epoch, position, person = token.split(" ")
        return ResumePoint(int(epoch), person, int(position))

    @staticmethod
    def position(token: str) -> int:
        return int(token.split(" ")[1])


class StillClock:
    def real_ms(self) -> int:
        return NOW_MS


class Pipe:
    """A socket: what is written is taken at once, or, while stalled, waits."""

    def __init__(self, simulation: "Simulation", device: "Device") -> None:
        self.simulation = simulation
        self.device = device
        self.session: Session | None = None
        self.waiting = bytearray()
        self.ever_stalled = False
        self.paused = False
        self.gone = False
        self.closed_with = 0
        self._drained: list[asyncio.Future[None]] = []
        self._stalled = False

    @property
    def stalled(self) -> bool:
        return self._stalled

    @stalled.setter
    def stalled(self, on: bool) -> None:
        self._stalled, self.ever_stalled = on, self.ever_stalled or on

    def write(self, data: bytes) -> None:
        if self.gone:
            return
        assert not self.closed_with, "nothing follows a close"
        self.simulation.writes += 1
        self.simulation.check_durable(self.device, data)
        self.waiting += data
        if not self.stalled:
            self._hand_over()

    def _hand_over(self) -> None:
        data, self.waiting = bytes(self.waiting), bytearray()
        self.device.read(data)

    def buffered(self) -> int:
        return len(self.waiting)

    async def writable(self) -> None:
        if self.waiting and not self.gone:
            future = asyncio.get_running_loop().create_future()
            self._drained.append(future)
            await future

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False
        self.device.flush()

    def close(self, code: int, reason: str) -> None:
        self.closed_with = self.closed_with or code

    def drain(self) -> None:
        """Take everything, as a socket whose reader woke up does."""
        self.stalled = False
        if not self.waiting:
            return
        self._hand_over()
        self._release()
        assert self.session is not None
        self.simulation.router.drained(self.session)

    def _release(self) -> None:
        for future in self._drained:
            if not future.done():
                future.set_result(None)
        self._drained.clear()

    def drop(self) -> None:
        """Lose the connection with all that was on its way."""
        if self.gone:
            return
        self.gone = True
        self.waiting.clear()
        self._release()
        assert self.session is not None
        self.simulation.router.closed(self.session)


class Device:
    """One device of a person: what it has stored, and its link if it has one."""

    def __init__(self, simulation: "Simulation", person: str, name: str, codec: str) -> None:
        self.simulation = simulation
        self.person = person
        self.name = name
        self.codec = codec
        self.token = ""
        self.stored: dict[Key, Any] = {}
        self.cursors: dict[str, int] = {}
        self.number = 0
        self.sent: dict[int, frames.ClientCommand] = {}
        self.accepted: dict[int, Key] = {}
        self.former = 0  # numbers up to here belong to a life that was forgotten
        self.pipe: Pipe | None = None
        self.unsent: list[bytes] = []
        self.begin_link(0, {})

    def begin_link(self, after: int, cursors: dict[str, int]) -> None:
        self.link_after = after
        self.link_cursors = cursors
        self.link_got: set[Key] = set()
        self.link_phase = "new"
        self.link_accepted: set[Key] = set()  # what this link was told of its own, while live and taking everything
        self.faults: list[int] = []

    @property
    def linked(self) -> bool:
        return self.pipe is not None and not self.pipe.gone

    def connect(self, with_token: bool, cursors: int) -> None:
        """Open a link; say hello with the stored token, and with so many of the cursors."""
        self.disconnect()
        if not with_token:
            self.token, self.stored, self.cursors = "", {}, {}
        simulation = self.simulation
        named = dict(list(self.cursors.items())[:cursors])
        self.pipe = pipe = Pipe(simulation, self)
        side = enterprise if corp_of(self.person) else consumer
        codec = JSON if self.codec == "json" else MSGPACK
        pipe.session = Session(pipe, codec, side.AUDIENCE, side.COMMANDS, self.person, self.name, "jti")
        position = PlainTokens.position(self.token) if self.token else 0
        self.begin_link(position, named if self.token else {})
        self.unsent = []
        simulation.router.open(pipe.session)
        self.say(frames.Hello(self.token, tuple(named.items())))
        self.number = max(self.number, simulation.last_number(self))

    def disconnect(self) -> None:
        if self.pipe is not None:
            self.pipe.drop()
            self.pipe = None

    def say(self, frame: frames.ClientFrame) -> None:
        self.unsent.append((JSON if self.codec == "json" else MSGPACK).encode(frame))
        self.flush()

    def flush(self) -> None:
        """Hand to the gateway what was said, as far as it reads."""
        pipe = self.pipe
        while self.unsent and pipe is not None and not pipe.paused and not pipe.gone and not pipe.closed_with:
            session = pipe.session
            assert session is not None
            if session.phase is Phase.HELLO and session.inbox:
                return  # the welcome is awaited
            session.receive(self.unsent.pop(0))
            self.simulation.router.ready(session)

    def send(self, conversation: str, text: str) -> None:
        self.command(lambda number: frames.Send(number, conversation, content.Text(text)))

    def command(self, make: Callable[[int], frames.ClientCommand]) -> None:
        self.number += 1
        self.sent[self.number] = make(self.number)
        self.say(self.sent[self.number])

    def repeat(self) -> None:
        """Say the last command again, as a device does that has heard nothing."""
        if self.sent and max(self.sent) > self.former:
            self.say(self.sent[max(self.sent)])

    def read(self, data: bytes) -> None:
        """Take what came off the socket."""
        for frame in decoded(data):
            getattr(self, f"_{frame['type']}")(frame)

    def _welcome(self, frame: dict[str, Any]) -> None:
        assert self.link_phase == "new"
        self.link_phase = "welcomed"
        assert (frame["person"], frame["device"]) == (self.person, self.name)
        if not frame["resumed"]:
            self.link_after, self.link_cursors = 0, {}
            self.stored, self.cursors = {}, {}

    def _message(self, frame: dict[str, Any]) -> None:
        key = frame["conversation"], frame["sequence"]
        assert self.link_phase != "new", "welcome comes first"
        assert key not in self.link_got, "nothing twice on one link"
        assert key not in self.link_accepted, "a live device hears accepted instead of its own message"
        self.link_got.add(key)
        assert key[1] > self.link_cursors.get(key[0], 0), "nothing at or below a cursor"
        assert key[1] > max((at for name, at in self.link_got - {key} if name == key[0]), default=0), "in order"
        self.stored[key] = frame
        self.cursors[key[0]] = max(self.cursors.get(key[0], 0), key[1])

    def _accepted(self, frame: dict[str, Any]) -> None:
        number, key = frame["number"], (frame["conversation"], frame["sequence"])
        assert self.accepted.setdefault(number, key) == key, "a repeat gets its first answer"
        sent = self.sent[number]
        assert self.pipe is not None
        if self.link_phase == "synced" and not self.pipe.ever_stalled:
            self.link_accepted.add(key)
        if isinstance(sent, frames.Send) and number > self.former:
            assert key[0] == sent.conversation
            self.stored.setdefault(key, None)

    def _refused(self, frame: dict[str, Any]) -> None:
        assert frame["reason"] != "internal"

    def _synced(self, frame: dict[str, Any]) -> None:
        position = PlainTokens.position(frame["token"])
        for key, (at, _) in self.simulation.mail.boxes.get(self.person, {}).items():
            assert at > position or key in self.stored, f"{key} at {at} stands before the token for {position}"
        self.token = frame["token"]
        self.link_phase = "synced"

    def _forget(self, frame: dict[str, Any]) -> None:
        for key in [key for key, said in self.stored.items() if said is None or said["corp"] == frame["corp"]]:
            del self.stored[key]
            self.cursors.pop(key[0], None)
            self.link_cursors.pop(key[0], None)
            self.link_got.discard(key)
            self.link_accepted.discard(key)
        self.former = max(self.accepted, default=0)

    def _fault(self, frame: dict[str, Any]) -> None:
        self.faults.append(frame["code"])


def payloads(data: bytes) -> list[tuple[int, bytes]]:
    """Take WebSocket frames of a server apart, by hand: the first byte of each, and what it carries."""
    found, at = [], 0
    while at < len(data):
        head, length, at = data[at], data[at + 1], at + 2
        if length == 126:
            length, at = int.from_bytes(data[at : at + 2], "big"), at + 2
        elif length == 127:
            length, at = int.from_bytes(data[at : at + 8], "big"), at + 8
        assert at + length <= len(data), "a write ends with a frame"
        found.append((head, data[at : at + length]))
        at += length
    return found


def decoded(data: bytes) -> list[dict[str, Any]]:
    """Read the frames of a server."""
    return [orjson.loads(text) if head == 0x81 else msgpack.unpackb(text) for head, text in payloads(data)]


class Simulation:
    """The router on its journal, the truth beside it, and the devices."""

    def __init__(self, history: tuple[bytes, list[bytes]], config: Config) -> None:
        state, records = history
        self.journal = HeldJournal(records)
        self.mail = Mailboxes()
        self.journal.grew = self.look
        self.look()
        self.defects: list[BaseException] = []
        self.router = Router(
            State.load(state),
            self.journal,
            StillClock(),
            PlainTokens(),
            lambda what, why: self.defects.append(why),
            config,
        )
        self.writes = 0
        self.devices = [
            Device(self, person, name, codec)
            for person in PEOPLE
            for name, codec in (("phone", "msgpack"), ("desk", "json"))
        ]
        self.turning = asyncio.get_running_loop().create_task(self.router.run())

    def look(self) -> None:
        """Bring the truth up to what is durable."""
        for position in range(self.mail.position + 1, self.journal.position + 1):
            self.mail.take(events.decode(self.journal.record(position)))

    def last_number(self, device: Device) -> int:
        numbers = [
            number for person, name, number in self.mail.accepted if (person, name) == (device.person, device.name)
        ]
        return max(numbers, default=0)

    def check_durable(self, device: Device, data: bytes) -> None:
        """Nothing is said before it is durable."""
        for frame in decoded(data):
            if frame["type"] == "message":
                position, said = self.mail.boxes[device.person][frame["conversation"], frame["sequence"]]
                assert msgpack.unpackb(said) == frame, "what stands in the journal"
                assert position > device.link_after, "nothing at or below the token"
            elif frame["type"] == "accepted":
                assert (device.person, device.name, frame["number"]) in self.mail.accepted
            elif frame["type"] == "synced":
                assert PlainTokens.position(frame["token"]) <= self.mail.position
            elif frame["type"] == "welcome":
                refused = self.router.writer.refusals.get((device.person, device.name), {})
                assert frame["last_number"] <= self.last_number(device) or frame["last_number"] in refused

    async def ask(self, *asked: commands.Command) -> None:
        """Have commands decided, together in one turn if the bounds allow; fail as the router fails."""
        waiting = asyncio.gather(*(self.router._ask(command) for command in asked))
        both: set[asyncio.Future[Any]] = {self.turning, waiting}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if self.turning.done():
            self.turning.result()

    async def settle(self) -> None:
        """Run the loop until nothing happens any more."""
        quiet, before = 0, (-1, -1, -1)
        for _ in range(20_000):
            await asyncio.sleep(0)
            now = (self.router.statistics.turns, self.writes, self.journal.position)
            quiet = quiet + 1 if now == before else 0
            before = now
            if quiet > 8:
                break
        else:
            raise AssertionError("the gateway never rests")
        if self.turning.done():
            self.turning.result()
        assert not self.defects, self.defects

    async def finish(self) -> None:
        """Let everybody drain and come back, then stop."""
        self.journal.let()
        for device in self.devices:
            if device.pipe is not None:
                device.pipe.drain()
        await self.settle()
        for device in self.devices:
            if not device.linked or (device.pipe is not None and device.pipe.closed_with):
                device.connect(True, 256)
        await self.settle()
        await self.settle()

    async def stop(self) -> None:
        self.journal.let()
        for device in self.devices:
            device.disconnect()
        self.router.stop()
        await asyncio.wait([self.turning])


def lived(talk: int = 0) -> tuple[bytes, list[bytes]]:
    """Make a small world with a past: relations, a group with people who left, and long conversations."""
    state, records = State(), []

    def take(decided: Any) -> None:
        assert not hasattr(decided, "reason"), decided
        for event in decided if isinstance(decided, list) else [decided]:
            records.append(events.encode(event))
            state.apply(event)

    def serve(command: commands.Command) -> None:
        take(decide.by_service(state, NOW_MS, NOW_MS, command))

    serve(commands.ResetWorld("seed"))
    serve(commands.SetProfile(profile.read("bench")))
    for command in WORLD:
        serve(command)
    for number in range(talk):
        sender = PEOPLE[number % 2 * 2]
        chat = state.people[PEOPLE[0]].contacts["amy"]
        take(
            decide.by_client(
                state,
                NOW_MS,
                state.people[sender],
                "past",
                frames.Send(number + 1, chat, content.Text(f"past {number}")),
            )
        )
    return state.dump(), records


WORLD: tuple[commands.Command, ...] = (
    commands.PutCorp(CORP, "Silk", "silk", "certified"),
    *(commands.PutMember(CORP, name, name) for name in MEMBERS),
    *(commands.PutConsumer(name) for name in CONSUMERS),
    commands.PutRelation(CORP, "zhang", "amy"),
    commands.PutRelation(CORP, "zhang", "bo"),
    commands.PutRelation(CORP, "li", "amy"),
    commands.PutGroup(CORP, "tea", "zhang", "chat-tea", members=("li",), consumers=("amy",)),
    commands.PutCode(CORP, userid="li", code="q-li"),
    commands.PutCode(CORP, chat_id="chat-tea", code="q-tea"),
)

__all__ = ["CORP", "PEOPLE", "WORLD", "Close", "Device", "Simulation", "Unanswerable", "lived"]

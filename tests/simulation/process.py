"""The gateway's process, with everything that it stands on simulated: from what the disk has to a crash."""

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from adapters import opening
from adapters.callbacks import Callbacks
from adapters.link import Links
from adapters.mqtt import MqttDoor
from adapters.mqtt_opening import Asked, _tell_growth
from adapters.real_clock import RealClock
from adapters.tokens import Keys, TokenBox
from gateway import commands, decide, events
from gateway import profile as profiles
from gateway.router import Router
from gateway.state import State
from tests.property.simulated import CORP, NOW_MS, WORLD, PlainTokens
from tests.simulation.disk import SimulatedCursor, SimulatedJournal, SimulatedMarks
from tests.simulation.outside import SimulatedReceivers

if TYPE_CHECKING:
    from tests.simulation.world import World

OTHER = "straw"
KEYS = Keys.fresh()
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

OTHERS: tuple[commands.Command, ...] = (
    commands.PutCorp(OTHER, "Straw", "straw", "verified"),
    commands.PutMember(OTHER, "wu", "wu"),
    commands.PutRelation(OTHER, "wu", "amy"),
    commands.PutGroup(OTHER, "hay", "wu", "chat-hay", consumers=("amy",)),
    commands.PutCode(OTHER, userid="wu", code="q-wu"),
    commands.PutCode(OTHER, chat_id="chat-hay", code="q-hay"),
)
FOUNDED: tuple[commands.Command, ...] = (
    *WORLD,
    commands.PutDepartment(CORP, 7, "store", store=True),
    commands.PutMember(CORP, "li", "li", (7,)),
    commands.PutMember(CORP, "zhang", "zhang", (7,)),
    commands.PutApp(CORP, "till", "Till", "secret", "https://till.example", "token", AES_KEY),
    commands.PutCode(CORP, userid="zhang", code="q-zhang", skip_verify=False),
    *OTHERS,
)


@cache
def founded(profile: str) -> list[bytes]:
    """Give the records of the world as it begins."""
    state, records = State(), []
    numbers = profiles.read("tiny" if profile == "roomy" else profile)
    if profile == "roomy":
        wider = tuple(replace(row, limit=row.limit * 8) for row in numbers.frequency if isinstance(row.limit, int))
        numbers = replace(numbers, name="roomy", frequency=wider, group_size_max=4, group_scan_max=4)
    for command in (commands.ResetWorld("seed"), commands.SetProfile(numbers), *FOUNDED):
        decided = decide.by_service(state, NOW_MS, NOW_MS, command)
        assert isinstance(decided, list), (command, decided)
        for event in decided:
            records.append(events.encode(event))
            state.apply(event)
    return records


class Tokens(PlainTokens, TokenBox):
    """The gateway's own, but for resume tokens, which the devices' judge must be able to read."""

    @staticmethod
    def spoilt(token: str, person: str, wrong: str) -> str:
        """Make a token that must not be believed."""
        epoch, position, _ = token.split(" ")
        match wrong:
            case "another world":
                return f"{int(epoch) + 1} {position} {person}"
            case "a later time":
                return f"{epoch} {int(position) + 1_000_000} {person}"
            case "somebody else":
                return f"{epoch} {position} {person}x"
            case _:
                return token


class Ordered(dict[Any, None]):
    """A set in the order of adding: that of the addresses in memory differs from run to run."""

    def add(self, one: object) -> None:
        self[one] = None

    def discard(self, one: object) -> None:
        self.pop(one, None)


class Gateway:
    """One life of the process: from what the disk has to a crash."""

    def __init__(self, world: "World") -> None:
        self.alive = True
        self.journal = SimulatedJournal(world.disk, world.truth.commits)
        world.truth.found([record for _, record in self.journal.replay(0)])
        if not self.journal.position:
            self.journal.begin(founded(world.plan.profile))
        state = opening.restore(self.journal)
        self.clock = RealClock()
        self.clock.begin_at(state.clock.newest_real_ms())
        self.tokens = Tokens(KEYS, self.clock)
        self.router = Router(state, self.journal, self.clock, self.tokens, world.defect, world.plan.config)
        sessions: Any = Ordered()
        self.router.sessions = self.router.writer.sessions = sessions
        loop = world.loop
        self.turning = loop.create_task(self.router.run())
        self.links = Links(self.router, self.clock.real_s)
        links: Any = Ordered()
        self.links.links = links
        marks = SimulatedMarks(world.disk, state, lambda: self.alive)
        receivers = SimulatedReceivers(world.target, world.truth, self.router, self.clock, lambda: "https://gateway")
        self.marks = marks
        self.calling = loop.create_task(self._call_back(Callbacks(self.router, marks, receivers)))
        cursor = SimulatedCursor(world.disk, lambda: self.alive)
        self.door = MqttDoor(
            "mqtt://127.0.0.1", Asked(self.router), self.journal, state, cursor, client_id="h", trusted=None
        )
        loop.create_task(self.door.run())
        loop.create_task(_tell_growth(self.router, self.door))

    @staticmethod
    async def _call_back(calls: Callbacks) -> None:
        async with calls.open():
            await asyncio.Event().wait()

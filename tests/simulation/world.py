"""One run: the gateway as it is, everything around it simulated, and the truth beside it.

Two phases. While it is unsafe, anything may crash, get lost or be late, and everything said must be right. Then what is
broken is mended, and everybody must end up with everything that is theirs.
"""

from asyncio import events as asyncio_events
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from aiomqtt import MqttError

from adapters import callbacks, consumer, enterprise, http, journal_sqlite, mqtt, real_clock, tokens
from adapters.link import Link
from adapters.mqtt import _NothingDone
from adapters.mqtt_opening import NotTaken
from adapters.tokens import LinkClaims, Rejected
from gateway import commands, deadlines, events
from gateway.policy import content as content_policy
from gateway.ports import AppendFailed
from gateway.session import Session
from gateway.state import State
from protocol.codec import JSON, MSGPACK
from protocol.ids import corp_of
from tests.property.simulated import NOW_MS
from tests.simulation.broken import Broken, demand
from tests.simulation.devices import Device, Life
from tests.simulation.disk import Disk, Thread
from tests.simulation.doings import do
from tests.simulation.loop import Loop
from tests.simulation.outside import Broker, BrokerLink, Target
from tests.simulation.plan import Plan
from tests.simulation.process import OTHERS, Gateway, Tokens
from tests.simulation.truth import Truth
from tests.simulation.wire import Wire

PEOPLE = ("silk/zhang", "silk/li", "straw/wu", "amy", "bo", "cai")
QUIET_S = 300.0  # in which everybody must have everything once nothing goes wrong any more
# By these a task tells whoever waits for it that nothing was done, that the broker has gone, or that the disk failed.
MEANT = (NotTaken, _NothingDone, MqttError, AppendFailed)


class World:
    """Everything, and what the operations do to it."""

    tokens = Tokens

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.dice = Random(plan.seed)
        self.loop = Loop(*MEANT)  # type: ignore[abstract]  # it has what the gateway's logic needs of a loop
        self.disk = Disk(folder, self.loop, Random(plan.seed + 1))
        self.truth = Truth(self.asked)
        self.broker: Broker = Broker(self.loop, self.truth, Random(plan.seed + 2))
        self.target = Target(Random(plan.seed + 3))
        self.hash = blake2b(digest_size=16)
        self.excused = 0  # answers that may say that there was a defect
        self.spoiled = 0  # decisions that are about to meet one
        self.wall_ms = float(NOW_MS)  # ahead of the loop's time by so much; moves when the machine's clock is set
        self.faults = self.idle = 0
        self.latest_ms = 0  # the latest that the process was told by the machine's clock
        self.delay_s = 0.01
        self.gateway: Gateway | None = None
        self.wires: list[Wire] = []
        self.devices = {
            f"{person}:{name}": Device(self, person, name, codec)
            for person in PEOPLE
            for name, codec in (("phone", "msgpack"), ("desk", "json"))
        }
        self.everybody = list(self.devices.values())

    def note(self, what: str) -> None:
        """Put something into the hash of the run."""
        self.hash.update(what.encode())

    def asked(self, person: str, device: str, number: int) -> set[str]:
        return self.devices[f"{person}:{device}"].said.get(number, set())

    def defect(self, what: str, why: BaseException) -> None:
        if isinstance(why, Broken):
            raise why
        if not (isinstance(why, ZeroDivisionError) and self.excused):
            raise AssertionError(f"{what}: {why!r}") from why

    # The process.

    def start(self) -> None:
        """Start the gateway with what the disk has."""
        if self.gateway is None:
            self.latest_ms = 0
            self.gateway = Gateway(self)

    def crash(self, *, finish: bool = False) -> None:
        """End the process as kill does; `finish` says whether a commit under way still comes to stand."""
        gateway, self.gateway = self.gateway, None
        if gateway is None:
            return
        gateway.alive = False
        for wire in self.wires:
            wire.fall()
        self.wires.clear()
        self.broker.link = None
        self.truth.poisoned.clear()  # what nobody remembers may be asked anew
        gateway.journal.crash(finish=finish)
        self.loop.end_tasks()
        if self.dice.random() < 0.4:
            self.disk.checkpoint = self.truth.checkpoint()
        self.loop.call_later(self.dice.random() * 0.2, self.start)

    def look(self) -> None:
        """See whether the process has ended by itself."""
        gateway = self.gateway
        if gateway is None:
            return
        if gateway.turning.done():
            self.crash()
            return
        most = self.plan.config.inbox_frames_max
        for session in gateway.router.sessions:
            demand(len(session.inbox) <= most, "R1", f"{len(session.inbox)} frames of {session.person} wait")

    # Links.

    def admitted(self, device: Device) -> LinkClaims | None:
        """Ask the door for entry, as a client does; a token that is good no more is replaced for the next time."""
        gateway = self.gateway
        if gateway is None:
            return None
        if not device.link_token:
            device.link_token = gateway.tokens.link_token(
                device.person, device.name, self.dice.choice((20, 3600, 86_400))
            )
        try:
            claims = gateway.tokens.read_link_token(device.link_token)
        except Rejected:
            device.link_token = ""
            return None
        if not http.admits(gateway.router.state, claims):
            device.link_token = ""
            return None
        demand(claims.token_id not in self.truth.revoked, "S3", f"{device.key} comes in with a revoked token")
        late_s = self.latest_ms // 1000 - claims.expires_s
        demand(late_s < 0, "G4", f"{device.key} comes in with a token that has expired {late_s} s ago")
        return claims

    def open(self, device: Device, claims: LinkClaims, life: Life) -> Wire:
        """Make a link as the HTTP door does after its handshake."""
        assert self.gateway is not None
        links, router = self.gateway.links, self.gateway.router
        wire = Wire(self.loop, device, life, lambda: self.dice.random() * self.delay_s)
        link = Link(wire, router, links._gone, claims)
        side = enterprise if corp_of(claims.person) else consumer
        codec = JSON if device.codec == "json" else MSGPACK
        link.session = Session(link, codec, side.AUDIENCE, side.COMMANDS, claims.person, claims.device, claims.token_id)
        wire.link = link
        device.wire = wire
        self.wires.append(wire)
        links.links.add(link)
        links._empty.clear()
        router.open(link.session)
        if links._sweep is None:
            links._sweep = self.loop.call_later(1.0, links._look)
        return wire

    async def query(self) -> None:
        """Look at the state as services do, and hold it against the truth."""
        assert self.gateway is not None
        seen = await self.gateway.router.query(lambda state, _now_ms: state.position)
        if isinstance(seen, int):
            demand(seen <= self.truth.position, "J3", f"a query sees {seen}, and {self.truth.position} are durable")

    def ask(self, command: commands.Command) -> None:
        """Have a command of control or the API decided; what becomes of it is seen in the log."""
        if self.gateway is not None and self.gateway.router.state.people:
            self.gateway.router._ask(command)

    def found_anew(self) -> None:
        """Have everything of the other enterprise made that is not there."""
        for command in OTHERS:
            self.ask(command)

    def end(self) -> None:
        """Let go of everything, whatever came."""
        gateway, self.gateway = self.gateway, None
        if gateway is not None:
            gateway.alive = False
            gateway.journal.crash(finish=False)

    # The phases.

    def run(self) -> str:
        """Live through the plan, then mend everything; give the hash of the run."""
        self.start()
        for op in self.plan.ops:
            self.loop.run_until(self.loop.time() + op.after_ms / 1000)
            self.look()
            do(self, op)
            self.note(f"{op}")
        self.heal()
        self.settle()
        self.judge()
        return self.hash.hexdigest()

    def heal(self) -> None:
        """Mend what is broken."""
        disk, broker, target = self.disk, self.broker, self.target
        disk.full, disk.failing, disk.slowest_s = False, "", 0.004
        broker.away, broker.shuffles, target.mood, self.delay_s, self.spoiled = False, False, "well", 0.01, 0
        for wire in self.wires:
            if not wire.peer_gone:
                wire.free()

    def settle(self) -> None:
        """Let time pass until nobody lacks anything, within a bound."""
        until = self.loop.time() + QUIET_S
        while (lacking := self.lacking()) and self.loop.time() < until:
            self.loop.run_until(self.loop.time() + 0.5)
            self.look()
            self.start()
            if self.gateway is not None and "straw/wu" not in self.gateway.router.state.people:
                self.found_anew()
            for device in self.everybody:
                if not device.linked:
                    device.connect(True, 256)
        demand(not lacking, "D4", f"{QUIET_S:g} s after everything was mended, {lacking}")

    def lacking(self) -> str:
        """Say what somebody still lacks."""
        for device in self.everybody:
            if self.is_gone(device):
                continue
            if device.life.phase != "synced" or not device.linked:
                return f"{device.key} is not live"
            if device.unanswered:
                return f"{device.key} has no answer to {list(device.unanswered)[:3]}"
            if lacks := device.lacks():
                return f"{device.key} lacks {lacks[:3]} of {len(lacks)}"
        return self.lacking_outside()

    def lacking_outside(self) -> str:
        gateway = self.gateway
        if gateway is None or gateway.router.state.jobs or any(self.truth.jobs.values()):
            return "a job is not done"
        if gateway.router.durable_position != gateway.router.state.position:
            return "something is not durable"
        if self.broker.kept:
            return f"the broker keeps {list(self.broker.kept)[:3]}"
        untold = [one for _, one in self.truth.heard if one not in self.broker.told]
        if untold:
            return f"nobody was told of {untold[:3]}"
        for app, due in self.truth.due.items():
            told = {position for position, _, outcome in self.target.told.get(app, []) if outcome != "failed"}
            if missing := [position for position in due if position not in told]:
                return f"{app} was not called back about {missing[:3]}"
        return self.truth.many.lacking()

    def is_gone(self, device: Device) -> bool:
        """Tell whether a person has left the enterprise."""
        return device.person in self.truth.departed

    def judge(self) -> None:
        """At rest: replay from nothing and from a checkpoint give the state that lives; and everything is let go."""
        gateway = self.gateway
        assert gateway is not None
        records = self.truth.records
        demand(gateway.router.state.position == len(records), "J1", "the state is behind the log, or ahead of it")
        for device in self.everybody:
            kept = device.keeps() if not self.is_gone(device) else []
            demand(not kept, "D13", f"{device.key} keeps {kept[:3]} of what was to be forgotten")
        live = gateway.router.state.digest()
        whole, half = State(), State()
        for at, record in enumerate(records):
            if at == len(records) // 2:
                half = State.load(whole.dump())
            whole.apply(events.decode(record))
            if at >= len(records) // 2:
                half.apply(events.decode(record))
        demand(whole.digest() == live, "J4", "replay from empty gives another state")
        demand(half.digest() == live, "J4", "replay from a checkpoint gives another state")
        for wire in self.wires:
            wire.cut()
        self.loop.run_until(self.loop.time() + 1.0)
        demand(not gateway.router.sessions and not gateway.router._devices, "R2", "sessions are left after their links")
        left = gateway.router.writer.audience
        demand(not left._live and not left._groups, "R2", "somebody is still pushed to after all links have ended")
        self.note(live)


@contextmanager
def simulated(world: World) -> Iterator[None]:
    """Put the simulated things where the gateway looks for the real ones."""
    loop = world.loop

    def mono_ns() -> int:
        return int(loop.time() * 1e9)

    def wall_ns() -> int:
        now_ms = int(world.wall_ms + loop.time() * 1000)
        world.latest_ms = max(world.latest_ms, now_ms)
        return now_ms * 1_000_000

    def check_body(*arguments: Any) -> Any:
        if world.spoiled:
            world.spoiled -= 1
            world.excused += 1
            world.truth.poisoned.add(getattr(arguments[1], "text", ""))
            raise ZeroDivisionError
        return real_check(*arguments)

    real_check = content_policy.check_body
    times = SimpleNamespace(time_ns=wall_ns, monotonic_ns=mono_ns, monotonic=loop.time)
    with ExitStack() as stack:
        for module, name, value in (
            (journal_sqlite, "OwnThread", Thread),
            (journal_sqlite, "insert", world.disk.insert),
            (deadlines, "SLICES_MAX", min(deadlines.SLICES_MAX, world.plan.config.link_share_max)),
            (real_clock, "time", times),
            (tokens, "secrets", SimpleNamespace(token_hex=lambda size: world.dice.randbytes(size).hex())),
            (callbacks, "time", times),
            (mqtt, "BrokerLink", BrokerLink),
            (mqtt, "log", SimpleNamespace(warning=lambda *_, **__: None, info=lambda *_, **__: None)),
            (content_policy, "check_body", check_body),
            (Thread, "disk", world.disk),
            (BrokerLink, "broker", world.broker),
        ):
            stack.enter_context(patch.object(module, name, value, create=True))
        asyncio_events._set_running_loop(loop)
        try:
            yield
        finally:
            loop.end_tasks()
            asyncio_events._set_running_loop(None)

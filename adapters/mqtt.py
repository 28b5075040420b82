"""The MQTT door: commands of other services in, events of the journal out.

Rules of the file:
- A command is acknowledged to the broker after its commit; one that is none, after its error event.
- Acknowledgements go out in the order in which commands came in (MQTT 5, 4.6.0-2); commits still group.
- An event is told until the broker has acknowledged it; then the cursor moves.
- The broker may go and come; the rest of the gateway does not notice.
"""

import asyncio
import time
from collections import OrderedDict
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

import aiomqtt
import structlog

from adapters.cursor import Cursor, Mark, encoded
from adapters.mqtt_events import Names, Telling, telling
from adapters.mqtt_link import IN_FLIGHT_MAX, Address, BrokerLink, wants_older
from gateway import events
from gateway.commands import Repeated, SendFor
from gateway.events import Origin, WorldReset, WorldRestored
from gateway.ports import Placed
from gateway.refusal import Refusal
from protocol.errors import UNKNOWN_CORP, WRONG_SIDE
from protocol.topics import COMMANDS_FILTER, Command, Publication, Unreadable, faulty, gateway_state, read_command

EVENTS_BATCH: Final = 256  # records read, and at most as many publications under way
UNMARKED_MAX: Final = 10_000  # records passed without telling anything before the cursor is stored all the same
CORRELATIONS_MAX: Final = 1024
PAUSE_MIN_S: Final = 0.1
PAUSE_MAX_S: Final = 5.0

log = structlog.get_logger(__name__)


class Gateway(Protocol):
    """What the door asks of the router."""

    async def ask(self, command: SendFor) -> object:
        """Return after the commit; any exception means that nothing was done, and that waiting helps.

        `Repeated` answers a command heard before, `Refusal` one whose end is not in the journal.
        """
        ...

    def corp_exists(self, corpid: str) -> bool: ...


class Records(Protocol):
    """The one thing the door asks of the journal."""

    async def scan(self, after: int, count: int) -> list[Placed]: ...


class _Taken(NamedTuple):
    """A message on its way: what was asked of the gateway, or what to say of it if it is no command."""

    message: aiomqtt.Message
    work: asyncio.Task[object] | Publication


class _NothingDone(Exception):
    """The gateway could not take a command: connect anew, so that the broker delivers it again."""


class MqttDoor:
    """The gateway as a client of a broker.

    `client_id` names the persistent session: one gateway, one id. `trusted` are the enterprises that commands may speak
    for, None for all; by default (`Address.trusted_by_default`) all on a loopback broker, none elsewhere.
    """

    def __init__(
        self, url: str, gateway: Gateway, journal: Records, names: Names, cursor: Cursor, *, client_id: str,
        trusted: frozenset[str] | None,
    ) -> None:  # fmt: skip
        self.connected = asyncio.Event()
        self.commands_total = self.faults_total = self.events_total = self.connections_total = 0
        self.link: BrokerLink | None = None
        self._address = Address.parse(url)
        self._gateway = gateway
        self._journal = journal
        self._names = names
        self._cursor = cursor
        self._client_id = client_id
        self._trusted = trusted
        self._version = aiomqtt.ProtocolVersion.V5
        self._pause_s = PAUSE_MIN_S
        self._away = False
        self._grown = asyncio.Event()
        self._mark = Mark()
        self._asking: set[asyncio.Task[object]] = set()
        self._correlations: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def grew(self) -> None:
        """Say that the journal has grown."""
        self._grown.set()

    async def run(self) -> None:
        """Serve until cancelled, connecting as often as it takes."""
        await self._load_mark()
        while True:
            try:
                async with BrokerLink(self._address, self._client_id, self._version) as link:
                    await self._serve(link)
            except (aiomqtt.MqttError, _NothingDone, OSError) as why:  # OSError: the cursor could not be stored
                self._note(why)
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, PAUSE_MAX_S)

    def _note(self, why: Exception) -> None:
        if self._version is aiomqtt.ProtocolVersion.V5 and wants_older(why):
            self._version = aiomqtt.ProtocolVersion.V311
            self._pause_s = 0.0
            return
        self._pause_s = max(self._pause_s, PAUSE_MIN_S)
        self._away = True
        log.warning("broker_away", why=str(why) or type(why).__name__, again_in_s=self._pause_s)

    async def _serve(self, link: BrokerLink) -> None:
        """Do everything that needs one connection, until it ends."""
        (granted,) = await link.subscribe(COMMANDS_FILTER, qos=1)
        if getattr(granted, "value", granted) != 1:
            raise aiomqtt.MqttError(f"the broker does not let us subscribe to {COMMANDS_FILTER} at QoS 1: {granted}")
        await link.tell(gateway_state(online=True), retain=True)
        self._pause_s = PAUSE_MIN_S
        self.connections_total += 1
        if self._away:
            self._away = False
            log.info("broker_back")
        self.link = link
        self.connected.set()
        try:
            await self._work(link)
        except asyncio.CancelledError:
            with suppress(aiomqtt.MqttError):
                await link.tell(gateway_state(online=False), retain=True)
            raise
        finally:
            self.connected.clear()
            self.link = None

    async def _work(self, link: BrokerLink) -> None:
        """Take, answer and tell until one of them ends. (Python 3.11's TaskGroup may lose a cancellation here.)"""
        taken: asyncio.Queue[_Taken] = asyncio.Queue(IN_FLIGHT_MAX)
        in_flight: set[int] = set()
        work = [
            asyncio.create_task(self._take(link, taken, in_flight)),
            asyncio.create_task(self._answer(link, taken, in_flight)),
            asyncio.create_task(self._tell(link)),
        ]
        try:
            ended, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            ended.pop().result()
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    def mark(self) -> bytes:
        """Give what the cursor's file says, as of now."""
        return encoded(self._mark)

    # Commands in

    async def _take(self, link: BrokerLink, taken: asyncio.Queue[_Taken], in_flight: set[int]) -> None:
        async for message in link.messages:
            if message.qos == 0:
                await taken.put(self._begin(message))
            elif message.mid not in in_flight:  # nats-server repeats after ack_wait what is still being committed
                in_flight.add(message.mid)
                await taken.put(self._begin(message))

    def _begin(self, message: aiomqtt.Message) -> _Taken:
        """Ask the gateway at once, so that commands share a commit; the answer is waited for in order."""
        topic, payload = message.topic.value, message.payload
        try:
            command = read_command(topic, payload, getattr(message.properties, "ResponseTopic", ""))
            self._check(command, message.retain)
        except Unreadable as fault:
            self.faults_total += 1
            if fault.corp is not None and not self._gateway.corp_exists(fault.corp):
                fault.corp = None
            return _Taken(message, faulty(fault, topic, payload, time.time_ns() // 1_000_000))
        self.commands_total += 1
        self._remember_correlation(command, message)
        asking = asyncio.create_task(self._ask(command))
        self._asking.add(asking)  # it goes on when the connection is lost: nothing can be unasked
        asking.add_done_callback(self._asking.discard)
        return _Taken(message, asking)

    async def _ask(self, command: Command) -> object:
        return await self._gateway.ask(_asked(command))

    def _check(self, command: Command, retained: bool) -> None:
        fault = None
        if not self._gateway.corp_exists(command.corp):
            fault = Unreadable(None, f"there is no enterprise {command.corp!r}", UNKNOWN_CORP)
        elif self._trusted is not None and command.corp not in self._trusted:
            fault = Unreadable(command.corp, "MQTT is not trusted for this enterprise: see [mqtt] trusted", WRONG_SIDE)
        elif retained:
            fault = Unreadable(command.corp, "a retained message is no command: it would be repeated for ever")
        if fault is not None:
            fault.id, fault.source = command.id, command.source
            raise fault

    async def _answer(self, link: BrokerLink, taken: asyncio.Queue[_Taken], in_flight: set[int]) -> None:
        while True:
            message, work = await taken.get()
            if isinstance(work, Publication):
                await link.tell(work)
            else:
                await asyncio.wait((work,))
                if work.cancelled() or work.exception() is not None:
                    raise _NothingDone(f"the gateway takes no commands: {work}")
                answer = work.result()
                if isinstance(answer, Refusal):  # not journaled: a defect, or an enterprise gone meanwhile
                    await link.tell(self._unheard(message, answer))
                elif isinstance(answer, Repeated):
                    await self._tell_records(link, await self._journal.scan(answer.position - 1, 1), answer.epoch)
            link.acknowledge(message)
            in_flight.discard(message.mid)

    def _unheard(self, message: aiomqtt.Message, refusal: Refusal) -> Publication:
        """Name a command that was read but ended without an event: nobody may take silence for an answer."""
        command = read_command(message.topic.value, message.payload)
        known = command.corp if self._gateway.corp_exists(command.corp) else None
        fault = Unreadable(known, refusal.reason.text, refusal.reason)
        fault.id, fault.source = command.id, command.source
        return faulty(fault, message.topic.value, message.payload, time.time_ns() // 1_000_000)

    def _remember_correlation(self, command: Command, message: aiomqtt.Message) -> None:
        correlation = getattr(message.properties, "CorrelationData", b"")
        if correlation and command.reply_to:
            self._correlations[command.source, command.id] = correlation
            if len(self._correlations) > CORRELATIONS_MAX:
                self._correlations.popitem(last=False)

    # Events out

    async def _load_mark(self) -> None:
        self._mark = self._cursor.load()
        if self._mark.position and not await self._journal.scan(self._mark.position - 1, 1):
            log.warning("cursor_of_another_journal", position=self._mark.position)
            self._mark = Mark()

    async def _tell(self, link: BrokerLink) -> None:
        stored = self._mark.position
        while True:
            self._grown.clear()
            placed = await self._journal.scan(self._mark.position, EVENTS_BATCH)
            if not placed:
                await self._grown.wait()
                continue
            epoch, told = await self._tell_records(link, placed, self._mark.epoch)
            self._mark = Mark(epoch, placed[-1].position)
            if told or self._mark.position - stored >= UNMARKED_MAX:
                await self._cursor.store(self._mark)
                stored = self._mark.position
            await asyncio.sleep(0)  # a journal in memory never waits

    async def _tell_records(self, link: BrokerLink, placed: list[Placed], epoch: int) -> tuple[int, int]:
        """Publish in order what there is to tell; give the epoch after it, and how many were told."""
        tellings: list[Telling] = []
        for position, record in placed:
            event = events.decode(record)
            if isinstance(event, WorldReset | WorldRestored):
                epoch = event.epoch
            if (one := telling(f"{epoch}-{position}", event, self._names)) is not None:
                tellings.append(one)
        await asyncio.gather(*(link.tell(one.publication) for one in tellings))  # begun, and so sent, in this order
        for one in tellings:
            await self._copy(link, one)
        self.events_total += len(tellings)
        return epoch, len(tellings)

    async def _copy(self, link: BrokerLink, one: Telling) -> None:
        """Send an outcome to where the command wanted its answer; delivered is no answer."""
        if one.answers is None or not one.answers.reply_to:
            return
        correlation = self._correlations.get((one.answers.source, one.answers.id), b"")
        await link.copy(one.answers.reply_to, one.publication.payload, correlation)


def _asked(command: Command) -> SendFor:
    data = command.data
    origin = Origin(command.source, command.id, command.reply_to)
    return SendFor(command.corp, origin, *data.sender.chosen(), *data.to.chosen(), data.content)  # type: ignore[arg-type]

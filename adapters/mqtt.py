"""The MQTT door: commands of other services in, events of the journal out.

Rules of the file:
- A command is acknowledged to the broker after its commit; one that is none, after its error event.
- Acknowledgements go out in the order in which commands came in (MQTT 5, 4.6.0-2); commits still group.
- Nothing of QoS 1 is discarded: the broker holds back what exceeds Receive Maximum, or its own window before MQTT 5.
- An event is told until the broker has acknowledged it; then the cursor moves.
- The broker may go and come; the rest of the gateway does not notice.
"""

import asyncio
import ssl
import time
from collections import OrderedDict
from contextlib import suppress
from ipaddress import ip_address
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

import aiomqtt
import structlog
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from adapters.cursor import Cursor, Mark
from adapters.mqtt_events import Names, Telling, telling
from gateway import events
from gateway.commands import Repeated, SendFor
from gateway.events import Origin, WorldReset
from gateway.ports import Placed
from protocol.errors import UNKNOWN_CORP, WRONG_SIDE
from protocol.topics import COMMANDS_FILTER, Command, Publication, Unreadable, faulty, gateway_state, read_command

IN_FLIGHT_MAX: Final = 64  # commands taken and not yet acknowledged; more would not make commits larger
EVENTS_BATCH: Final = 256  # records read, and at most as many publications under way
UNMARKED_MAX: Final = 10_000  # records passed without telling anything before the cursor is stored all the same
CORRELATIONS_MAX: Final = 1024
PAUSE_MIN_S: Final = 0.1
PAUSE_MAX_S: Final = 5.0
FOR_EVER: Final = 0xFFFFFFFF  # MQTT 5's session expiry interval that never ends

log = structlog.get_logger(__name__)


class Gateway(Protocol):
    """What the door asks of the router."""

    async def ask(self, command: SendFor) -> object:
        """Return after the commit, `Repeated` for a command heard before; any exception means that nothing was done."""
        ...

    def corp_exists(self, corpid: str) -> bool: ...


class Records(Protocol):
    """The one thing the door asks of the journal."""

    async def scan(self, after: int, count: int) -> list[Placed]: ...


class Address(NamedTuple):
    """Where a broker listens."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read mqtt://[user:password@]host[:port] or mqtts://…; ValueError says what is wrong."""
        parts = urlsplit(url)
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname or parts.path not in {"", "/"}:
            raise ValueError("a broker's URL is mqtt://[user:password@]host[:port], or mqtts://… for TLS")
        tls = parts.scheme == "mqtts"
        username, password = (unquote(text) if text else None for text in (parts.username, parts.password))
        return cls(parts.hostname, parts.port or (8883 if tls else 1883), username, password, tls)

    def trusted_by_default(self) -> frozenset[str] | None:
        """Give the enterprises that commands may speak for: all (None) on a loopback broker, none elsewhere."""
        with suppress(ValueError):
            return None if ip_address(self.host).is_loopback else frozenset()
        return None if self.host == "localhost" else frozenset()


class _Waiting(asyncio.Queue[aiomqtt.Message]):
    """What was received and not yet taken: of QoS 0, which promises nothing, no more than a bound."""

    def put_nowait(self, item: aiomqtt.Message) -> None:
        if item.qos == 0 and self.qsize() >= IN_FLIGHT_MAX:
            raise asyncio.QueueFull  # aiomqtt logs it
        super().put_nowait(item)


class BrokerLink(aiomqtt.Client):
    """One connection; the only place that touches private names of aiomqtt 2.5 (tests/conformance/test_mqtt.py).

    `_client` is paho's client, whose manual acknowledgement aiomqtt does not offer. `_on_publish` is aiomqtt's own
    callback for PUBACK, which overlooks MQTT 5's refusals.
    """

    def __init__(self, address: Address, client_id: str, version: aiomqtt.ProtocolVersion) -> None:
        self.is_v5 = version is aiomqtt.ProtocolVersion.V5
        will = gateway_state(online=False)
        super().__init__(
            address.host, address.port, username=address.username, password=address.password, identifier=client_id,
            protocol=version, clean_session=None if self.is_v5 else False, clean_start=False,
            properties=_connect_properties() if self.is_v5 else None,
            will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True), keepalive=30, queue_type=_Waiting,
            socket_options=[(IPPROTO_TCP, TCP_NODELAY, 1)],
            tls_context=ssl.create_default_context() if address.tls else None,
        )  # fmt: skip
        self.pending_calls_threshold = EVENTS_BATCH + IN_FLIGHT_MAX
        self._client.manual_ack_set(True)
        self._refusal: ReasonCode | None = None

    def acknowledge(self, message: aiomqtt.Message) -> None:
        self._client.ack(message.mid, message.qos)

    async def tell(self, publication: Publication, *, retain: bool = False) -> None:
        """Return when the broker has taken it; MqttError if it has not."""
        await self.publish(
            publication.topic, publication.payload, qos=1, retain=retain, properties=self._publish_properties(b"")
        )
        if self._refusal is not None:
            raise aiomqtt.MqttError(f"the broker refuses what we publish: {self._refusal}")

    async def copy(self, topic: str, payload: bytes, correlation: bytes) -> None:
        """Send it once, and never mind."""
        await self.publish(topic, payload, qos=0, properties=self._publish_properties(correlation))

    def _publish_properties(self, correlation: bytes) -> Properties | None:
        if not self.is_v5:
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.PayloadFormatIndicator = 1
        properties.ContentType = "application/cloudevents+json; charset=utf-8"
        if correlation:
            properties.CorrelationData = correlation
        return properties

    def _on_publish(
        self, client: paho.Client, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        if reason_code.is_failure:
            self._refusal = reason_code
        super()._on_publish(client, userdata, mid, reason_code, properties)


def _connect_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = FOR_EVER
    properties.ReceiveMaximum = IN_FLIGHT_MAX
    return properties


class _Taken(NamedTuple):
    """A message on its way: what was asked of the gateway, or what to say of it if it is no command."""

    message: aiomqtt.Message
    work: asyncio.Task[object] | Publication


class _NothingDone(Exception):
    """The gateway could not take a command: connect anew, so that the broker delivers it again."""


class MqttDoor:
    """The gateway as a client of a broker. `client_id` names the persistent session: one gateway, one id."""

    def __init__(
        self, url: str, gateway: Gateway, journal: Records, names: Names, cursor: Cursor, *, client_id: str,
        trusted: frozenset[str] | None = None,
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
            except* (aiomqtt.MqttError, _NothingDone) as group:
                self._note(group)
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, PAUSE_MAX_S)

    def _note(self, group: ExceptionGroup[Exception]) -> None:
        why: BaseException = group
        while isinstance(why, BaseExceptionGroup):
            why = why.exceptions[0]
        if self._version is aiomqtt.ProtocolVersion.V5 and _wants_older(why):
            self._version = aiomqtt.ProtocolVersion.V311
            self._pause_s = 0.0
            return
        self._pause_s = max(self._pause_s, PAUSE_MIN_S)
        log.warning("broker_away", why=str(why) or type(why).__name__, again_in_s=self._pause_s)

    async def _serve(self, link: BrokerLink) -> None:
        """Do everything that needs one connection, until it ends."""
        (granted,) = await link.subscribe(COMMANDS_FILTER, qos=1)
        if getattr(granted, "value", granted) != 1:
            raise aiomqtt.MqttError(f"the broker does not let us subscribe to {COMMANDS_FILTER} at QoS 1: {granted}")
        await link.tell(gateway_state(online=True), retain=True)
        self._pause_s = PAUSE_MIN_S
        self.connections_total += 1
        self.link = link
        self.connected.set()
        taken: asyncio.Queue[_Taken] = asyncio.Queue(IN_FLIGHT_MAX)
        in_flight: set[int] = set()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._take(link, taken, in_flight))
                group.create_task(self._answer(link, taken, in_flight))
                group.create_task(self._tell(link))
        except asyncio.CancelledError:
            with suppress(aiomqtt.MqttError):
                await link.tell(gateway_state(online=False), retain=True)
            raise
        finally:
            self.connected.clear()
            self.link = None

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
                if isinstance(answer := work.result(), Repeated):
                    await self._tell_records(link, await self._journal.scan(answer.position - 1, 1), self._mark.epoch)
            link.acknowledge(message)
            in_flight.discard(message.mid)

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
            if isinstance(event, WorldReset):
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


def _wants_older(why: BaseException) -> bool:
    """Tell whether a broker refused MQTT 5 itself, as MQTT 3.1.1 (3.1.2-2) says it must."""
    return isinstance(why, MqttConnectError) and getattr(why.rc, "value", why.rc) in {1, 132}

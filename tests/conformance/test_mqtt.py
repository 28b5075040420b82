"""The MQTT door's promises, on Mosquitto (MQTT 5) and on the demo's broker (nats-server, MQTT 3.1.1)."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import msgspec
import pytest
from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from structlog.testing import capture_logs

from adapters.broker import Broker
from adapters.cursor import Cursor, FileCursor, Mark, MemoryCursor
from adapters.mqtt import MqttDoor
from adapters.mqtt_link import IN_FLIGHT_MAX, Address, BrokerLink
from gateway import events
from gateway.commands import Repeated, SendFor
from gateway.events import (
    CommandRefused,
    Delivered,
    Dismissed,
    Event,
    GroupPut,
    Joined,
    Left,
    Origin,
    Posted,
    RelationPut,
)
from gateway.events import WorldReset as Reset
from gateway.ports import Placed
from gateway.refusal import Refusal
from protocol.content import Text
from protocol.errors import INTERNAL, NOT_RELATED
from protocol.frames import Message
from protocol.topics import Publication
from tests.conformance.brokers import CORP, SEND, AnyBroker, Mosquitto, Service, command, mosquitto, within


@pytest.fixture(params=["mosquitto", "demo"])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AnyBroker]:
    if request.param == "demo":
        async with Broker() as demo:
            yield demo
        return
    async with mosquitto(tmp_path) as started:
        yield started


# The gateway behind the door


class Gateway:
    """Takes commands into a journal in memory; `committing` holds the commit back while it is clear."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[SendFor] = asyncio.Queue()
        self.committing = asyncio.Event()
        self.committing.set()
        self.unavailable = False
        self.refusal: Refusal | None = None
        self.records: list[bytes] = []
        self.heard: dict[str, int] = {}
        self.grew: Callable[[], None] = lambda: None
        self.append(Reset(7, "seed", 0))

    async def ask(self, command: SendFor) -> object:
        self.asked.put_nowait(command)
        await self.committing.wait()
        if self.unavailable:
            raise OSError("no space left on device")
        if self.refusal is not None:
            return self.refusal
        if command.origin.id in self.heard:
            return Repeated(7, self.heard[command.origin.id])
        self.heard[command.origin.id] = self.append(posted(len(self.records), command.origin))
        return None

    def corp_exists(self, corpid: str) -> bool:
        return corpid == CORP

    def append(self, event: Event) -> int:
        self.records.append(events.encode(event))
        self.grew()
        return len(self.records)

    async def scan(self, after: int, count: int) -> list[Placed]:
        return [Placed(after + 1 + n, record) for n, record in enumerate(self.records[after : after + count])]


class Names:
    """The state's names: the handle `amy` is `wm-amy` to the enterprise."""

    def name_of(self, corpid: str, person: str) -> str:
        assert corpid == CORP
        return {f"{CORP}/zhangsan": "zhangsan", "amy": "wm-amy", "reset": ""}[person]

    def group_of(self, conversation: str) -> tuple[str, str]:
        return {"cvgroup": (CORP, "wr1")}[conversation]

    def other_of(self, conversation: str, person: str) -> str:
        return {("cv1", f"{CORP}/zhangsan"): "amy"}[conversation, person]


def posted(sequence: int, origin: Origin | None, conversation: str = "cv1") -> Posted:
    message = Message(CORP, conversation, sequence, 1000, "member", "zhangsan", Text("hello"))
    return Posted(conversation, sequence, 0, 1000, f"{CORP}/zhangsan", msgspec.msgpack.encode(message), origin=origin)


@asynccontextmanager
async def opened(
    broker: AnyBroker, gateway: Gateway, cursor: Cursor, trusted: frozenset[str] | None = None
) -> AsyncIterator[MqttDoor]:
    door = MqttDoor(broker.url, gateway, gateway, Names(), cursor, client_id="hutong-test", trusted=trusted)
    gateway.grew = door.grew
    running = asyncio.create_task(door.run())
    try:
        connected = asyncio.create_task(door.connected.wait())
        await within(asyncio.wait((connected, running), return_when=asyncio.FIRST_COMPLETED))
        assert door.connected.is_set(), running
        yield door
    finally:
        running.cancel()
        (ended,) = await within(asyncio.gather(running, return_exceptions=True))
        assert isinstance(ended, asyncio.CancelledError), ended


def cut(door: MqttDoor) -> None:
    """Break the door's connection without a word to either end."""
    tcp(door).shutdown(socket.SHUT_RDWR)


def tcp(door: MqttDoor) -> socket.socket:
    assert door.link is not None
    found = door.link._client.socket()
    assert isinstance(found, socket.socket)
    return found


async def next_id(gateway: Gateway) -> str:
    return (await within(gateway.asked.get())).origin.id


# Commands in


async def test_a_command_arrives_and_its_outcome_goes_out(broker: AnyBroker) -> None:
    gateway = Gateway()
    reply_to = f"hutong/v1/{CORP}/reply/till"
    async with opened(broker, gateway, MemoryCursor()) as door, Service(broker) as till:
        assert door.link is not None
        assert door.link.is_v5 is isinstance(broker, Mosquitto)
        await till.subscribe([(f"hutong/v1/{CORP}/evt/message/accepted", 1), (reply_to, 0)])
        await till.command("order-1", replyto=reply_to)
        asked = await within(gateway.asked.get())
        assert asked == SendFor(
            CORP, Origin("/till", "order-1", reply_to), "member", "zhangsan", "consumer", "wm-amy", Text("hi")
        )
        heard = dict([await till.next(), await till.next()])
        accepted = heard[f"hutong/v1/{CORP}/evt/message/accepted"]
        assert heard[reply_to] == accepted
        assert (accepted["id"], accepted["commandid"], accepted["commandsource"]) == ("7-2", "order-1", "/till")
        assert accepted["data"]["from"] == {"member": "zhangsan"}
        assert accepted["data"]["to"] == {"consumer": "wm-amy"}


async def test_a_command_is_acknowledged_only_after_its_commit(broker: AnyBroker) -> None:
    gateway = Gateway()
    gateway.committing.clear()
    cursor = MemoryCursor()
    async with opened(broker, gateway, cursor) as door, Service(broker) as till:
        await till.subscribe([("hutong/v1/state/gateway", 1), (f"hutong/v1/{CORP}/evt/#", 1)])
        assert (await till.next())[1] == {"state": "online"}
        await till.command("order-1")
        assert await next_id(gateway) == "order-1"
        gateway.append(posted(1, Origin("/till", "another")))
        assert (await till.next())[1]["commandid"] == "another"  # so whatever the door had to say before has been sent
        cut(door)
        assert (await till.next())[1] == {"state": "offline"}  # the last will
        assert (await till.next())[1] == {"state": "online"}
        assert await next_id(gateway) == "order-1"  # not acknowledged, so delivered again
        gateway.committing.set()
        await till.command("order-2")
        await till.command("order-2")
        told: list[str] = []
        while told.count("order-2") < 2:  # the second time by who acknowledges in order: order-1 is done by then
            told.append((await till.next())[1]["commandid"])
    async with opened(broker, gateway, cursor), Service(broker) as till:
        await till.command("order-3")
        while (asked := await next_id(gateway)) != "order-3":
            assert asked == "order-2"  # the repeat may have been cut off; order-1 may not
    assert set(gateway.heard) == {"order-1", "order-2", "order-3"}


async def test_a_command_that_could_not_be_stored_comes_again(broker: AnyBroker) -> None:
    gateway = Gateway()
    gateway.unavailable = True
    async with opened(broker, gateway, MemoryCursor()), Service(broker) as till:
        await till.command("order-1")
        assert await next_id(gateway) == "order-1"
        gateway.unavailable = False
        assert await next_id(gateway) == "order-1"
    assert set(gateway.heard) == {"order-1"}


async def test_what_is_published_while_the_gateway_is_down_arrives_in_order(broker: AnyBroker) -> None:
    gateway = Gateway()
    async with opened(broker, gateway, MemoryCursor()):
        pass
    count = 2 * IN_FLIGHT_MAX  # more than the broker may have under way at once
    async with Service(broker) as till:
        for n in range(count):
            await till.command(f"order-{n}")
    async with opened(broker, gateway, MemoryCursor()):
        assert [await next_id(gateway) for _ in range(count)] == [f"order-{n}" for n in range(count)]


async def test_a_repeated_command_gets_its_first_outcome_again(broker: AnyBroker) -> None:
    gateway = Gateway()
    async with opened(broker, gateway, MemoryCursor()), Service(broker) as till:
        await till.subscribe(f"hutong/v1/{CORP}/evt/#", qos=1)
        await till.command("order-1")
        first = await till.next()
        await till.command("order-1")
        assert await till.next() == first
    assert len(gateway.records) == 2


async def test_a_response_topic_is_answered_with_its_correlation(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker:
        gateway = Gateway()
        till = Service(broker, version=aiomqtt.ProtocolVersion.V5)
        async with opened(broker, gateway, MemoryCursor()), till:
            reply_to = f"hutong/v1/{CORP}/reply/till"
            await till.subscribe(reply_to)
            wanted = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            wanted.ResponseTopic, wanted.CorrelationData = reply_to, b"\x00\xff"
            await till.publish(SEND, command("order-1"), qos=1, properties=wanted)
            answer = await within(anext(aiter(till.messages)))
            assert answer.topic.value == reply_to
            properties: Any = answer.properties
            assert properties.CorrelationData == b"\x00\xff"
            assert properties.ContentType.startswith("application/cloudevents+json")


# Private touch points of aiomqtt and paho


async def test_nothing_waits_for_more_bytes(broker: AnyBroker) -> None:
    async with opened(broker, Gateway(), MemoryCursor()) as door:
        assert tcp(door).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_refused_publication_is_not_taken_for_told(tmp_path: Path) -> None:
    async with (
        mosquitto(tmp_path, "topic deny secret\ntopic readwrite #\n") as broker,
        BrokerLink(Address.parse(broker.url), "hutong-test", aiomqtt.ProtocolVersion.V5) as link,
    ):
        await link.tell(Publication("open", b""))
        with pytest.raises(aiomqtt.MqttError, match="refuses what we publish: Not authorized"):
            await link.tell(Publication("secret", b""))


async def test_a_cancellation_that_comes_with_an_answer_is_not_lost(broker: AnyBroker) -> None:
    link = BrokerLink(Address.parse(broker.url), "hutong-test", aiomqtt.ProtocolVersion.V5)
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(link._wait_for(answer, None))
    await asyncio.sleep(0)
    answer.set_result(None)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_what_is_under_way_is_not_asked_again(broker: AnyBroker) -> None:
    """As nats-server does when a commit takes longer than its ack_wait: the same packet id once more."""
    gateway = Gateway()
    gateway.committing.clear()
    async with opened(broker, gateway, MemoryCursor()) as door, Service(broker) as till:
        assert door.link is not None
        for _ in range(2):
            door.link._on_message(door.link._client, None, message(1, 65_000, command("order-1")))
        await till.command("order-2")
        assert [await next_id(gateway), await next_id(gateway)] == ["order-1", "order-2"]


async def test_only_what_promises_nothing_is_ever_discarded(broker: AnyBroker) -> None:
    link = BrokerLink(Address.parse(broker.url), "hutong-test", aiomqtt.ProtocolVersion.V5)
    for qos in (0, 1):
        for mid in range(2 * IN_FLIGHT_MAX):
            link._on_message(link._client, None, message(qos, mid))
    assert len(link.messages) == IN_FLIGHT_MAX + 2 * IN_FLIGHT_MAX


def message(qos: int, mid: int, payload: bytes = b"") -> MQTTMessage:
    made = MQTTMessage(mid=mid, topic=SEND.encode())
    made.payload = payload
    made.qos = qos
    return made


# Faults


@pytest.mark.parametrize(
    ("topic", "body", "errors", "why"),
    [
        (SEND, b"{", f"hutong/v1/{CORP}/evt/error", "no CloudEvents object"),
        (SEND, b"", f"hutong/v1/{CORP}/evt/error", "no CloudEvents object"),
        (f"hutong/v1/{CORP}/cmd/weather/forecast", b"{}", f"hutong/v1/{CORP}/evt/error", "'weather/forecast'"),
        ("hutong/v1/wwghost/cmd/message/send", command("order-1"), "hutong/v1/errors", "no enterprise 'wwghost'"),
        ("hutong/v1/wwghost/cmd/message/send", b"{", "hutong/v1/errors", "no CloudEvents object"),
        ("hutong/v1/wwghost/cmd", b"{}", "hutong/v1/errors", "the topic is not"),
    ],
)
async def test_what_is_no_command_is_named_on_the_error_topic(
    broker: AnyBroker, topic: str, body: bytes, errors: str, why: str
) -> None:
    gateway = Gateway()
    async with opened(broker, gateway, MemoryCursor()) as door, Service(broker) as till:
        await till.subscribe([("hutong/v1/+/evt/error", 1), ("hutong/v1/errors", 1)])
        await till.publish(topic, body, qos=1)
        where, error = await till.next()
        assert where == errors
        assert error["type"] == "hutong.error.v1"
        assert error["data"]["topic"] == topic
        assert why in error["data"]["text"]
        await till.command("order-2")
        assert await next_id(gateway) == "order-2"  # and everything goes on
        assert (door.faults_total, door.connections_total) == (1, 1)


async def test_a_command_that_ends_without_an_event_is_named(broker: AnyBroker) -> None:
    gateway = Gateway()
    gateway.refusal = Refusal(INTERNAL)
    async with opened(broker, gateway, MemoryCursor()), Service(broker) as till:
        await till.subscribe(f"hutong/v1/{CORP}/evt/error", qos=1)
        await till.command("order-1")
        _, error = await till.next()
        assert (error["commandid"], error["data"]["reason"]) == ("order-1", "internal")


async def test_an_enterprise_that_mqtt_is_not_trusted_for_is_named(broker: AnyBroker) -> None:
    gateway = Gateway()
    async with opened(broker, gateway, MemoryCursor(), trusted=frozenset()), Service(broker) as till:
        await till.subscribe(f"hutong/v1/{CORP}/evt/error", qos=1)
        await till.command("order-1")
        _, error = await till.next()
        assert "not trusted" in error["data"]["text"]
        assert error["commandid"] == "order-1"
    assert gateway.asked.empty()


async def test_a_retained_command_is_not_carried_out_on_every_connection(broker: AnyBroker) -> None:
    gateway = Gateway()
    async with Service(broker) as till:
        await till.subscribe(f"hutong/v1/{CORP}/evt/error", qos=1)
        await till.publish(SEND, command("order-1"), qos=1, retain=True)
        async with opened(broker, gateway, MemoryCursor()):
            assert "retained" in (await till.next())[1]["data"]["text"]
    assert gateway.asked.empty()


# Events out


async def test_every_event_is_told_in_order_in_the_enterprises_own_names(broker: AnyBroker) -> None:
    gateway = Gateway()
    origin = Origin("/till", "order-1")
    for event in (
        posted(1, origin),
        posted(2, None),  # of a client, so nobody is told
        CommandRefused(CORP, origin, "amy", NOT_RELATED.code, "relation", 0, 1000),
        Delivered(CORP, "cv1", 1, "amy", origin, 1000),
        RelationPut(
            CORP,
            f"{CORP}/zhangsan",
            "amy",
            "cv1",
            "mutual",
            1,
            "shop",
            "VIP",
            ("mine",),
            False,
            True,
            1000,
            description="tea",
            company="Blue",
            mobiles=("138",),
            tag_ids=("et1",),
        ),
        RelationPut(CORP, f"{CORP}/zhangsan", "gone", "cv2", "mutual", 1, "", "", (), False, False, 1000),
        RelationPut(CORP, f"{CORP}/zhangsan", "reset", "cv3", "mutual", 1, "", "", (), False, False, 1000),
        GroupPut(CORP, "cvgroup", "wr1", "Tea", f"{CORP}/zhangsan", (), "", 1000),
        Joined("cvgroup", "amy", 1, "scanned", 1000),
        Left("cvgroup", "amy", 2, "left", 1000),
        posted(3, origin, "cvgroup"),
        Dismissed("cvgroup", 4, 1000),
    ):
        gateway.append(event)
    async with Service(broker) as till:
        await till.subscribe(f"hutong/v1/{CORP}/evt/#", qos=1)
        async with opened(broker, gateway, MemoryCursor()):
            heard = [await till.next() for _ in range(9)]
    assert [(topic.partition("/evt/")[2], told["id"]) for topic, told in heard] == [
        ("message/accepted", "7-2"), ("message/refused", "7-4"), ("message/delivered", "7-5"),
        ("relation/changed", "7-6"), ("group/changed", "7-9"), ("group/joined", "7-10"), ("group/left", "7-11"),
        ("message/accepted", "7-12"), ("group/dismissed", "7-13"),
    ]  # fmt: skip
    assert '"amy"' not in json.dumps(heard)
    data = [told["data"] for _, told in heard]
    assert (data[1]["reason"], data[1]["to"], data[2]["to"]) == (
        "not_related", {"consumer": "wm-amy"}, {"consumer": "wm-amy"},
    )  # fmt: skip
    assert (data[3]["member"], data[3]["consumer"], data[3]["tags"]) == ("zhangsan", "wm-amy", ["mine"])
    assert (data[3]["description"], data[3]["company"], data[3]["mobiles"]) == ("tea", "Blue", ["138"])
    assert data[3]["tag_ids"] == ["et1"]
    assert (data[4]["group"], data[4]["owner"], data[5]["person"]) == ("wr1", "zhangsan", {"consumer": "wm-amy"})
    assert data[7]["to"] == {"group": "wr1"}
    assert data[8] == {"group": "wr1", "conversation": "cvgroup", "sequence": 4}


async def test_events_go_on_from_the_cursor_and_a_repeat_carries_the_same_id(broker: AnyBroker, tmp_path: Path) -> None:
    class Crashing(FileCursor):
        """Never gets as far as storing: the process dies between PUBACK and cursor."""

        def __init__(self, path: Path) -> None:
            super().__init__(path)
            self.reached = asyncio.Event()

        async def store(self, mark: Mark) -> None:
            self.reached.set()
            await asyncio.Event().wait()

    gateway = Gateway()
    path = tmp_path / "mqtt.cursor"
    async with Service(broker) as till:
        await till.subscribe(f"hutong/v1/{CORP}/evt/#", qos=1)
        gateway.append(posted(1, Origin("/till", "order-1")))
        crashing = Crashing(path)
        async with opened(broker, gateway, crashing):
            first = await till.next()
            await within(crashing.reached.wait())
        async with opened(broker, gateway, FileCursor(path)):
            assert await till.next() == first
            gateway.append(posted(2, Origin("/till", "order-2")))
            assert (await till.next())[1]["commandid"] == "order-2"
        gateway.append(posted(3, Origin("/till", "order-3")))
        async with opened(broker, gateway, FileCursor(path)):
            told = (await till.next())[1]
            while told["commandid"] == "order-2":  # cancelled between PUBACK and cursor: a repeat is allowed
                told = (await till.next())[1]
            assert told["commandid"] == "order-3"  # but order-1 stands before a cursor that was stored


async def test_a_cursor_of_another_journal_is_not_believed(broker: AnyBroker) -> None:
    cursor = MemoryCursor()
    await cursor.store(Mark(3, 1000))
    gateway = Gateway()
    gateway.append(posted(1, Origin("/till", "order-1")))
    async with Service(broker) as till:
        await till.subscribe(f"hutong/v1/{CORP}/evt/#", qos=1)
        async with opened(broker, gateway, cursor):
            assert (await till.next())[1]["id"] == "7-2"


async def test_the_broker_goes_and_comes_back(broker: AnyBroker) -> None:
    gateway = Gateway()
    with capture_logs() as said:
        async with opened(broker, gateway, MemoryCursor()):
            async with Service(broker) as till:
                await till.subscribe(f"hutong/v1/{CORP}/evt/#", qos=1)
            await broker.stop()
            gateway.append(posted(1, Origin("/till", "order-1")))  # everything else goes on
            await broker.start()
            async with Service(broker) as till:
                assert (await till.next())[1]["commandid"] == "order-1"
                await till.command("order-2")
                assert await next_id(gateway) == "order-2"
                assert (await till.next())[1]["commandid"] == "order-2"
    states = [line["event"] for line in said if line["event"].startswith("broker_")]
    assert (states[0], states.count("broker_back"), states[-1]) == ("broker_away", 1, "broker_back")


async def test_a_clean_end_says_offline(broker: AnyBroker) -> None:
    async with opened(broker, Gateway(), MemoryCursor()), Service(broker) as till:
        await till.subscribe("hutong/v1/state/gateway", qos=1)
        assert (await till.next())[1] == {"state": "online"}
    async with Service(broker) as till:
        assert (await till.next())[1] == {"state": "offline"}

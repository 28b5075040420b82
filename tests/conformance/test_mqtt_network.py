"""A broker that is slow, cut off, silent, restarted, or says things twice or in another order: each command is taken
once, and its end is told. The gateway is whole, its broker is Mosquitto, and the network between them is toxic.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from adapters.compose import Gateway, run
from adapters.mqtt_link import BrokerLink
from adapters.mqtt_opening import open_door
from gateway.commands import PutConsumer, PutRelation
from tests import toxic
from tests.conformance.brokers import Mosquitto, Service, mosquitto
from tests.town import CORP, Town, build_town, consumer_token, done, member_token
from tests.toxic import Toxic, Toxin, clean
from tests.wire import Wire, synced

SEND = f"hutong/v1/{CORP}/cmd/message/send"
ACCEPTED = f"hutong/v1/{CORP}/evt/message/accepted"
BATCH = 10
BATCHES = 4
ORDERS = [f"order-{number}" for number in range(BATCH * BATCHES)]
PUBLISH = 3  # a packet's kind, of MQTT
DUP = 0x08  # its flag: perhaps delivered before


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with mosquitto(tmp_path) as started:
        yield started


@pytest.fixture
async def network(broker: Mosquitto) -> AsyncIterator[Toxic]:
    async with Toxic(broker.port) as network:
        yield network


@pytest.fixture
async def gateway(network: Toxic) -> AsyncIterator[Gateway]:
    door = partial(open_door, url=f"mqtt://127.0.0.1:{network.port}", trusted=None, folder=None)
    async with run(None, profile_name="bench", durability="memory", doors=[door]) as gateway:
        yield gateway
        Wire.drop_all()


@pytest.fixture
async def town(gateway: Gateway) -> Town:
    return await build_town(gateway.router, ["lin"], ["amy"], [])


async def order(broker: Mosquitto, gateway: Gateway, names: list[str]) -> None:
    """Have lin say each to amy, in order."""
    amy = gateway.router.state.name_of(CORP, "amy")
    async with Service(broker, "orders") as orders:
        for name in names:
            data = {"from": {"member": "lin"}, "to": {"consumer": amy}, "content": {"kind": "text", "text": name}}
            await orders.command(name, SEND, data=data)


async def told(broker: Mosquitto) -> list[str]:
    """Hear the end of every order, in the order of first mention; each has one, however often it is told."""
    ends: dict[str, str] = {}
    async with Service(broker) as till:
        while len(ends) < len(ORDERS):
            _, event = await till.next()
            assert ends.setdefault(event["commandid"], event["id"]) == event["id"]
    return list(ends)


async def said(gateway: Gateway, town: Town) -> list[str]:
    """Read what lin has said to amy."""
    lin = await synced(gateway.listener.port, member_token(gateway, "lin"))
    lin.send(1, town.singles["lin", "amy"], "end")
    await lin.until("accepted")
    amy = await Wire.open(gateway.listener.port, consumer_token(gateway, "amy"))
    await amy.hello()
    texts: list[str] = []
    while texts[-1:] != ["end"]:
        content = (await amy.until("message"))["content"]
        texts += [content["text"]] if content["kind"] == "text" else []
    return texts[:-1]


async def subscribed(broker: Mosquitto) -> None:
    """Let the till's session begin: from now on the broker keeps for it what it has not heard."""
    async with Service(broker) as till:
        await till.subscribe(ACCEPTED, qos=1)


def waiting(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have the gateway wait so long for each answer of the broker's."""
    wait = BrokerLink._wait_for
    monkeypatch.setattr(BrokerLink, "_wait_for", lambda link, fut, timeout: wait(link, fut, seconds))


# Packets


def packet_bytes(data: bytes) -> int:
    """Tell how long the first packet is, its head included; 0 while it is not whole."""
    length = 0
    for at in range(1, min(len(data), 5)):
        length |= (data[at] & 0x7F) << 7 * (at - 1)
        if data[at] < 0x80:
            return at + 1 + length if at + 1 + length <= len(data) else 0
    return 0


def packets(of_publish: Callable[[bytes], bytes]) -> Toxin:
    """Make a toxin that hands on whole packets of MQTT, and of a PUBLISH what is made of it."""
    rests: dict[asyncio.StreamWriter, bytes] = {}

    async def toxin(data: bytes, out: asyncio.StreamWriter) -> None:
        if not data:
            raise toxic.Cut
        rest, passed = rests.get(out, b"") + data, b""
        while size := packet_bytes(rest):
            packet, rest = rest[:size], rest[size:]
            passed += of_publish(packet) if packet[0] >> 4 == PUBLISH else packet
        rests[out] = rest
        if passed:
            await clean(passed, out)

    return toxin


def twice(packet: bytes) -> bytes:
    return packet + bytes((packet[0] | DUP,)) + packet[1:]


def in_pairs_the_other_way_round() -> Callable[[bytes], bytes]:
    held = b""

    def swap(packet: bytes) -> bytes:
        nonlocal held
        passed, held = (packet + held, b"") if held else (b"", packet)
        return passed

    return swap


# The network


@pytest.mark.parametrize(
    ("up", "down"),
    [(toxic.late, toxic.late), (toxic.bytewise, toxic.bytewise), (clean, packets(twice))],
    ids=["late", "bytewise", "repeating"],
)
async def test_commands_of_a_slow_or_repeating_broker_are_taken_once(
    broker: Mosquitto, network: Toxic, gateway: Gateway, town: Town, up: Toxin, down: Toxin
) -> None:
    await subscribed(broker)
    network.poison(up, down)
    await order(broker, gateway, ORDERS)
    assert await told(broker) == await said(gateway, town) == ORDERS


async def test_commands_in_another_order_are_taken_once_as_they_come(
    broker: Mosquitto, network: Toxic, gateway: Gateway, town: Town
) -> None:
    await subscribed(broker)
    network.poison(down=packets(in_pairs_the_other_way_round()))
    await order(broker, gateway, ORDERS)
    swapped = [name for pair in zip(ORDERS[1::2], ORDERS[::2], strict=True) for name in pair]
    assert await told(broker) == await said(gateway, town) == swapped


@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("toxin", [toxic.cut, toxic.reset], ids=["cut", "reset"])
async def test_commands_of_a_broker_that_is_cut_off_are_taken_once(
    broker: Mosquitto,
    network: Toxic,
    gateway: Gateway,
    town: Town,
    toxin: Toxin,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Cut in the middle of a packet: of a command, of the word that it was taken, or of a greeting."""
    waiting(monkeypatch, 3600.0)  # nobody waits for an answer on a connection that has ended
    await subscribed(broker)
    for number in range(BATCHES):
        network.poison(**{way: toxin})
        await order(broker, gateway, ORDERS[BATCH * number : BATCH * (number + 1)])
        await network.at_work(1)
        network.poison()
    assert await told(broker) == await said(gateway, town) == ORDERS


async def test_commands_of_a_broker_that_falls_silent_are_taken_once(
    broker: Mosquitto, network: Toxic, gateway: Gateway, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(monkeypatch, 1.0)
    await subscribed(broker)
    network.poison(toxic.silent, toxic.silent)
    await order(broker, gateway, ORDERS)
    await network.at_work(1)
    network.poison()
    await done(gateway.router, PutConsumer("bo", "Bo"))
    await done(gateway.router, PutRelation(CORP, "lin", "bo"))  # of which the broker is to be told: it does not answer
    assert await told(broker) == await said(gateway, town) == ORDERS


async def test_commands_of_a_broker_that_restarts_are_taken_once(
    broker: Mosquitto, network: Toxic, gateway: Gateway, town: Town
) -> None:
    await subscribed(broker)
    for number in range(BATCHES):
        await order(broker, gateway, ORDERS[BATCH * number : BATCH * (number + 1)])
        network.poison(down=toxic.late)
        await broker.stop()
        await broker.start()
        await network.at_work(2)  # mosquitto 2.0.11 keeps nothing for a session that has not come back since its start
        network.poison()
    assert await told(broker) == await said(gateway, town) == ORDERS

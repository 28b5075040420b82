"""One connection to a broker, and the only place that touches private names of aiomqtt 2.5 and paho.

Nothing of QoS 1 is discarded: the broker holds back what exceeds Receive Maximum, or its own window before MQTT 5.
"""

import asyncio
import ssl
from collections.abc import Awaitable
from contextlib import suppress
from ipaddress import ip_address
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from protocol.topics import Publication, gateway_state

IN_FLIGHT_MAX: Final = 64  # commands taken and not yet acknowledged; more would not make commits larger
PENDING_MAX: Final = 512  # calls under way, above which aiomqtt warns
FOR_EVER: Final = 0xFFFFFFFF  # MQTT 5's session expiry interval that never ends

T = TypeVar("T")


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
    """A connection with a persistent session, where whoever takes a message acknowledges it.

    Touched, and tested in tests/conformance/test_mqtt.py: `_client` is paho's client, whose manual acknowledgement
    aiomqtt does not offer; `_on_publish` is its callback for PUBACK, which overlooks MQTT 5's refusals; `_wait_for` is
    how it waits for an answer: by asyncio.wait_for, which in Python 3.11 loses a cancellation that comes with it;
    `_on_disconnect` is its callback for the end of the connection, which ends no wait.
    """

    def __init__(self, address: Address, client_id: str, version: aiomqtt.ProtocolVersion) -> None:
        self.is_v5 = version is aiomqtt.ProtocolVersion.V5
        will = gateway_state(online=False)
        super().__init__(
            address.host, address.port, username=address.username, password=address.password, identifier=client_id,
            protocol=version, clean_session=None if self.is_v5 else False,
            clean_start=False if self.is_v5 else paho.MQTT_CLEAN_START_FIRST_ONLY,  # its default: no word of 3.1.1
            properties=_connect_properties() if self.is_v5 else None,
            will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True), keepalive=30, queue_type=_Waiting,
            socket_options=[(IPPROTO_TCP, TCP_NODELAY, 1)],
            tls_context=ssl.create_default_context() if address.tls else None,
        )  # fmt: skip
        self.pending_calls_threshold = PENDING_MAX
        self._client.manual_ack_set(True)
        self._client.connect_timeout = 3.0  # it holds a thread, which would hold up our end
        self._refusal: ReasonCode | None = None
        self._patience: set[asyncio.Timeout] = set()  # of everything that waits for an answer
        self._ended = False

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

    async def _wait_for(self, fut: Awaitable[T], timeout: float | None) -> T:  # noqa: ASYNC109 (its signature)
        try:
            async with asyncio.timeout(0.0 if self._ended else timeout or self.timeout) as patience:
                self._patience.add(patience)
                try:
                    return await fut
                finally:
                    self._patience.discard(patience)
        except TimeoutError:
            raise aiomqtt.MqttError("the broker does not answer") from None

    def _on_disconnect(self, *told: Any, **named: Any) -> None:
        """Wait no longer for what was asked: nobody will answer it."""
        super()._on_disconnect(*told, **named)
        if self._disconnected.done():
            self._disconnected.exception()  # looked at: where nobody waits for it, asyncio would complain
        self._ended = True
        for patience in self._patience:
            if not patience.expired():
                patience.reschedule(0.0)


def _connect_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = FOR_EVER
    properties.ReceiveMaximum = IN_FLIGHT_MAX
    return properties


def wants_older(why: BaseException) -> bool:
    """Tell whether a broker refused MQTT 5 itself, as MQTT 3.1.1 (3.1.2-2) says it must."""
    return isinstance(why, MqttConnectError) and getattr(why.rc, "value", why.rc) in {1, 132}

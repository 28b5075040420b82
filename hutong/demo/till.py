"""A till in the shop: a program that knows MQTT and nothing else, and tells customers of their orders.

It speaks the published topics with CloudEvents in JSON, as any other service would, and hears what became of each.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import orjson

ANSWER_S: Final = 20.0
SOURCE: Final = "/shop/till-1"


class Outcomes:
    """What became of one command: every accepted, refused and delivered event that names it."""

    def __init__(self) -> None:
        self.accepted: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []
        self.delivered: list[dict[str, Any]] = []

    @property
    def decided(self) -> int:
        return len(self.accepted) + len(self.refused)


class Till:
    """Publishes commands for one enterprise's app, and collects the outcomes by the command's id."""

    def __init__(self, client: Any, corp: str, app: str) -> None:
        self._client = client
        self._corp = corp
        self._app = app
        self._grown = asyncio.Event()
        self.outcomes: dict[str, Outcomes] = {}

    async def tell(self, to: dict[str, Any], text: str) -> str:
        """Ask that the app says something; give the command's id. The broker has it when this returns."""
        command_id = f"order-{len(self.outcomes) + 1}"
        self.outcomes[command_id] = Outcomes()
        event = {
            "specversion": "1.0",
            "id": command_id,
            "source": SOURCE,
            "type": "hutong.message.send.v1",
            "datacontenttype": "application/json",
            "data": {"from": {"app": self._app}, "to": to, "content": {"kind": "text", "text": text}},
        }
        await self._client.publish(f"hutong/v1/{self._corp}/cmd/message/send", orjson.dumps(event), qos=1)
        return command_id

    async def outcome(self, command_id: str, recipients: int = 1, delivered: bool = False) -> Outcomes:
        """Wait until a command was decided for all its recipients, or also delivered to those who were reached."""
        outcomes = self.outcomes[command_id]
        async with asyncio.timeout(ANSWER_S):
            while outcomes.decided < recipients or (delivered and len(outcomes.delivered) < len(outcomes.accepted)):
                self._grown.clear()
                await self._grown.wait()
        return outcomes

    async def listen(self) -> None:
        """Take in what the gateway tells."""
        async for message in self._client.messages:
            event = orjson.loads(message.payload)
            outcomes = self.outcomes.get(event.get("commandid", ""))
            if outcomes is not None:
                kept: list[dict[str, Any]] = getattr(outcomes, str(message.topic).rpartition("/")[2])
                kept.append(event["data"])
                self._grown.set()


@asynccontextmanager
async def open_till(mqtt_url: str, corp: str, app: str) -> AsyncIterator[Till]:
    """Connect a till to the broker."""
    from aiomqtt import Client, ProtocolVersion

    url = urlsplit(mqtt_url)
    client = Client(
        hostname=url.hostname or "127.0.0.1",
        port=url.port or 1883,
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        identifier="till-1",
        protocol=ProtocolVersion.V311,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )
    async with client:
        await client.subscribe(f"hutong/v1/{corp}/evt/message/+", qos=1)
        till = Till(client, corp, app)
        listening = asyncio.create_task(till.listen())
        try:
            yield till
        finally:
            listening.cancel()
            await asyncio.wait([listening])

"""What the tests of MQTT share: brokers, and a service on the other side of one."""

import asyncio
import getpass
import json
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import aiomqtt

from adapters.mqtt_link import Address

CORP = "wwcafe"
SEND = f"hutong/v1/{CORP}/cmd/message/send"
WAIT_S = 20.0

T = TypeVar("T")


class AnyBroker(Protocol):
    @property
    def url(self) -> str: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class Mosquitto:
    """Debian's mosquitto as a child of the test, on a port that was free a moment ago."""

    def __init__(self, folder: Path, acl: str = "topic readwrite #\n") -> None:
        self._folder = folder
        (folder / "acl").write_text(acl)
        (folder / "acl").chmod(0o600)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._program: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    async def start(self) -> None:
        config = self._folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nuser {getpass.getuser()}\n"
            f"persistence true\npersistence_location {self._folder}/\nlog_dest stderr\n"
            f"acl_file {self._folder}/acl\n"
        )
        binary = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin")
        assert binary, "mosquitto is missing: apt-get install mosquitto"
        self._program = await asyncio.create_subprocess_exec(binary, "-c", str(config), stderr=asyncio.subprocess.PIPE)
        assert self._program.stderr is not None
        async with asyncio.timeout(WAIT_S):
            async for line in self._program.stderr:
                if b"running" in line:
                    break
            async with Service(self, "ready"):  # before its loop runs, mosquitto 2.0.11 forgets a SIGTERM
                pass

    async def stop(self) -> None:
        if self._program is not None:
            self._program.terminate()
            await self._program.communicate()
            self._program = None


@asynccontextmanager
async def mosquitto(folder: Path, acl: str = "topic readwrite #\n") -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(folder, acl)
    try:
        await broker.start()
        yield broker
    finally:
        await broker.stop()


class Service(aiomqtt.Client):
    """A client with a session of its own, as a till would be."""

    def __init__(
        self, broker: AnyBroker, name: str = "till", version: aiomqtt.ProtocolVersion = aiomqtt.ProtocolVersion.V311
    ) -> None:
        to = Address.parse(broker.url)
        super().__init__(
            to.host, to.port, username=to.username, password=to.password, identifier=name, protocol=version,
            clean_session=False if version is aiomqtt.ProtocolVersion.V311 else None,
        )  # fmt: skip

    async def command(self, command_id: str, topic: str = SEND, **attributes: Any) -> None:
        await self.publish(topic, command(command_id, **attributes), qos=1)

    async def next(self) -> tuple[str, dict[str, Any]]:
        message = await within(anext(aiter(self.messages)))
        assert isinstance(message.payload, bytes)
        return message.topic.value, json.loads(message.payload)


def command(command_id: str, **attributes: Any) -> bytes:
    data = {"from": {"member": "zhangsan"}, "to": {"consumer": "wm-amy"}, "content": {"kind": "text", "text": "hi"}}
    return json.dumps(
        {"specversion": "1.0", "id": command_id, "source": "/till", "type": "hutong.message.send.v1", "data": data}
        | attributes
    ).encode()


async def within(waiting: Awaitable[T]) -> T:
    async with asyncio.timeout(WAIT_S):
        return await waiting

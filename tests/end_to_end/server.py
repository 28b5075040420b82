"""The gateway as a process of its own, on a data folder that was prepared in this one."""

import asyncio
import json
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from signal import SIGSTOP, SIGTERM
from typing import IO, Final, NamedTuple, Self

from aiohttp import ClientSession

from adapters.compose import run
from adapters.real_clock import RealClock
from adapters.tokens import Keys, TokenBox
from hutong.control import Control
from tests.town import Town, build_town

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE_S: Final = 30.0  # two cores are shared with everything else


class Ended(NamedTuple):
    """How a process ended, and what it said to people."""

    code: int
    talk: str

    @property
    def complaints(self) -> list[str]:
        """Give the lines of its log that are worse than news, and those that are no log."""
        lines = self.talk.splitlines()
        return [line for line in lines if '"level": "info"' not in line and '"level": "debug"' not in line]


class Child:
    """A process that this test started, and ends. It talks into a file: nobody empties a pipe while it works."""

    def __init__(self, process: Process, talk: IO[bytes]) -> None:
        self._process = process
        self._talk = talk

    @classmethod
    async def launch(cls, *arguments: str, program: Sequence[str] = ("hutong",), **variables: str) -> Self:
        """Start a command of Hutong's, or of a program around it, with some variables more in its environment."""
        talk = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the child has ended
        command = (sys.executable, "-m", *program, *arguments)
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=PIPE, stderr=talk, env={**os.environ, **variables}
        )  # fmt: skip
        return cls(process, talk)

    async def line(self) -> bytes:
        """Read a line of its output; empty if it has ended instead."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            return await self._process.stdout.readline()

    async def ended(self) -> Ended:
        """Wait for it to end by itself; if it does not, it is killed, and that is a failure."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._process.communicate()
            assert self._process.returncode is not None
            self._talk.seek(0)
            return Ended(self._process.returncode, self._talk.read().decode())
        finally:
            await self.end()

    async def kill(self) -> None:
        """End it as a power cut would end it."""
        self._process.kill()
        await self.ended()

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def stop(self) -> None:
        """Have it stand still, and return once it does; a signal SIGCONT lets it go on."""
        self.signal(SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def talk(self) -> str:
        """Give what it has said to people so far."""
        return os.pread(self._talk.fileno(), 2**20, 0).decode()

    def memory_bytes(self) -> int:
        """Tell how much memory it has."""
        return 4096 * int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])

    async def terminate(self) -> Ended:
        """Ask it to end, and see how."""
        self._process.send_signal(SIGTERM)
        return await self.ended()

    async def end(self) -> None:
        """Leave no process behind."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()
        self._talk.close()


class Server(Child):
    """One `python -m hutong serve`."""

    port = 0

    @classmethod
    async def start(
        cls, folder: Path, *options: str, port: int = 0, program: Sequence[str] = ("hutong",), **variables: str
    ) -> Self:
        """Start on a folder and wait until it is ready; without a port, on a free one."""
        command = ("serve", "--data", str(folder), "--port", str(port), "--json", *options)
        server = await cls.launch(*command, program=program, **variables)
        try:
            line = await server.line()
            assert line, await server.ended()
        except BaseException:
            await server.end()
            raise
        server.port = int(json.loads(line)["base_url"].rpartition(":")[2])
        return server


def control_of(port: int) -> Control:
    return Control(f"http://127.0.0.1:{port}")


async def look(port: int, path: str) -> tuple[int, str]:
    """Give status and text of one of the operators' addresses."""
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


async def metric(port: int, name: str) -> float:
    _, text = await look(port, "/metrics")
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


async def hutong(*arguments: str) -> Ended:
    """Run a command to its end."""
    return await (await Child.launch(*arguments)).ended()


async def prepare(folder: Path, members: list[str], consumers: list[str], groups: list[str]) -> Town:
    """Put a town into a folder's journal."""
    async with run(folder, profile_name="bench") as gateway:
        return await build_town(gateway.router, members, consumers, groups)


def tokens_of(folder: Path) -> TokenBox:
    return TokenBox(Keys.kept_in(folder), RealClock())

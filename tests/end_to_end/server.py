"""The gateway as a process of its own, on a data folder that was prepared in this one."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Final, NamedTuple

from adapters.compose import run
from adapters.tokens import Keys, TokenBox
from tests.town import Town, build_town

ROOT: Final = Path(__file__).resolve().parents[2]
START_S: Final = 30.0  # two cores are shared with everything else


class Ended(NamedTuple):
    """How a process ended, and what it complained of."""

    code: int
    complaint: str


class Server:
    """One `python -m hutong serve`; ends only what it started."""

    def __init__(self, process: Process, port: int) -> None:
        self._process = process
        self.port = port

    @classmethod
    async def start(cls, folder: Path, *options: str) -> "Server":
        """Start on a folder and wait until it is ready."""
        process = await launch("serve", "--data", str(folder), "--port", "0", "--json", *options)
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            line = await process.stdout.readline()
        assert line, await finished(process)
        return cls(process, int(json.loads(line)["base_url"].rpartition(":")[2]))

    async def kill(self) -> None:
        """End it as a power cut would end it."""
        self._process.kill()
        await finished(self._process)

    async def terminate(self) -> Ended:
        """Ask it to end, and see how."""
        self._process.send_signal(signal.SIGTERM)
        return await finished(self._process)

    async def end(self) -> None:
        """Leave no process behind."""
        if self._process.returncode is None:
            await self.kill()


async def launch(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hutong", *arguments, cwd=ROOT, stdout=PIPE, stderr=PIPE
    )


async def finished(process: Process) -> Ended:
    """Wait for a process to end by itself; one that does not is killed, and that is a failure."""
    try:
        async with asyncio.timeout(START_S):
            _, complaint = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    assert process.returncode is not None
    return Ended(process.returncode, complaint.decode())


async def hutong(*arguments: str) -> Ended:
    """Run a command to its end."""
    return await finished(await launch(*arguments))


async def prepare(folder: Path, members: list[str], consumers: list[str], groups: list[str]) -> Town:
    """Put a town into a folder's journal."""
    async with run(folder, profile_name="bench") as gateway:
        return await build_town(gateway.router, members, consumers, groups)


def tokens_of(folder: Path) -> TokenBox:
    return TokenBox(Keys.kept_in(folder))

"""A TCP proxy that does to what passes what bad networks do: late, in single bytes, cut short, reset, silent for ever.

A toxin is what becomes of a piece of data on its way; of an end of the connection it is told by nothing, `b""`.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Self

PIECE_BYTES = 2**16

Toxin = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Cut(Exception):
    """The connection ends here, as if the other side had closed it."""


class Reset(Cut):
    """The connection ends here by RST."""


class Silence(Exception):
    """Nothing passes any more, and nothing ends."""


async def clean(data: bytes, out: asyncio.StreamWriter) -> None:
    """Do no harm."""
    if not data:
        raise Cut
    out.write(data)
    await out.drain()


async def late(data: bytes, out: asyncio.StreamWriter) -> None:
    """Hand on what came a while ago; what comes behind it waits, too."""
    await asyncio.sleep(0.02)  # the time itself is the harm
    await clean(data, out)


async def bytewise(data: bytes, out: asyncio.StreamWriter) -> None:
    """Hand on one byte at a time."""
    for at in range(max(1, len(data))):  # of an end, too
        await clean(data[at : at + 1], out)
        await asyncio.sleep(0)


async def cut(data: bytes, out: asyncio.StreamWriter) -> None:
    """Hand on half of what came, which ends in the middle of a frame, and no more."""
    out.write(data[: len(data) // 2])
    raise Cut


async def reset(data: bytes, out: asyncio.StreamWriter) -> None:
    """Hand on half of what came, and reset both sides."""
    out.write(data[: len(data) // 2])
    raise Reset


async def silent(data: bytes, out: asyncio.StreamWriter) -> None:
    """Keep what came, and the connection too, for ever: neither side hears that the other has gone."""
    raise Silence


class Toxic:
    """A proxy on a port of its own, before a port of this machine. Which toxins work may change at any time."""

    def __init__(self, behind: int) -> None:
        self.port = 0
        self._behind = behind
        self._toxins: list[Toxin] = [clean, clean]
        self._harmed: set[object] = set()  # connections on which other toxins than `clean` have been at work
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *why: object) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def poison(self, up: Toxin = clean, down: Toxin = clean) -> None:
        """Choose what becomes of what goes up to the server, and down from it; by default, no harm."""
        self._toxins = [up, down]
        self._harmed = set()

    async def at_work(self, connections: int) -> None:
        """Wait until the toxins have been at work on so many connections."""
        async with asyncio.timeout(20):
            while len(self._harmed) < connections:  # noqa: ASYNC110 - a toxin tells nobody
                await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join a connection with one to the server until either ends."""
        ends = [writer]
        try:
            there, up = await asyncio.open_connection("127.0.0.1", self._behind)
            ends.append(up)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(writer, 0, reader, up))
                pumps.create_task(self._pump(writer, 1, there, writer))
        except* Silence:
            await asyncio.Event().wait()
        except* Reset:
            linger = struct.pack("ii", 1, 0)
            for end in [end for end in ends if not end.is_closing()]:
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                end.transport.abort()
        except* (Cut, OSError):
            pass
        finally:
            for end in ends:
                end.close()

    async def _pump(
        self, connection: object, way: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            try:
                data = await reader.read(PIECE_BYTES)
            except ConnectionError:
                data = b""
            toxin = self._toxins[way]
            if toxin is not clean:
                self._harmed.add(connection)
            await toxin(data, writer)

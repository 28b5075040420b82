"""The doors of TLS: whoever comes makes the handshake, and then HTTP is spoken as on the plain port.

Rules of the file:
- What has not come there yet is bounded in number and in time. Above the cap the one that came first makes room: an
  honest client needs milliseconds.
- A handshake that fails leaves a line in the log: most of the time a client was not told whom to trust.
- The socket is not read before the handshake: bytes that a transport has read already cannot be given to TLS.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Final

import structlog

ARRIVAL_S: Final = 5.0  # from accepting a connection to the end of its handshake
ARRIVING_MAX: Final = 1_000
SHUTDOWN_S: Final = 2.0  # for the other side to end TLS in order; asyncio's default is 30
NO_ROOM_S: Final = 1.0  # between attempts to accept, where the system has no room for more

log = structlog.get_logger()


class Entrance:
    """A listening socket behind which TLS is spoken.

    `first` is what is said before that, if anything is; where it gives false, that was all.
    """

    def __init__(
        self,
        listening: socket.socket,
        context: ssl.SSLContext,
        http: Callable[[], asyncio.Protocol],
        first: Callable[[socket.socket], Awaitable[bool]] | None = None,
    ) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._context = context
        self._http = http
        self._first = first
        self._arriving: dict[asyncio.Task[None], None] = {}
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def __len__(self) -> int:
        """Count the connections on which HTTP is not spoken yet."""
        return len(self._arriving)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        with self._listening:
            while True:
                try:
                    arrived, _ = await loop.sock_accept(self._listening)
                except OSError as why:
                    log.warning("not_accepted", why=str(why))
                    await asyncio.sleep(NO_ROOM_S)
                    continue
                if len(self._arriving) >= ARRIVING_MAX:
                    self._let_go(next(iter(self._arriving)))
                arriving = loop.create_task(self._arrive(arrived))
                self._arriving[arriving] = None
                arriving.add_done_callback(lambda done: self._arriving.pop(done, None))
                await asyncio.sleep(0)  # it begins, and others go on, before the next one is taken

    def _let_go(self, arriving: asyncio.Task[None]) -> None:
        del self._arriving[arriving]
        arriving.cancel()

    async def _arrive(self, arrived: socket.socket) -> None:
        """Bring one connection to where HTTP is spoken on it."""
        try:
            async with asyncio.timeout(ARRIVAL_S):
                if not await self._is_led_on(arrived):
                    return
                await asyncio.get_running_loop().connect_accepted_socket(
                    self._http, arrived, ssl=self._context, ssl_handshake_timeout=ARRIVAL_S,
                    ssl_shutdown_timeout=SHUTDOWN_S,
                )  # fmt: skip
        except OSError as why:  # what TLS says is one, and a deadline too
            log.info("tls_refused", why=getattr(why, "reason", None) or str(why) or type(why).__name__)

    async def _is_led_on(self, arrived: socket.socket) -> bool:
        """Have said what comes first; a connection that it leads nowhere is closed."""
        with ExitStack() as undo:
            undo.callback(arrived.close)
            if self._first is not None and not await self._first(arrived):
                return False
            undo.pop_all()
        return True

    def stop_accepting(self) -> None:
        self._accepting.cancel()

    async def close(self) -> None:
        """Let go of everybody who has not come."""
        self.stop_accepting()
        await asyncio.wait([self._accepting])  # what it has taken has begun by then, and closes its socket itself
        for arriving in self._arriving:
            arriving.cancel()
        if self._arriving:
            await asyncio.wait(self._arriving)

"""The doors: how a connection comes to where HTTP is spoken on it, in the clear, by TLS, or through the proxy.

Rules of the file:
- What has not come there yet is bounded in number and in time. Where as many are on their way, further ones wait in the
  system's queue, and the one that came first makes room once it has had a second: clients that come all at once are
  slower than we are, and if each new one sent an old one away, none of them would arrive.
- One connection is accepted in a round of the loop, so that a storm of them holds up nobody who is there.
- A handshake that fails leaves a line in the log: most of the time a client was not told whom to trust.
- The socket is not read before the handshake: bytes that a transport has read already cannot be given to TLS.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from typing import Final

import structlog

ARRIVAL_S: Final = 5.0  # from accepting a connection to the end of its handshake
ARRIVING_MAX: Final = 200  # of one door
HURRIED_S: Final = 1.0  # what each has of ARRIVAL_S even where others wait
SHUTDOWN_S: Final = 2.0  # for the other side to end TLS in order; asyncio's default is 30
NO_ROOM: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
NO_ROOM_S: Final = 1.0  # between attempts to accept, where the system has no room for more

log = structlog.get_logger()


class Entrance:
    """A listening socket, and what is on its way from there to HTTP.

    `context` is that of TLS, where it is spoken. `first` is what is said before that; where it gives false, that was
    all.
    """

    def __init__(
        self,
        listening: socket.socket,
        http: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext | None = None,
        first: Callable[[socket.socket], Awaitable[bool]] | None = None,
    ) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._context = context
        self._http = http
        self._first = first
        self._arriving: dict[asyncio.Task[None], float] = {}  # since when
        self._left = asyncio.Event()
        self._accepting = asyncio.get_running_loop().create_task(self._accept())
        self._accepting.add_done_callback(lambda _: listening.close())

    def __len__(self) -> int:
        """Count the connections on which HTTP is not spoken yet."""
        return len(self._arriving)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                arrived, _ = await loop.sock_accept(self._listening)
            except OSError as why:  # others are of one connection that has gone already
                if why.errno in NO_ROOM:
                    log.warning("not_accepted", why=str(why))
                await asyncio.sleep(NO_ROOM_S if why.errno in NO_ROOM else 0)
                continue
            if self._context is None:  # nothing comes before HTTP
                await self._arrive(arrived)
                continue
            with ExitStack() as undo:
                undo.callback(arrived.close)
                await self._make_room()
                undo.pop_all()
            arriving = loop.create_task(self._arrive(arrived))
            self._arriving[arriving] = loop.time()
            arriving.add_done_callback(self._forget)
            await asyncio.sleep(0)  # it begins, and others go on, before the next one is taken

    async def _make_room(self) -> None:
        """Wait until there is room for one more; who came first and has had its time is let go for that."""
        loop = asyncio.get_running_loop()
        while len(self._arriving) >= ARRIVING_MAX:
            first, since = next(iter(self._arriving.items()))
            if (left_s := since + HURRIED_S - loop.time()) <= 0:
                log.info("not_arrived", why=f"{ARRIVING_MAX} were on their way, this one for longest")
                self._forget(first)
                first.cancel()
                return
            self._left.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._left.wait(), left_s)

    def _forget(self, arriving: asyncio.Task[None]) -> None:
        self._arriving.pop(arriving, None)
        self._left.set()

    async def _arrive(self, arrived: socket.socket) -> None:
        """Bring one connection to where HTTP is spoken on it."""
        try:
            async with asyncio.timeout(ARRIVAL_S):
                if not await self._is_led_on(arrived):
                    return
                await self._hand_over(arrived)
        except OSError as why:  # what TLS says is one, and a deadline too
            log.info("not_arrived", why=getattr(why, "reason", None) or str(why) or type(why).__name__)
        except Exception:  # one connection's defect, not the door's
            log.exception("not_arrived")

    async def _hand_over(self, arrived: socket.socket) -> None:
        bounds = {"ssl_handshake_timeout": ARRIVAL_S, "ssl_shutdown_timeout": SHUTDOWN_S} if self._context else {}
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(self._http, arrived, ssl=self._context, **bounds)

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

"""One connection of a device to the gateway: bytes take their time, get stuck, or are lost with the connection."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from adapters.link import Link
from tests.simulation.loop import Loop
from tests.wire import client_frame


class Peer(Protocol):
    """Who reads what comes off a wire."""

    def written(self, wire: "Wire", data: bytes) -> Any:
        """Look at what the gateway has just written; give what is to be read of it."""

    def read(self, wire: "Wire", seen: Any) -> None: ...

    def lost(self, wire: "Wire") -> None: ...


class Wire(asyncio.Transport):
    """The gateway's end, a transport; and the way to the peer and back, each in order. `delay` draws how long."""

    def __init__(self, loop: Loop, peer: Peer, life: Any, delay: Callable[[], float]) -> None:
        super().__init__()
        self.link: Link
        self.life = life  # what the peer knows of it
        self.peer = peer
        self.gone = False  # for the gateway
        self.peer_gone = False
        self._loop = loop
        self._delay = delay
        self._closing = self._stuck = self._reading_paused = self._told_paused = False
        self._waiting: deque[tuple[int, Any]] = deque()
        self._waiting_bytes = 0
        self._down_at = self._up_at = 0.0
        self._unread: deque[bytes] = deque()

    # The gateway's end.

    def write(self, data: Any) -> None:
        if self._closing or self.gone:
            return
        seen = self.peer.written(self, data)
        if self._stuck:
            self._waiting.append((len(data), seen))
            self._waiting_bytes += len(data)
            if not self._told_paused:
                self._told_paused = True
                self.link.pause_writing()
        else:
            self._deliver(seen)

    def _deliver(self, seen: Any) -> None:
        self._down_at = max(self._down_at, self._loop.time() + self._delay())
        self._loop.call_at(self._down_at, self._arrive, seen)

    def _arrive(self, seen: Any) -> None:
        if not self.peer_gone:
            self.peer.read(self, seen)

    def get_write_buffer_size(self) -> int:
        return self._waiting_bytes

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._reading_paused = True

    def resume_reading(self) -> None:
        self._reading_paused = False
        self._loop.call_soon(self._read_on)

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_at(max(self._down_at, self._loop.time()), self._end)

    def abort(self) -> None:
        self._closing = True
        self._loop.call_soon(self._end)

    def _end(self) -> None:
        """Tell both ends, as a connection does that is closed or reset."""
        if not self.gone:
            self.gone = self._closing = True
            self._waiting.clear()
            self._waiting_bytes = 0
            self.link.connection_lost(None)
        self._lose_peer()

    def _lose_peer(self) -> None:
        if not self.peer_gone:
            self.peer_gone = True
            self.peer.lost(self)

    # The peer's end.

    def send(self, opcode: int, payload: bytes) -> None:
        """Send a frame."""
        self._up_at = max(self._up_at, self._loop.time() + self._delay())
        self._loop.call_at(self._up_at, self._come, client_frame(opcode, payload))

    def _come(self, data: bytes) -> None:
        self._unread.append(data)
        self._read_on()

    def _read_on(self) -> None:
        while self._unread and not self._reading_paused and not self.gone:
            self.link.data_received(self._unread.popleft())

    # What happens to it.

    def stick(self) -> None:
        """Take nothing more, as a reader does that sleeps."""
        self._stuck = True

    def free(self) -> None:
        """Take what waits, and everything after it."""
        self._stuck = False
        waiting, self._waiting = self._waiting, deque()
        self._waiting_bytes = 0
        for _, seen in waiting:
            self._deliver(seen)
        if self._told_paused:
            self._told_paused = False
            if not self.gone:
                self.link.resume_writing()

    def cut(self) -> None:
        """End for both, with all that is on its way."""
        self._lose_peer()
        self._unread.clear()
        self._end()

    def vanish(self) -> None:
        """End for the peer; the gateway hears nothing, and has to find out."""
        self._lose_peer()
        self._stuck = True

    def fall(self) -> None:
        """End with the gateway's process, which is told nothing any more."""
        self.gone = self._closing = True
        self._lose_peer()

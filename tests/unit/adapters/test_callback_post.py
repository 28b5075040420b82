"""Questions to receivers: whatever one sends, the gateway goes on."""

import asyncio

from adapters.callback_post import TAKEN_BYTES_MAX, Poster

HEAD = b"HTTP/1.1 100 Continue\r\n\r\n"


class Wire(asyncio.Transport):
    """A connection on which somebody sends without end; it counts how often it was told to stop."""

    stopped = 0

    def pause_reading(self) -> None:
        self.stopped += 1


async def test_heads_without_end_are_taken_in_up_to_a_bound() -> None:
    poster, wire = Poster(), Wire()
    connector = poster._sessions["http"].connector
    assert connector is not None
    protocol = connector._factory()  # as a connection of its own is made
    protocol.connection_made(wire)
    protocol.set_response_params()
    for _ in range(100):
        protocol.data_received(HEAD * 1_000)
    assert len(protocol._buffer) == TAKEN_BYTES_MAX // len(HEAD)
    assert wire.stopped > 90
    await poster.close()

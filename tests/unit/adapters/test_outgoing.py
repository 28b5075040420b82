"""Answers of the vendor's API that are ready in one round of the loop go out together, after it."""

import asyncio

from adapters.wecom_api.answers import Outgoing


class Pipe(asyncio.WriteTransport):
    """Notes what is written."""

    def __init__(self, log: list[bytes], *, closing: bool = False) -> None:
        super().__init__()
        self._log = log
        self._closing = closing

    def is_closing(self) -> bool:
        return self._closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self._closing
        self._log.append(bytes(data))


async def test_what_is_ready_together_goes_out_together_in_its_order() -> None:
    log: list[bytes] = []
    outgoing, first, second = Outgoing(), Pipe(log), Pipe(log)
    loop = asyncio.get_running_loop()
    for round_ in (b"1", b"2"):
        outgoing.send(first, b"a" + round_)
        loop.call_soon(log.append, b"(the next round)")
        outgoing.send(second, b"b" + round_)
        assert log == []
        await asyncio.sleep(0)
        assert log == [b"a" + round_, b"b" + round_, b"(the next round)"]
        log.clear()


async def test_who_is_gone_holds_up_nobody() -> None:
    log: list[bytes] = []
    outgoing = Outgoing()
    outgoing.send(Pipe(log, closing=True), b"to nobody")
    outgoing.send(Pipe(log), b"to somebody")
    await asyncio.sleep(0)
    assert log == [b"to somebody"]

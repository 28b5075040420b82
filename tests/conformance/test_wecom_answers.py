"""How answers go out: whole to a client that keeps its connection, aiohttp's way to all others, and the same in both.

The first relies on what aiohttp asks of a response (prepare, write_eof, keep_alive) and on its server's handler, which
`adapters/http.py` takes the place of: this is where that would show.
"""

import asyncio
import json

from tests.conformance.wecom import Wecom, wecom

__all__ = ["wecom"]

CHANGING = {"date", "x-hutong-request", "x-hutong-time", "connection", "server"}


class Raw:
    """A connection on which requests are written as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, wecom: Wecom) -> "Raw":
        return cls(*await asyncio.open_connection("127.0.0.1", wecom.gateway.listener.port))

    async def ask(self, line: str, *headers: str, body: bytes = b"") -> None:
        self.writer.write("\r\n".join((line, "Host: localhost", *headers, "", "")).encode() + body)
        await self.writer.drain()

    async def answer(self) -> tuple[str, dict[str, str], dict[str, object]]:
        """Read one answer: its first line, its headers, what is in it."""
        async with asyncio.timeout(20):
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return first, headers, json.loads(body) if body else {}

    async def ended(self) -> bool:
        async with asyncio.timeout(20):
            over = await self.reader.read() == b""
        self.writer.close()
        await self.writer.wait_closed()
        return over


async def test_an_answer_is_the_same_whichever_way_it_goes_out(wecom: Wecom) -> None:
    path = f"/cgi-bin/getcallbackip?access_token={await wecom.token()}"
    kept = await Raw.to(wecom)
    await kept.ask(f"GET {path} HTTP/1.1")
    whole = await kept.answer()
    for line, *headers in ((f"GET {path} HTTP/1.1", "Connection: close"), (f"GET {path} HTTP/1.0",)):
        closing = await Raw.to(wecom)
        await closing.ask(line, *headers)
        other = await closing.answer()
        assert other[2] == whole[2]
        assert {name: value for name, value in other[1].items() if name not in CHANGING} == {
            name: value for name, value in whole[1].items() if name not in CHANGING
        }
        assert await closing.ended()
    assert whole[0] == "HTTP/1.1 200 OK"
    assert CHANGING - whole[1].keys() == {"connection", "server"}
    await kept.ask(f"GET {path} HTTP/1.1")
    assert (await kept.answer())[2] == whole[2]
    kept.writer.close()
    await kept.writer.wait_closed()


async def test_requests_sent_at_once_are_answered_in_their_order(wecom: Wecom) -> None:
    token = await wecom.token()
    link = await Raw.to(wecom)
    for number in range(20):
        await link.ask(f"GET /cgi-bin/{'getcallbackip' if number % 2 else 'nowhere'}?access_token={token} HTTP/1.1")
    for number in range(20):
        assert ((await link.answer())[2]["errcode"] == 0) == bool(number % 2)
    link.writer.close()
    await link.writer.wait_closed()


async def test_who_waits_to_be_told_to_go_on_is_told(wecom: Wecom) -> None:
    link = await Raw.to(wecom)
    token = await wecom.token()
    await link.ask(
        f"POST /cgi-bin/externalcontact/get_corp_tag_list?access_token={token} HTTP/1.1",
        "Content-Length: 2",
        "Expect: 100-continue",
    )
    assert (await link.answer())[0] == "HTTP/1.1 100 Continue"
    link.writer.write(b"{}")
    assert (await link.answer())[2]["errcode"] == 0
    link.writer.close()
    await link.writer.wait_closed()

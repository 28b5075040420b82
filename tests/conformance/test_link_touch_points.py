"""The private names of aiohttp that adapters/link.py touches: each is held here, so that an upgrade fails by name."""

import asyncio
import struct
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp._websocket import reader
from aiohttp.test_utils import make_mocked_request

from adapters.compose import Gateway
from tests.town import CORP, Town, consumer_token, member_token
from tests.wire import BINARY, KEY, PING, TEXT, Wire, client_frame, synced

ACCEPT = "ICX+Yqv66kxgM0FcWaLWlFLwTAI="  # of KEY, by RFC 6455 section 4.2.2


class Listening(reader.WebSocketDataQueue):
    """A queue as `_Sink` is one: it keeps nothing."""

    def __init__(self) -> None:
        super().__init__(None, 1024, loop=asyncio.get_running_loop())  # type: ignore[arg-type]
        self.fed: list[tuple[Any, ...]] = []
        self.failed: BaseException | None = None

    def feed_data(self, data: Any, size: int) -> None:
        self.fed.append(tuple(data))

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        self.failed = exc


def upgrade_request(**headers: str) -> web.Request:
    usual = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Protocol": "hutong.v1.json",
    }
    request = make_mocked_request("GET", "/ws", headers={**usual, **headers})
    request._message = request._message._replace(upgrade=True)
    return request


async def test_handshake_gives_the_headers_of_the_answer() -> None:
    headers, chosen, compress, _ = web.WebSocketResponse(
        protocols=("hutong.v1.json",), compress=False
    )._handshake(upgrade_request())  # fmt: skip
    assert {name.lower(): value for name, value in headers.items()} == {
        "upgrade": "websocket",
        "connection": "upgrade",
        "sec-websocket-accept": ACCEPT,
        "sec-websocket-protocol": "hutong.v1.json",
    }
    assert (chosen, compress) == ("hutong.v1.json", 0)


async def test_handshake_refuses_what_is_no_upgrade() -> None:
    with pytest.raises(web.HTTPBadRequest):
        web.WebSocketResponse()._handshake(upgrade_request(**{"Sec-WebSocket-Key": "short"}))


async def test_reader_is_the_compiled_one() -> None:
    assert reader.WebSocketReader.__module__ == "aiohttp._websocket.reader_c"


async def test_reader_calls_a_queue_that_is_a_subclass_and_never_stalls_for_it() -> None:
    queue = Listening()
    parser = reader.WebSocketReader(queue, 2**16, compress=False, decode_text=False)
    many = client_frame(BINARY, b"x" * 100) * 1000  # far above the queue's own limit
    assert parser.feed_data(many + client_frame(PING, b"?") + client_frame(TEXT, b"t")) == (False, b"")
    assert len(queue.fed) == 1002
    assert [tuple(fed[:2]) for fed in queue.fed[-3:]] == [
        (aiohttp.WSMsgType.BINARY, b"x" * 100),
        (aiohttp.WSMsgType.PING, b"?"),
        (aiohttp.WSMsgType.TEXT, b"t"),  # bytes: decode_text is off
    ]


async def test_reader_hands_its_errors_to_the_queue_and_then_takes_nothing() -> None:
    queue = Listening()
    parser = reader.WebSocketReader(queue, 2**16, compress=False, decode_text=False)
    parser.feed_data(struct.pack(">BB", 0x80 | 0x3, 0x80))
    assert isinstance(queue.failed, aiohttp.WebSocketError)
    assert queue.failed.code == 1002
    assert parser.feed_data(client_frame(BINARY, b"x")) == (True, client_frame(BINARY, b"x"))
    assert queue.fed == []


async def test_reader_refuses_a_size_as_soon_as_it_is_declared() -> None:
    queue = Listening()
    parser = reader.WebSocketReader(queue, 2**16, compress=False, decode_text=False)
    parser.feed_data(struct.pack(">BBQ", 0x80 | BINARY, 0x80 | 127, 2**63 - 1))
    assert isinstance(queue.failed, aiohttp.WebSocketError)
    assert queue.failed.code == 1009


async def test_protocol_keeps_what_came_behind_the_handshake_and_forgets_its_transport() -> None:
    """`_message_tail` holds the bytes; with `transport` None, `connection_lost` closes nothing; no parser is left."""
    seen: dict[str, Any] = {}

    async def handler(request: web.Request) -> web.StreamResponse:
        protocol: Any = request.protocol
        transport = request.transport
        assert transport is not None
        seen["tail"] = protocol._message_tail
        protocol.transport = None
        protocol.connection_lost(None)
        seen["closing"] = transport.is_closing()
        seen["parser"] = protocol._parser
        seen["counted"] = protocol in request.protocol._manager.connections if request.protocol._manager else False
        transport.write(b"still mine")
        transport.close()
        return web.Response()

    app = web.Application()
    app.router.add_get("/ws", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        wire = await Wire.connect(runner.addresses[0][1])
        wire.writer.write(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY.encode() + b"\r\n\r\nBEHIND"
        )
        async with asyncio.timeout(10):
            assert await wire.reader.read() == b"still mine"
        wire.writer.close()
    finally:
        await runner.cleanup()
    assert seen == {"tail": b"BEHIND", "closing": False, "parser": None, "counted": False}


async def test_connection_of_a_link_is_no_connection_of_aiohttp_any_more(gateway: Gateway, town: Town) -> None:
    link = await synced(gateway.listener.port, member_token(gateway, "lin"))
    http = gateway.listener._runner.server
    assert http is not None
    assert http.connections == []
    assert len(gateway.links.links) == 1
    link.drop()


@pytest.mark.parametrize("kind", ["msgpack", "json"])
async def test_frames_in_the_segment_of_the_handshake_are_read(gateway: Gateway, town: Town, kind: str) -> None:
    port, token = gateway.listener.port, member_token(gateway, "lin")
    hello = Wire(None, None, kind).encode({"type": "hello", "token": "", "cursors": []})  # type: ignore[arg-type]
    link = await Wire.open(port, token, kind, early=hello)
    assert (await link.until("welcome"))["person"] == f"{CORP}/lin"
    await link.until("synced")
    link.drop()


async def test_much_behind_the_handshake_is_read_to_its_end(gateway: Gateway, town: Town) -> None:
    """More than aiohttp's buffer: it stops reading the socket then, and the link must start it again."""
    port, token = gateway.listener.port, member_token(gateway, "lin")
    http = gateway.listener._runner.server
    assert http is not None
    http._kwargs["read_bufsize"] = 4096
    talk = Wire(None, None)  # type: ignore[arg-type]
    hello = talk.encode({"type": "hello", "token": "", "cursors": []})
    acks = talk.encode({"type": "ack", "upto": [[f"cv{n:060}", n] for n in range(200)]}) * 100
    assert len(acks) > 2**20
    conversation = town.singles["lin", "amy"]
    send = {"type": "send", "number": 1, "conversation": conversation, "content": {"kind": "text", "text": "last"}}
    link = await Wire.open(port, token, early=hello + acks + talk.encode(send))
    assert (await link.until("accepted"))["number"] == 1
    link.drop()


async def test_independent_client_talks_both_ways(gateway: Gateway, town: Town) -> None:
    """aiohttp's own client, with masks that are no zeros."""
    url = f"{gateway.base_url}/ws"
    headers = {"Authorization": f"Bearer {consumer_token(gateway, 'amy')}"}
    conversation = town.singles["lin", "amy"]
    other = await synced(gateway.listener.port, member_token(gateway, "lin"), "json")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, headers=headers, protocols=["other", "hutong.v1.json"]) as ws,
    ):
        assert ws.protocol == "hutong.v1.json"
        await ws.send_json({"type": "hello", "token": "", "cursors": []})
        while (await ws.receive_json(timeout=10))["type"] != "synced":
            pass
        await ws.send_json(
            {"type": "send", "number": 1, "conversation": conversation, "content": {"kind": "text", "text": "早"}}
        )
        assert (await ws.receive_json(timeout=10))["type"] == "accepted"
        assert (await other.until("message"))["content"] == {"kind": "text", "text": "早"}
        other.send(1, conversation, "安")
        assert (await ws.receive_json(timeout=10))["content"]["text"] == "安"
        await ws.close()
        assert ws.close_code == 1000
    other.drop()

"""Bad input on a link: the right refusal or close code, said before the socket ends, and nobody else disturbed.

Through every test two bystanders chat on another pair of links; afterwards each of their messages must have been
answered and received, in order and without a hole.
"""

import asyncio
import struct
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import jwt
import msgpack
import orjson
import pytest

from adapters import http, link
from adapters.compose import Gateway, run
from adapters.tokens import ALGORITHM
from gateway.commands import PutMember, RevokeToken
from tests.town import CORP, Town, build_town, consumer_token, done, member_token
from tests.wire import (
    BINARY,
    CLOSE,
    LOST,
    PING,
    PONG,
    TEXT,
    WAIT_S,
    HandshakeRefused,
    LinkEnded,
    Wire,
    client_frame,
    declaring,
    handshake,
    synced,
)

CONTINUATION = 0x0
FRAME_BYTES_MAX = 64 * 1024
pack = msgpack.packb
dump = orjson.dumps


class Bystanders:
    """A member and a consumer who answer each other for as long as they are let."""

    def __init__(self, gateway: Gateway, town: Town) -> None:
        self._gateway = gateway
        self._conversation = town.singles["lin", "amy"]
        self._said = 0
        self._exchange = asyncio.Condition()
        self._chat: asyncio.Task[None]

    async def start(self) -> None:
        self._lin = await synced(self._gateway.listener.port, member_token(self._gateway, "lin"))
        self._amy = await synced(self._gateway.listener.port, consumer_token(self._gateway, "amy"), "json")
        self._chat = asyncio.get_running_loop().create_task(self._talk())

    async def _talk(self) -> None:
        while True:
            await self._say(self._lin, self._amy)
            await self._say(self._amy, self._lin)
            async with self._exchange:
                self._said += 1
                self._exchange.notify_all()

    async def _say(self, speaker: Wire, listener: Wire) -> None:
        speaker.send(self._said + 1, self._conversation, f"{self._said}")
        accepted = await speaker.until("accepted")
        message = await listener.until("message")
        assert (accepted["number"], message["content"]["text"]) == (self._said + 1, f"{self._said}")
        assert accepted["sequence"] == message["sequence"]

    async def undisturbed(self) -> None:
        """See that two more exchanges happen, from now on."""
        async with self._exchange, asyncio.timeout(WAIT_S):
            upto = self._said + 2
            await self._exchange.wait_for(lambda: self._said >= upto or self._chat.done())
        if self._chat.done():
            self._chat.result()

    async def stop(self) -> None:
        self._chat.cancel()
        await asyncio.wait([self._chat])
        self._lin.drop()
        self._amy.drop()


@pytest.fixture
async def bystanders(gateway: Gateway, town: Town) -> AsyncIterator[Bystanders]:
    pair = Bystanders(gateway, town)
    await pair.start()
    yield pair
    await pair.undisturbed()
    assert gateway.router.statistics.defects == 0
    await pair.stop()


@pytest.fixture
def port(gateway: Gateway, bystanders: Bystanders) -> int:
    return gateway.listener.port


# The handshake

HOSTILE_ORIGINS = [
    "null",
    "NULL",
    "http://evil.example",
    "https://127.0.0.1:{port}",
    "http://127.0.0.1",
    "http://127.0.0.1:80",
    "http://127.0.0.1:{port}0",
    "http://127.0.0.1:0{port}",
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/ws",
    "http://127.0.0.1:{port}.evil.example",
    "http://127.0.0.1:{port}@evil.example",
    "http://127.0.0.1.evil.example:{port}",
    "http://evil-127.0.0.1:{port}",
    "http://evil.example#http://127.0.0.1:{port}",
    "http://localhost.evil.example:{port}",
    "http://notlocalhost:{port}",
    "http://localhost.:{port}",
    "http://LOCALHOST:{port}",
    "HTTP://localhost:{port}",
    "http://user@localhost:{port}",
    "http://localhost:{port} ,http://evil.example",
    "http://127.1:{port}",
    "http://127.0.0.2:{port}",
    "http://2130706433:{port}",
    "http://0x7f.0.0.1:{port}",
    "http://0.0.0.0:{port}",
    "http://::1:{port}",
    "http://[::ffff:127.0.0.1]:{port}",
    "ws://127.0.0.1:{port}",
    "file://",
    "chrome-extension://abcdef",
    "127.0.0.1:{port}",
    "http://127.0.0.1:{port}\x00",
]


@pytest.mark.parametrize("origin", HOSTILE_ORIGINS)
async def test_foreign_page_is_refused_even_with_a_good_token(gateway: Gateway, port: int, origin: str) -> None:
    status = await refused(port, member_token(gateway, "wu"), Origin=origin.format(port=port))
    assert status == (400 if "\x00" in origin else 403)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
async def test_own_page_is_let_in(gateway: Gateway, port: int, name: str) -> None:
    tls_port = gateway.listener.tls_port
    origin = f"https://{name}:{tls_port}" if tls_port is not None else f"http://{name}:{port}"
    wire = await Wire.open(port, member_token(gateway, "wu"), Origin=origin)
    wire.drop()


async def test_second_origin_is_no_way_past_the_first(gateway: Gateway, port: int) -> None:
    wire = await Wire.connect(port)
    said = handshake(port, {"Authorization": f"Bearer {member_token(gateway, 'wu')}"})
    both = f"Origin: http://127.0.0.1:{port}\r\nOrigin: http://evil.example\r\n\r\n".encode()
    wire.writer.write(said[:-2] + both)
    with pytest.raises(HandshakeRefused) as refusal:
        await wire.upgraded()
    assert refusal.value.status in {400, 403}


async def refused(port: int, token: str, kind: str = "msgpack", **headers: Any) -> int:
    """Give the status that a handshake is refused with."""
    with pytest.raises(HandshakeRefused) as refusal:
        await Wire.open(port, token, kind, **headers)
    return refusal.value.status


def signed(
    gateway: Gateway,
    key: bytes | None = None,
    algorithm: str = ALGORITHM,
    headers: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """Sign a token for the member wu, with claims replaced; one that is None is left out."""
    now = int(time.time())
    usual: dict[str, Any] = {
        "aud": "member", "sub": f"{CORP}/wu", "dev": "phone", "jti": "x", "iat": now, "exp": now + 60, "corp": CORP
    }  # fmt: skip
    kept = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    own = gateway.tokens.keys.signing[0]
    headers = {"kid": own.id, **(headers or {})}
    if algorithm == "none":
        return jwt.encode(kept, None, algorithm, headers)  # type: ignore[arg-type]  # no key is the point
    return jwt.encode(kept, own.secret if key is None else key, algorithm, headers)


TOKENS: list[tuple[str, dict[str, Any]]] = [
    ("signed by another", {"key": b"k" * 32}),
    ("not signed", {"algorithm": "none"}),
    ("another algorithm", {"algorithm": "HS512"}),
    ("with a key that nobody has", {"headers": {"kid": "00000000"}}),
    ("with no key's name", {"headers": {"kid": ""}}),
    ("with what must be understood and is not", {"headers": {"crit": ["b64"], "b64": True}}),
    ("expired", {"exp": 1}),
    ("not yet", {"nbf": 2**40}),
    ("without expiry", {"exp": None}),
    ("without id", {"jti": None}),
    ("without device", {"dev": None}),
    ("device is a number", {"dev": 7}),
    ("person is a number", {"sub": 7}),
    ("for control", {"aud": "control"}),
    ("for nobody", {"aud": None}),
    ("for both sides", {"aud": ["member", "consumer"]}),
    ("a member as a consumer", {"aud": "consumer"}),
    ("a consumer as a member", {"sub": "bo"}),
    ("nobody", {"sub": f"{CORP}/nobody"}),
    ("an app", {"sub": f"{CORP}/#1"}),
]


@pytest.mark.filterwarnings("ignore:The HMAC key is")
@pytest.mark.parametrize(("what", "claims"), TOKENS, ids=[name for name, _ in TOKENS])
async def test_token_that_opens_nothing(gateway: Gateway, port: int, what: str, claims: dict[str, Any]) -> None:
    assert await refused(port, signed(gateway, **claims)) == 401


async def test_token_of_the_table_opens_when_nothing_is_wrong_with_it(gateway: Gateway, port: int) -> None:
    (await Wire.open(port, signed(gateway))).drop()


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Basic {good}", "{good}", "Bearer {good}x", "Bearer x{good}",
     "Bearer {good} {good}", "Bearer \xff\xfe", "Bearer " + "x" * 8000],
)  # fmt: skip
async def test_authorization_that_opens_nothing(gateway: Gateway, port: int, authorization: str) -> None:
    good = member_token(gateway, "wu")
    assert await refused(port, good, Authorization=authorization.replace("{good}", good)) == 401


async def test_flipped_character_of_a_token_opens_nothing(gateway: Gateway, port: int) -> None:
    good = member_token(gateway, "wu")
    for place in (*range(0, len(good), 7), len(good) - 1):
        flipped = "A" if good[place] != "A" else "B"
        assert await refused(port, good[:place] + flipped + good[place + 1 :]) == 401


async def test_revoked_token_opens_nothing_and_its_live_link_ends(gateway: Gateway, port: int) -> None:
    token = member_token(gateway, "wu")
    claims = gateway.tokens.read_link_token(token)
    wire = await synced(port, token)
    await done(gateway.router, RevokeToken(claims.token_id, claims.expires_s))
    assert await wire.ending() == 4401
    assert await refused(port, token) == 401
    (await Wire.open(port, member_token(gateway, "wu"))).drop()


async def test_departed_member_is_shown_out_and_stays_out(gateway: Gateway, port: int) -> None:
    wire = await synced(port, member_token(gateway, "wu"))
    await done(gateway.router, PutMember(CORP, "wu", "Wu", departed=True))
    assert await wire.ending() == 4403
    assert await refused(port, member_token(gateway, "wu")) == 401


async def test_ticket_opens_once(gateway: Gateway, port: int) -> None:
    ticket = gateway.tokens.ticket(gateway.tokens.read_link_token(member_token(gateway, "wu")))

    async def with_ticket(text: str) -> Wire:
        wire = await Wire.connect(port)
        wire.writer.write(handshake(port, {}).replace(b"GET /ws", f"GET /ws?ticket={text}".encode()))
        await wire.upgraded()
        return wire

    (await with_ticket(ticket)).drop()
    for spent in (ticket, "", "x", ticket[:-1]):
        with pytest.raises(HandshakeRefused) as refusal:
            await with_ticket(spent)
        assert refusal.value.status == 401


@pytest.mark.parametrize(
    "offered", ["", "hutong", "hutong.v1", "hutong.v2.json", "HUTONG.V1.JSON", "hutong.v1.jsonx", "hutong.v1.json;q=1"]
)
async def test_subprotocol_that_is_not_spoken(gateway: Gateway, port: int, offered: str) -> None:
    assert await refused(port, member_token(gateway, "wu"), Sec_WebSocket_Protocol=offered) == 400


async def test_first_subprotocol_that_is_spoken_is_chosen(gateway: Gateway, port: int) -> None:
    wire = await Wire.connect(port)
    offer = {"Sec-WebSocket-Protocol": "mqtt, hutong.v1.json ,hutong.v1.msgpack"}
    wire.writer.write(handshake(port, {"Authorization": f"Bearer {member_token(gateway, 'wu')}", **offer}))
    assert "sec-websocket-protocol: hutong.v1.json\r\n" in (await wire.upgraded()).lower()
    wire.drop()


HANDSHAKES = [
    ({"Upgrade": ""}, 400),
    ({"Upgrade": "h2c"}, 400),
    ({"Connection": "close"}, 400),
    ({"Sec_WebSocket_Version": "12"}, 400),
    ({"Sec_WebSocket_Version": ""}, 400),
    ({"Sec_WebSocket_Key": ""}, 400),
    ({"Sec_WebSocket_Key": "c2hvcnQ="}, 400),
    ({"Sec_WebSocket_Key": "***"}, 400),
    ({"Sec_WebSocket_Key": "\xe4\xb8\xad" * 8}, 400),
    ({"X_Long": "x" * 9000}, 400),
]


@pytest.mark.parametrize(("headers", "status"), HANDSHAKES, ids=[str(h)[:40] for h, _ in HANDSHAKES])
async def test_handshake_that_is_none(gateway: Gateway, port: int, headers: dict[str, str], status: int) -> None:
    assert await refused(port, member_token(gateway, "wu"), **headers) == status


@pytest.mark.parametrize("said", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET /ws HTTP/9.9\r\n\r\n", b"\x00" * 100])
async def test_bytes_that_are_no_http(port: int, said: bytes) -> None:
    wire = await Wire.connect(port)
    wire.writer.write(said)
    with pytest.raises((HandshakeRefused, LinkEnded)) as refusal:
        await wire.upgraded()
    if isinstance(refusal.value, HandshakeRefused):
        assert refusal.value.status == 400


# Frames on a live link


def send_frame(**parts: Any) -> dict[str, Any]:
    return {"type": "send", "number": 1, "conversation": "cv", "content": {"kind": "text", "text": "x"}, **parts}


def head(**parts: bytes) -> bytes:
    """Pack a map of a few keys whose values are raw MessagePack."""
    return bytes((0x80 | len(parts),)) + b"".join(pack(name) + value for name, value in parts.items())


HUGE = {"array": b"\xdd\xff\xff\xff\xff", "map": b"\xdf\xff\xff\xff\xff", "text": b"\xdb\xff\xff\xff\xff",
        "bytes": b"\xc6\xff\xff\xff\xff", "extension": b"\xc9\xff\xff\xff\xff\x01"}  # fmt: skip
UNREADABLE: list[tuple[str, Any]] = [
    ("no type", {"number": 1}),
    ("unknown type", {"type": "sudo"}),
    ("a type that is no text", {"type": 7}),
    ("a frame of the server", {"type": "welcome", "person": "x", "device": "x", "last_number": 0, "resumed": True}),
    ("hello twice", {"type": "hello", "token": "", "cursors": []}),
    ("a list", ["send"]),
    ("nothing", None),
    ("a number of zero", send_frame(number=0)),
    ("a number below zero", send_frame(number=-1)),
    ("a number that is none", send_frame(number="1")),
    ("a broken number", send_frame(number=1.5)),
    ("a number above 2^53", send_frame(number=2**53)),
    ("no number", {key: value for key, value in send_frame().items() if key != "number"}),
    ("no conversation", {key: value for key, value in send_frame().items() if key != "conversation"}),
    ("a conversation too long", send_frame(conversation="c" * 129)),
    ("a conversation that is a list", send_frame(conversation=["cv"])),
    ("too many cursors", {"type": "ack", "upto": [["cv", 1]] * 257}),
    ("a cursor of three", {"type": "ack", "upto": [["cv", 1, 2]]}),
    ("a cursor below zero", {"type": "ack", "upto": [["cv", -1]]}),
    ("too many people", {"type": "create", "number": 1, "name": "x", "members": ["m"] * 101}),
]
RAW_MSGPACK = [
    ("no message pack", b"\xc1"),
    ("nothing at all", b""),
    ("json", dump(send_frame())),
    ("bytes behind the frame", pack({"type": "ack", "upto": []}) + b"\x90"),
    ("cut off", pack(send_frame())[:-1]),
    ("a key that is a list", b"\x81\x90\x01"),
    ("bad UTF-8", head(type=pack("ack"), upto=b"\x91\x92\xa1\xff\x01")),
    ("deep lists", head(type=pack("ack"), x=b"\x91" * 60_000)),
    ("deep maps", head(type=pack("ack"), x=b"\x81\xa1a" * 20_000)),
    ("deep content", head(type=pack("send"), number=pack(1), conversation=pack("c"), content=b"\x81\xa1a" * 20_000)),
    *((f"huge {name} of cursors", head(type=pack("ack"), upto=huge)) for name, huge in HUGE.items()),
    *((f"huge {name} unknown", head(type=pack("ack"), x=huge)) for name, huge in HUGE.items()),
    *((f"huge {name} of people", head(type=pack("create"), number=pack(1), name=pack("x"), members=huge))
      for name, huge in HUGE.items()),
]  # fmt: skip
RAW_JSON = [
    ("no json", b"{"),
    ("nothing at all", b""),
    ("zeros", bytes(100)),
    ("bytes behind the frame", dump({"type": "ack", "upto": []}) + b"{}"),
    ("two types", b'{"type":"ack","type":"send","upto":[]}'),
    ("not a number", b'{"type":"ack","upto":[["cv",NaN]]}'),
    ("an endless number", b'{"type":"ack","upto":[["cv",' + b"9" * 60_000 + b"]]}"),
    ("a lone surrogate", b'{"type":"ack","upto":[["\\ud800",1]]}'),
    ("deep lists", b'{"type":"ack","x":' + b"[" * 60_000),
    ("deep maps", b'{"type":"ack","x":' + b'{"a":' * 12_000),
    ("deep content", b'{"type":"send","number":1,"conversation":"c","content":' + b'{"a":' * 12_000),
]
BROKEN_WEBSOCKET = [
    ("first reserved bit", client_frame(BINARY, b"x", rsv=4), 1002),
    ("second reserved bit", client_frame(BINARY, b"x", rsv=2), 1002),
    ("third reserved bit", client_frame(BINARY, b"x", rsv=1), 1002),
    ("reserved bit of a ping", client_frame(PING, b"", rsv=2), 1002),
    *((f"opcode {opcode:#x}", client_frame(opcode, b"x"), 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    ("ping in fragments", client_frame(PING, b"x", final=False), 1002),
    ("ping of 126 bytes", client_frame(PING, bytes(126)), 1002),
    ("close of 126 bytes", client_frame(CLOSE, bytes(126)), 1002),
    ("close of one byte", client_frame(CLOSE, b"\x03"), 1002),
    ("close with a code that is none", client_frame(CLOSE, struct.pack(">H", 999)), 1002),
    ("close with a code never sent", client_frame(CLOSE, struct.pack(">H", 1006)), 1002),
    ("close with bad UTF-8", client_frame(CLOSE, struct.pack(">H", 1000) + b"\xff"), 1007),
    ("continuation of nothing", client_frame(CONTINUATION, b"x"), 1002),
    ("message inside a message", client_frame(BINARY, b"x", final=False) + client_frame(BINARY, b"x"), 1002),
    ("too big by one", declaring(BINARY, FRAME_BYTES_MAX + 1), 1009),
    ("too big for 31 bits", declaring(BINARY, 2**31), 1009),
    ("too big for 32 bits", declaring(BINARY, 2**32), 1009),
    ("too big for the machine", declaring(BINARY, 2**63 - 1), 1009),
    ("length with the top bit", declaring(BINARY, 2**63), 1009),
    ("all ones", declaring(BINARY, 2**64 - 1), 1009),
    ("too big in fragments", client_frame(BINARY, bytes(40_000), final=False) + declaring(CONTINUATION, 30_000), 1009),
    ("text on a binary link", client_frame(TEXT, b"{}"), 1003),
]


async def live(gateway: Gateway, port: int, kind: str = "msgpack") -> Wire:
    return await synced(port, member_token(gateway, "wu"), kind)


async def ends_with(wire: Wire, said: bytes, code: int) -> None:
    """Say something wrong; the server must say why, close with this code, and say nothing more."""
    wire.writer.write(said)
    assert await wire.ending() == code
    assert wire.after_close == []


@pytest.mark.parametrize("kind", ["msgpack", "json"])
@pytest.mark.parametrize(("what", "frame"), UNREADABLE, ids=[name for name, _ in UNREADABLE])
async def test_frame_that_cannot_be_read(gateway: Gateway, port: int, kind: str, what: str, frame: Any) -> None:
    wire = await live(gateway, port, kind)
    await ends_with(wire, wire.encode(frame), 4400)


@pytest.mark.parametrize(("what", "payload"), RAW_MSGPACK, ids=[name for name, _ in RAW_MSGPACK])
async def test_bytes_that_are_no_message_pack(gateway: Gateway, port: int, what: str, payload: bytes) -> None:
    await ends_with(await live(gateway, port), client_frame(BINARY, payload), 4400)


@pytest.mark.parametrize(("what", "payload"), RAW_JSON, ids=[name for name, _ in RAW_JSON])
async def test_text_that_is_no_json(gateway: Gateway, port: int, what: str, payload: bytes) -> None:
    await ends_with(await live(gateway, port, "json"), client_frame(TEXT, payload), 4400)


@pytest.mark.parametrize(("what", "said", "code"), BROKEN_WEBSOCKET, ids=[name for name, *_ in BROKEN_WEBSOCKET])
async def test_frames_that_are_no_websocket(gateway: Gateway, port: int, what: str, said: bytes, code: int) -> None:
    await ends_with(await live(gateway, port), said, code)


async def test_binary_on_a_json_link(gateway: Gateway, port: int) -> None:
    await ends_with(await live(gateway, port, "json"), client_frame(BINARY, dump(send_frame())), 1003)


@pytest.mark.parametrize(
    "payload",
    [
        dump(send_frame()).replace(b'"x"', b'"\xff"'),
        dump(send_frame()).replace(b'"x"', b'"\xed\xa0\x80"'),  # a surrogate
        dump(send_frame()).replace(b'"x"', b'"\xc0\xaf"'),  # a longer form than needed
        dump(send_frame()).replace(b'"x"', b'"\xe4\xb8"'),  # cut off
        dump(send_frame()).replace(b'"cv"', b'"\xff"'),
        dump({**send_frame(), "unknown": "zz"}).replace(b'"zz"', b'"\xff"'),  # where nothing is kept
    ],
)
async def test_text_that_is_no_utf8(gateway: Gateway, port: int, payload: bytes) -> None:
    await ends_with(await live(gateway, port, "json"), client_frame(TEXT, payload), 1007)


async def test_client_that_does_not_mask(gateway: Gateway, port: int) -> None:
    for split in (False, True):
        wire = await Wire.open(port, member_token(gateway, "wu"))
        said = client_frame(BINARY, pack({"type": "hello", "token": "", "cursors": []}), masked=False)
        if split:
            wire.writer.write(said[:1])
            await wire.writer.drain()
            await asyncio.sleep(0)
            said = said[1:]
        await ends_with(wire, said, 1002)


async def test_too_large_a_frame_is_told_the_true_bound(gateway: Gateway, port: int) -> None:
    wire = await live(gateway, port)
    wire.writer.write(declaring(BINARY, FRAME_BYTES_MAX + 1))
    assert (await wire.until("fault"))["text"] == "a frame has at most 65536 bytes"
    await wire.ending()


async def test_largest_frame_is_read(gateway: Gateway, port: int) -> None:
    wire = await live(gateway, port)
    plain = pack({"type": "ack", "upto": [], "x": b""})
    padded = pack({"type": "ack", "upto": [], "x": bytes(FRAME_BYTES_MAX - len(plain) - 1)})
    assert len(padded) == FRAME_BYTES_MAX
    wire.writer.write(client_frame(BINARY, padded))
    wire.send(1, "cv", "x")
    assert (await wire.until("refused"))["reason"] == "unknown_conversation"
    wire.drop()


async def test_message_in_many_fragments_and_tiny_reads_is_read(gateway: Gateway, port: int) -> None:
    wire = await live(gateway, port)
    payload = pack(send_frame())
    pieces = [client_frame(BINARY if not n else CONTINUATION, payload[n : n + 1], final=False)
              for n in range(len(payload))]  # fmt: skip
    for byte in b"".join(pieces) + client_frame(CONTINUATION):
        wire.writer.write(bytes((byte,)))
    assert (await wire.until("refused"))["number"] == 1
    wire.drop()


@pytest.mark.parametrize(
    "frame",
    [send_frame(), {"type": "ack", "upto": []}, send_frame(content={"kind": "hologram"}), {"type": "scan"}],
    ids=["send", "ack", "unknown content", "unreadable"],
)
async def test_nothing_comes_before_hello(gateway: Gateway, port: int, frame: dict[str, Any]) -> None:
    wire = await Wire.open(port, member_token(gateway, "wu"))
    await ends_with(wire, wire.encode(frame), 4400)


async def test_what_follows_hello_at_once_is_taken_in_order(gateway: Gateway, town: Town, port: int) -> None:
    """Whether the turn with the hello has come by then is luck, and the client's frames do not depend on luck."""
    wire = await Wire.open(port, member_token(gateway, "wu"))
    hello = wire.encode({"type": "hello", "token": "", "cursors": []})
    text = wire.encode(send_frame(conversation=town.singles["wu", "bo"]))
    wire.writer.write(hello + text + wire.encode(send_frame(number=2, content={"kind": "hologram"})))
    assert [(await wire.receive())["type"] for _ in range(1)] == ["welcome"]
    assert (await wire.until("accepted"))["number"] == 1
    assert (await wire.until("refused"))["reason"] == "unknown_kind"
    wire.drop()


async def test_hello_twice_at_once(gateway: Gateway, port: int) -> None:
    wire = await Wire.open(port, member_token(gateway, "wu"))
    await ends_with(wire, wire.encode({"type": "hello"}) * 2, 4400)


# Floods, deadlines, too many


async def test_each_ping_is_answered_in_order(gateway: Gateway, port: int) -> None:
    wire = await live(gateway, port)
    payloads = [bytes((n,)) for n in range(50)]
    wire.writer.write(b"".join(client_frame(PING, payload) for payload in payloads))
    wire.send(1, "cv", "x")
    await wire.until("refused")
    assert wire.pongs == payloads
    wire.drop()


@pytest.mark.parametrize(
    "flood",
    [client_frame(PING) * 2000, client_frame(PONG) * 2000, client_frame(PING, b"x" * 125) * 2000],
    ids=["pings", "pongs", "long pings"],
)
async def test_flood_of_control_frames(gateway: Gateway, port: int, flood: bytes) -> None:
    await ends_with(await live(gateway, port), flood, 4430)


async def test_flood_of_fragments_that_never_make_a_message(gateway: Gateway, port: int) -> None:
    flood = client_frame(BINARY, b"", final=False) + client_frame(CONTINUATION, b"", final=False) * 100_000
    await ends_with(await live(gateway, port), flood, 4430)


async def test_flood_of_tiny_frames_is_read_no_faster_than_it_is_taken(gateway: Gateway, port: int) -> None:
    wire = await live(gateway, port)
    for _ in range(20):
        wire.writer.write(wire.encode({"type": "ack", "upto": []}) * 2000)
        assert all(len(session.inbox) < 20_000 for session in gateway.router.sessions)
        await asyncio.sleep(0)
    wire.send(1, "cv", "x")
    await wire.until("refused")
    wire.drop()


async def test_large_frames_are_not_heaped_up_while_the_disk_is_slow(
    gateway: Gateway, town: Town, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = await live(gateway, port)
    (session,) = [session for session in gateway.router.sessions if session.person == f"{CORP}/wu"]
    append, slow, waiting = gateway.journal.append, asyncio.Event(), asyncio.Event()

    async def append_later(records: list[bytes]) -> None:
        waiting.set()
        await slow.wait()
        await append(records)

    monkeypatch.setattr(gateway.journal, "append", append_later)
    await waiting.wait()  # the bystanders' next message
    large = wire.encode(send_frame(content={"kind": "text", "text": "x" * 60_000}))
    wire.writer.write(large * 200)
    for _ in range(1000):
        await asyncio.sleep(0)
    held = len(session.inbox)
    slow.set()
    assert 0 < held <= 20
    for _ in range(200):
        assert (await wire.until("refused"))["number"] == 1
    wire.drop()


async def test_refusals_are_not_heaped_up_for_a_client_that_does_not_read_them(gateway: Gateway, port: int) -> None:
    """Answers cannot be dropped, so who does not take them is not asked for more."""
    wire = await Wire.open(port, member_token(gateway, "wu"), receive_bytes=4096, limit=1024)
    (pipe,) = [link for link in gateway.links.links if link.session.person == f"{CORP}/wu"]
    await wire.hello()
    text = wire.encode(send_frame()) * 1000
    most = 0
    for _ in range(300):
        if wire.writer.transport.get_write_buffer_size() < 2**20:
            wire.writer.write(text)
        for _ in range(5):
            await asyncio.sleep(0)
        most = max(most, pipe.buffered())
    assert 0 < most <= 512 * 1024
    wire.drop()


async def test_link_without_hello_ends_at_its_deadline(
    gateway: Gateway, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "HELLO_S", -1.0)
    wire = await Wire.open(port, member_token(gateway, "wu"))
    gateway.links._look()
    assert await wire.ending() == 4408


async def test_live_link_ends_when_its_token_expires(gateway: Gateway, port: int) -> None:
    wire = await live(gateway, port)
    for pipe in gateway.links.links:
        pipe.expires_s = 0 if pipe.session.person == f"{CORP}/wu" else pipe.expires_s
    gateway.links._look()
    assert await wire.ending() == 4401


async def test_silent_link_is_pinged_and_then_let_go(
    gateway: Gateway, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = await live(gateway, port)
    (pipe,) = [link for link in gateway.links.links if link.session.person == f"{CORP}/wu"]
    now = asyncio.get_running_loop().time()
    pipe.look(now + link.PING_AFTER_S + 1, 0)
    async with asyncio.timeout(WAIT_S):
        while (await wire.raw_frame())[0] != PING:
            pass
    pipe.look(now + link.PING_AFTER_S + link.PONG_WITHIN_S + 2, 0)
    assert await wire.ending() == LOST


async def test_second_link_of_a_device_ends_the_first(gateway: Gateway, port: int) -> None:
    first = await live(gateway, port)
    second = await live(gateway, port)
    assert await first.ending() == 4409
    assert first.after_close == []
    second.send(1, "cv", "x")
    await second.until("refused")
    second.drop()


@pytest.mark.parametrize("code", [b"", struct.pack(">H", 1000), struct.pack(">H", 1001) + "再见".encode()])
async def test_client_that_says_goodbye_is_answered(gateway: Gateway, port: int, code: bytes) -> None:
    wire = await live(gateway, port)
    wire.writer.write(client_frame(CLOSE, code))
    async with asyncio.timeout(WAIT_S):
        opcode, payload = await wire.raw_frame()
        assert (opcode, payload[:2]) == (CLOSE, code[:2])
        assert await wire.reader.read() == b""
    wire.writer.close()


@pytest.mark.parametrize("code", [1002, 4400])
async def test_peer_that_goes_on_talking_after_the_close_is_cut_off(gateway: Gateway, port: int, code: int) -> None:
    wire = await live(gateway, port)
    wire.writer.write(b"\xff" * 4 if code == 1002 else client_frame(BINARY, b"\xc1"))
    assert await talks_until_cut_off(wire, client_frame(BINARY, bytes(60_000)) * 100) < 2**25
    wire.writer.close()


async def test_link_that_said_goodbye_twice_can_still_be_cut_off(gateway: Gateway, port: int) -> None:
    """A peer that does not see our end of it, so that TLS waits; its transport must not have been closed twice."""
    wire = await live(gateway, port)
    (pipe,) = [link for link in gateway.links.links if link.session.person == f"{CORP}/wu"]
    wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
    wire.writer.write(client_frame(CLOSE) * 2)
    async with asyncio.timeout(WAIT_S):
        while not pipe._closing_since:  # noqa: ASYNC110 - the other end of a socket, which signals nothing here
            await asyncio.sleep(0)
    pipe.abort()
    for _ in range(10):
        await asyncio.sleep(0)
    assert pipe not in gateway.links.links
    wire.drop()


async def talks_until_cut_off(wire: Wire, more: bytes) -> int:
    """Talk on, deaf to the close; give how many bytes were said until the socket was gone."""
    said = 0
    async with asyncio.timeout(WAIT_S):
        while True:
            wire.writer.write(more)
            said += len(more)
            try:
                await wire.writer.drain()
            except ConnectionError:
                return said


async def half_open(port: int, said: bytes) -> Wire:
    wire = await Wire.connect(port)
    wire.writer.write(said)
    await wire.writer.drain()
    return wire


def is_over(wire: Wire) -> bool:
    """Tell whether a connection has ended; a byte that meets a closed door ends it by a reset, with no end of file."""
    return wire.reader.at_eof() or wire.reader.exception() is not None or wire.writer.is_closing()


@pytest.mark.parametrize("trickle", [False, True])
async def test_half_sent_handshakes_end_at_their_deadline_and_honest_clients_do_not_wait(
    monkeypatch: pytest.MonkeyPatch, trickle: bool
) -> None:
    monkeypatch.setattr(http, "IDLE_S", 0.3)
    async with run(None, profile_name="bench", durability="memory") as gateway:
        town = await build_town(gateway.router, ["lin"], ["amy"], [])
        port = gateway.listener.port
        slow = handshake(port, {})[:-2] + b"X-Slow: "
        half = [await half_open(port, slow if trickle else slow[: 10 + n]) for n in range(100)]
        bystanders = Bystanders(gateway, town)
        await bystanders.start()
        async with asyncio.timeout(WAIT_S):
            while trickle and not all(map(is_over, half)):
                for wire in half:
                    if not is_over(wire):
                        wire.writer.write(b"x")
                await bystanders.undisturbed()
            for wire in half:
                with suppress(ConnectionError):  # a byte may have met a closed door
                    assert await wire.reader.read() == b""
                wire.writer.close()
        await bystanders.undisturbed()
        await bystanders.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not hold back who says nothing")
async def test_more_than_the_cap_that_all_connect_before_they_speak_are_all_let_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "UNAUTHENTICATED_MAX", 20)
    async with run(None, profile_name="bench", durability="memory") as gateway:
        await build_town(gateway.router, ["lin"], ["amy"], [])
        port = gateway.listener.port
        wires = [await Wire.connect(port) for _ in range(200)]
        for number, wire in enumerate(wires):
            token = consumer_token(gateway, "amy", f"phone {number}")
            wire.writer.write(handshake(port, {"Authorization": f"Bearer {token}"}))
        async with asyncio.timeout(WAIT_S):
            for wire in wires:
                assert (await wire.reader.readline()).startswith(b"HTTP/1.1 101")
                wire.writer.close()


async def test_unread_body_does_not_hold_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "IDLE_S", 0.3)
    async with run(None, profile_name="bench", durability="memory") as gateway:
        port = gateway.listener.port
        wire = await half_open(port, b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nx")
        begun = asyncio.get_running_loop().time()
        async with asyncio.timeout(WAIT_S):
            assert (await wire.reader.read()).startswith(b"HTTP/1.1 404")
        assert asyncio.get_running_loop().time() - begun < 5
        wire.writer.close()


async def test_above_the_cap_the_oldest_idle_connection_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "UNAUTHENTICATED_MAX", 20)
    async with run(None, profile_name="bench", durability="memory") as gateway:
        town = await build_town(gateway.router, ["lin"], ["amy"], [])
        port = gateway.listener.port
        half = [await half_open(port, b"GET /ws HT") for _ in range(20)]
        bystanders = Bystanders(gateway, town)
        await bystanders.start()
        async with asyncio.timeout(WAIT_S):
            for wire in half[:2]:
                assert await wire.reader.read() == b""
        more = [await half_open(port, b"GET /ws HT") for _ in range(200)]
        async with asyncio.timeout(WAIT_S):
            for wire in half + more[:180]:
                assert await wire.reader.read() == b""
        await bystanders.undisturbed()
        await bystanders.stop()
        for wire in half + more:
            wire.drop()

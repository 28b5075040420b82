"""No secret shows where it is not meant to: every kind of secret is planted, then looked for in all that comes out.

Meant are the calls that give secrets away (`/env`, `/world`, tokens, tickets) and the ready line of a program.
"""

import asyncio
import json
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from aiohttp import ClientError, ClientSession, WSServerHandshakeError

from tests.end_to_end.server import Server

CORP, AGENT, BOT = "wwshop", "1000002", "aibshop"
SECRET, BOT_SECRET, LATER_SECRET = "canary-app-secret-51", "canary-bot-secret-52", "canary-later-secret-53"
TOKEN, AES_KEY = "canarycallbacktoken54", "canaryAESkey55" + "A" * 29
WORLD = f"""
version = 1
[[consumer]]
id = "amy"
[[corp]]
corpid = "{CORP}"
name = "Shop"
[[corp.app]]
agent_id = "{AGENT}"
name = "crm"
secret = "{SECRET}"
callback_url = "http://127.0.0.1:1/"
callback_token = "{TOKEN}"
callback_aes_key = "{AES_KEY}"
[[corp.app]]
agent_id = "{BOT}"
name = "bot"
secret = "{BOT_SECRET}"
bot = true
[[corp.member]]
userid = "lin"
name = "Lin"
[[corp.relation]]
member = "lin"
consumer = "amy"
"""
FILE_BYTES_MAX = 300_000  # so much the journal may hold at the end, which it dies of
MEANT = ("/env", "/world", "/snapshots/{name}", "/openapi.json", "/wecom/openapi.json")


class Heard:
    """All that came out of the gateway, by where it came from."""

    def __init__(self, server: Server, session: ClientSession) -> None:
        self.texts: dict[str, list[str]] = {}
        self._session = session
        self._base = f"http://127.0.0.1:{server.port}"

    def add(self, source: str, text: str) -> None:
        self.texts.setdefault(source, []).append(text)

    async def ask(
        self, method: str, path: str, body: object = None, *, meant: bool = False, **headers: str
    ) -> Any:  # fmt: skip
        """Make a request, and keep the answer, heads included, unless it is meant to tell secrets."""
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode() if body is not None else None
        with suppress(ClientError):
            async with self._session.request(method, self._base + path, data=data, headers=headers) as answer:
                text = await answer.text()
                if not meant:
                    self.add(f"{method} {path.partition('?')[0]}", f"{answer.status} {answer.reason}")
                    self.add(f"{method} {path.partition('?')[0]}", f"{dict(answer.headers)} {text}")
                return json.loads(text) if text.startswith("{") else text

    async def say(self, port: int, said: str) -> None:
        """Say to a port what is no request; what it says of it to us, who said it, is no news to anybody."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said.encode())
        with suppress(ConnectionError, TimeoutError):
            writer.write_eof()
            async with asyncio.timeout(10):
                await reader.read()
        writer.close()


@asynccontextmanager
async def listening(url: str, heard: Heard) -> AsyncIterator[None]:
    """Keep everything that is published on a broker."""
    login, _, place = url.removeprefix("mqtt://").rpartition("@")
    username, _, password = login.partition(":")
    host, _, port = place.partition(":")
    async with aiomqtt.Client(host, int(port), username=username, password=password) as client:
        await client.subscribe("hutong/#", qos=1)

        last = asyncio.Event()

        async def listen() -> None:
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                if "/cmd/" not in message.topic.value:  # those are ours
                    heard.add("mqtt", f"{message.topic} {message.payload.decode()}")
                if message.topic.matches("hutong/v1/+/evt/error"):
                    last.set()

        task = asyncio.create_task(listen())
        try:
            yield
            about = {"from": {"app": AGENT}, "to": {"consumer": "nobody"}, "content": {"kind": "text", "text": "x"}}
            event = {"specversion": "1.0", "id": "1", "source": "till", "type": "hutong.message.send.v1", "data": about}
            await client.publish(f"hutong/v1/{CORP}/cmd/message/send", json.dumps(event), qos=1)
            await client.publish(f"hutong/v1/{CORP}/cmd/message/send", json.dumps({"secret": SECRET}), qos=1)
            async with asyncio.timeout(20):
                await last.wait()
        finally:
            task.cancel()


def misdirected(secret: str) -> Iterator[tuple[str, str]]:
    """Give requests that hold a secret where somebody might put it by mistake."""
    yield "GET", f"/cgi-bin/user/get?userid=lin&access_token={secret}"
    yield "GET", f"/cgi-bin/user/get?userid=lin&acess_token={secret}"
    yield "GET", f"/cgi-bin/user/gett?access_token={secret}"
    yield "GET", f"/cgi-bin/user/get&access_token={secret}"
    yield "GET", f"/cgi-bin/gettoken?corpid=wwnone&corpsecret={secret}"
    yield "GET", f"/cgi-bin/gettoken?corpid={CORP}&corpsecret={secret}x"
    yield "GET", f"/cgi-bin/gettoken?corpid={CORP}&secret={secret}"
    yield "POST", f"/cgi-bin/gettoken?corpid={CORP}&corpsecret={secret}"
    yield "GET", f"/ws?ticket={secret}"
    yield "GET", f"/ws?token={secret}"
    yield "GET", f"/media/x?ticket={secret}"
    yield "GET", f"/_hutong/clock?token={secret}"
    yield "GET", f"/nowhere?secret={secret}"
    yield "DELETE", f"/_hutong/tokens?token={secret}"


async def plant(heard: Heard, server: Server, told: dict[str, Any]) -> dict[str, str]:
    """Have every kind of secret made and used, rightly and wrongly; give each by a name of its own."""
    control = "/_hutong"
    member, consumer = (await heard.ask("POST", f"{control}/tokens", {"people": [f"{CORP}/lin", "amy"]}, meant=True))[
        "tokens"
    ]
    ticket = (await heard.ask("POST", f"{control}/tickets", {"token": member}, meant=True))["ticket"]
    known = f"/cgi-bin/gettoken?corpid={CORP}&corpsecret={SECRET}"
    access = (await heard.ask("GET", known, meant=True))["access_token"]
    jsapi = (await heard.ask("GET", f"/cgi-bin/get_jsapi_ticket?access_token={access}", meant=True))["ticket"]
    secrets = {
        "app secret": SECRET, "bot secret": BOT_SECRET, "callback token": TOKEN, "callback key": AES_KEY,
        "member's link token": member, "consumer's link token": consumer, "ticket": ticket, "access token": access,
        "page ticket": jsapi, "broker's password": told["mqtt_url"].partition("@")[0].rpartition(":")[2],
    }  # fmt: skip
    for secret in secrets.values():
        for method, path in misdirected(secret):
            await heard.ask(method, path)
        for body in (f'{{"secret": "{secret}"', f'{{"access_token": "{secret}", "userid": 7}}', f'["{secret}"]'):
            await heard.ask("POST", f"/cgi-bin/externalcontact/list?access_token={access}", body)
            await heard.ask("PUT", f"{control}/corps/{CORP}/apps/{AGENT}", body)
            await heard.ask("POST", f"{control}/tokens/revoke", body)
        await heard.ask("POST", f"{control}/tokens/revoke", {"token": f"{secret}x"})
        await heard.ask("POST", f"{control}/world", f'version = 1\n[[corp]]\nsecret = "{secret}\n')
        await heard.ask("POST", f"{control}/world", WORLD.replace(f'"{SECRET}"', f'["{secret}"]'))
        await heard.ask("GET", "/ws", Authorization=f"Bearer {secret}x")
        await heard.say(server.port, f"GARBAGE {secret}\r\nAuthorization: {secret}\r\n\r\n")
        await heard.say(server.port, f"GET / HTTP/1.1\r\nHost: x\r\nBad Header: {secret}\r\n\r\n")
        for name in ("tls_url", "proxy_url"):
            port, shop = int(told[name].rpartition(":")[2]), "http://shop.example/"
            await heard.say(port, f"CONNECT a.example:443 HTTP/1.1\r\nProxy-Authorization: Basic {secret}\r\n\r\n")
            await heard.say(port, f"GET {shop}?access_token={secret} HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    return secrets


async def speak(heard: Heard, server: Server, session: ClientSession, secrets: dict[str, str]) -> None:
    """Use links and a bot's connection, rightly and wrongly."""
    base = f"ws://127.0.0.1:{server.port}"
    token = secrets["member's link token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with session.ws_connect(f"{base}/ws", protocols=["hutong.v1.json"], headers=headers) as link:
        await link.send_json({"type": "hello"})
        heard.add("link", await link.receive_str())
        await link.send_json({"type": "send", "number": 1, "conversation": secrets["ticket"], "content": {}})
        heard.add("link", str(await link.receive()))
    with suppress(WSServerHandshakeError):
        await session.ws_connect(f"{base}/ws?ticket={secrets['ticket']}&", protocols=["hutong.v1.json"], headers={})
    async with session.ws_connect(f"{base}/_hutong/aibot") as bot:
        for secret in (secrets["app secret"], BOT_SECRET):
            body = {"bot_id": BOT, "secret": secret}
            await bot.send_json({"cmd": "aibot_subscribe", "headers": {"req_id": "1"}, "body": body})
            heard.add("bot", await bot.receive_str())
        await bot.send_str(f'{{"cmd": "aibot_send_msg", "secret": "{BOT_SECRET}"')
        heard.add("bot", await bot.receive_str())


async def look_everywhere(heard: Heard) -> None:
    """Ask for everything that can be asked for without a name."""
    described = await heard.ask("GET", "/_hutong/openapi.json", meant=True)
    for path, item in described["paths"].items():
        if "get" in item and path not in MEANT and "{" not in path:
            await heard.ask("GET", f"/_hutong{path}")
    for path in ("/metrics", "/livez", "/readyz", "/", "/_hutong/calls?limit=1000", f"/_hutong/people/{CORP}/lin",
                 "/_hutong/people/amy", "/_hutong/callbacks?limit=1000"):  # fmt: skip
        await heard.ask("GET", path)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the disk is made full by a limit of Linux")
async def test_no_secret_comes_out_where_it_is_not_meant_to(tmp_path: Path) -> None:
    world, data = tmp_path / "world.toml", tmp_path / "data"
    world.write_text(WORLD)
    server = await Server.start(data, "--world", str(world), "--mqtt", "demo", "--proxy")
    try:
        async with ClientSession() as session:
            heard = Heard(server, session)
            told = await heard.ask("GET", "/_hutong/env", meant=True)
            async with listening(told["mqtt_url"], heard):
                secrets = await plant(heard, server, told)
                await speak(heard, server, session, secrets)
                await heard.ask("POST", "/_hutong/tokens/rotate")
                await heard.ask("POST", "/_hutong/tokens/revoke", {"token": secrets["consumer's link token"]})
                await heard.ask("POST", f"/_hutong/corps/{CORP}/apps/{AGENT}/callback/verify")
                await heard.ask("PUT", f"/_hutong/corps/{CORP}/relations/lin/amy", {"remark": "friend"})
            await look_everywhere(heard)
            keys = json.loads((data / "keys.json").read_text())
            secrets |= {"root of keys": keys["link"], "resume key": keys["resume"], "later secret": LATER_SECRET}
            secrets |= {f"key {name}": secret for name, secret in keys["signing"].items()}
            secrets["authority's key"] = (data / "tls" / "ca.key").read_text().splitlines()[1]
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))
            later = {"name": "x", "secret": LATER_SECRET, "callback_url": "x" * 1_000}
            async with asyncio.timeout(60):
                while await heard.ask("PUT", f"/_hutong/corps/{CORP}/apps/3", later) is not None:
                    pass
        ended = await server.ended()
        heard.add("standard error", ended.talk)
    finally:
        await server.end()
    assert ended.code == 1 and "the journal could not be written" in ended.talk
    assert len(heard.texts) > 40 and {"mqtt", "link", "bot", "GET /metrics"} < heard.texts.keys()
    shown = [
        (name, source, text[max(0, text.index(secret) - 80) :][:200])
        for name, secret in secrets.items() for source, texts in heard.texts.items() for text in texts if secret in text
    ]  # fmt: skip
    assert shown == [], "\n".join(map(str, shown))

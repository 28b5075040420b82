"""What the tests of the vendor's API share: a gateway with the demo's world, and the SDK that speaks to it.

wechatpy is synchronous: its calls run in a thread, while the gateway turns in the test's own loop.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

import pytest
import requests
from aiohttp import ClientSession, ClientTimeout, TCPConnector
from requests.adapters import HTTPAdapter
from wechatpy.work import WeChatClient

from adapters.compose import Gateway, run
from adapters.opening import restore
from adapters.world import demo
from gateway.config import Config
from gateway.events import CallbackDue, decode
from gateway.state import State
from protocol.wecom.changes import AnyChange
from tests.conformance import driven
from tests.wire import Wire

T = TypeVar("T")

STORE = "wwlanhe"
SECRET = f"secret-of-{STORE}"
AGENT = 1000002
ZHANG = "zhangsan"
AMY = "an.zhao"  # a customer of zhangsan's
AMYS_GROUP = "wrpeoplesroad"  # of zhangsan's


class Brought(HTTPAdapter):
    """Sends to the gateway what was meant for the vendor's host, so that nothing leaves this machine."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: requests.PreparedRequest, *arguments: Any, **named: Any) -> requests.Response:
        assert request.url is not None
        request.url = self._url + request.url.removeprefix("https://qyapi.weixin.qq.com")
        return super().send(request, *arguments, **named)


class Wecom:
    """A gateway, seen as its two kinds of users see it: through an SDK, and through control."""

    def __init__(self, gateway: Gateway, session: ClientSession) -> None:
        self.gateway = gateway
        self.session = session
        self.url = gateway.base_url
        self._clients: list[WeChatClient] = []

    def sdk(self, corpid: str = STORE, secret: str = SECRET) -> WeChatClient:
        """Make wechatpy's client of an enterprise; nothing but its base URL is changed.

        Two of its calls have the vendor's host written into them, whatever the base URL: they are brought here too.
        """

        class Client(WeChatClient):  # type: ignore[misc]
            API_BASE_URL = f"{self.url}/cgi-bin/"

        client = Client(corpid, secret)
        client._http = requests.Session()
        client._http.trust_env = False
        client._http.headers["User-Agent"] = driven.WECHATPY
        client._http.mount("https://", Brought(self.url))
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client._http.close()

    async def get(self, path: str, **query: object) -> dict[str, Any]:
        """Call a path as it is written, without an SDK; the status is always 200."""
        return await self._call("GET", path, None, query)

    async def post(self, path: str, body: object = None, **query: object) -> dict[str, Any]:
        return await self._call("POST", path, body, query)

    async def _call(self, method: str, path: str, body: object, query: dict[str, object]) -> dict[str, Any]:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        asked = {key: str(value) for key, value in query.items()}
        async with self.session.request(method, f"{self.url}/cgi-bin/{path}", data=data, params=asked) as answer:
            assert answer.status == 200, answer.status
            told: dict[str, Any] = await answer.json()
            self.headers = answer.headers
        return told

    async def token(self, corpid: str = STORE, secret: str = SECRET) -> str:
        told = await self.get("gettoken", corpid=corpid, corpsecret=secret)
        assert told["errcode"] == 0, told
        return str(told["access_token"])

    async def control(self, method: str, path: str, body: object = None) -> Any:
        """Call control, and expect it to say yes."""
        data = json.dumps(body).encode() if body is not None else b""
        async with self.session.request(method, f"{self.url}/_hutong{path}", data=data) as answer:
            told = await answer.json()
            assert answer.status == 200, told
            return told

    async def act(self, person: str, **frame: object) -> dict[str, Any]:
        """Do as a person what one of their clients could ask for."""
        told: dict[str, Any] = await self.control("POST", f"/people/{person}/acts", frame)
        return told


async def threaded(call: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Call something synchronous while the gateway goes on."""
    return await asyncio.to_thread(call, *arguments, **named)


async def ask(wecom: Wecom, path: str, corpid: str = STORE, /, **body: object) -> dict[str, Any]:
    token = await wecom.token(corpid, f"secret-of-{corpid}")
    return await wecom.post(f"externalcontact/{path}", body, access_token=token)


async def listen(wecom: Wecom) -> None:
    """Have the store's app called back, somewhere where nobody answers."""
    await wecom.control(
        "PUT", f"/corps/{STORE}/apps/{AGENT}",
        {"name": "CRM", "secret": SECRET, "callback_url": "http://127.0.0.1:9/", "callback_token": "t",
         "callback_aes_key": "A" * 43},
    )  # fmt: skip


def changes(wecom: Wecom) -> list[AnyChange]:
    """List what the store's apps were to be told, in order."""
    events = (decode(placed.record) for placed in wecom.gateway.journal.replay(0))
    return [event.change for event in events if isinstance(event, CallbackDue)]


@pytest.fixture
async def wecom(request: pytest.FixtureRequest) -> AsyncIterator[Wecom]:
    """Run a gateway with the demo's world under today's numbers."""
    async with running() as seen:
        yield seen
        driven.settle(request.node.nodeid, list(seen.gateway.calls.newest_first()))


@asynccontextmanager
async def running(
    data: Path | None = None, *, tls_port: int | None = None, proxy_port: int | None = None, **bounds: Any
) -> AsyncIterator[Wecom]:  # fmt: skip
    """Run such a gateway with other bounds, or on disk, or by TLS and with a proxy too; what is there goes on."""
    connector = TCPConnector(limit=0)
    durability: Literal["disk", "memory"] = "disk" if data else "memory"
    async with (
        run(
            data, durability=durability, config=Config(**bounds), world=demo, tls_port=tls_port, proxy_port=proxy_port
        ) as gateway,
        ClientSession(connector=connector, timeout=ClientTimeout(total=30)) as session,
    ):
        gateway.calls.lines_max, gateway.calls.bytes_max = 10**6, 10**9
        seen = Wecom(gateway, session)
        try:
            yield seen
        finally:
            Wire.drop_all()
        seen.close()
        lived = gateway.router.state
        assert restore(gateway.journal).digest() == lived.digest(), "a restart forgets something"
        assert State.load(lived.dump()).digest() == lived.digest(), "a checkpoint forgets something"

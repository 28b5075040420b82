"""An app's receiver as somebody writes one with wechatpy: it opens what comes with the SDK's crypto, and answers.

What it answers is scripted: it can be slow, wrong or rude.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from aiohttp import web
from wechatpy.work import parse_message
from wechatpy.work.crypto import WeChatCrypto

from tests.conformance.wecom import AGENT, SECRET, STORE, ZHANG, Wecom

MEMBER = f"{STORE}/{ZHANG}"
TOKEN = "token-of-the-receiver"
AES_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


class Call(NamedTuple):
    """One request that came in: its address, its outer XML, what was inside, and the SDK's own object of that."""

    query: Mapping[str, str]
    outer: dict[str, str]
    xml: str
    message: Any


Answer = web.StreamResponse | str | bytes | int
Behaviour = Callable[[Call], Awaitable[Answer] | Answer]


class Receiver:
    """A web server that is called back. `answers` are given one a call; then `behave` answers."""

    def __init__(self, url: str, corpid: str) -> None:
        self.url = url
        self.corpid = corpid
        self.crypto = WeChatCrypto(TOKEN, AES_KEY, corpid)
        self.calls: list[Call] = []
        self.checks: list[Mapping[str, str]] = []
        self.answers: list[Answer] = []
        self.behave: Behaviour = lambda _call: "success"
        self.check: Callable[[str], Awaitable[Answer] | Answer] = lambda echo: echo
        self._came = asyncio.Condition()

    async def respond(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        signed = query["msg_signature"], query["timestamp"], query["nonce"]
        if request.method == "GET":
            self.checks.append(query)
            return await _response(self.check(self.crypto.check_signature(*signed, query["echostr"])))
        body = await request.text()
        text = self.crypto.decrypt_message(body, *signed)
        outer = {child.tag: child.text or "" for child in ET.fromstring(body)}  # noqa: S314 - the gateway's own
        call = Call(query, outer, text, parse_message(text))
        async with self._came:
            self.calls.append(call)
            self._came.notify_all()
        return await _response(self.answers.pop(0) if self.answers else self.behave(call))

    async def came(self, count: int) -> list[Call]:
        """Wait until so many calls have come; give them."""
        async with self._came, asyncio.timeout(20):
            await self._came.wait_for(lambda: len(self.calls) >= count)
        return self.calls

    async def settle(self, wecom: Wecom, agent_id: int = AGENT, **changed: Any) -> None:
        """Have an app of the enterprise called back here."""
        body = {
            "name": "crm", "secret": SECRET if self.corpid == STORE else f"secret-of-{self.corpid}",
            "callback_url": self.url, "callback_token": TOKEN, "callback_aes_key": AES_KEY, **changed,
        }  # fmt: skip
        await wecom.control("PUT", f"/corps/{self.corpid}/apps/{agent_id}", body)


async def _response(given: Awaitable[Answer] | Answer) -> web.StreamResponse:
    answer = await given if isinstance(given, Awaitable) and not isinstance(given, web.StreamResponse) else given
    if isinstance(answer, web.StreamResponse):
        return answer
    if isinstance(answer, int):
        return web.Response(status=answer)
    return web.Response(body=answer.encode() if isinstance(answer, str) else answer)


@asynccontextmanager
async def receiving(corpid: str = STORE) -> AsyncIterator[Receiver]:
    """Run a receiver on loopback."""
    app = web.Application()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    receiver = Receiver("", corpid)
    app.router.add_route("*", "/callback", receiver.respond)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"{site.name}/callback"
    try:
        yield receiver
    finally:
        await runner.cleanup()

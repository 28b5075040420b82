"""What the tests of bots share: a bot's connection as frames that are written by hand, and people on real links.

The connection is one of `websockets`, which knows nothing of the library that the gateway is built on.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hutong.client import Consumer, Member
from tests.conformance.wecom import STORE, ZHANG, Wecom

BOT = "aiblanhe"
SECRET = f"secret-of-{BOT}"
WAIT_S = 20.0  # of patience with a server that shares two cores with everything else


class Raw:
    """A bot's connection; acknowledgements are waited for, what is told meanwhile waits in `heard`."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: deque[dict[str, Any]] = deque()
        self._asked = 0

    async def say(self, text: str | bytes) -> dict[str, Any]:
        """Send what need not be a frame, and wait for what is said to it."""
        await self.socket.send(text)
        while "errcode" not in (frame := await self._read()):
            self.heard.append(frame)
        return frame

    async def ask(self, cmd: str, req_id: str = "", **body: Any) -> dict[str, Any]:
        """Send a frame, and wait for its acknowledgement."""
        self._asked += 1
        req_id = req_id or f"{cmd}_{self._asked}"
        acknowledgement = await self.say(json.dumps({"cmd": cmd, "headers": {"req_id": req_id}, "body": body}))
        assert acknowledgement["headers"] == {"req_id": req_id}
        return acknowledgement

    async def answer(self, told: dict[str, Any], cmd: str = "aibot_respond_msg", **body: Any) -> int:
        """Answer what was told; give the errcode."""
        errcode: int = (await self.ask(cmd, told["headers"]["req_id"], **body))["errcode"]
        return errcode

    async def subscribe(self, bot_id: str = BOT, secret: str = SECRET) -> dict[str, Any]:
        return await self.ask("aibot_subscribe", bot_id=bot_id, secret=secret)

    async def told(self) -> dict[str, Any]:
        """Wait for the next callback."""
        return self.heard.popleft() if self.heard else await self._read()

    async def _read(self) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            text = await self.socket.recv()
        assert isinstance(text, str), "frames are text"
        frame: dict[str, Any] = json.loads(text)
        return frame

    async def ended(self) -> tuple[int, str]:
        """Wait until the other end closes; give its code and reason."""
        try:
            while True:
                self.heard.append(await self._read())
        except ConnectionClosed as why:
            return (why.rcvd.code, why.rcvd.reason) if why.rcvd is not None else (1006, "")


@asynccontextmanager
async def connected(wecom: Wecom, path: str = "/_hutong/aibot", **options: Any) -> AsyncIterator[Raw]:
    """Open a bot's connection, and say nothing yet."""
    url = f"{wecom.url.replace('http', 'ws', 1)}{path}"
    async with connect(url, ping_interval=None, proxy=None, user_agent_header="raw", **options) as socket:
        yield Raw(socket)


@asynccontextmanager
async def subscribed(wecom: Wecom, **options: Any) -> AsyncIterator[Raw]:
    """Open a bot's connection, and subscribe."""
    async with connected(wecom, **options) as raw:
        assert (await raw.subscribe())["errcode"] == 0
        yield raw


def member(wecom: Wecom, userid: str = ZHANG, **options: Any) -> Member:
    return Member(wecom.url, wecom.gateway.tokens.link_token(f"{STORE}/{userid}", "phone"), **options)


def consumer(wecom: Wecom, handle: str) -> Consumer:
    return Consumer(wecom.url, wecom.gateway.tokens.link_token(handle, "phone"))


async def chat_of(person: Member | Consumer, bot: str = BOT) -> str:
    """Open the chat with a bot; give its conversation."""
    return (await person.enter(bot)).conversation


async def until(is_so: Callable[[], object]) -> None:
    """Let the loop turn until something is so."""
    async with asyncio.timeout(WAIT_S):
        while not is_so():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0)

"""SDKs for bots, unmodified, behind one face: methods by the names they have in JavaScript, and what they emit.

Their own options shorten the pause before they connect again, and mark their handshakes for the record of who drove
what; nothing else of them is set but address and secret.
"""

import asyncio
import json
import re
import shutil
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from inspect import isawaitable
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol
from warnings import catch_warnings, simplefilter

import wecom_aibot_sdk

from tests.conformance import driven
from tests.conformance.aibot import BOT, SECRET, WAIT_S, until
from tests.conformance.wecom import Wecom

NODE: Final = Path(__file__).parent / "node"
EVENTS: Final = (
    "authenticated", "disconnected", "reconnecting", "error", "message", "message.text", "message.image",
    "message.voice", "message.file", "message.video", "event.enter_chat", "event.template_card_event",
    "event.feedback_event", "event.disconnected_event",
)  # fmt: skip
AGAIN_MS: Final = 10  # before it connects again, doubled each time


class Refused(Exception):
    """The SDK says that the gateway said no; the text holds its number."""


class Heard:
    """What an SDK has emitted, by event; each is given once."""

    def __init__(self) -> None:
        self._told: defaultdict[str, asyncio.Queue[Any]] = defaultdict(asyncio.Queue)

    def note(self, event: str, *told: Any) -> None:
        self._told[event].put_nowait(told[0] if told else None)

    async def heard(self, event: str) -> Any:
        """Wait for the next of these events; give what it tells."""
        async with asyncio.timeout(WAIT_S):
            return await self._told[event].get()


class Bot(Protocol):
    async def call(self, method: str, *arguments: Any) -> Any:
        """Call a method, by its name in JavaScript; `Refused` if it throws."""
        ...

    async def heard(self, event: str) -> Any: ...

    async def upload(self, data: bytes, kind: str, name: str) -> str:
        """Upload a file; give its id."""
        ...

    async def download(self, url: str, key: str) -> tuple[bytes, str]:
        """Fetch a file and open it; give it and its name."""
        ...


class NodeBot(Heard):
    """`@wecom/aibot-node-sdk`, the vendor's own, in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__()
        self._process = process
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}

    async def listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            if "event" in told:
                self.note(told["event"], told["told"])
            elif "error" in told:
                self._answers.pop(told["id"]).set_exception(Refused(str(told["error"])))
            else:
                self._answers.pop(told["id"]).set_result(told["result"])

    async def call(self, method: str, *arguments: Any) -> Any:
        assert self._process.stdin is not None
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": number, "method": method, "args": arguments})
        self._process.stdin.write(f"{line}\n".encode())
        async with asyncio.timeout(WAIT_S):
            return await answer

    async def upload(self, data: bytes, kind: str, name: str) -> str:
        bytes_ = {"base64": b64encode(data).decode()}
        media_id: str = (await self.call("uploadMedia", bytes_, {"type": kind, "filename": name}))["media_id"]
        return media_id

    async def download(self, url: str, key: str) -> tuple[bytes, str]:
        told = await self.call("downloadFile", url, key)
        return b64decode(told["buffer"]["base64"]), told["filename"]


@asynccontextmanager
async def node_bot(wecom: Wecom, secret: str = SECRET) -> AsyncIterator[Bot]:
    binary = shutil.which("node")
    assert binary, "node is missing: scripts/install-test-servers installs it"
    assert (NODE / "node_modules").exists(), "the package is missing: scripts/install-test-servers installs it"
    options = {
        "wsUrl": ws_url(wecom), "botId": BOT, "secret": secret, "reconnectInterval": AGAIN_MS,
        "wsOptions": {"headers": {"User-Agent": driven.NODE_BOT}},
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        binary, NODE / "bot.js", json.dumps(options), json.dumps(EVENTS), stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, limit=2**26,
    )  # fmt: skip
    bot = NodeBot(process)
    listening = asyncio.create_task(bot.listen())
    try:
        await bot.call("connect")
        yield bot
    finally:
        process.stdin.close()  # type: ignore[union-attr]
        await process.wait()
        await listening


class Silent:
    """A log that nobody reads."""

    def _say(self, *_words: object) -> None:
        return None

    debug = info = warn = error = _say


class PythonBot(Heard):
    """An SDK in Python, in the test's own loop: it has the same methods, spelt with underscores."""

    def __init__(self, client: Any) -> None:
        super().__init__()
        self._numbers = count(1)
        self._client = client
        for event in EVENTS:
            client.on(event, partial(self.note, event))

    async def call(self, method: str, *arguments: Any) -> Any:
        called = getattr(self._client, re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", method))(*arguments)
        try:
            return await called if isawaitable(called) else called
        except Exception as why:
            raise Refused(str(why)) from why

    async def upload(self, data: bytes, kind: str, name: str) -> str:
        media_id: str = (await self._client.upload_media(data, type=kind, filename=name))["media_id"]
        return media_id

    async def download(self, url: str, key: str) -> tuple[bytes, str]:
        told = await self._client.download_file(url, key)
        return (told["buffer"], told["filename"]) if isinstance(told, dict) else told


@asynccontextmanager
async def python_bot(wecom: Wecom, secret: str = SECRET, *, own_address: bool = False) -> AsyncIterator[Bot]:
    """Run `wecom-aibot-sdk`; with its own address, the vendor's, the environment has to lead it here."""
    url = "" if own_address else ws_url(wecom)
    marked = {"user_agent_header": driven.PYTHON_BOT}
    client = wecom_aibot_sdk.WSClient(
        BOT, secret, ws_url=url, reconnect_interval=AGAIN_MS, logger=Silent(), ws_options=marked
    )  # fmt: skip
    bot = PythonBot(client)
    try:
        await bot.call("connect")
        yield bot
    finally:
        await client.disconnect()
        await client.api.close()


class TlsBot(PythonBot):
    """`wecom-aibot-python-sdk`: it uploads nothing by itself, but sends what one writes."""

    async def upload(self, data: bytes, kind: str, name: str) -> str:
        size = 512 * 1024
        begun = await self._send(
            "init", type=kind, filename=name, total_size=len(data), total_chunks=-(-len(data) // size)
        )
        for index, at in enumerate(range(0, len(data), size)):
            piece = b64encode(data[at : at + size]).decode()
            await self._send("chunk", **begun["body"], chunk_index=index, base64_data=piece)
        media_id: str = (await self._send("finish", **begun["body"]))["body"]["media_id"]
        return media_id

    async def _send(self, step: str, **body: Any) -> Any:
        frame = {"headers": {"req_id": f"upload_{next(self._numbers)}"}}
        return await self.call("reply", frame, body, f"aibot_upload_media_{step}")


@asynccontextmanager
async def tls_bot(wecom: Wecom, secret: str = SECRET, *, own_address: bool = False) -> AsyncIterator[Bot]:
    """Run `wecom-aibot-python-sdk`: it takes TLS only, and trusts what certifi trusts, to which we add ourselves."""
    with catch_warnings():
        simplefilter("ignore", DeprecationWarning)  # it asks its library for a name that will go
        import aibot
    urls = wecom.gateway.urls()
    assert urls.tls_url is not None
    aibot.ws._SSL_CONTEXT.load_verify_locations(urls.ca_file)
    url = "" if own_address else urls.tls_url.replace("http", "ws", 1)
    options = aibot.WSClientOptions(BOT, secret, reconnect_interval=AGAIN_MS, ws_url=url, logger=Silent())
    client = aibot.WSClient(options)
    bot = TlsBot(client)
    try:
        await bot.call("connect")
        yield bot
    finally:
        client.disconnect()
        await until(lambda: client._ws_manager._ws is None)


def ws_url(wecom: Wecom) -> str:
    """Give the address as an SDK's own default has it: a host, and no path."""
    return wecom.url.replace("http", "ws", 1)


SDKS: Final[dict[str, Callable[..., AbstractAsyncContextManager[Bot]]]] = {
    driven.NODE_BOT: node_bot,
    driven.PYTHON_BOT: python_bot,
    driven.TLS_BOT: tls_bot,
}

"""A server that is killed while a receiver takes its time calls it back after a restart, about everything, in order."""

import asyncio
from pathlib import Path

from aiohttp import ClientSession

from tests.conformance.receiver import AES_KEY, MEMBER, TOKEN, Call, receiving
from tests.conformance.wecom import AGENT, SECRET, STORE
from tests.end_to_end.server import Server


async def control(server: Server, session: ClientSession, method: str, path: str, body: object) -> str:
    url = f"http://127.0.0.1:{server.port}/_hutong{path}"
    async with session.request(method, url, json=body) as answer:
        assert answer.status == 200, await answer.text()
        return str((await answer.json()).get("conversation", ""))


async def test_a_killed_server_forgets_no_callback(tmp_path: Path) -> None:
    holding = asyncio.Event()

    async def hold(_call: Call) -> str:
        holding.set()
        await asyncio.Event().wait()
        return ""

    async with receiving() as receiver, ClientSession() as session:
        receiver.behave = hold
        killed = await Server.start(tmp_path, "--world", "demo")
        app = {"name": "crm", "secret": SECRET, "callback_url": receiver.url}
        keys = {"callback_token": TOKEN, "callback_aes_key": AES_KEY}
        await control(killed, session, "PUT", f"/corps/{STORE}/apps/{AGENT}", {**app, **keys})
        acts = f"/people/{MEMBER}/acts"
        chat = await control(killed, session, "POST", acts, {"type": "enter", "app": str(AGENT)})
        for text in ("1", "2", "3"):
            said = {"type": "send", "conversation": chat, "content": {"kind": "text", "text": text}}
            await control(killed, session, "POST", acts, said)
        await holding.wait()
        await killed.kill()
        receiver.behave = lambda _call: "success"
        heard = len(receiver.calls)
        server = await Server.start(tmp_path)
        calls = await receiver.came(heard + 3)
        assert [call.message.content for call in calls[heard:]] == ["1", "2", "3"]
        assert (await server.terminate()).code == 0

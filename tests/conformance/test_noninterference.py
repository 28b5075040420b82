"""What one enterprise sees is the same to the byte whether another one acts or not: answers, callbacks, and a link.

The same calls are made twice, under a clock that stands still: once alone, once with whatever the other enterprise can
do in between, which names what is ours as readily as what is its own. Shared on purpose are the address that both call
from, whose calls are counted together, and the numbers of requests (`X-Hutong-Request`, and `hint` in what says no).
"""

import hashlib
import json
import os
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from aiohttp import ClientSession

from adapters.compose import run
from adapters.wecom_api.call import CALLS
from adapters.world import demo
from gateway.events import CallbackDue, decode
from tests.conformance.receiver import AES_KEY, TOKEN
from tests.conformance.test_wecom_isolation import OTHER, asked_of, filled, ours_of
from tests.conformance.wecom import AGENT, AMY, AMYS_GROUP, SECRET, STORE, ZHANG, Wecom
from tests.property.simulated import StillClock
from tests.wire import Wire

SEEDS: Final = range(int(os.environ.get("NEIGHBOURS", "2")))
OWN_CALLS: Final = ("user/delete", "user/batchdelete", "department/delete")  # would end what later calls look at


@asynccontextmanager
async def gateway_at_rest() -> AsyncIterator[Wecom]:
    async with run(None, durability="memory", world=demo, clock=StillClock()) as gateway, ClientSession() as session:
        seen = Wecom(gateway, session)
        yield seen
        Wire.drop_all()


def names_of(own: dict[str, Any]) -> dict[str, Any]:
    """Give one thing of each kind that the enterprise has."""
    return {
        "member": ZHANG, "customer": own["?amy"], "group": AMYS_GROUP, "department": 1, "agent": AGENT,
        "way": own["?way"], "join way": own["?join"], "mass": own["?mass"], "app group": own["?chat"],
        "book tag": own["?tag"],
    }  # fmt: skip


async def ask(wecom: Wecom, path: str, asked: dict[str, Any], token: str) -> bytes:
    """Call, and give the body of the answer, without the port and the number of the request."""
    call, url = CALLS[path], f"{wecom.url}/cgi-bin/{path}"
    query = {"access_token": token} | (
        {key: str(value) for key, value in asked.items()} if call.method == "GET" else {}
    )
    data = json.dumps(asked).encode() if call.method == "POST" else None
    async with wecom.session.request(call.method, url, params=query, data=data) as answer:
        return re.sub(rb"hint: \[[^]]*\]", b"", (await answer.read()).replace(wecom.url.encode(), b""))


def script(own: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """List a call for every name of every request, first with what is our own, then with what nobody has."""
    names = names_of(own)
    return [
        (path, filled(asked, one, own | {"?new": f"new{number}"}))
        for number, path in enumerate(sorted(CALLS)) if not CALLS[path].open and path not in OWN_CALLS
        for kind, asked in asked_of(path) for one in (names.get(kind, "some"), "none")
    ]  # fmt: skip


async def what_is_seen(disturb: Callable[[Wecom, dict[str, Any]], Callable[[], Awaitable[None]]] | None) -> list[bytes]:
    """Do all that the enterprise does, and give all that it sees."""
    async with gateway_at_rest() as wecom:
        token = await wecom.token()
        app = {"name": "crm", "secret": SECRET, "callback_url": "http://127.0.0.1:1/", "callback_token": TOKEN,
               "callback_aes_key": AES_KEY}  # fmt: skip
        await wecom.control("PUT", f"/corps/{STORE}/apps/{AGENT}", app)
        wire = await Wire.open(
            wecom.gateway.listener.port, wecom.gateway.tokens.link_token(f"{STORE}/{ZHANG}", "p"), "json"
        )
        await wire.hello()
        await wire.until("synced")
        own = await ours_of(wecom, token)
        step = disturb(wecom, own) if disturb is not None else None
        seen: list[bytes] = []
        for path, asked in script(own):
            if step is not None:
                await step()
            seen.append(f"{path} {asked} ".encode() + await ask(wecom, path, asked, token))
        chat = wecom.gateway.router.state.member(f"{STORE}/{ZHANG}").contacts[AMY]
        content = {"kind": "text", "text": "last"}
        said = await wecom.act(AMY, type="send", conversation=chat, content=content)
        while (frame := await wire.receive()).get("sequence") != said["sequence"] or frame["type"] != "message":
            if frame["type"] != "synced":
                seen.append(repr(frame).encode())
        events = (decode(placed.record) for placed in wecom.gateway.journal.replay(0))
        seen += [repr(event.change).encode() for event in events
                 if isinstance(event, CallbackDue) and event.corpid == STORE]  # fmt: skip
        return seen


def neighbour(seed: int, done: Counter[str]) -> Callable[[Wecom, dict[str, Any]], Callable[[], Awaitable[None]]]:
    """Make the other enterprise act: by its own API, by control for it, and with names of ours; count what is done."""

    def begin(wecom: Wecom, ours: dict[str, Any]) -> Callable[[], Awaitable[None]]:
        dice = random.Random(seed)
        calls = [
            (path, kind, asked) for path in sorted(CALLS) if not CALLS[path].open for kind, asked in asked_of(path)
        ]
        own = {"?amy": "none", "?chat": "ourchat", "?tag": 1, "?way": "none", "?join": "none", "?mass": "none"}
        theirs = {"member": "mali", "group": "wrtasting", "department": 1, "agent": AGENT, "app group": "awaychat"}

        async def by_api() -> None:
            token = await wecom.token(OTHER, f"secret-of-{OTHER}")
            path, kind, asked = dice.choice(calls)
            named = dice.choice((names_of(ours), theirs, theirs, theirs)).get(kind, "none")
            told = await ask(wecom, path, filled(asked, named, own | {"?new": f"n{dice.random()}"}), token)
            done["API"] += b'"errcode":0' in told

        async def by_control() -> None:
            number = dice.randrange(1000)
            method, path, body = dice.choice([
                ("PUT", f"/corps/{OTHER}/members/m{number}", {"name": "M"}),
                ("PUT", f"/corps/{OTHER}/relations/mali/{AMY}", {"remark": f"r{number}"}),
                ("PUT", f"/corps/{OTHER}/apps/{2000 + number}", {"name": "x", "secret": f"s{number}"}),
                ("PUT", f"/corps/{OTHER}/departments/{number + 10}", {"name": f"D{number}"}),
                ("POST", f"/corps/{OTHER}/groups", {"name": "G", "owner": "mali", "consumers": [AMY]}),
                ("POST", f"/people/{OTHER}/mali/acts", {"type": "enter", "app": str(AGENT)}),
            ])  # fmt: skip
            async with wecom.session.request(method, f"{wecom.url}/_hutong{path}", json=body) as answer:
                assert answer.status in (200, 409), await answer.text()
                done["control"] += answer.status == 200

        async def step() -> None:
            for _ in range(dice.randrange(3)):
                await dice.choice((by_api, by_control))()

        return step

    return begin


@pytest.fixture
def no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of the counting call has a random number, whoever asks."""
    monkeypatch.setattr("adapters.wecom_api.counted.randbits", lambda _bits: 1)


@pytest.mark.usefixtures("no_chance")
async def test_an_enterprise_sees_the_same_whether_another_acts_or_not() -> None:
    alone = await what_is_seen(None)
    assert len(alone) > 200 and sum(b'"errcode":0' in one for one in alone) > 60
    for seed in SEEDS:
        done = Counter[str]()
        beside = await what_is_seen(neighbour(seed, done))
        assert done["API"] > 10 and done["control"] > 50, done
        different = [(mine, theirs) for mine, theirs in zip(alone, beside, strict=True) if mine != theirs]
        assert different == [], (seed, len(different))
        assert hashlib.sha256(b"\n".join(beside)).digest() == hashlib.sha256(b"\n".join(alone)).digest()

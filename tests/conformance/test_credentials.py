"""Which credential opens which door: each its own and no other, and nothing opens to pages and names of others."""

import json
from typing import Final

import pytest
from aiohttp import WSServerHandshakeError

from adapters.control.endpoint import ENDPOINTS
from adapters.wecom_api.call import CALLS
from tests.conformance.aibot import SECRET as BOT_SECRET
from tests.conformance.aibot import connected
from tests.conformance.wecom import AGENT, AMY, SECRET, STORE, ZHANG, Wecom, wecom
from tests.wire import HandshakeRefused, Wire

__all__ = ["wecom"]


class Doors:
    """Every door that takes a credential: each tells whether it opens to one."""

    def __init__(self, wecom: Wecom, access: str) -> None:
        self._wecom = wecom
        self._access = access

    async def link(self, token: str) -> bool:
        try:
            wire = await Wire.open(self._wecom.gateway.listener.port, token)
        except HandshakeRefused:
            return False
        wire.drop()
        return True

    async def link_by_ticket(self, ticket: str) -> bool:
        url = f"{self._wecom.url}/ws"
        try:
            link = await self._wecom.session.ws_connect(url, params={"ticket": ticket}, protocols=["hutong.v1.json"])
        except WSServerHandshakeError:
            return False
        await link.close()
        return True

    async def media(self, token: str) -> bool:
        url, headers = f"{self._wecom.url}/media/none", {"Authorization": f"Bearer {token}"}
        async with self._wecom.session.get(url, headers=headers) as answer:
            assert answer.status in (401, 404)
            return answer.status == 404

    async def resume(self, token: str) -> bool:
        return self._wecom.gateway.tokens.read_resume_token(token) is not None

    async def control(self, token: str) -> bool:
        url, data = f"{self._wecom.url}/_hutong/tickets", json.dumps({"token": token})
        async with self._wecom.session.post(url, data=data) as answer:
            assert answer.status in (200, 422)
            return answer.status == 200

    async def api(self, token: str) -> bool:
        told = await self._wecom.get("getcallbackip", access_token=token)
        assert told["errcode"] in (0, 40014)
        return bool(told["errcode"] == 0)

    async def gettoken(self, secret: str) -> bool:
        return bool((await self._wecom.get("gettoken", corpid=STORE, corpsecret=secret))["errcode"] == 0)

    async def bot(self, secret: str) -> bool:
        async with connected(self._wecom) as raw:
            return bool((await raw.subscribe(secret=secret))["errcode"] == 0)

    async def login(self, code: str) -> bool:
        told = await self._wecom.get("auth/getuserinfo", access_token=self._access, code=code)
        return bool(told["errcode"] == 0)


LINKS: Final = {"link", "media", "control"}
OPENED_BY: Final = {
    "member's token": LINKS, "consumer's token": LINKS, "ticket": {"link_by_ticket"}, "resume token": {"resume"},
    "access token": {"api"}, "app's secret": {"gettoken"}, "bot's secret": {"bot"}, "code": {"login"},
    "page's ticket": set[str](), "callback token": set[str](), "key id": set[str](), "nothing": set[str](),
}  # fmt: skip


async def test_each_credential_opens_its_own_doors_and_no_other(wecom: Wecom) -> None:
    access, gateway = await wecom.token(), wecom.gateway
    person = f"{STORE}/{ZHANG}"
    member = gateway.tokens.link_token(person, "p")
    wire = await Wire.open(gateway.listener.port, member)
    await wire.hello()
    synced = await wire.until("synced")
    wire.drop()
    login = {"corpid": STORE, "agent_id": str(AGENT)}
    credentials = {
        "member's token": member, "consumer's token": gateway.tokens.link_token(AMY, "p"),
        "ticket": (await wecom.control("POST", "/tickets", {"token": member}))["ticket"],
        "resume token": synced["token"], "access token": access, "app's secret": SECRET, "bot's secret": BOT_SECRET,
        "code": (await wecom.control("POST", f"/people/{person}/oauth-codes", login))["code"],
        "page's ticket": (await wecom.get("get_jsapi_ticket", access_token=access))["ticket"],
        "callback token": gateway.router.state.corps[STORE].apps[str(AGENT)].callback_token,
        "key id": gateway.id, "nothing": "x",
    }  # fmt: skip
    assert credentials.keys() == OPENED_BY.keys()
    doors = Doors(wecom, access)
    for name in {name for name in vars(Doors) if not name.startswith("_")}:
        opened = set()
        for what, credential in sorted(credentials.items(), key=lambda one: name in OPENED_BY[one[0]]):
            await wecom.control("PUT", "/profile", {"name": "bench"})  # wrong secrets are not counted on
            if await getattr(doors, name)(credential):
                opened.add(what)
        assert opened == {what for what, doors in OPENED_BY.items() if name in doors}, name


# Pages of others

FOREIGN: Final = [
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"},
    {"Host": "qyapi.weixin.qq.com"}, {"Host": "evil.example", "Origin": "http://evil.example"},
    {"Host": "localhost.evil.example:80"}, {"Host": "user@127.0.0.1.evil.example"},
]  # fmt: skip


async def test_every_call_of_control_refuses_pages_and_names_of_others(wecom: Wecom) -> None:
    before, calls = wecom.gateway.router.state.digest(), 0
    for endpoint in ENDPOINTS:
        for headers in FOREIGN:
            url = f"{wecom.url}/_hutong{endpoint.route}"
            async with wecom.session.request(endpoint.method, url, data=b"{}", headers=headers) as answer:
                assert (answer.status, answer.content_type) == (403, "application/problem+json"), (
                    endpoint.route,
                    headers,
                )
            calls += 1
    assert calls > 400 and wecom.gateway.router.state.digest() == before


@pytest.mark.parametrize("path", ["/connect/oauth2/authorize?appid=wwlanhe", "/metrics"])
async def test_what_asks_for_no_credential_is_not_told_to_names_of_others(wecom: Wecom, path: str) -> None:
    for host, status in (("evil.example", 403), ("127.0.0.1.evil.example", 403), ("localhost:1", 0)):
        async with wecom.session.get(f"{wecom.url}{path}", headers={"Host": host}) as answer:
            assert answer.status == status or (not status and answer.status != 403), (host, await answer.text())


async def test_every_call_of_the_api_asks_for_a_token_or_a_secret(wecom: Wecom) -> None:
    assert {path for path, call in CALLS.items() if call.open} == {"gettoken"}
    wrong: list[dict[str, object]] = [{}, {"access_token": ""}, {"access_token": "x"}, {"access_token": "a" * 600}]
    for path, call in CALLS.items():
        for query in wrong if not call.open else ():
            told = await wecom._call(call.method, path, b"{}" if call.method == "POST" else None, query)
            assert told["errcode"] == (40014 if query.get("access_token") else 41001), (path, told)

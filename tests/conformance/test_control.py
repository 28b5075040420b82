"""Control on a real socket: what it answers, how it says no, and that its description says the same.

The description is checked by an independent validator of OpenAPI 3.1.
"""

import asyncio
import json
import re
import tomllib
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiohttp import ClientSession, ClientTimeout, TCPConnector
from openapi_spec_validator import OpenAPIV31SpecValidator

from adapters.compose import Gateway, run
from adapters.world import demo
from hutong.client import Consumer, LinkEnded, Member, Refused
from protocol.ids import derive

PROBLEM = "application/problem+json"
STORE = "wwlanhe"
ZHANG = f"{STORE}/zhangsan"
AMY = "an.zhao"  # a customer of zhangsan's


class Control:
    """Speaks to control as a tool would: text in, text out."""

    def __init__(self, session: ClientSession, gateway: Gateway) -> None:
        self.session = session
        self.gateway = gateway
        self.url = gateway.urls().control_url

    async def call(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, str, Any]:  # fmt: skip
        """Give status, content type and what is in the answer."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        async with self.session.request(method, self.url + path, data=data, headers=headers) as answer:
            text = await answer.text()
            kind = answer.headers["Content-Type"].partition(";")[0]
            return answer.status, kind, json.loads(text) if kind.endswith("json") else text

    async def ok(self, method: str, path: str, body: object = None) -> Any:
        status, kind, told = await self.call(method, path, body)
        assert (status, kind.endswith("problem+json")) == (200, False), told
        return told

    async def no(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict[str, Any]]:
        """Give the status and the problem document, which has all that RFC 9457 names."""
        status, kind, told = await self.call(method, path, body, **headers)
        assert kind == PROBLEM, (status, kind, told)
        assert told["status"] == status >= 400
        assert told["type"] and told["title"] and told["detail"]
        return status, told

    async def token(self, person: str, device: str = "phone") -> str:
        (token,) = (await self.ok("POST", "/tokens", {"people": [person], "device": device}))["tokens"]
        return str(token)


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    """Run a gateway with the demo's world under today's numbers."""
    connector = TCPConnector(limit=0)
    async with (
        run(tmp_path / "data", durability="memory", world=demo) as gateway,
        ClientSession(connector=connector, timeout=ClientTimeout(total=30)) as session,
    ):
        yield Control(session, gateway)


# How it says no

BAD: list[tuple[str, str, object, int, str]] = [
    ("GET", "/nowhere", None, 404, "nothing is at /_hutong/nowhere"),
    ("DELETE", "/corps", None, 405, "takes GET"),
    ("GET", "/tokens", None, 405, "takes POST"),
    ("POST", "/clock", b"{", 400, "not JSON"),
    ("POST", "/clock", b"\xff", 400, "not JSON"),
    ("POST", "/clock", b"[" * 100_000, 422, "Expected `object`"),
    ("POST", "/clock", b'{"advance_ms": 1} x', 400, "not JSON"),
    ("POST", "/clock", [], 422, "Expected `object`"),
    ("POST", "/clock", {}, 422, "say advance_ms"),
    ("POST", "/clock", {"advanse_ms": 1}, 422, "did you mean advance_ms?"),
    ("POST", "/clock", {"advance_ms": "1"}, 422, "advance_ms"),
    ("POST", "/clock", {"advance_ms": -1}, 422, "advance_ms"),
    ("POST", "/clock", {"rate": 1e9}, 422, "rate"),
    ("GET", "/people?limt=1", None, 422, "did you mean limit?"),
    ("GET", "/people?limit=0", None, 422, "limit"),
    ("GET", "/people?limit=1001", None, 422, "limit"),
    ("GET", "/people?kind=robot", None, 422, "kind"),
    ("GET", "/people?corpid=wwnone", None, 404, "enterprise"),
    ("GET", "/clock?x=1", None, 422, "unknown key x"),
    ("GET", "/people/nobody", None, 404, "nobody"),
    ("GET", f"/people/{STORE}/nobody/conversations", None, 404, "nobody"),
    ("GET", f"/people/{AMY}/conversations?cursor=cvnone", None, 422, "cursor"),
    ("POST", "/tokens", {"people": [AMY, "nobody"]}, 404, "nobody"),
    ("POST", f"/people/{AMY}/acts", {"type": "accept", "conversation": "cv"}, 409, "this side"),
    ("POST", f"/people/{AMY}/acts", {"type": "dance"}, 422, "dance"),
    ("PUT", f"/corps/{STORE}/apps/9", {"name": "x", "secret": "s", "range_members": ["ghost"]}, 404, "range_members"),
    ("GET", "/snapshots/none", None, 404, "no snapshot 'none'"),
    ("DELETE", "/snapshots/none", None, 404, "no snapshot 'none'"),
    ("POST", "/snapshots/none/restore", None, 404, "no snapshot 'none'"),
    ("POST", "/snapshots/-x", None, 422, "begins with a letter"),
    ("PUT", "/snapshots/x", b"nothing", 422, "not taken"),
    ("POST", f"/people/{AMY}/acts", {"type": "scan"}, 422, "code"),
    ("POST", "/people/nobody/acts", {"type": "scan", "code": "qrlisi"}, 404, "person"),
    ("POST", "/tokens", {"people": []}, 422, "people"),
    ("POST", "/tokens", {"people": [AMY], "device": "x" * 65}, 422, "device"),
    ("POST", "/tokens", {"people": [AMY], "device": ""}, 422, "device"),
    ("POST", "/tokens", {"people": [AMY], "seconds": 0}, 422, "seconds"),
    ("POST", "/tokens", {"people": [AMY], "seconds": 400 * 86400}, 422, "seconds"),
    ("POST", "/tickets", {"token": "x"}, 422, "does not open a link"),
    ("POST", "/tokens/revoke", {"token": "x"}, 422, "does not open a link"),
    ("PUT", "/profile", {"name": "wecom-2018"}, 404, "did you mean wecom-2018-11?"),
    ("PUT", "/corps/a%2Fb", {"name": "x"}, 422, "slash"),
    ("PUT", f"/corps/{STORE}/members/%23x", {"name": "x"}, 422, "#"),
    ("PUT", f"/corps/{STORE}/members/x%0A", {"name": "x"}, 422, "control characters"),
    ("PUT", f"/corps/{STORE}/members/x", {"name": "x", "departments": [99]}, 404, "department"),
    ("PUT", f"/corps/{STORE}/departments/one", {"name": "x"}, 422, "id"),
    ("PUT", f"/corps/{STORE}/departments/1", {"name": "x", "parent": 2}, 422, "above itself"),
    ("PUT", "/corps/wwnone/members/x", {"name": "x"}, 404, "enterprise"),
    ("PUT", f"/corps/{STORE}/relations/zhangsan/nobody", {}, 404, "person"),
    ("PUT", f"/corps/{STORE}/relations/zhangsan/{AMY}", {"status": "friends"}, 422, "status"),
    ("PUT", f"/corps/{STORE}/relations/zhangsan/{AMY}", {"external_userid": "wmother"}, 409, "taken"),
    ("POST", f"/corps/{STORE}/codes", {}, 422, "member or of a group"),
    ("POST", f"/corps/{STORE}/codes", {"userid": "zhangsan", "state": "x" * 31}, 422, "state"),
    ("POST", f"/corps/{STORE}/groups", {"name": "x", "owner": "nobody"}, 404, "person"),
    ("POST", "/corps/wwnone/reset", None, 404, "enterprise"),
    ("GET", "/messages?wait_s=61", None, 422, "wait_s"),
    ("GET", "/messages?after=-1", None, 422, "after"),
    ("GET", "/limits/explain?sender=nobody&to=" + AMY, None, 404, "nobody"),
    ("GET", "/limits/explain?sender=" + AMY, None, 422, "to"),
    ("POST", "/world", b"version = 1\ncorp", 422, "not TOML"),
    ("POST", "/world", b"version = 2\n", 422, "version"),
    ("POST", "/world", b"version = 1\nseed = 'other'\n", 409, "reset it first"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "said"), BAD)
async def test_no_is_a_problem_document(
    control: Control, method: str, path: str, body: object, status: int, said: str
) -> None:
    got, problem = await control.no(method, path, body)
    assert (got, said in problem["detail"]) == (status, True), problem


async def test_wrong_host_and_wrong_origin_get_nothing(control: Control) -> None:
    port = control.gateway.listener.port
    for headers in (
        {"Host": "evil.example"}, {"Host": f"evil.example:{port}"}, {"Host": ""}, {"Origin": "http://evil.example"},
        {"Origin": "null"}, {"Origin": f"https://127.0.0.1:{port}"}, {"Origin": "http://127.0.0.1:1"},
    ):  # fmt: skip
        status, _ = await control.no("POST", "/reset", {}, **headers)
        assert status == 403, headers
    assert (await control.call("GET", "/clock", None, Host="localhost", Origin=f"http://localhost:{port}"))[0] == 200
    assert (await control.ok("GET", "/corps"))["corps"], "the world was not reset"


@pytest.mark.parametrize("chunked", [False, True])
async def test_body_over_the_bound_is_not_read_whole(control: Control, chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65_536

    data = pieces() if chunked else BytesIO(b" " * (1024 * 1024 + 1))
    async with control.session.post(f"{control.url}/tokens", data=data) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (413, PROBLEM)


# Tokens and tickets


async def test_token_opens_a_link_until_it_is_revoked(control: Control) -> None:
    token = await control.token(ZHANG)
    async with Member(control.gateway.base_url, token) as zhang, asyncio.timeout(20):
        assert (zhang.person, zhang.device) == (ZHANG, "phone")
        assert await control.ok("POST", "/tokens/revoke", {"token": token}) | {"token_id": ""} == {
            "token_id": "",
            "person": ZHANG,
        }
        assert (await zhang.ended()).code == 4401
    again = Member(control.gateway.base_url, token)
    with pytest.raises(LinkEnded):
        await again.connect(timeout_s=20)
    await again.close()
    for path in ("/tickets", "/tokens/revoke"):
        assert (await control.no("POST", path, {"token": token}))[0] == 422


async def test_revoked_token_stays_revoked_when_its_world_comes_again(control: Control) -> None:
    token = await control.token(ZHANG)
    world = (await control.call("GET", "/world"))[2]
    await control.ok("POST", "/tokens/revoke", {"token": token})
    await control.ok("POST", "/reset", {})
    await control.ok("POST", "/world", world.encode())
    assert (await control.no("POST", "/tickets", {"token": token}))[0] == 422
    await control.ok("POST", "/tickets", {"token": await control.token(ZHANG)})


async def test_keys_of_tokens_follow_one_another_and_links_end_with_theirs(control: Control) -> None:
    base, tokens = control.gateway.base_url, [await control.token(ZHANG, "old"), await control.token(AMY, "old")]
    async with Member(base, tokens[0]) as zhang, asyncio.timeout(20):
        first = await control.ok("POST", "/tokens/rotate")
        newer = await control.token(ZHANG, "new")
        async with Consumer(base, tokens[1]), Member(base, newer) as zhang_too:
            assert (len(first["key_ids"]), first["links_closed"]) == (2, 0)
            second = await control.ok("POST", "/tokens/rotate")
            assert (second["key_ids"][1], second["links_closed"]) == (first["key_ids"][0], 2)
            assert (await zhang.ended()).code == 4401
            assert (await zhang_too.send_mass([{"kind": "text", "text": "still here"}])).time_ms > 0
    for token in tokens:
        assert (await control.no("POST", "/tickets", {"token": token}))[0] == 422
    await control.ok("POST", "/tickets", {"token": newer})


async def test_ticket_opens_one_link(control: Control) -> None:
    ticket = (await control.ok("POST", "/tickets", {"token": await control.token(AMY)}))["ticket"]
    url = f"{control.gateway.urls().ws_url}?ticket={ticket}"
    async with control.session.ws_connect(url, protocols=["hutong.v1.json"]) as link:
        await link.send_json({"type": "hello"})
        assert (await link.receive_json())["person"] == AMY
    async with control.session.get(url, headers={"Upgrade": "websocket", "Connection": "Upgrade"}) as second:
        assert second.status == 401


async def test_departed_member_gets_no_token(control: Control) -> None:
    await control.ok("PUT", f"/corps/{STORE}/members/zhangsan", {"name": "张三", "departed": True})
    status, problem = await control.no("POST", "/tokens", {"people": [ZHANG]})
    assert (status, problem["reason"]) == (409, "departed")


# Looking back and waiting


async def test_wait_is_answered_when_the_message_comes(control: Control) -> None:
    waiting = asyncio.create_task(control.ok("GET", f"/messages?person={AMY}&contains=red&wait_s=30"))
    unwanted = asyncio.create_task(control.ok("GET", "/messages?person=an.qian&contains=red&wait_s=1"))
    async with Member(control.gateway.base_url, await control.token(ZHANG)) as zhang:
        (chat,) = [
            one["conversation"]
            for one in (await control.ok("GET", f"/people/{AMY}/conversations"))["conversations"]
            if one.get("member") == ZHANG
        ]
        await zhang.say(chat, "the blue one")
        accepted = await zhang.say(chat, "the red one")
    (message,) = (await waiting)["messages"]
    assert (message["conversation"], message["sequence"]) == (chat, accepted.sequence)
    assert (message["person"], message["content"]) == (ZHANG, {"kind": "text", "text": "the red one"})
    assert message["badge"] == {"name": "张三", "company": "蓝河百货", "certification": "certified"}
    assert (await unwanted)["messages"] == []


async def test_cursor_reads_on_from_where_the_last_answer_ended(control: Control) -> None:
    after = (await control.ok("GET", "/messages?limit=1"))["next_after"]
    async with Consumer(control.gateway.base_url, await control.token(AMY)) as amy:
        for text in ("one", "two", "three"):
            await amy.say("zhangsan", text)
    seen = []
    for _ in range(4):
        page = await control.ok("GET", f"/messages?after={after}&limit=1")
        seen += [message["content"]["text"] for message in page["messages"]]
        after = page["next_after"]
    assert seen == ["one", "two", "three"]
    newest = await control.ok("GET", "/messages?limit=2")
    assert [message["content"]["text"] for message in newest["messages"]] == ["two", "three"]


async def test_refusal_is_among_the_decisions(control: Control) -> None:
    waiting = asyncio.create_task(control.ok("GET", f"/decisions?person={AMY}&reason=blocked&wait_s=30"))
    body = {"blocked_by_member": True}
    chat = (await control.ok("PUT", f"/corps/{STORE}/relations/zhangsan/{AMY}", body))["conversation"]
    async with Consumer(control.gateway.base_url, await control.token(AMY)) as amy:
        with pytest.raises(Refused):
            await amy.say(chat, "hello?")
    (decision,) = (await waiting)["decisions"]
    assert decision | {"ordinal": 0, "time_ms": 0} == {
        "ordinal": 0, "time_ms": 0, "what": "Send", "accepted": False, "person": AMY, "conversation": chat, "number": 1,
        "reason": "blocked", "code": 910501, "rule": "consent/blocked",
    }  # fmt: skip
    (put,) = [one for one in (await control.ok("GET", "/decisions"))["decisions"] if one["what"] == "PutRelation"]
    assert put["accepted"]
    assert (await control.ok("GET", f"/decisions?after={decision['ordinal']}"))["decisions"] == []


async def test_those_who_wait_are_bounded(control: Control) -> None:
    async def wait() -> int:
        async with control.session.get(f"{control.url}/messages?contains=never&wait_s=60") as answer:
            return answer.status

    waiting = [asyncio.create_task(wait()) for _ in range(257)]
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=20)
    assert [task.result() for task in done] == [503]
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    await control.ok("GET", "/messages?contains=never")


# Limits


async def test_explanation_counts_what_is_used(control: Control) -> None:
    async with Consumer(control.gateway.base_url, await control.token(AMY)) as amy:
        await amy.say("zhangsan", "hello")
    told = await control.ok("GET", f"/limits/explain?sender={AMY}&to={ZHANG}")
    (line,) = [line for line in told["lines"] if line["policy"] == "frequency"]
    assert (line["used"], line["limit"], line["left"]) == (1, 60, 59)
    assert line["resets_at_ms"] % 60_000 == 0
    assert told["allowed"] and "refusal" not in told


@pytest.mark.parametrize(
    ("sender", "to", "reason"),
    [
        (ZHANG, AMY, None),
        (AMY, ZHANG, None),
        (AMY, "wrpeoplesroad", None),
        ("an.qian", "wrpeoplesroad", "not_in_group"),
        (ZHANG, "wrpeoplesroad", None),
        (ZHANG, "an.qian", "not_related"),
        (ZHANG, f"{STORE}/lisi", "wrong_kind"),
        (AMY, "an.qian", "wrong_kind"),
        (f"{STORE}/%231000002", AMY, None),
        (f"{STORE}/%231000002", ZHANG, None),
        ("wwxiaoshan/%231000002", "ming.zhao", "not_related"),
        ("wwxiaoshan/%231000002", "an.chu", "badge_too_low"),
        ("wwxiaoshan/%231000002", ZHANG, "wrong_kind"),
        ("wwsongyin/mali", "qrmali", "404"),
        (f"{STORE}/%23nope", AMY, "404"),
        ("wwnone/%231000002", AMY, "404"),
    ],
)
async def test_explanation_names_the_first_rule_that_refuses(
    control: Control, sender: str, to: str, reason: str | None
) -> None:
    path = f"/limits/explain?sender={sender}&to={to}"
    if reason == "404":
        assert (await control.no("GET", path))[0] == 404
        return
    told = await control.ok("GET", path)
    assert told.get("refusal", {}).get("reason") == reason
    assert told["allowed"] == (reason is None) == all(line["allows"] for line in told["lines"])
    assert [line["policy"] for line in told["lines"]][:5] == ["speak", "relation", "badge", "content", "consent"]


async def test_profile_of_the_past_changes_the_explanation(control: Control) -> None:
    path = "/limits/explain?sender=wwxiaoshan/songqing&to=an.chu"
    assert (await control.ok("GET", path))["allowed"]
    told = await control.ok("PUT", "/profile", {"name": "wecom-2018-11"})
    assert (told["name"], told["numbers"]["group_size_max"]["value"]) == ("wecom-2018-11", 10)
    assert (await control.ok("GET", path))["refusal"]["reason"] == "badge_too_low"
    assert await control.ok("GET", "/profile") == told


# The clock


async def test_month_passes_in_a_moment_and_a_certification_ends_on_its_day(control: Control) -> None:
    before = await control.ok("GET", "/clock")
    until_ms = before["now_ms"] + 10 * 86_400_000
    body = {"name": "蓝河百货", "certification": "certified", "certified_until_ms": until_ms}
    await control.ok("PUT", f"/corps/{STORE}", body)
    moved = await control.ok("POST", "/clock", {"advance_ms": 30 * 86_400_000})
    assert moved["fired"] == [{"at_ms": until_ms, "what": "certification_ended", "corpid": STORE}]
    assert moved["now_ms"] >= before["now_ms"] + 30 * 86_400_000
    (corp,) = [one for one in (await control.ok("GET", "/corps"))["corps"] if one["corpid"] == STORE]
    assert corp["certification"] == "verified"
    await control.ok("POST", "/clock", {"rate": 0})
    frozen = await control.ok("GET", "/clock")
    assert (frozen["rate"], frozen["now_ms"]) == (0, (await control.ok("GET", "/clock"))["now_ms"])


# The world


async def test_world_comes_back_byte_for_byte(control: Control) -> None:
    _, kind, first = await control.call("GET", "/world")
    assert kind == "application/toml"
    assert len(tomllib.loads(first)["consumer"]) == 200
    await control.ok("POST", "/reset", {"seed": "another"})
    assert (await control.ok("GET", "/people"))["people"] == []
    counted = await control.ok("POST", "/world", first.encode())
    assert counted == {"corps": 3, "members": 20, "consumers": 200, "relations": 254, "groups": 3, "codes": 7}
    assert (await control.call("GET", "/world"))[2] == first


async def test_broken_world_changes_nothing(control: Control) -> None:
    before = (await control.call("GET", "/world"))[2]
    for broken, said in (
        ('[[consumer]]\nid = "new"\nnikname = "x"\n', "did you mean nickname? (at consumer[0])"),
        ('[[consumer]]\nid = "new"\nmuted = ["wwlanhee"]\n', "did you mean 'wwlanhe'? (at consumer[0].muted)"),
        (
            '[[corp]]\ncorpid = "wwlanhe"\nname = "x"\n[[corp.code]]\nmember = "zhangsann"\n',
            "did you mean 'zhangsan'? (at corp[0].code[0].member)",
        ),
    ):
        status, problem = await control.no("POST", "/world", f"version = 1\n{broken}".encode())
        assert (status, said in problem["detail"]) == (422, True), problem
    assert (await control.call("GET", "/world"))[2] == before


async def test_world_is_added_to_a_world(control: Control) -> None:
    added = (
        'version = 1\nprofile = "tiny"\n[[consumer]]\nid = "amy"\n[[corp]]\ncorpid = "wwlanhe"\nname = "蓝河"\n'
        '[[corp.relation]]\nmember = "lisi"\nconsumer = "amy"\nexternal_userid = "wmAmy"\n'
    )
    await control.ok("POST", "/world", added.encode())
    amy = await control.ok("GET", "/people/amy")
    assert amy["external_userids"] == {STORE: "wmAmy"}
    assert (await control.ok("GET", "/profile"))["name"] == "tiny"
    assert (await control.ok("GET", "/people?kind=member&limit=1000"))["people"].__len__() == 20


async def test_reset_ends_links_and_people(control: Control) -> None:
    async with Member(control.gateway.base_url, await control.token(ZHANG)) as zhang:
        await control.ok("POST", "/corps/wwlanhe/reset")
        assert (await asyncio.wait_for(zhang.ended(), 20)).code == 4403
    assert (await control.no("GET", f"/people/{ZHANG}"))[0] == 404
    assert (await control.ok("GET", f"/people/{AMY}"))["external_userids"].keys() == {"wwsongyin"}


async def test_people_come_in_pages(control: Control) -> None:
    seen, cursor = [], ""
    while True:
        page = await control.ok("GET", "/people?limit=50" + (f"&cursor={cursor}" if cursor else ""))
        seen += [person["person"] for person in page["people"]]
        cursor = page["next_cursor"].replace("/", "%2F")
        if not cursor:
            break
    assert (len(seen), seen) == (220, sorted(set(seen)))


async def test_conversations_come_in_pages(control: Control) -> None:
    whole = await control.ok("GET", f"/people/{ZHANG}/conversations")
    assert whole["next_cursor"] == ""
    assert {one["kind"] for one in whole["conversations"]} == {"own", "single", "group"}
    paged, cursor = [], ""
    while True:
        page = await control.ok("GET", f"/people/{ZHANG}/conversations?limit=4&cursor={cursor}")
        paged += page["conversations"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert paged == whole["conversations"]
    assert await control.ok("GET", f"/people/{ZHANG.replace('/', '%2F')}/conversations") == whole


async def test_environment_has_what_an_sdk_needs(control: Control) -> None:
    told = await control.ok("GET", "/env")
    assert told["base_url"] == control.gateway.base_url
    first = told["corps"][0]
    assert (first["corpid"], first["secrets"]) == (STORE, {"1000002": "secret-of-wwlanhe"})
    assert len(first["callbacks"]["1000002"]["aes_key"]) == 43
    kinds = [person["kind"] for person in told["people"]]
    assert (kinds.count("member"), kinds.count("consumer")) == (10, 10)
    async with Member(told["base_url"], told["people"][0]["token"]) as somebody:
        assert somebody.device == "env"
    assert told["people"][10]["external_userids"][STORE].startswith("wm")


# The description

GROUP = derive("et", demo().seed or "", STORE, "tag", 1)  # the first group of tags that is made
APP = {"corpid": STORE, "agent_id": "1000002"}
ANSWERED: list[tuple[str, str, str, object]] = [
    ("GET", "/corps", "/corps", None),
    ("GET", "/people", "/people?limit=3", None),
    ("GET", "/people/{handle}", f"/people/{AMY}", None),
    ("GET", "/people/{corpid}/{userid}", f"/people/{ZHANG}", None),
    ("GET", "/people/{handle}/conversations", f"/people/{AMY}/conversations", None),
    ("GET", "/people/{corpid}/{userid}/conversations", f"/people/{ZHANG}/conversations", None),
    ("POST", "/people/{handle}/acts", "/people/jia.zhao/acts", {"type": "scan", "code": "qrlisi"}),
    ("POST", "/people/{corpid}/{userid}/acts", f"/people/{ZHANG}/acts", {"type": "create", "name": "G"}),
    ("POST", "/people/{handle}/oauth-codes", f"/people/{AMY}/oauth-codes", APP),
    ("POST", "/people/{corpid}/{userid}/oauth-codes", f"/people/{ZHANG}/oauth-codes", APP),
    ("GET", "/clock", "/clock", None),
    ("POST", "/clock", "/clock", {"advance_ms": 1, "rate": 0.5}),
    ("GET", "/profile", "/profile", None),
    ("PUT", "/profile", "/profile", {"name": "tiny"}),
    ("GET", "/profiles", "/profiles", None),
    ("GET", "/messages", "/messages", None),
    ("GET", "/decisions", "/decisions", None),
    ("GET", "/calls", "/calls?limit=2", None),
    ("GET", "/callbacks", "/callbacks?outcome=failed&limit=2", None),
    ("GET", "/wecom/coverage", "/wecom/coverage?path=gettoken", None),
    ("GET", "/limits/explain", f"/limits/explain?sender={ZHANG}&to=an.qian&content=", None),
    ("GET", "/env", "/env", None),
    ("PUT", "/corps/{corpid}", "/corps/wwnew", {"name": "New"}),
    ("PUT", "/corps/{corpid}/apps/{agent_id}", f"/corps/{STORE}/apps/9", {"name": "Bot", "secret": "s"}),
    ("POST", "/corps/{corpid}/apps/{agent_id}/callback/verify", f"/corps/{STORE}/apps/9/callback/verify", None),
    ("PUT", "/corps/{corpid}/departments/{id}", f"/corps/{STORE}/departments/9", {"name": "Shop", "store": True}),
    ("DELETE", "/corps/{corpid}/departments/{id}", f"/corps/{STORE}/departments/9", None),
    ("PUT", "/corps/{corpid}/book-tags/{id}", f"/corps/{STORE}/book-tags/9", {"name": "Tag", "members": ["lisi"]}),
    ("PUT", "/corps/{corpid}/members/{userid}", f"/corps/{STORE}/members/new", {"name": "New", "departments": [2]}),
    ("PUT", "/consumers/{handle}", "/consumers/new", {"nickname": "New"}),
    ("PUT", "/corps/{corpid}/relations/{userid}/{handle}", f"/corps/{STORE}/relations/lisi/{AMY}", {"tags": ["vip"]}),
    ("POST", "/corps/{corpid}/groups", f"/corps/{STORE}/groups", {"name": "G", "owner": "lisi", "consumers": [AMY]}),
    ("POST", "/corps/{corpid}/codes", f"/corps/{STORE}/codes", {"userid": "lisi"}),
    ("POST", "/corps/{corpid}/tags", f"/corps/{STORE}/tags", {"group_name": "Level", "tags": [{"name": "gold"}]}),
    ("GET", "/corps/{corpid}/tags", f"/corps/{STORE}/tags", None),
    ("PUT", "/corps/{corpid}/tags/{id}", f"/corps/{STORE}/tags/{GROUP}", {"name": "Rank", "order": 1}),
    ("DELETE", "/corps/{corpid}/tags/{id}", f"/corps/{STORE}/tags/{GROUP}", None),
    ("POST", "/tokens", "/tokens", {"people": [AMY, ZHANG]}),
    ("POST", "/tokens/rotate", "/tokens/rotate", None),
    ("GET", "/strictness", "/strictness", None),
    ("PUT", "/strictness", "/strictness", {"switches": ["trusted_ip"]}),
    ("POST", "/faults", "/faults", {"path": "gettoken", "corpid": STORE, "errcode": -1, "delay_ms": 1, "times": 2}),
    ("GET", "/faults", "/faults", None),
    ("DELETE", "/faults/{id}", "/faults/1", None),
    ("DELETE", "/faults", f"/faults?corpid={STORE}", None),
    ("POST", "/world", "/world", b"version = 1\n"),
    ("POST", "/corps/{corpid}/reset", "/corps/wwsongyin/reset", None),
    ("POST", "/reset", "/reset", {}),
    ("POST", "/snapshots/{name}", "/snapshots/base", None),
    ("POST", "/snapshots/{name}", "/snapshots/other", None),
    ("GET", "/snapshots", "/snapshots", None),
    ("DELETE", "/snapshots/{name}", "/snapshots/other", None),
    ("POST", "/snapshots/{name}/restore", "/snapshots/base/restore", None),
]  # fmt: skip
ELSEWHERE = {
    ("GET", "/errors"), ("GET", "/errors/{code}"),
    ("GET", "/openapi.json"), ("GET", "/wecom/openapi.json"), ("GET", "/world"), ("POST", "/tickets"),
    ("GET", "/snapshots/{name}"), ("PUT", "/snapshots/{name}"),
    ("POST", "/tokens/revoke"), ("POST", "/corps/{corpid}/apps/{agent_id}/callback/replay"),
}  # fmt: skip


async def test_description_is_openapi_and_answers_are_as_described(control: Control) -> None:
    described = await control.ok("GET", "/openapi.json")
    OpenAPIV31SpecValidator(described).validate()
    for schema in described["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    every = {(method.upper(), path) for path, item in described["paths"].items() for method in item}
    assert every == {(method, path) for method, path, _, _ in ANSWERED} | ELSEWHERE
    for method, path, address, body in ANSWERED:
        operation = described["paths"][path][method.lower()]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        _valid(described, schema, await control.ok(method, address, body))
        names = set(re.findall(r"{(\w+)}", path)) | set(re.findall(r"[?&](\w+)=", address))
        assert names <= {parameter["name"] for parameter in operation["parameters"]}
        if isinstance(body, dict):
            _valid(described, operation["requestBody"]["content"]["application/json"]["schema"], body)
    _, problem = await control.no("GET", "/people/nobody")
    schema = described["paths"]["/corps"]["get"]["responses"]["default"]["content"][PROBLEM]["schema"]
    _valid(described, schema, problem)


def _valid(described: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    jsonschema.Draft202012Validator({**schema, "components": described["components"]}).validate(value)


# Health


async def test_health_and_metrics(control: Control) -> None:
    base = control.gateway.base_url
    async with control.session.get(f"{base}/livez") as live, control.session.get(f"{base}/readyz?verbose") as ready:
        assert (live.status, await live.text()) == (200, "ok\n")
        assert (ready.status, await ready.text()) == (200, "[+] started\n[+] loop\n[+] disk\nok\n")
    async with Consumer(base, await control.token(AMY)) as amy:
        with pytest.raises(Refused):
            await amy.send("zhangsan", {"kind": "text", "text": ""})
        async with control.session.get(f"{base}/metrics") as answer:
            lines = (await answer.text()).splitlines()
    numbers = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert (numbers['hutong_links{phase="live"}'], numbers['hutong_refused_total{reason="empty"}']) == ("1.0", "1.0")
    assert numbers['hutong_people{side="consumer"}'] == "200.0"
    assert all(line.startswith(("hutong_", "process_")) for line in numbers)
    control.gateway.ready = False
    async with control.session.get(f"{base}/readyz") as ready, control.session.get(f"{base}/livez") as live:
        assert (ready.status, live.status) == (503, 200)


async def test_readyz_says_why_not(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control.gateway.router.journal, "room", lambda: False)
    async with control.session.get(f"{control.gateway.base_url}/readyz?verbose") as ready:
        lines = (await ready.text()).splitlines()
    assert (ready.status, lines[:2], lines[3:]) == (503, ["[+] started", "[+] loop"], ["not ok"])
    assert lines[2].startswith("[-] disk: less than 64 MiB, the reserve, is free")

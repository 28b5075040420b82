"""What stands between a request and its call: how often, how many at a time, faults, and how no is said.

Calls that exist for these tests only are listed as any other, under `test/`.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import ServerDisconnectedError
from structlog.testing import capture_logs
from wechatpy.exceptions import APILimitedException

from adapters.compose import run
from adapters.opening import restore
from adapters.wecom_api.call import CALLS, Asked, Caller, Door, No, call
from adapters.world import demo
from gateway.rights import Rights
from protocol.errors import REASONS
from protocol.wecom.errcodes import TEXTS
from protocol.wecom.reply import Reply
from tests.conformance.wecom import SECRET, STORE, Wecom, threaded, wecom

__all__ = ["wecom"]

CAFE = "wwsongyin"
PATH = "get_api_domain_ip"
SEEN = ("user/test", "appchat/test", "externalcontact/test", "crm/test")  # paths of families that ask for rights


class Pair(Asked, frozen=True):
    userid: str = ""
    number: int = 0
    names: tuple[str, ...] = ()
    userid_list: tuple[str, ...] = ()
    department_id: int = 0
    external_userid: str = ""


class Held:
    """Calls that wait until the test lets them go."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.came = asyncio.Semaphore(0)
        self.go = asyncio.Event()

    async def hold(self) -> None:
        self.came.release()
        await self.go.wait()


held = Held()  # the one of the test that runs


async def _held(_door: Door, _caller: Caller, asked: Pair) -> Reply:
    """Answer when the test says so."""
    await held.hold()
    return Reply()


async def _coded(_door: Door, _caller: Caller, asked: Pair) -> Reply:
    """Take a code; only the word is good."""
    if asked.userid != "word":
        raise No(40029)
    return Reply()


async def _broken(_door: Door, _caller: Caller, asked: Pair) -> Reply:
    """Answer what was asked, or break."""
    if asked.userid == "break":
        raise ZeroDivisionError
    return Reply(0, f"{asked.number}")


@pytest.fixture(autouse=True)
def listed() -> Iterator[None]:
    """List calls of our own, for as long as a test runs."""
    held.begin()
    call("POST", "test/held")(_held)
    call("POST", "test/record", writes=lambda asked: asked.userid)(_held)
    call("GET", "test/coded", exempt=True)(_coded)
    call("POST", "test/broken", aliases=SEEN)(_broken)
    yield
    for path in [path for path in CALLS if path.startswith("test/") or path in SEEN]:
        del CALLS[path]


@pytest.fixture
async def token(wecom: Wecom) -> str:
    """Freeze the clock on a whole minute, and let the small numbers hold."""
    await wecom.control("POST", "/clock", {"rate": 0})
    now_ms = (await wecom.control("GET", "/clock"))["now_ms"]
    await wecom.control("POST", "/clock", {"advance_ms": 3_600_000 - now_ms % 3_600_000})
    token = await wecom.token()
    await wecom.control("PUT", "/profile", {"name": "tiny"})
    return token


# How often


async def test_an_sdk_sees_the_limit_of_a_minute_as_its_own_exception(wecom: Wecom, token: str) -> None:
    client = wecom.sdk()
    for _ in range(20):
        await threaded(client.misc.get_wechat_ips)
    with pytest.raises(APILimitedException) as limited:
        await threaded(client.misc.get_wechat_ips)
    assert limited.value.errcode == 45009
    assert (await wecom.get(PATH, access_token=token))["errcode"] == 0, "another path is counted by itself"
    await wecom.control("POST", "/clock", {"advance_ms": 59_999})
    with pytest.raises(APILimitedException):
        await threaded(client.misc.get_wechat_ips)
    await wecom.control("POST", "/clock", {"advance_ms": 1})
    await threaded(client.misc.get_wechat_ips)


async def test_a_refusal_says_in_headers_what_is_used_left_and_when_to_try_again(wecom: Wecom, token: str) -> None:
    for _ in range(20):
        await wecom.get(PATH, access_token=token)
    told = await wecom.get(PATH, access_token=token)
    headers = wecom.headers
    now = (await wecom.control("GET", "/clock"))["now"]
    assert told["errcode"] == 45009
    assert {name: headers[f"X-Hutong-{name}"] for name in ("Reason", "Rule", "Used", "Limit", "Left", "Time")} == {
        "Reason": "corp_calls", "Rule": "calls/any/corp/minute", "Used": "20", "Limit": "20", "Left": "0", "Time": now
    }  # fmt: skip
    assert headers["X-Hutong-Retry-At"] == now.replace(":00:00.000Z", ":01:00.000Z")
    assert headers["Link"] == f'<{wecom.url}/_hutong/errors?e=45009>; rel="help"'
    assert told["errmsg"].endswith(f"more info at {wecom.url}/_hutong/errors?e=45009")


async def test_another_enterprise_is_not_held_up_and_an_address_is(wecom: Wecom, token: str) -> None:
    cafe = await wecom.token(CAFE, f"secret-of-{CAFE}")
    for _ in range(20):
        assert (await wecom.get(PATH, access_token=token))["errcode"] == 0
        assert (await wecom.get(PATH, access_token=cafe))["errcode"] == 0
    workshop = await wecom.token("wwxiaoshan", "secret-of-wwxiaoshan")
    assert (await wecom.get(PATH, access_token=workshop))["errcode"] == 45009
    assert wecom.headers["X-Hutong-Reason"] == "address_calls"


async def test_the_limit_of_an_hour_shuts_out_for_sixty_minutes(wecom: Wecom, token: str) -> None:
    for _ in range(5):
        for _ in range(10):
            assert (await wecom.get(PATH, access_token=token))["errcode"] == 0
        await wecom.control("POST", "/clock", {"advance_ms": 60_000})
    assert (await wecom.get(PATH, access_token=token))["errcode"] == 45009
    assert wecom.headers["X-Hutong-Rule"] == "calls/any/corp/hour"
    await wecom.control("POST", "/clock", {"advance_ms": 3_599_999})
    assert (await wecom.get(PATH, access_token=token))["errcode"] == 45009
    await wecom.control("POST", "/clock", {"advance_ms": 1})
    assert (await wecom.get(PATH, access_token=token))["errcode"] == 0


async def test_wrong_secrets_shut_an_address_out_of_gettoken_for_an_hour(wecom: Wecom, token: str) -> None:
    for _ in range(3):
        assert (await wecom.get("gettoken", corpid=STORE, corpsecret="wrong"))["errcode"] == 40001
    assert (await wecom.get("gettoken", corpid=STORE, corpsecret=SECRET))["errcode"] == 45009
    assert wecom.headers["X-Hutong-Reason"] == "wrong_secrets"
    assert (await wecom.get(PATH, access_token=token))["errcode"] == 0
    await wecom.control("POST", "/clock", {"advance_ms": 3_600_000})
    assert (await wecom.get("gettoken", corpid=STORE, corpsecret=SECRET))["errcode"] == 0


async def test_tickets_of_pages_have_limits_of_their_own(wecom: Wecom, token: str) -> None:
    for path, reason in (("get_jsapi_ticket", "app_calls"), ("ticket/get", "app_calls")):
        told = [(await wecom.get(path, access_token=token, type="agent_config"))["errcode"] for _ in range(4)]
        assert told == [0, 0, 0, 45009]
        assert wecom.headers["X-Hutong-Reason"] == reason
    await wecom.control("PUT", f"/corps/{STORE}/apps/7", {"name": "Door", "secret": "another"})
    other = await wecom.token(STORE, "another")
    told = [(await wecom.get("get_jsapi_ticket", access_token=other))["errcode"] for _ in range(3)]
    assert told == [0, 0, 45009]
    assert wecom.headers["X-Hutong-Rule"] == "calls/get_jsapi_ticket/corp/hour"


async def test_a_good_code_is_never_counted_and_a_bad_one_is(wecom: Wecom, token: str) -> None:
    for _ in range(30):
        assert (await wecom.get("test/coded", access_token=token, userid="word"))["errcode"] == 0
    for _ in range(20):
        assert (await wecom.get("test/coded", access_token=token, userid="x"))["errcode"] == 40029
    assert (await wecom.get("test/coded", access_token=token, userid="x"))["errcode"] == 45009
    assert (await wecom.get("test/coded", access_token=token, userid="word"))["errcode"] == 0


async def test_a_reset_forgets_what_was_counted(wecom: Wecom, token: str) -> None:
    told = [(await wecom.get(PATH, access_token=token))["errcode"] for _ in range(21)]
    assert told[-1] == 45009
    await wecom.control("POST", f"/corps/{STORE}/reset", None)
    await wecom.control("PUT", f"/corps/{STORE}", {"name": "x"})
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000002", {"name": "x", "secret": SECRET})
    assert (await wecom.get(PATH, access_token=await wecom.token()))["errcode"] == 0


# How many at a time


async def test_so_many_calls_of_one_path_at_a_time(wecom: Wecom, token: str) -> None:
    first = [asyncio.create_task(wecom.post("test/held", {}, access_token=token)) for _ in range(2)]
    for _ in first:
        await held.came.acquire()
    assert (await wecom.post("test/held", {}, access_token=token))["errcode"] == 45033
    assert (wecom.headers["X-Hutong-Used"], wecom.headers["X-Hutong-Limit"]) == ("2", "2")
    held.go.set()
    assert {told["errcode"] for told in await asyncio.gather(*first)} == {0}
    assert (await wecom.post("test/held", {}, access_token=token))["errcode"] == 0


async def test_two_calls_that_write_one_record_conflict(wecom: Wecom, token: str) -> None:
    first = asyncio.create_task(wecom.post("test/record", {"userid": "a"}, access_token=token))
    await held.came.acquire()
    assert (await wecom.post("test/record", {"userid": "a"}, access_token=token))["errcode"] == 45035
    other = asyncio.create_task(wecom.post("test/record", {"userid": "b"}, access_token=token))
    await held.came.acquire()
    held.go.set()
    assert {told["errcode"] for told in await asyncio.gather(first, other)} == {0}
    assert (await wecom.post("test/record", {"userid": "a"}, access_token=token))["errcode"] == 0


# Faults


async def test_the_first_calls_of_a_path_fail_as_ordered(wecom: Wecom, token: str) -> None:
    ordered = await wecom.control("POST", "/faults", {"path": PATH, "corpid": STORE, "errcode": -1, "times": 2})
    cafe = await wecom.token(CAFE, f"secret-of-{CAFE}")
    assert (await wecom.get(PATH, access_token=cafe))["errcode"] == 0
    assert "X-Hutong-Fault" not in wecom.headers
    for left in (1, 0):
        assert (await wecom.get(PATH, access_token=token))["errcode"] == -1
        assert wecom.headers["X-Hutong-Fault"] == str(ordered["id"])
        assert wecom.headers["X-Hutong-Reason"] == "fault"
        faults = (await wecom.control("GET", "/faults"))["faults"]
        assert [fault["left"] for fault in faults] == [left] * (left > 0)
    assert (await wecom.get(PATH, access_token=token))["errcode"] == 0


async def test_a_fault_of_every_call_holds_until_it_is_taken_back_or_reset(wecom: Wecom, token: str) -> None:
    for clear in ("/faults", "/faults/{id}", f"/faults?corpid={STORE}"):
        fault = await wecom.control(
            "POST", "/faults", {"path": f"/cgi-bin/{PATH}", "corpid": STORE, "errcode": 6000, "times": 0}
        )
        for _ in range(3):
            assert (await wecom.get(PATH, access_token=token))["errcode"] == 6000
        assert (await wecom.control("DELETE", clear.format(id=fault["id"])))["cleared"] == 1
        assert (await wecom.get(PATH, access_token=token))["errcode"] == 0
    await wecom.control("POST", "/faults", {"path": PATH, "errcode": 6000, "times": 0})
    await wecom.control("POST", "/reset", {})
    assert (await wecom.control("GET", "/faults"))["faults"] == []


async def test_a_delayed_call_waits_and_then_is_made(wecom: Wecom, token: str) -> None:
    await wecom.control("POST", "/faults", {"path": PATH, "delay_ms": 600_000, "times": 0})
    waiting = [asyncio.create_task(wecom.get(PATH, access_token=token)) for _ in range(2)]
    while not any(fault["struck"] == 2 for fault in (await wecom.control("GET", "/faults"))["faults"]):
        pass
    assert (await wecom.get(PATH, access_token=token))["errcode"] == 45033, "those who wait are under way"
    assert not any(task.done() for task in waiting)
    await wecom.control("DELETE", "/faults")
    assert [told["errcode"] for told in await asyncio.gather(*waiting)] == [0, 0]


async def test_a_call_that_waits_for_the_last_time_goes_on_when_its_fault_is_taken_back(
    wecom: Wecom, token: str
) -> None:
    for clear in ("/faults", "/faults/{id}", f"/faults?corpid={STORE}"):
        order = {"path": PATH, "corpid": STORE, "delay_ms": 600_000, "times": 1}
        fault = await wecom.control("POST", "/faults", order)
        waiting = asyncio.create_task(wecom.get(PATH, access_token=token))
        while (await wecom.control("GET", "/faults"))["faults"]:
            pass
        assert (await wecom.control("DELETE", clear.format(id=fault["id"])))["cleared"] == 1
        assert (await asyncio.wait_for(waiting, 20))["errcode"] == 0
    assert (await wecom.control("DELETE", "/faults"))["cleared"] == 0


async def test_a_dropped_call_is_cut_off_without_an_answer(wecom: Wecom, token: str) -> None:
    await wecom.control("POST", "/faults", {"path": "test/broken", "drop": True})
    with capture_logs() as lines:
        with pytest.raises(ServerDisconnectedError):
            await wecom.post("test/broken", {}, access_token=token)
        assert (await wecom.post("test/broken", {}, access_token=token))["errcode"] == 0
    assert not [line for line in lines if line["log_level"] == "error"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"path": "nowhere", "errcode": 1}, 404),
        ({"path": PATH}, 422),
        ({"path": PATH, "errcode": 1, "time": 3}, 422),
        ({"path": PATH, "delay_ms": 600_001}, 422),
        ({"path": PATH, "errcode": 10**9}, 422),
    ],
)
async def test_a_fault_that_cannot_be_is_a_problem(wecom: Wecom, body: dict[str, Any], status: int) -> None:
    async with wecom.session.post(f"{wecom.url}/_hutong/faults", json=body) as answer:
        assert answer.status == status


async def test_the_table_of_faults_is_bounded(wecom: Wecom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.wecom_api.faults.FAULTS_MAX", 3)
    for _ in range(3):
        await wecom.control("POST", "/faults", {"path": PATH, "errcode": 1})
    async with wecom.session.post(f"{wecom.url}/_hutong/faults", json={"path": PATH, "errcode": 1}) as answer:
        assert answer.status == 503


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"userid": "hutong-fail-45009"}, 45009),
        ({"userid": "hutong-fail-84061-zhang"}, 84061),
        ({"userid": "hutong-fail--1"}, -1),
        ({"names": ["a", "hutong-fail-40096"]}, 40096),
        ({"deep": {"names": [{"userid": "a|hutong-fail-6000|b"}]}}, 6000),
        ({"userid": "my-hutong-fail-45009"}, 0),
        ({"userid": "hutong-fail-"}, 0),
        ({"userid": "hutong-fail-0"}, 0),
        ({"userid": "hutong-fail-123456789"}, 0),
    ],
)
async def test_reserved_ids_always_fail(wecom: Wecom, token: str, body: object, errcode: int) -> None:
    assert (await wecom.post("test/broken", body, access_token=token))["errcode"] == errcode
    assert wecom.headers.get("X-Hutong-Reason") == ("reserved_id" if errcode else None)


async def test_reserved_ids_fail_in_an_address_too(wecom: Wecom, token: str) -> None:
    for userid, errcode in (("hutong-fail-60111", 60111), ("x", 40029)):
        assert (await wecom.get("test/coded", access_token=token, userid=userid))["errcode"] == errcode


# Strictness


async def strict(wecom: Wecom, *switches: str) -> None:
    await wecom.control("PUT", "/strictness", {"switches": switches})


async def grant(wecom: Wecom, **rights: object) -> None:
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000002", {"name": "Till", "secret": SECRET, **rights})


async def test_nothing_is_asked_by_default(wecom: Wecom) -> None:
    assert (await wecom.control("GET", "/strictness"))["switches"] == []
    token = await wecom.token()
    await grant(wecom, range_members=["lisi"])
    for path in ("user/test", "externalcontact/test"):
        assert (await wecom.post(path, {"userid": "zhangsan"}, access_token=token))["errcode"] == 0
    await strict(wecom, "secret_by_ability")
    assert (await wecom.get(PATH, access_token=token))["errcode"] == 0, "each switch is alone"


async def test_an_address_is_trusted_by_name(wecom: Wecom) -> None:
    token = await wecom.token()
    await strict(wecom, "trusted_ip")
    told = await wecom.get(PATH, access_token=token)
    assert told["errcode"] == 60020
    assert "app 1000002 does not trust 127.0.0.1" in told["errmsg"]
    assert wecom.headers["X-Hutong-Reason"] == "untrusted_address"
    await grant(wecom, trusted_ips=["10.0.0.1", "127.0.0.1"])
    assert (await wecom.get(PATH, access_token=token))["errcode"] == 0


async def test_customer_contact_takes_a_secret_that_is_able(wecom: Wecom) -> None:
    token = await wecom.token()
    await strict(wecom, "secret_by_ability")
    for path in ("externalcontact/test", "crm/test"):
        told = await wecom.post(path, {"userid": "x"}, access_token=token)
        assert told["errcode"] == 48002
        assert f"{path} takes customers, the secret used is of app 1000002, which has none" in told["errmsg"]
    assert (await wecom.post("user/test", {}, access_token=token))["errcode"] == 0, "reading the book takes no ability"
    await grant(wecom, abilities=["contacts"])
    assert (await wecom.post("externalcontact/test", {}, access_token=token))["errcode"] == 48002
    await grant(wecom, abilities=["customers"])
    assert (await wecom.post("externalcontact/test", {}, access_token=token))["errcode"] == 0


SIGHT = [
    # zhangsan is in department 2, lisi in 3, beneath 1; an.zhao is a customer of zhangsan's, an.qian of lisi's
    ({}, "user/test", {"userid": "zhangsan"}, 0),
    ({"range_members": ["lisi"]}, "user/test", {"userid": "zhangsan"}, 60011),
    ({"range_members": ["lisi"]}, "user/test", {"userid": "lisi"}, 0),
    ({"range_members": ["lisi"]}, "user/test", {"userid": "nobody"}, 0),
    ({"range_members": ["lisi"]}, "user/test", {"names": ["zhangsan"]}, 0),
    ({"range_members": ["lisi"]}, "user/test", {"userid_list": ["lisi", "zhangsan"]}, 60011),
    ({"range_members": ["lisi"]}, "user/test", {"department_id": 3}, 60011),
    ({"range_departments": [3]}, "user/test", {"department_id": 3}, 0),
    ({"range_departments": [3]}, "user/test", {"department_id": 2}, 60011),
    ({"range_departments": [3]}, "user/test", {"department_id": 99}, 0),
    ({"range_departments": [3]}, "user/test", {"userid": "lisi"}, 0),
    ({"range_departments": [3]}, "user/test", {"userid": "zhangsan"}, 60011),
    ({"range_departments": [1]}, "user/test", {"userid": "zhangsan", "department_id": 2}, 0),
    ({"range_departments": [3]}, "appchat/test", {"userid": "zhangsan"}, 60021),
    ({"range_departments": [3]}, "externalcontact/test", {"userid": "zhangsan"}, 60111),
    ({"range_departments": [3]}, "externalcontact/test", {"external_userid": "an.zhao"}, 40096),
    ({"range_departments": [3]}, "externalcontact/test", {"external_userid": "an.qian"}, 0),
    ({"range_departments": [3]}, "externalcontact/test", {"external_userid": "wmnobody"}, 0),
]


@pytest.mark.parametrize(("rights", "path", "body", "errcode"), SIGHT)
async def test_what_is_out_of_sight_is_refused(
    wecom: Wecom, rights: dict[str, Any], path: str, body: dict[str, Any], errcode: int
) -> None:
    token = await wecom.token()
    await grant(wecom, **rights)
    await strict(wecom, "app_range")
    if "external_userid" in body:
        known = wecom.gateway.router.state.corps[STORE].consumers.items()
        ids = {handle: external_userid for external_userid, handle in known}
        body = {"external_userid": ids.get(body["external_userid"], body["external_userid"])}
    assert (await wecom.post(path, body, access_token=token))["errcode"] == errcode
    assert wecom.headers.get("X-Hutong-Reason") == ("outside_range" if errcode else None)


async def test_switches_outlive_a_reset_and_rights_travel_in_a_world_file(wecom: Wecom) -> None:
    await strict(wecom, "app_range", "trusted_ip")
    rights = {"trusted_ips": ["::1"], "range_members": ["lisi"], "range_departments": [2], "abilities": ["customers"]}
    await grant(wecom, **rights)
    async with wecom.session.get(f"{wecom.url}/_hutong/world") as answer:
        world = await answer.read()
    assert b'strict = ["trusted_ip", "app_range"]' in world
    await wecom.control("POST", "/reset", {})
    assert (await wecom.control("GET", "/strictness"))["switches"] == ["trusted_ip", "app_range"]
    await strict(wecom)
    async with wecom.session.post(f"{wecom.url}/_hutong/world", data=world) as answer:
        assert answer.status == 200, await answer.text()
    assert (await wecom.control("GET", "/strictness"))["switches"] == ["trusted_ip", "app_range"]
    async with wecom.session.get(f"{wecom.url}/_hutong/world") as answer:
        assert await answer.read() == world
    app = wecom.gateway.router.state.corps[STORE].apps["1000002"]
    assert app.rights == Rights(("::1",), ("lisi",), (2,), ("customers",))


# The catalogue of errors


async def page(wecom: Wecom, path: str) -> tuple[int, str]:
    async with wecom.session.get(f"{wecom.url}{path}") as answer:
        return answer.status, await answer.text()


async def test_every_number_has_a_page_that_says_what_to_do(wecom: Wecom) -> None:
    status, whole = await page(wecom, "/_hutong/errors")
    assert status == 200
    for code in [*TEXTS, *(reason.code for reason in REASONS.values())]:
        assert f'<a href="/_hutong/errors/{code}">' in whole
        status, text = await page(wecom, f"/_hutong/errors?e={code}")
        assert (status, text) == await page(wecom, f"/_hutong/errors/{code}")
        assert status == 200
        assert f"<h1>{code}</h1>" in text
        assert "<script" not in text
    assert 'href="/_hutong/errors/910901">910901</a> corp_calls' in (await page(wecom, "/_hutong/errors?e=45009"))[1]
    assert 'href="/_hutong/errors/45009">45009</a>' in (await page(wecom, "/_hutong/errors/910901"))[1]


@pytest.mark.parametrize(("path", "status"), [("/_hutong/errors/99999", 404), ("/_hutong/errors?e=x", 422)])
async def test_a_number_that_nobody_says_has_no_page(wecom: Wecom, path: str, status: int) -> None:
    assert (await page(wecom, path))[0] == status


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "localhost:9", "[::1]:{port}", "localhost"])
async def test_the_link_to_the_catalogue_names_the_server_as_the_client_did(wecom: Wecom, host: str) -> None:
    host = host.format(port=wecom.gateway.listener.port)
    async with wecom.session.get(f"{wecom.url}/cgi-bin/{PATH}", headers={"Host": host}) as answer:
        told = await answer.json(content_type=None)
    assert told["errmsg"].endswith(f"more info at http://{host}/_hutong/errors?e=41001")


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost@evil.example", "127.0.0.1:x", "localhost.evil.example", ""]
)
async def test_a_foreign_name_is_not_repeated(wecom: Wecom, host: str) -> None:
    async with wecom.session.get(f"{wecom.url}/cgi-bin/{PATH}", headers={"Host": host}) as answer:
        told = await answer.json(content_type=None)
    assert told["errmsg"].endswith(f"more info at {wecom.url}/_hutong/errors?e=41001")


@pytest.mark.parametrize(
    ("number", "errcode"),
    [("9223372036854775807", 0), ("-9223372036854775808", 0), ("9223372036854775808", 40058), ("9" * 30, 40058)],
)
async def test_a_number_that_no_record_can_hold_is_refused(wecom: Wecom, number: str, errcode: int) -> None:
    token = await wecom.token()
    for body in (f'{{"number": {number}}}', f'{{"number": "{number}"}}'):
        assert (await wecom.post("test/broken", body.encode(), access_token=token))["errcode"] == errcode
    asked = await wecom.get("test/coded", access_token=token, userid="word", number=number)
    assert asked["errcode"] == errcode


async def test_a_defect_is_logged_once_and_answered_as_busy(wecom: Wecom) -> None:
    token = await wecom.token()
    with capture_logs() as lines:
        told = await wecom.post("test/broken", {"userid": "break"}, access_token=token)
    assert told["errcode"] == -1
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["defect"]


async def test_a_new_world_begins_as_strict_as_it_is_started(wecom: Wecom) -> None:
    assert wecom.gateway.router.state.strict == ()
    async with run(None, durability="memory", world=demo, strict=("app_range", "trusted_ip")) as started:
        assert started.router.state.strict == ("trusted_ip", "app_range")
        assert restore(started.journal).strict == started.router.state.strict

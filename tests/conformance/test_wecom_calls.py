"""The journal of calls, the hint at a misspelt path, and what is told of the API that is here."""

import asyncio

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from yarl import URL

from adapters.wecom_api import calls
from adapters.wecom_api.call import CALLS
from protocol.wecom.paths import PATHS
from tests.conformance.wecom import AGENT, SECRET, STORE, ZHANG, Wecom, threaded, wecom

__all__ = ["wecom"]


async def test_calls_are_listed_with_what_was_asked_and_answered(wecom: Wecom) -> None:
    await threaded(wecom.sdk().misc.get_wechat_ips)
    gettoken, call = (await wecom.control("GET", "/calls"))["calls"]
    assert gettoken["path"] == "gettoken" and gettoken["query"] == {"corpid": STORE} and gettoken["corpid"] == STORE
    assert call | {"real_ms": 0, "time_ms": 0, "duration_us": 0, "client": ""} == {
        "ordinal": 2, "real_ms": 0, "time_ms": 0, "method": "GET", "path": "getcallbackip", "errcode": 0,
        "errmsg": "ok", "duration_us": 0, "address": "127.0.0.1", "corpid": STORE, "agent_id": str(AGENT), "client": "",
    }  # fmt: skip
    assert call["client"] == "wechatpy" and call["duration_us"] > 0
    assert abs(call["real_ms"] - call["time_ms"]) < 60_000


async def test_calls_are_filtered_and_read_on_from_a_cursor(wecom: Wecom) -> None:
    token = await wecom.token()
    for path in ("getcallbackip", "get_api_domain_ip", "getcallbackip"):
        await wecom.get(path, access_token=token)
    await wecom.get("getcallbackip")

    async def listed(look: str) -> list[int]:
        return [call["ordinal"] for call in (await wecom.control("GET", f"/calls?{look}"))["calls"]]

    assert await listed("path=getcallbackip") == [2, 4, 5]
    assert await listed(f"path=getcallbackip&corpid={STORE}") == [2, 4]
    assert await listed("errcode=0") == [1, 2, 3, 4]
    assert await listed("errcode=41001") == await listed("contains=access_token%20missing") == [5]
    assert await listed("limit=2") == [4, 5]
    page = await wecom.control("GET", "/calls?after=1&limit=2")
    assert ([call["ordinal"] for call in page["calls"]], page["next_after"]) == ([2, 3], 3)


async def test_a_call_can_be_waited_for(wecom: Wecom) -> None:
    waiting = asyncio.create_task(wecom.control("GET", "/calls?errcode=41001&wait_s=30"))
    await wecom.get("gettoken")
    await wecom.token()
    await wecom.get("getcallbackip")
    (call,) = (await asyncio.wait_for(waiting, 20))["calls"]
    assert call["errcode"] == 41001


async def test_calls_keep_no_secret(wecom: Wecom) -> None:
    token = await wecom.token()
    for path in ("getcallbackip", "user/getuserinfo", "nowhere"):
        await wecom.get(path, access_token=token, corpsecret=SECRET, code="CODE")
        await wecom.get(f"{path}&access_token={token}")
    said = f'{{"access_token": "{token}", "secret":"{SECRET}", "text": "secrets", "encoding_aeskey" : "{token}"'
    line = calls.CallLine("POST", "x", "", "", {}, 0, 0)
    line.bring(f"{said} corpsecret={SECRET}&token={token}".encode())
    wecom.gateway.calls.end(line, 0, "ok")
    told = str(await wecom.control("GET", "/calls"))
    assert "CODE" in told and '"text": "secrets"' in told
    assert token not in told and SECRET not in told
    assert token not in str(list(wecom.gateway.calls.newest_first()))


@pytest.mark.parametrize(
    "query", ["&amp;access_token=CANARY", "?Token=CANARY", "%3Faccess_token=CANARY", "access_token=CANARY",
              "?corpid=x&corp_secret=CANARY", "?url=http%3A%2F%2Fx%2F%3Faccess_token%3DCANARY"],
)  # fmt: skip
async def test_a_misspelt_address_is_kept_without_its_secrets(wecom: Wecom, query: str) -> None:
    async with wecom.session.get(URL(f"{wecom.url}/cgi-bin/user/get{query}", encoded=True)) as answer:
        assert answer.status == 200
    assert "CANARY" not in str(await wecom.control("GET", "/calls"))


@pytest.mark.parametrize(
    "body", ['{"token": "of two CANARY", "name": "kept"}', '{"Secret": "CANARY", "name": "kept"}',
             '{"encodingaeskey": "CANARY", "name": "kept"}', r'{"secret": "a\"CANARY", "name": "kept"}',
             '{"secret": "a,CANARY", "name": "kept"}', r'{"name": "kept", "text": "token=\"CANARY\""}'],
)  # fmt: skip
async def test_a_body_is_kept_without_its_secrets_however_they_are_written(wecom: Wecom, body: str) -> None:
    line = calls.CallLine("POST", "x", "", "", {}, 0, 0)
    line.bring(body.encode())
    wecom.gateway.calls.end(line, 0, "ok")
    told = str(await wecom.control("GET", "/calls"))
    assert "kept" in told and "CANARY" not in told


async def test_calls_are_listed_whatever_bytes_they_came_with(wecom: Wecom) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", wecom.gateway.listener.port)
    for path in (b"gettoken?corpid=%FF%ED%A0%80&%FF=1", b"gett%FF%ED%A0%80?", b"gettoken", b"gettoken??a"):
        writer.write(b"GET /cgi-bin/" + path + b" HTTP/1.1\r\nHost: x\r\nUser-Agent: \xff\xed\xa0\x80\r\n\r\n")
        assert b" 200 " in await reader.readline()
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    writer.close()
    line = calls.CallLine("POST", "x", "", "", {}, 0, 0)
    line.bring(b'{"name": "\xff\xed\xa0\x80"}')
    wecom.gateway.calls.end(line, 0, "ok")
    assert len((await wecom.control("GET", "/calls"))["calls"]) == 5


def test_calls_are_bounded_in_number_and_in_bytes() -> None:
    kept = calls.Calls()
    for size in (0, 10 * calls.BODY_BYTES_MAX):
        for _ in range(2 * calls.LINES_MAX):
            line = calls.CallLine("POST", "x", "", "", {}, 0, 0)
            line.bring(b"x" * size)
            kept.end(line, 0, "ok")
        lines = list(kept.newest_first())
        assert sum(line.size for line in lines) <= calls.BYTES_MAX
        assert all(len(line.body) <= calls.BODY_BYTES_MAX for line in lines)
        most = calls.BYTES_MAX // (calls.LINE_BYTES + min(size, calls.BODY_BYTES_MAX) + len("ok"))
        assert len(lines) == min(most, calls.LINES_MAX)


@pytest.mark.parametrize(
    ("path", "errcode", "said"),
    [
        ("externalcontact/remrk", 40058, "no path 'externalcontact/remrk', did you mean externalcontact/remark?"),
        ("getokken", 40058, "there is no path 'getokken', did you mean gettoken?"),
        ("zzz", 40058, "there is no path 'zzz', hint:"),
        ("wedrive/file_list", 48002, "wedrive/file_list is not simulated, see "),
    ],
)  # fmt: skip
async def test_a_path_that_is_not_there_is_explained(wecom: Wecom, path: str, errcode: int, said: str) -> None:
    told = await wecom.get(path)
    assert told["errcode"] == errcode and said in told["errmsg"]
    assert (await wecom.post(path))["errcode"] == errcode


async def test_what_was_asked_for_in_vain_is_counted(wecom: Wecom) -> None:
    await wecom.get("nowhere")
    await wecom.get("wedrive/file_list")
    told = await wecom.post("wedrive/file_list")
    url = told["errmsg"].partition("see ")[2].partition(",")[0]
    async with wecom.session.get(url) as answer:
        coverage = await answer.json()
    assert coverage["unknown"] == 1
    assert coverage["paths"] == [
        {"path": "wedrive/file_list", "method": "", "chapter": "Drive", "coverage": "none", "missing": "", "asked": 2}
    ]
    every = {row["path"]: row["coverage"] for row in (await wecom.control("GET", "/wecom/coverage"))["paths"]}
    assert len(every) > 470 and every["gettoken"] == "full"
    async with wecom.session.get(f"{wecom.url}/metrics") as answer:
        metrics = await answer.text()
    assert 'hutong_calls_unsimulated_total{path="wedrive/file_list"} 2.0' in metrics
    assert "hutong_calls_unknown_total 1.0" in metrics and "hutong_calls_total 3.0" in metrics


async def test_paths_answer_under_their_names_of_2019_too(wecom: Wecom) -> None:
    token = await wecom.token()
    way = {"type": 1, "scene": 2, "user": [ZHANG]}
    made = await wecom.post("crm/add_contact_way", way, access_token=token)
    for verb in ("get", "update", "del"):
        told = await wecom.post(f"crm/{verb}_contact_way", {"config_id": made["config_id"]}, access_token=token)
        assert told["errcode"] == 0, told


def test_every_call_is_a_path_that_the_vendor_has() -> None:
    ours = {path for path, call in CALLS.items() if call.handler.__module__.startswith("adapters.")}
    assert ours <= PATHS.keys()


async def test_the_description_is_openapi(wecom: Wecom) -> None:
    described = await wecom.control("GET", "/wecom/openapi.json")
    OpenAPIV31SpecValidator(described).validate()
    assert described["paths"]["/cgi-bin/gettoken"]["get"]["parameters"][0]["required"] is True

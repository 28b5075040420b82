"""Access to the vendor's API: tokens as its documentation has them (DOC 91039, 90930), seen by an SDK and without."""

import re

import pytest
from wechatpy.exceptions import WeChatClientException

from tests.conformance.wecom import AMY, SECRET, STORE, ZHANG, Wecom, threaded, wecom

__all__ = ["wecom"]

ERRMSG = re.compile(
    r"invalid secret, hint: \[\d{10}_\d+_[0-9a-f]{32}\], from ip: 127\.0\.0\.1, more info at http://\S+\?e=40001"
)


async def test_an_sdk_fetches_a_token_and_calls_with_it(wecom: Wecom) -> None:
    client = wecom.sdk()
    assert await threaded(client.misc.get_wechat_ips) == ["127.0.0.1"]
    assert client.access_token == await wecom.token()
    with pytest.raises(WeChatClientException) as refused:
        await threaded(lambda: wecom.sdk(secret="wrong").access_token)
    assert refused.value.errcode == 40001
    assert ERRMSG.fullmatch(refused.value.errmsg)


async def test_a_token_is_the_same_for_7200_seconds_of_the_movable_clock(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    first = await wecom.get("gettoken", corpid=STORE, corpsecret=SECRET)
    assert first["expires_in"] == 7200
    await wecom.control("POST", "/clock", {"advance_ms": 7_199_000})
    again = await wecom.get("gettoken", corpid=STORE, corpsecret=SECRET)
    assert (again["access_token"], again["expires_in"]) == (first["access_token"], 1)
    await wecom.control("POST", "/clock", {"advance_ms": 1_000})
    assert (await wecom.get("getcallbackip", access_token=first["access_token"]))["errcode"] == 42001
    assert await wecom.token() != first["access_token"]


@pytest.mark.parametrize(
    ("path", "query", "errcode"),
    [
        ("gettoken", {"corpsecret": SECRET}, 41002),
        ("gettoken", {"corpid": STORE}, 41004),
        ("gettoken", {"corpid": "wwnone", "corpsecret": SECRET}, 40013),
        ("gettoken", {"corpid": STORE, "corpsecret": "secret-of-wwsongyin"}, 40091),
        ("gettoken", {"corpid": STORE, "corpsecret": "secret-of-aiblanhe"}, 40001),
        ("getcallbackip", {}, 41001),
        ("getcallbackip", {"access_token": "é"}, 40014),
        ("getcallbackip", {"access_token": "AAAA"}, 40014),
        ("nowhere", {}, 40058),
    ],
)
async def test_what_is_wrong_with_a_call_is_told_by_number(
    wecom: Wecom, path: str, query: dict[str, str], errcode: int
) -> None:
    assert (await wecom.get(path, **query))["errcode"] == errcode


async def test_a_token_outlives_nothing_that_made_it_worthless(wecom: Wecom) -> None:
    token = await wecom.token()
    flipped = token[:-3] + ("A" if token[-3] != "A" else "B") + token[-2:]
    assert (await wecom.get("getcallbackip", access_token=flipped))["errcode"] == 40014
    for last in "AQgwBRhxCSiyDTjz-_":  # some differ from the last letter in bits that mean nothing
        if last != token[-1]:
            assert (await wecom.get("getcallbackip", access_token=token[:-1] + last))["errcode"] == 40014
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000002", {"name": "x", "secret": "another"})
    assert (await wecom.get("getcallbackip", access_token=token))["errcode"] == 40014


async def test_people_do_through_control_what_their_clients_could_ask_for(wecom: Wecom) -> None:
    (chat,) = [
        row["conversation"]
        for row in (await wecom.control("GET", f"/people/{AMY}/conversations"))["conversations"]
        if row.get("member") == f"{STORE}/{ZHANG}"
    ]
    said = await wecom.act(AMY, type="send", conversation=chat, content={"kind": "text", "text": "在吗"})
    assert said["sequence"] == 1
    assert (await wecom.act(f"{STORE}/{ZHANG}", type="delete", conversation=chat))["conversation"] == chat

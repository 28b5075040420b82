"""Apps, their menus and tickets, and who comes to their pages with a code."""

from urllib.parse import parse_qs, urlsplit

import pytest
from wechatpy.exceptions import WeChatClientException

from tests.conformance.wecom import AGENT, AMY, SECRET, STORE, ZHANG, Wecom, threaded, wecom

__all__ = ["wecom"]

MENU = {"button": [{"name": "今日", "type": "click", "key": "today"}, {"name": "更多", "sub_button": [
    {"name": "官网", "type": "view", "url": "https://example.org"}]}]}  # fmt: skip
FIELDS: dict[str, type] = {
    "agentid": int, "name": str, "square_logo_url": str, "description": str, "allow_userinfos": dict,
    "allow_partys": dict, "allow_tags": dict, "close": int, "redirect_domain": str, "report_location_flag": int,
    "isreportenter": int, "home_url": str,
}  # fmt: skip


async def test_an_app_sees_and_changes_itself(wecom: Wecom) -> None:
    apps = wecom.sdk().agent
    told = await threaded(apps.get, AGENT)
    assert {key: type(told[key]) for key in FIELDS} == FIELDS
    assert (told["agentid"], told["name"], told["allow_partys"]) == (AGENT, "客户联系", {"partyid": [1]})
    await threaded(apps.set, AGENT, name="导购助手", description="帮你找客户", redirect_domain="shop.example.org")
    told = await threaded(apps.get, AGENT)
    assert (told["name"], told["description"], told["isreportenter"]) == ("导购助手", "帮你找客户", 1)
    assert await threaded(apps.list) == [{"agentid": AGENT, "name": "导购助手", "square_logo_url": ""}]
    body = {"name": "导购", "secret": SECRET, "range_members": [ZHANG], "range_departments": [3]}
    await wecom.control("PUT", f"/corps/{STORE}/apps/{AGENT}", body)
    told = await threaded(apps.get, AGENT)
    assert (told["name"], told["description"]) == ("导购", "帮你找客户")
    assert (told["allow_userinfos"], told["allow_partys"]) == ({"user": [{"userid": ZHANG}]}, {"partyid": [3]})


async def test_an_app_sees_no_other(wecom: Wecom) -> None:
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000003", {"name": "x", "secret": "other"})
    await wecom.control("PUT", f"/corps/{STORE}/apps/till", {"name": "x", "secret": "third"})
    token, till = await wecom.token(), await wecom.token(STORE, "third")
    for agentid, errcode in (("1000003", 301002), ("1000004", 40056), ("till", 40058), ("", 40056)):
        assert (await wecom.get("agent/get", access_token=token, agentid=agentid))["errcode"] == errcode
    assert (await wecom.get("agent/list", access_token=till))["agentlist"] == []
    assert (await wecom.post("agent/set", {"agentid": 1000003, "name": "y"}, access_token=token))["errcode"] == 301002
    assert (await wecom.post("agent/set", {"agentid": AGENT, "name": "x" * 33}, access_token=token))["errcode"] == 40058


async def test_a_menu_is_made_told_of_and_deleted(wecom: Wecom) -> None:
    menus = wecom.sdk().menu
    with pytest.raises(WeChatClientException) as none:
        await threaded(menus.get, AGENT)
    assert none.value.errcode == 46003
    await threaded(menus.create, AGENT, MENU)
    assert (await threaded(menus.get, AGENT))["button"] == MENU["button"]
    await threaded(menus.delete, AGENT)
    token = await wecom.token()
    assert (await wecom.get("menu/get", access_token=token, agentid=AGENT))["errcode"] == 46003
    bodies: list[object] = [{}, {"button": []}, {"button": "x"}, b"[", b"\xff"]
    for body in bodies:
        assert (await wecom.post("menu/create", body, access_token=token, agentid=AGENT))["errcode"] == 40058
    big = {"button": [{"name": "x", "url": "y" * 1000}] * 17}
    assert (await wecom.post("menu/create", big, access_token=token, agentid=AGENT))["errcode"] == 40206
    assert (await wecom.post("menu/create", MENU, access_token=token, agentid=7))["errcode"] == 40056


async def test_tickets_stay_the_same_for_7200_seconds_of_the_movable_clock(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    jsapi = wecom.sdk().jsapi
    corp, app = await threaded(jsapi.get_ticket), await threaded(jsapi.get_agent_ticket)
    assert corp["expires_in"] == app["expires_in"] == 7200
    assert isinstance(corp["ticket"], str) and corp["ticket"] != app["ticket"]
    await wecom.control("POST", "/clock", {"advance_ms": 7_199_000})
    token = await wecom.token()
    again = await wecom.get("get_jsapi_ticket", access_token=token)
    assert (again["ticket"], again["expires_in"]) == (corp["ticket"], 1)
    await wecom.control("POST", "/clock", {"advance_ms": 1_000})
    token = await wecom.token()
    assert (await wecom.get("ticket/get", access_token=token, type="agent_config"))["ticket"] != app["ticket"]
    assert (await wecom.get("ticket/get", access_token=token, type="jsapi"))["errcode"] == 40058


async def code_of(wecom: Wecom, person: str, *, private: bool = False, agent: int = AGENT) -> str:
    asked = {"corpid": STORE, "agent_id": str(agent), "private": private}
    return str((await wecom.control("POST", f"/people/{person}/oauth-codes", asked))["code"])


async def test_a_code_tells_once_who_a_member_is(wecom: Wecom) -> None:
    oauth = wecom.sdk().oauth
    code = await code_of(wecom, f"{STORE}/{ZHANG}")
    told = await threaded(oauth.get_user_info, code)
    assert told["UserId"] == ZHANG and isinstance(told["DeviceId"], str) and "OpenId" not in told
    assert "user_ticket" not in told
    with pytest.raises(WeChatClientException) as used:
        await threaded(oauth.get_user_info, code)
    assert used.value.errcode == 40029
    token = await wecom.token()
    told = await wecom.get("auth/getuserinfo", access_token=token, code=await code_of(wecom, f"{STORE}/{ZHANG}"))
    assert told == {"errcode": 0, "errmsg": "ok", "userid": ZHANG}


async def test_a_ticket_tells_the_details_for_half_an_hour(wecom: Wecom) -> None:
    token = await wecom.token()
    asked = {"userid": ZHANG, "mobile": "13800000001", "email": "z@example.org", "gender": "1"}
    await wecom.post("user/update", asked, access_token=token)
    code = await code_of(wecom, f"{STORE}/{ZHANG}", private=True)
    login = await wecom.get("user/getuserinfo", access_token=token, code=code)
    assert login["expires_in"] == 1800
    detail = {"user_ticket": login["user_ticket"]}
    told = await wecom.post("auth/getuserdetail", detail, access_token=token)
    assert (told["userid"], told["mobile"], told["email"], told["gender"]) == (
        ZHANG,
        "13800000001",
        "z@example.org",
        "1",
    )
    assert {type(told[key]) for key in ("avatar", "qr_code", "biz_mail", "address")} == {str}
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000003", {"name": "x", "secret": "other"})
    other = await wecom.token(STORE, "other")
    assert (await wecom.post("auth/getuserdetail", detail, access_token=other))["errcode"] == 40029
    await wecom.control("POST", "/clock", {"advance_ms": 1_800_000})
    assert (await wecom.post("auth/getuserdetail", detail, access_token=token))["errcode"] == 40029
    assert (await wecom.post("auth/getuserdetail", {}, access_token=token))["errcode"] == 40029


async def test_outsiders_have_an_openid_and_customers_their_id_too(wecom: Wecom) -> None:
    token = await wecom.token()
    known = (await wecom.control("GET", f"/people/{AMY}"))["external_userids"][STORE]
    await wecom.control("PUT", "/consumers/stranger", {})
    for person, external in ((AMY, known), ("stranger", None), ("wwsongyin/mali", None)):
        code = await code_of(wecom, person, private=True)
        told = await wecom.get("auth/getuserinfo", access_token=token, code=code)
        assert (told["errcode"], told.get("external_userid"), "userid" in told) == (0, external, False)
        assert told["openid"] and "user_ticket" not in told


async def test_a_code_is_for_one_app_and_ends_after_five_minutes(wecom: Wecom) -> None:
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000003", {"name": "x", "secret": "other"})
    token, other = await wecom.token(), await wecom.token(STORE, "other")
    cafe = await wecom.token("wwsongyin", "secret-of-wwsongyin")
    code = await code_of(wecom, AMY)
    for wrong in (other, cafe):
        assert (await wecom.get("auth/getuserinfo", access_token=wrong, code=code))["errcode"] == 40029
    for text in ("x", "", "x" * 513):
        told = await wecom.get("auth/getuserinfo", access_token=token, code=text)
        assert told["errcode"] == (40058 if len(text) > 512 else 40029)
    await wecom.control("POST", "/clock", {"advance_ms": 300_000})
    assert (await wecom.get("auth/getuserinfo", access_token=token, code=code))["errcode"] == 40029
    code = await code_of(wecom, f"{STORE}/{ZHANG}")
    await wecom.get("user/delete", access_token=token, userid=ZHANG)
    assert (await wecom.get("auth/getuserinfo", access_token=token, code=code))["errcode"] == 40029


async def test_a_page_sends_people_back_with_a_code(wecom: Wecom) -> None:
    oauth = wecom.sdk().oauth
    sdk_url = oauth.authorize_url("https://shop.example/in?a=1", state="s 1")
    url = f"{wecom.url}{sdk_url.removeprefix('https://open.weixin.qq.com')}".partition("#")[0]
    async with wecom.session.get(url) as page:
        text = await page.text()
        assert (page.status, "张三" in text, AMY in text) == (200, True, True)
    for person, key in ((f"{STORE}/{ZHANG}", "UserId"), (AMY, "OpenId")):
        async with wecom.session.get(f"{url}&as={person}", allow_redirects=False) as back:
            assert back.status == 302
            to = urlsplit(back.headers["Location"])
        asked = parse_qs(to.query)
        assert (to.netloc, asked["a"], asked["state"]) == ("shop.example", ["1"], ["s 1"])
        assert key in await threaded(oauth.get_user_info, asked["code"][0])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"appid": "wwnone"}, "appid"),
        ({"agentid": "7"}, "agentid"),
        ({"redirect_uri": "javascript:alert(1)"}, "redirect_uri"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri"),
        ({"redirect_uri": "http://["}, "redirect_uri"),
        ({"redirect_uri": "http:///in", "agentid": "", "scope": "snsapi_base"}, "redirect_uri"),
        ({"redirect_uri": "http://a:99999/", "agentid": "", "scope": "snsapi_base"}, "redirect_uri"),
        ({"scope": "all"}, "scope"),
        ({"response_type": "token"}, "response_type"),
        ({"state": "x" * 129}, "state"),
        ({"as": "nobody"}, "as"),
    ],
)
async def test_a_page_sends_nobody_where_it_may_not(wecom: Wecom, changed: dict[str, str], said: str) -> None:
    token = await wecom.token()
    asked = {"agentid": AGENT, "redirect_domain": "shop.example"}
    assert (await wecom.post("agent/set", asked, access_token=token))["errcode"] == 0
    query = {
        "appid": STORE, "agentid": str(AGENT), "redirect_uri": "https://shop.example/", "response_type": "code",
        "scope": "snsapi_privateinfo", "as": f"{STORE}/{ZHANG}",
    }  # fmt: skip
    for named, status in ((query, 302), (query | changed, 400)):
        url = f"{wecom.url}/connect/oauth2/authorize"
        async with wecom.session.get(url, params=named, allow_redirects=False) as answer:
            assert answer.status == status
            assert status == 302 or said in await answer.text()

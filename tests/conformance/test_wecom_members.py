"""Members of the address book, seen by an SDK and without: what is noted of them, who may be called how, who leaves."""

import re
from typing import Any

import pytest
from wechatpy.exceptions import WeChatClientException

from tests.conformance.wecom import AGENT, AMY, SECRET, STORE, ZHANG, Wecom, threaded, wecom

__all__ = ["wecom"]

TYPES: dict[str, type] = {
    "userid": str, "name": str, "department": list, "order": list, "position": str, "mobile": str, "gender": str,
    "email": str, "biz_mail": str, "is_leader_in_dept": list, "direct_leader": list, "avatar": str,
    "thumb_avatar": str, "telephone": str, "alias": str, "address": str, "open_userid": str, "main_department": int,
    "extattr": dict, "status": int, "qr_code": str, "external_position": str,
}  # fmt: skip
EVERYTHING: dict[str, Any] = {
    "alias": "小美", "biz_mail": "mei@lanhe.example", "position": "店长", "telephone": "020-1234",
    "address": "人民路 1",
    "order": [3, 5], "is_leader_in_dept": [1, 0], "direct_leader": [ZHANG], "main_department": 3, "enable": 1,
    "external_position": "顾问",
    "external_profile": {
        "external_corp_name": "蓝河",
        "wechat_channels": {"nickname": "蓝河百货", "status": 1},
        "external_attr": [{"type": 0, "name": "座右铭", "text": {"value": "慢慢来"}}],
    },
}  # fmt: skip
ATTRIBUTES = {"attrs": [{"type": 0, "name": "工号", "text": {"value": "42"}}]}


async def test_a_member_is_made_told_of_changed_and_deleted(wecom: Wecom) -> None:
    users = wecom.sdk().user
    made = await threaded(
        users.create, "mei", "陈小美", [2, 3], mobile="13800000001", gender=2, email="mei@example.org",
        extattr=ATTRIBUTES, **EVERYTHING,
    )  # fmt: skip
    assert made["errmsg"] == "created"
    told = await threaded(users.get, "mei")
    assert {key: type(told[key]) for key in TYPES} == TYPES
    wanted = {**EVERYTHING, "mobile": "13800000001", "email": "mei@example.org", "gender": "2", "department": [2, 3]}
    del wanted["enable"]
    assert {key: told[key] for key in wanted} == wanted
    assert told["extattr"] == ATTRIBUTES
    assert told["status"] == 4, "nobody has joined yet"
    changed = await threaded(users.update, "mei", position="经理", enable=0)
    assert changed["errmsg"] == "updated"
    told = await threaded(users.get, "mei")
    assert (told["position"], told["name"], told["alias"], told["status"]) == ("经理", "陈小美", "小美", 2)
    assert (await threaded(users.delete, "mei"))["errmsg"] == "deleted"
    with pytest.raises(WeChatClientException) as gone:
        await threaded(users.get, "mei")
    assert gone.value.errcode == 60111


async def test_what_go_sdks_send_empty_changes_nothing(wecom: Wecom) -> None:
    token = await wecom.token()
    made = {"userid": "mei", "name": "Mei", "mobile": "13800000001", "department": [2], **EVERYTHING, "order": [3]}
    made |= {"is_leader_in_dept": [1], "main_department": 2, "extattr": ATTRIBUTES}
    assert (await wecom.post("user/create", made, access_token=token))["errcode"] == 0
    before = await wecom.get("user/get", access_token=token, userid="mei")
    empty: dict[str, Any] = {
        "userid": "mei", "name": "", "mobile": "", "department": None, "order": [], "extattr": {}, "email": "",
        "external_profile": {"external_corp_name": "", "wechat_channels": {}, "external_attr": []}, "gender": "",
        "direct_leader": [], "is_leader_in_dept": None, "main_department": 0, "alias": "",
    }  # fmt: skip
    assert (await wecom.post("user/update", empty, access_token=token))["errcode"] == 0
    assert await wecom.get("user/get", access_token=token, userid="mei") == before


async def test_a_world_s_member_without_details_is_told_of_too(wecom: Wecom) -> None:
    told = await threaded(wecom.sdk().user.get, ZHANG)
    assert {key: type(told[key]) for key in TYPES} == TYPES
    assert (told["status"], told["department"], told["main_department"], told["order"]) == (1, [2], 2, [0])
    assert "external_profile" not in told


BASE = {"userid": "mei", "name": "Mei", "mobile": "13800000001"}
REFUSED: list[tuple[dict[str, Any], int]] = [
    ({**BASE, "userid": ZHANG}, 60102),
    ({**BASE, "mobile": ""}, 60129),
    ({**BASE, "mobile": "13900000000"}, 60104),
    ({**BASE, "email": "TAKEN@example.org"}, 60106),
    ({**BASE, "biz_mail": "taken@lanhe.example"}, 60106),
    ({**BASE, "department": [99]}, 60123),
    ({**BASE, "department": [2], "main_department": 3}, 60123),
    ({**BASE, "direct_leader": ["nobody"]}, 60111),
    ({**BASE, "department": [2, 3], "order": [1]}, 40058),
    ({**BASE, "department": [2] * 101}, 40058),
    ({**BASE, "userid": "with space"}, 40058),
    ({**BASE, "userid": "x" * 65}, 40058),
    ({**BASE, "name": "x" * 65}, 40058),
    ({**BASE, "position": "x" * 129}, 40058),
    ({"userid": "mei", "mobile": "13800000001"}, 40058),
]


@pytest.mark.parametrize(("asked", "errcode"), REFUSED)
async def test_a_member_who_cannot_be_is_refused_by_number(wecom: Wecom, asked: dict[str, Any], errcode: int) -> None:
    token = await wecom.token()
    other = {"userid": "li", "name": "Li", "mobile": "13900000000", "email": "taken@example.org"}
    other["biz_mail"] = "taken@lanhe.example"
    assert (await wecom.post("user/create", other, access_token=token))["errcode"] == 0
    assert (await wecom.post("user/create", asked, access_token=token))["errcode"] == errcode
    assert (await wecom.get("user/get", access_token=token, userid="mei"))["errcode"] == 60111
    assert (await wecom.post("user/update", {"userid": "li", "mobile": "13900000000"}, access_token=token))[
        "errcode"
    ] == 0, "one's own number is not taken"


async def test_whoever_leaves_frees_the_number(wecom: Wecom) -> None:
    token = await wecom.token()
    assert (await wecom.post("user/create", BASE, access_token=token))["errcode"] == 0
    assert (await wecom.get("user/delete", access_token=token, userid="mei"))["errcode"] == 0
    assert (await wecom.post("user/create", {**BASE, "userid": "li"}, access_token=token))["errcode"] == 0
    again = await wecom.post("user/create", BASE, access_token=token)
    assert again["errcode"] == 60104


async def test_foreign_members_are_answered_like_nobody(wecom: Wecom) -> None:
    token = await wecom.token()
    for userid in ("mali", "nobody", AMY):
        assert (await wecom.get("user/get", access_token=token, userid=userid))["errcode"] == 60111
        assert (await wecom.get("user/delete", access_token=token, userid=userid))["errcode"] == 60111
        asked = {"userid": userid, "name": "x"}
        assert (await wecom.post("user/update", asked, access_token=token))["errcode"] == 60111
        assert (await wecom.post("user/convert_to_openid", asked, access_token=token))["errcode"] == 60111
        assert (await wecom.post("user/batchdelete", {"useridlist": [userid]}, access_token=token))["errcode"] == 40031


async def test_a_deleted_member_s_customers_wait_for_whoever_comes_back(wecom: Wecom) -> None:
    token = await wecom.token()
    chats = await wecom.control("GET", f"/people/{AMY}/conversations")
    (chat,) = [row["conversation"] for row in chats["conversations"] if row.get("member") == f"{STORE}/{ZHANG}"]
    assert (await wecom.get("user/delete", access_token=token, userid=ZHANG))["errcode"] == 0
    person = await wecom.control("GET", f"/people/{STORE}/{ZHANG}")
    assert person["departed"] and person["live_contacts"] > 0, "the relations stay"
    made = {"userid": ZHANG, "name": "张三", "mobile": "13800000001", "department": [2]}
    assert (await wecom.post("user/create", made, access_token=token))["errcode"] == 0
    told = await wecom.get("user/get", access_token=token, userid=ZHANG)
    assert (told["status"], told["position"]) == (4, "")
    assert (await wecom.get("user/authsucc", access_token=token, userid=ZHANG))["errcode"] == 0
    said = await wecom.act(f"{STORE}/{ZHANG}", type="send", conversation=chat, content={"kind": "text", "text": "在"})
    assert said["sequence"] == 1


async def test_a_disabled_member_may_not_speak(wecom: Wecom) -> None:
    token = await wecom.token()
    asked = {"userid": ZHANG, "enable": 0}
    assert (await wecom.post("user/update", asked, access_token=token))["errcode"] == 0
    said = await wecom.control("GET", f"/limits/explain?sender={STORE}/{ZHANG}&to={AMY}")
    assert said["refusal"]["rule"] == "speak/enabled"


async def test_a_userid_is_changed_once_and_names_one_person_for_good(wecom: Wecom) -> None:
    token = await wecom.token()
    users = wecom.sdk().user
    await threaded(users.update, "lisi", direct_leader=[ZHANG])
    await threaded(users.update, ZHANG, new_userid="zhang3")
    assert (await threaded(users.get, "zhang3"))["name"] == "张三"
    assert (await wecom.get("user/get", access_token=token, userid=ZHANG))["errcode"] == 60111
    chats = await wecom.control("GET", f"/people/{STORE}/zhang3/conversations")
    (chat,) = [row["conversation"] for row in chats["conversations"] if row.get("consumer") == AMY]
    said = await wecom.act(f"{STORE}/zhang3", type="send", conversation=chat, content={"kind": "text", "text": "在"})
    assert said["sequence"] == 1
    await wecom.control("PUT", "/consumers/newcomer", {})
    await wecom.act("newcomer", type="scan", code="qrzhangsan")
    assert (await wecom.control("GET", "/people/newcomer/conversations"))["conversations"]
    told = await wecom.get("user/get", access_token=token, userid="lisi")
    assert told["direct_leader"] == ["zhang3"], "a leader is named as the leader is called now"
    for new in ("zhang4", ZHANG):
        again = await wecom.post("user/update", {"userid": "zhang3", "new_userid": new}, access_token=token)
        assert again["errcode"] == (60102 if new == ZHANG else 40058)
    taken = await wecom.post("user/update", {"userid": "lisi", "new_userid": "zhang3"}, access_token=token)
    assert taken["errcode"] == 60102
    made = await wecom.post("user/create", {**BASE, "userid": ZHANG}, access_token=token)
    assert made["errcode"] == 60102, "the old name stays the old member's"


async def test_all_that_names_a_member_names_the_renamed_one(wecom: Wecom) -> None:
    app = {"name": "客户联系", "secret": SECRET, "range_members": [ZHANG, "lisi"]}
    await wecom.control("PUT", f"/corps/{STORE}/apps/{AGENT}", app)
    token = await wecom.token()
    way = {"type": 2, "scene": 2, "user": [ZHANG, "lisi"]}
    made = await wecom.post("externalcontact/add_contact_way", way, access_token=token)
    mass = {"chat_type": "single", "sender": ZHANG, "text": {"content": "双十一"}}
    sent = await wecom.post("externalcontact/add_msg_template", mass, access_token=token)
    assert made["errcode"] == sent["errcode"] == 0
    await wecom.post("user/update", {"userid": ZHANG, "new_userid": "zhang3"}, access_token=token)
    config = {"config_id": made["config_id"]}
    told = await wecom.post("externalcontact/get_contact_way", config, access_token=token)
    assert told["contact_way"]["user"] == ["zhang3", "lisi"]
    told = await wecom.get("agent/get", access_token=token, agentid=AGENT)
    assert told["allow_userinfos"]["user"][0] == {"userid": "zhang3"}
    await wecom.act(f"{STORE}/zhang3", type="confirm", task=sent["msgid"])
    asked = {"msgid": sent["msgid"], "userid": "zhang3"}
    results = await wecom.post("externalcontact/get_groupmsg_send_result", asked, access_token=token)
    assert results["errcode"] == 0 and {row["userid"] for row in results["send_list"]} == {"zhang3"}
    again = {"chat_type": "single", "sender": "zhang3", "text": {"content": "又来"}}
    assert (await wecom.post("externalcontact/add_msg_template", again, access_token=token))["errcode"] == 0
    world = await wecom.session.get(f"{wecom.url}/_hutong/world")
    assert ZHANG not in re.sub("qrzhangsan|wrpeoples", "", await world.text())


async def test_members_are_deleted_together_or_not_at_all(wecom: Wecom) -> None:
    token = await wecom.token()
    users = wecom.sdk().user
    with pytest.raises(WeChatClientException) as refused:
        await threaded(users.batch_delete, [ZHANG, "nobody"])
    assert refused.value.errcode == 40031
    assert (await wecom.get("user/get", access_token=token, userid=ZHANG))["errcode"] == 0
    for listed in ([], ["x"] * 201, None):
        assert (await wecom.post("user/batchdelete", {"useridlist": listed}, access_token=token))["errcode"] == 40031
    assert (await threaded(users.batch_delete, [ZHANG, "lisi", ZHANG]))["errmsg"] == "deleted"
    assert (await wecom.get("user/get", access_token=token, userid="lisi"))["errcode"] == 60111


async def test_departments_list_their_members(wecom: Wecom) -> None:
    users = wecom.sdk().user
    assert await threaded(users.list, 1) == []
    names = await threaded(users.list, 1, fetch_child=True, simple=True)
    assert len(names) == 14
    assert names[0] == {"userid": ZHANG, "name": "张三", "department": [2], "open_userid": ""}
    full = await threaded(users.list, 2)
    assert {key: type(full[0][key]) for key in TYPES} == TYPES and "errcode" not in full[0]
    token = await wecom.token()
    for path in ("user/list", "user/simplelist"):
        assert (await wecom.get(path, access_token=token, department_id=99))["errcode"] == 60003
    await threaded(users.delete, ZHANG)
    assert len(await threaded(users.list, 1, fetch_child=True)) == 13


async def test_ids_are_listed_by_page(wecom: Wecom) -> None:
    token = await wecom.token()
    assert (await wecom.get("user/delete", access_token=token, userid="lisi"))["errcode"] == 0
    both = {"userid": "both", "name": "Both", "mobile": "1", "department": [2, 3]}
    assert (await wecom.post("user/create", both, access_token=token))["errcode"] == 0
    rows: list[dict[str, Any]] = []
    cursor, pages = "", 0
    while cursor or not pages:
        told = await wecom.post("user/list_id", {"cursor": cursor, "limit": 4}, access_token=token)
        assert told["errcode"] == 0 and len(told["dept_user"]) <= 4
        rows, cursor, pages = [*rows, *told["dept_user"]], told["next_cursor"], pages + 1
    assert pages == 4
    whole = await wecom.post("user/list_id", {}, access_token=token)
    assert whole["dept_user"] == rows and whole["next_cursor"] == ""
    assert len(rows) == 15 and rows[-2:] == [{"userid": "both", "department": 2}, {"userid": "both", "department": 3}]
    assert (await wecom.post("user/list_id", {"cursor": "x"}, access_token=token))["errcode"] == 50100
    assert (await wecom.post("user/list_id", {"limit": 10_001}, access_token=token))["errcode"] == 40058


async def test_too_many_numbers_of_nobody_and_nobody_is_found_for_a_day(wecom: Wecom) -> None:
    token = await wecom.token()
    await wecom.post("user/create", BASE, access_token=token)
    users = wecom.sdk().user
    assert await threaded(users.getuserid, "13800000001") == "mei"
    for _ in range(4):  # a fifth of 15 is 3: the fourth is one too many
        with pytest.raises(WeChatClientException) as missed:
            await threaded(users.getuserid, "13999999999")
        assert missed.value.errcode == 46004
    blocked = await wecom.post("user/getuserid", {"mobile": "13800000001"}, access_token=token)
    assert blocked["errcode"] == 45009
    assert wecom.headers["X-Hutong-Reason"] == "too_many_misses" and "X-Hutong-Retry-At" in wecom.headers
    await wecom.control("POST", "/clock", {"advance_ms": 24 * 3_600_000})
    token = await wecom.token()
    assert (await wecom.post("user/getuserid", {"mobile": "13800000001"}, access_token=token))["userid"] == "mei"


async def test_mails_find_their_members(wecom: Wecom) -> None:
    token = await wecom.token()
    asked = {**BASE, "email": "Mei@example.org", "biz_mail": "mei@lanhe.example"}
    await wecom.post("user/create", asked, access_token=token)
    for mail, kind, errcode in (
        ("mei@lanhe.example", 1, 0), ("mei@example.org", 2, 0), ("mei@example.org", 1, 46004), ("x", 2, 46004),
    ):  # fmt: skip
        told = await wecom.post("user/get_userid_by_email", {"email": mail, "email_type": kind}, access_token=token)
        assert (told["errcode"], told.get("userid")) == (errcode, None if errcode else "mei")
    assert (await wecom.post("user/get_userid_by_email", {"email": "mei@lanhe.example"}, access_token=token))[
        "userid"
    ] == "mei"


async def test_openids_go_there_and_back(wecom: Wecom) -> None:
    token = await wecom.token()
    users = wecom.sdk().user
    openid = (await threaded(users.convert_to_openid, ZHANG, AGENT))["openid"]
    assert openid == (await threaded(users.convert_to_openid, ZHANG))["openid"]
    assert await threaded(users.convert_to_user_id, openid) == ZHANG
    assert (await wecom.post("user/convert_to_userid", {"openid": "o-nobody"}, access_token=token))["errcode"] == 40003
    await wecom.post("user/create", BASE, access_token=token)
    asleep = await wecom.post("user/convert_to_openid", {"userid": "mei"}, access_token=token)
    assert asleep["errcode"] == 43004
    await threaded(users.verify, "mei")
    assert (await wecom.post("user/convert_to_openid", {"userid": "mei"}, access_token=token))["errcode"] == 0
    elsewhere = await wecom.token("wwsongyin", "secret-of-wwsongyin")
    assert (await wecom.post("user/convert_to_userid", {"openid": openid}, access_token=elsewhere))["errcode"] == 40003


async def test_invitations_name_who_is_not_there(wecom: Wecom) -> None:
    batch = wecom.sdk().batch
    told = await threaded(batch.invite, user=[ZHANG, "nobody"], party=[2, 99], tag=[7])
    assert (told["invaliduser"], told["invalidparty"], told["invalidtag"]) == (["nobody"], [99], [7])
    token = await wecom.token()
    assert (await wecom.post("batch/invite", {}, access_token=token))["errcode"] == 40063
    for asked in ({"user": ["x"] * 1001}, {"party": [1] * 101}, {"tag": [1] * 101}):
        assert (await wecom.post("batch/invite", asked, access_token=token))["errcode"] == 40058


async def test_the_join_code_has_an_address(wecom: Wecom) -> None:
    assert (await threaded(wecom.sdk().user.get_join_qrcode, 2)).startswith("http://")


async def test_an_uncertified_address_book_has_so_much_room(wecom: Wecom) -> None:
    await wecom.control("PUT", "/profile", {"name": "tiny"})
    token = await wecom.token("wwsongyin", "secret-of-wwsongyin")
    asked = {**BASE, "department": [1]}
    full = await wecom.post("user/create", asked, access_token=token)
    assert (full["errcode"], wecom.headers["X-Hutong-Rule"]) == (45024, "members_verified_max")
    assert (await wecom.get("user/delete", access_token=token, userid="mali"))["errcode"] == 0
    assert (await wecom.post("user/create", asked, access_token=token))["errcode"] == 0

"""Departments and tags of the address book, seen by an SDK and without; what apps hear when control changes them."""

from typing import Any

import pytest
from wechatpy.exceptions import WeChatClientException

from gateway.events import CallbackDue, decode
from protocol.wecom import changes
from tests.conformance.wecom import SECRET, STORE, ZHANG, Wecom, threaded, wecom

__all__ = ["wecom"]

CAFE = ("wwsongyin", "secret-of-wwsongyin")


async def test_departments_are_made_changed_listed_and_deleted(wecom: Wecom) -> None:
    departments = wecom.sdk().department
    made = await threaded(departments.create, "江南路店", 1, order=9, id=7, name_en="South")
    assert (made["errmsg"], made["id"]) == ("created", 7)
    assert (await threaded(departments.create, "收银", 7))["id"] == 8
    told = await threaded(departments.get, 7)
    wanted = {"id": 7, "name": "江南路店", "name_en": "South", "department_leader": [], "parentid": 1, "order": 9}
    assert told == wanted
    await threaded(wecom.sdk().user.update, ZHANG, department=[7], is_leader_in_dept=[1])
    assert (await threaded(departments.get, 7))["department_leader"] == [ZHANG]
    await threaded(departments.update, 7, name="江南西路店", order=1)
    told = await threaded(departments.get, 7)
    assert told == {**wanted, "name": "江南西路店", "order": 1, "department_leader": [ZHANG]}
    assert [row["id"] for row in await threaded(departments.list)] == [1, 2, 3, 7, 8]
    assert [row["id"] for row in await threaded(departments.list, 7)] == [7, 8]
    assert await threaded(departments.simple_list, 8) == [{"id": 8, "parentid": 7, "order": 0}]
    assert (await threaded(departments.delete, 8))["errmsg"] == "deleted"
    assert [row["id"] for row in await threaded(departments.simple_list)] == [1, 2, 3, 7]


REFUSED: list[tuple[str, dict[str, Any], int]] = [
    ("create", {"name": "人民路店", "parentid": 1}, 60008),
    ("create", {"name": "x", "name_en": "West", "parentid": 1}, 60008),
    ("create", {"name": "x", "parentid": 1, "id": 2}, 60008),
    ("create", {"name": "x", "parentid": 1, "id": 1}, 60008),
    ("create", {"name": "x", "parentid": 99}, 60004),
    ("create", {"name": "a:b", "parentid": 1}, 60009),
    ("create", {"name": "x", "name_en": "a|b", "parentid": 1}, 60009),
    ("create", {"name": "", "parentid": 1}, 40058),
    ("create", {"name": "x" * 65, "parentid": 1}, 40058),
    ("create", {"name": "x"}, 40058),
    ("update", {"id": 99, "name": "x"}, 60003),
    ("update", {"id": 2, "name": "滨江店"}, 60008),
    ("update", {"id": 2, "parentid": 99}, 60004),
    ("update", {"id": 2, "parentid": 2}, 60004),
    ("update", {"id": 2, "parentid": 4}, 60004),
    ("update", {"id": 2, "name": '"'}, 60009),
    ("delete", {"id": 99}, 60003),
    ("delete", {"id": 3}, 60005),
    ("delete", {"id": 2}, 60006),
    ("delete", {"id": 1}, 60007),
    ("get", {"id": 99}, 60003),
    ("list", {"id": 99}, 60003),
    ("simplelist", {"id": 99}, 60003),
]


@pytest.mark.parametrize(("verb", "asked", "errcode"), REFUSED)
async def test_a_department_that_cannot_be_is_refused_by_number(
    wecom: Wecom, verb: str, asked: dict[str, Any], errcode: int
) -> None:
    token = await wecom.token()
    west = {"name": "西店", "name_en": "West", "parentid": 1, "id": 5}
    assert (await wecom.post("department/create", west, access_token=token))["errcode"] == 0
    beneath = {"name": "西店", "parentid": 2, "id": 4}  # the same name is free elsewhere
    assert (await wecom.post("department/create", beneath, access_token=token))["errcode"] == 0
    if verb in ("create", "update"):
        told = await wecom.post(f"department/{verb}", asked, access_token=token)
    else:
        told = await wecom.get(f"department/{verb}", access_token=token, **asked)
    assert told["errcode"] == errcode


async def test_an_enterprise_without_departments_has_a_root(wecom: Wecom) -> None:
    await wecom.control("PUT", "/corps/wwbare", {"name": "白手起家"})
    await wecom.control("PUT", "/corps/wwbare/apps/1", {"name": "x", "secret": "bare"})
    await wecom.control("PUT", "/corps/wwbare/members/lin", {"name": "Lin"})
    token = await wecom.token("wwbare", "bare")
    told = await wecom.get("department/list", access_token=token)
    assert [(row["id"], row["name"], row["parentid"]) for row in told["department"]] == [(1, "白手起家", 0)]
    told = await wecom.get("user/simplelist", access_token=token, department_id=1)
    assert [row["userid"] for row in told["userlist"]] == ["lin"]
    asked = {"name": "店", "parentid": 1}
    assert (await wecom.post("department/create", asked, access_token=token))["id"] == 2
    told = await wecom.get("department/get", access_token=token, id=2)
    assert told["department"]["parentid"] == 1
    world = await wecom.session.get(f"{wecom.url}/_hutong/world")
    assert 'name = "白手起家"' in await world.text()


async def test_a_deleted_department_leaves_no_trace_in_the_world(wecom: Wecom) -> None:
    token = await wecom.token()
    assert (await wecom.post("department/create", {"name": "x", "parentid": 1, "id": 9}, access_token=token))["id"] == 9
    for userid, department in (("lin", [9, 2]), ("wu", [9])):
        await wecom.control("PUT", f"/corps/{STORE}/members/{userid}", {"name": "x", "departments": department})
    tag = await wecom.post("tag/create", {"tagname": "x"}, access_token=token)
    app = {"name": "客户联系", "secret": SECRET, "range_departments": [9, 2]}
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000002", app)
    way = {"type": 2, "scene": 2, "user": [ZHANG], "party": [9, 2]}
    made = await wecom.post("externalcontact/add_contact_way", way, access_token=token)
    added = {"tagid": tag["tagid"], "partylist": [9]}
    assert (await wecom.post("tag/addtagusers", added, access_token=token))["errcode"] == 0
    for userid in ("lin", "wu"):
        body = {"name": "x", "departments": [9], "departed": True}
        await wecom.control("PUT", f"/corps/{STORE}/members/{userid}", body)
    assert (await wecom.get("department/delete", access_token=token, id=9))["errcode"] == 0
    assert (await wecom.get("tag/get", access_token=token, tagid=tag["tagid"]))["partylist"] == []
    assert (await wecom.control("GET", f"/people/{STORE}/lin"))["departments"] == []
    told = await wecom.get("agent/get", access_token=token, agentid=1000002)
    assert told["allow_partys"] == {"partyid": [2]}
    config = {"config_id": made["config_id"]}
    told = await wecom.post("externalcontact/get_contact_way", config, access_token=token)
    assert told["contact_way"]["party"] == [2]


async def test_tags_are_made_given_taken_and_deleted(wecom: Wecom) -> None:
    tags = wecom.sdk().tag
    made = await threaded(tags.create, "店长")
    assert (made["errmsg"], made["tagid"]) == ("created", 1)
    assert (await threaded(tags.create, "会计", 40))["tagid"] == 40
    assert (await threaded(tags.create, "仓管"))["tagid"] == 41
    assert (await threaded(tags.update, 1, "经理"))["errmsg"] == "updated"
    assert await threaded(tags.list) == [
        {"tagid": 1, "tagname": "经理"}, {"tagid": 40, "tagname": "会计"}, {"tagid": 41, "tagname": "仓管"},
    ]  # fmt: skip
    added = await threaded(tags.add_users, 1, [ZHANG, "nobody", "mali"], [2, 99])
    assert (added["errmsg"], added["invalidlist"], added["invalidparty"]) == ("ok", "nobody|mali", [99])
    assert "invalidlist" not in await threaded(tags.add_users, 1, ["lisi"])
    told = await threaded(tags.get_users, 1)
    assert (told["tagname"], told["partylist"]) == ("经理", [2])
    assert told["userlist"] == [{"userid": ZHANG, "name": "张三"}, {"userid": "lisi", "name": "李四"}]
    taken = await threaded(tags.delete_users, 1, [ZHANG], [2])
    assert taken["errmsg"] == "deleted"
    await threaded(wecom.sdk().user.delete, "lisi")
    told = await threaded(tags.get_users, 1)
    assert (told["userlist"], told["partylist"]) == ([], [])
    assert (await threaded(tags.delete, 1))["errmsg"] == "deleted"
    with pytest.raises(WeChatClientException) as gone:
        await threaded(tags.get_users, 1)
    assert gone.value.errcode == 40068


TAG_REFUSED: list[tuple[str, dict[str, Any], int]] = [
    ("create", {"tagname": "店长"}, 40071),
    ("create", {"tagname": ""}, 40072),
    ("create", {"tagname": "x" * 33}, 40072),
    ("create", {}, 40072),
    ("create", {"tagname": "x", "tagid": 1}, 40068),
    ("update", {"tagid": 9, "tagname": "x"}, 40068),
    ("update", {"tagid": 2, "tagname": "店长"}, 40071),
    ("update", {"tagname": "x"}, 40068),
    ("update", {"tagid": 3, "tagname": "x"}, 81011),
    ("delete", {"tagid": 9}, 40068),
    ("delete", {"tagid": 3}, 81011),
    ("get", {"tagid": 9}, 40068),
    ("addtagusers", {"tagid": 9, "userlist": [ZHANG]}, 40068),
    ("addtagusers", {"tagid": 3, "userlist": [ZHANG]}, 81011),
    ("addtagusers", {"tagid": 1, "userlist": ["nobody"], "partylist": [99]}, 40070),
    ("addtagusers", {"tagid": 1}, 40035),
    ("addtagusers", {"tagid": 1, "userlist": [ZHANG] * 1001}, 40058),
    ("addtagusers", {"tagid": 1, "partylist": [1] * 101}, 40058),
    ("deltagusers", {"tagid": 1, "userlist": ["nobody"]}, 40031),
    ("deltagusers", {"tagid": 3, "userlist": [ZHANG]}, 81011),
]


@pytest.mark.parametrize(("verb", "asked", "errcode"), TAG_REFUSED)
async def test_a_tag_that_cannot_be_is_refused_by_number(
    wecom: Wecom, verb: str, asked: dict[str, Any], errcode: int
) -> None:
    """Tag 3 is another app's; tag 2 is the administrator's, which everybody may change."""
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000003", {"name": "x", "secret": "other"})
    token, other = await wecom.token(), await wecom.token(STORE, "other")
    assert (await wecom.post("tag/create", {"tagname": "店长"}, access_token=token))["tagid"] == 1
    await wecom.control("PUT", f"/corps/{STORE}/book-tags/2", {"name": "会计"})
    assert (await wecom.post("tag/create", {"tagname": "仓管"}, access_token=other))["tagid"] == 3
    if verb in ("get", "delete"):
        told = await wecom.get(f"tag/{verb}", access_token=token, **asked)
    else:
        told = await wecom.post(f"tag/{verb}", asked, access_token=token)
    assert told["errcode"] == errcode


async def test_tags_and_departments_of_another_enterprise_are_nobody_s(wecom: Wecom) -> None:
    token, cafe = await wecom.token(), await wecom.token(*CAFE)
    assert (await wecom.post("tag/create", {"tagname": "x"}, access_token=token))["tagid"] == 1
    assert (await wecom.get("tag/get", access_token=cafe, tagid=1))["errcode"] == 40068
    assert (await wecom.get("department/get", access_token=cafe, id=2))["errcode"] == 60003
    assert (await wecom.get("tag/list", access_token=cafe))["taglist"] == []


def heard(wecom: Wecom) -> list[changes.AnyChange]:
    """List what apps are to be told, as the journal has it."""
    events = (decode(placed.record) for placed in wecom.gateway.journal.replay(0))
    return [event.change for event in events if isinstance(event, CallbackDue)]


async def test_apps_hear_what_the_administrator_does_and_nothing_of_what_the_api_does(wecom: Wecom) -> None:
    app = {"name": "客户联系", "secret": SECRET, "callback_url": "http://127.0.0.1:9/"}
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000002", app)
    token, at = await wecom.token(), f"/corps/{STORE}"
    await wecom.post("user/create", {"userid": "mei", "name": "Mei", "mobile": "1"}, access_token=token)
    await wecom.post("department/create", {"name": "x", "parentid": 1, "id": 8}, access_token=token)
    await wecom.post("tag/create", {"tagname": "x"}, access_token=token)
    await wecom.post("tag/addtagusers", {"tagid": 1, "userlist": [ZHANG]}, access_token=token)
    await wecom.get("user/delete", access_token=token, userid="mei")
    assert heard(wecom) == []
    await wecom.control("PUT", f"{at}/departments/9", {"name": "仓库", "parent": 1, "order": 4})
    await wecom.control("PUT", f"{at}/departments/9", {"name": "仓库", "parent": 1, "order": 4})
    await wecom.control("PUT", f"{at}/departments/9", {"name": "大仓库", "parent": 2})
    lin = {"name": "Lin", "departments": [9], "details": {"mobile": "2", "position": "仓管"}}
    await wecom.control("PUT", f"{at}/members/lin", lin)
    await wecom.control("PUT", f"{at}/members/lin", lin)
    await wecom.control("PUT", f"{at}/members/lin", {**lin, "name": "Lin Lin"})
    await wecom.control("PUT", f"{at}/members/lin", {**lin, "departments": [2]})
    await wecom.control("PUT", f"{at}/book-tags/2", {"name": "y", "members": ["lin", ZHANG], "departments": [9]})
    await wecom.control("PUT", f"{at}/book-tags/2", {"name": "z", "members": ["lin"], "departments": [3]})
    await wecom.control("PUT", f"{at}/members/lin", {**lin, "departed": True})
    await wecom.control("DELETE", f"{at}/departments/9")
    await wecom.control("PUT", f"{at}/departments/9", {"name": "仓库"})
    await wecom.control("PUT", f"{at}/members/wu", {"name": "Wu"})
    assert heard(wecom) == [
        changes.PartyMade(9, "仓库", 1, 4),
        changes.PartyChanged(9, "大仓库", 2),
        changes.UserMade("lin", (9,)),
        changes.UserChanged("lin"),
        changes.UserChanged("lin", (2,)),
        changes.BookTagChanged(2, added_users=("lin", ZHANG), added_parties=(9,)),
        changes.BookTagChanged(2, deleted_users=(ZHANG,), added_parties=(3,), deleted_parties=(9,)),
        changes.UserDeleted("lin"),
        changes.PartyDeleted(9),
        changes.PartyMade(9, "仓库", 1, 0),
        changes.UserMade("wu", (1,)),
    ]


@pytest.mark.parametrize(("department", "errcode"), [(1, 0), (2, 60011)])
async def test_who_is_in_no_department_is_in_sight_of_those_who_see_the_root(
    wecom: Wecom, department: int, errcode: int
) -> None:
    await wecom.control("PUT", f"/corps/{STORE}/members/loose", {"name": "x"})
    app = {"name": "客户联系", "secret": SECRET, "range_departments": [department]}
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000002", app)
    await wecom.control("PUT", "/strictness", {"switches": ["app_range"]})
    told = await wecom.get("user/get", access_token=await wecom.token(), userid="loose")
    assert told["errcode"] == errcode

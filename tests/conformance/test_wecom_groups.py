"""Customer groups (DOC 92120, 92122, 92130, 94822), seen by an SDK and by raw calls while people come and go."""

from typing import Any

import pytest
from wechatpy.exceptions import WeChatClientException

from gateway.commands import PutMember
from protocol.wecom.changes import AnyChange, ChatCreated, ChatDetail, ChatDismissed, ChatUpdated
from tests.conformance.wecom import AMY, AMYS_GROUP, STORE, ZHANG, Wecom, ask, changes, listen, threaded, wecom

__all__ = ["wecom"]

ZHANGSAN = f"{STORE}/{ZHANG}"


def group_of(wecom: Wecom, chat_id: str = AMYS_GROUP) -> str:
    """Name the conversation of a group of the store's."""
    return wecom.gateway.router.state.corps[STORE].chats[chat_id]


def known_as(wecom: Wecom, handle: str) -> str:
    return wecom.gateway.router.state.name_of(STORE, handle)


async def seats(wecom: Wecom, **asked: object) -> dict[str, dict[str, Any]]:
    told = await ask(wecom, "groupchat/get", chat_id=AMYS_GROUP, **asked)
    return {seat["userid"]: seat for seat in told["group_chat"]["member_list"]}


async def test_an_sdk_lists_groups_and_reads_one(wecom: Wecom) -> None:
    contacts = wecom.sdk().external_contact
    listed = await threaded(contacts.get_group_chat_list, 10)
    assert listed["group_chat_list"] == [{"chat_id": name, "status": 0} for name in (AMYS_GROUP, "wrriverside")]
    assert "next_cursor" not in listed
    group = (await threaded(contacts.get_group_chat_info, AMYS_GROUP))["group_chat"]
    made = group["create_time"]
    assert (group["name"], group["owner"], group["notice"]) == ("人民路店会员群", ZHANG, "双十一,全场八折")
    assert group["admin_list"] == [{"userid": "wangwu"}]
    assert len(group["member_version"]) == 32
    owner, admin, *_ = group["member_list"]
    assert owner == {"userid": ZHANG, "type": 1, "join_time": made, "join_scene": 1, "group_nickname": ""}
    assert admin == {**owner, "userid": "wangwu", "invitor": {"userid": ZHANG}}
    amy = next(seat for seat in group["member_list"] if seat["userid"] == known_as(wecom, AMY))
    assert (amy["type"], amy["unionid"]) == (2, "union-zhaoan")
    named = await seats(wecom, need_name=1)
    assert named[ZHANG]["name"] == "张三" and named[amy["userid"]]["name"] == "赵安"


async def test_groups_are_listed_in_pages_by_owner_and_by_status(wecom: Wecom) -> None:
    first = await ask(wecom, "groupchat/list", limit=1)
    assert [row["chat_id"] for row in first["group_chat_list"]] == [AMYS_GROUP]
    rest = await ask(wecom, "groupchat/list", limit=1, cursor=first["next_cursor"])
    assert [row["chat_id"] for row in rest["group_chat_list"]] == ["wrriverside"] and "next_cursor" not in rest
    older = await ask(wecom, "groupchat/list", limit=1, offset=1)
    assert older["group_chat_list"] == rest["group_chat_list"]
    lisis = await ask(wecom, "groupchat/list", limit=9, owner_filter={"userid_list": ["lisi"]})
    assert lisis["group_chat_list"] == [{"chat_id": "wrriverside", "status": 0}]
    await wecom.control("PUT", f"/corps/{STORE}/members/lisi", {"name": "李四", "departed": True})
    everybodys = await ask(wecom, "groupchat/list", limit=9)
    assert [row["chat_id"] for row in everybodys["group_chat_list"]] == [AMYS_GROUP]
    for status, found in ((0, 1), (1, 1), (2, 0), (3, 0)):
        told = await ask(wecom, "groupchat/list", limit=9, status_filter=status, owner_filter={"userid_list": ["lisi"]})
        assert told["group_chat_list"] == [{"chat_id": "wrriverside", "status": 1}] * found, status


async def test_an_enterprise_of_more_than_1000_members_names_the_owners(wecom: Wecom) -> None:
    names = [f"clerk-{number}" for number in range(987)]
    for name in names:
        await wecom.gateway.router.ask(PutMember(STORE, name, name))
    told = await ask(wecom, "groupchat/list", limit=9)
    assert told["errcode"] == 81017
    assert (await ask(wecom, "groupchat/list", limit=9, owner_filter={"userid_list": ["lisi"]}))["errcode"] == 0
    await wecom.gateway.router.ask(PutMember(STORE, names[0], names[0], departed=True))
    assert (await ask(wecom, "groupchat/list", limit=9))["errcode"] == 0


@pytest.mark.parametrize(
    ("path", "body", "errcode"),
    [
        ("groupchat/list", {}, 40058),
        ("groupchat/list", {"limit": 0}, 40058),
        ("groupchat/list", {"limit": 1001}, 40058),
        ("groupchat/list", {"limit": 10, "status_filter": 4}, 40058),
        ("groupchat/list", {"limit": 10, "offset": 49_991}, 40058),
        ("groupchat/list", {"limit": 10, "owner_filter": {"userid_list": ["x"] * 101}}, 40058),
        ("groupchat/list", {"limit": 10, "cursor": "wrnone"}, 50100),
        ("groupchat/get", {}, 40050),
        ("groupchat/get", {"chat_id": "wrnone"}, 40050),
        ("groupchat/get", {"chat_id": "wrtasting"}, 40050),  # a group of another enterprise
        ("groupchat/get", {"chat_id": AMYS_GROUP, "need_name": 2}, 40058),
        ("opengid_to_chatid", {}, 90511),
        ("opengid_to_chatid", {"opengid": "nonsense"}, 90511),
        ("opengid_to_chatid", {"opengid": AMYS_GROUP}, 90511),
        ("opengid_to_chatid", {"opengid": "ogwrtasting"}, 90511),
    ],
)
async def test_what_is_wrong_is_told_by_number(wecom: Wecom, path: str, body: dict[str, Any], errcode: int) -> None:
    assert (await ask(wecom, path, **body))["errcode"] == errcode


async def test_a_list_without_owners_may_be_null(wecom: Wecom) -> None:
    told = await ask(wecom, "groupchat/list", limit=10, owner_filter=None, cursor="", status_filter=None)
    assert len(told["group_chat_list"]) == 2


async def test_a_consumers_client_knows_a_group_by_another_id(wecom: Wecom) -> None:
    rows = (await wecom.control("GET", f"/people/{AMY}/conversations"))["conversations"]
    (opengid,) = [row["opengid"] for row in rows if row.get("chat_id") == AMYS_GROUP]
    assert opengid != AMYS_GROUP
    assert (await ask(wecom, "opengid_to_chatid", opengid=opengid))["chat_id"] == AMYS_GROUP


async def test_who_came_how_and_by_whom(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    await wecom.control("POST", "/clock", {"advance_ms": 3_600_000})
    now_s = wecom.gateway.router.now_ms() // 1000
    await wecom.control("PUT", "/consumers/walk-in", {"nickname": "客"})
    await wecom.act("walk-in", type="join", code="qrpeoplesroad")
    await wecom.act(ZHANGSAN, type="invite", conversation=group_of(wecom), members=["lisi"])
    told = await seats(wecom)
    scanned, invited = told[known_as(wecom, "walk-in")], told["lisi"]
    assert (scanned["join_scene"], scanned["join_time"], scanned["state"]) == (3, now_s, "poster")
    assert "invitor" not in scanned
    assert (invited["join_scene"], invited["join_time"], invited["invitor"]) == (1, now_s, {"userid": ZHANG})
    assert "state" not in invited


async def test_whoever_comes_again_came_anew(wecom: Wecom) -> None:
    await wecom.act(AMY, type="leave", conversation=group_of(wecom))
    await wecom.act(AMY, type="join", code="qrpeoplesroad")
    assert (await seats(wecom))[known_as(wecom, AMY)]["join_scene"] == 3


async def changed(wecom: Wecom, who: str, **frame: object) -> AnyChange:
    """Have somebody do something, and give the last thing that the enterprise was told then."""
    before = len(changes(wecom))
    await wecom.act(who, **frame)
    (change,) = changes(wecom)[before:]
    return change


async def test_the_enterprise_is_told_who_came_and_who_went(wecom: Wecom) -> None:
    await listen(wecom)
    await wecom.control("PUT", "/consumers/walk-in", {"nickname": "客"})
    chat = group_of(wecom)
    versions = [(await ask(wecom, "groupchat/get", chat_id=AMYS_GROUP))["group_chat"]["member_version"]]

    async def told(who: str, frame: dict[str, object], **expected: Any) -> None:
        change = await changed(wecom, who, **frame)
        versions.append((await ask(wecom, "groupchat/get", chat_id=AMYS_GROUP))["group_chat"]["member_version"])
        last, current = versions[-2:]
        assert change == ChatUpdated(AMYS_GROUP, **expected, last_version=last, current_version=current)

    def newcomer() -> tuple[str, ...]:
        return (known_as(wecom, "walk-in"),)

    change = await changed(wecom, "walk-in", type="join", code="qrpeoplesroad")
    assert isinstance(change, ChatUpdated)
    assert (change.detail, change.join_scene, change.members) == ("add_member", 3, newcomer())
    assert change.last_version == versions[0] != change.current_version
    versions.append(change.current_version)
    await told("walk-in", {"type": "leave", "conversation": chat}, detail="del_member", members=newcomer())
    await told(
        ZHANGSAN, {"type": "invite", "conversation": chat, "members": ["lisi"]}, detail="add_member", members=("lisi",)
    )
    await told(
        ZHANGSAN, {"type": "remove", "conversation": chat, "members": ["lisi"]},
        detail="del_member", quit_scene=1, members=("lisi",),
    )  # fmt: skip
    assert len(set(versions)) == 5


async def test_the_enterprise_is_told_what_becomes_of_a_group(wecom: Wecom) -> None:
    await listen(wecom)
    chat = group_of(wecom)
    details: dict[ChatDetail, dict[str, Any]] = {
        "change_name": {"type": "rename", "name": "VIP"},
        "change_notice": {"type": "announce", "text": "周一休息"},
        "change_owner": {"type": "hand_over", "member": "wangwu"},
    }
    for detail, frame in details.items():
        assert await changed(wecom, ZHANGSAN, conversation=chat, **frame) == ChatUpdated(AMYS_GROUP, detail)
    assert await changed(wecom, f"{STORE}/wangwu", type="dismiss", conversation=chat) == ChatDismissed(AMYS_GROUP)
    made = await changed(wecom, ZHANGSAN, type="create", name="茶友", consumers=[known_as(wecom, AMY)])
    assert made == ChatCreated(list(wecom.gateway.router.state.corps[STORE].chats)[-1])


async def test_what_the_console_changes_is_told_too(wecom: Wecom) -> None:
    await listen(wecom)
    made = await wecom.control("POST", f"/corps/{STORE}/groups", {"name": "茶友", "owner": ZHANG})
    same = {"chat_id": made["chat_id"], "owner": "lisi", "name": "茶", "members": [ZHANG], "notice": "五点喝茶"}
    await wecom.control("POST", f"/corps/{STORE}/groups", same)
    created, *updates = changes(wecom)
    assert created == ChatCreated(made["chat_id"])
    details = [update.detail for update in updates if isinstance(update, ChatUpdated)]
    assert details == ["change_name", "change_notice", "change_owner", "add_member"]


async def test_a_dismissed_group_is_gone(wecom: Wecom) -> None:
    chat = group_of(wecom)
    await wecom.act(ZHANGSAN, type="dismiss", conversation=chat)
    with pytest.raises(WeChatClientException) as gone:
        await threaded(wecom.sdk().external_contact.get_group_chat_info, AMYS_GROUP)
    assert gone.value.errcode == 49008
    assert [row["chat_id"] for row in (await ask(wecom, "groupchat/list", limit=9))["group_chat_list"]] == [
        "wrriverside"
    ]
    rows = (await wecom.control("GET", f"/people/{AMY}/conversations"))["conversations"]
    (group,) = [row for row in rows if row.get("chat_id") == AMYS_GROUP]
    assert group["past"]
    assert (await ask(wecom, "opengid_to_chatid", opengid=group["opengid"]))["errcode"] == 90511
    async with wecom.session.get(f"{wecom.url}/_hutong/world") as answer:
        assert AMYS_GROUP not in await answer.text()
    body = {"name": "再来", "owner": ZHANG, "chat_id": AMYS_GROUP, "consumers": [AMY]}
    await wecom.control("POST", f"/corps/{STORE}/groups", body)
    assert set(await seats(wecom)) == {ZHANG, known_as(wecom, AMY)}

"""Join ways and welcomes for groups (DOC 92229, 92366), seen by an SDK where it has them, and by who joins."""

from typing import Any

import msgspec
import pytest
from wechatpy.exceptions import WeChatClientException

from gateway import commands
from gateway.profile import read
from protocol.wecom.changes import ChatCreated, ChatUpdated
from tests.conformance.wecom import AMYS_GROUP, STORE, ZHANG, Wecom, ask, changes, listen, threaded, wecom

__all__ = ["wecom"]

OTHER = "wrriverside"  # lisi's group
UNKNOWN = "qrNobody"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


async def made(wecom: Wecom, **body: object) -> str:
    """Make a join way of the store's two groups, unless something else is said."""
    told = await ask(wecom, "groupchat/add_join_way", **{"scene": 2, "chat_id_list": [AMYS_GROUP, OTHER], **body})
    assert told["errcode"] == 0, told
    return str(told["config_id"])


async def join(wecom: Wecom, who: str, code: str) -> str:
    """Have somebody new join by a code; give the chat_id of their group, or the reason they are in none."""
    await wecom.control("PUT", f"/consumers/{who}", {"nickname": who})
    async with wecom.session.post(
        f"{wecom.url}/_hutong/people/{who}/acts", json={"type": "join", "code": code}
    ) as answer:
        told = await answer.json()
    return wecom.gateway.router.state.group(told["conversation"]).chat_id if "conversation" in told else told["reason"]


async def way_of(wecom: Wecom, name: str) -> dict[str, Any]:
    way: dict[str, Any] = (await ask(wecom, "groupchat/get_join_way", config_id=name))["join_way"]
    return way


async def tiny(wecom: Wecom) -> None:
    """Let groups be joined by code up to 8 seats; two of the store's have 8 and 8 seats already, or 7."""
    profile = read("wecom-2026-08")
    await wecom.gateway.router.ask(commands.SetProfile(msgspec.structs.replace(profile, group_scan_max=8)))


async def test_a_join_way_is_made_read_changed_and_deleted(wecom: Wecom) -> None:
    name = await made(wecom, remark="渠" * 31, room_base_name="茶友", room_base_id=10, state="poster-7")
    assert await way_of(wecom, name) == {
        "config_id": name, "scene": 2, "remark": "渠" * 30, "auto_create_room": 1, "room_base_name": "茶友",
        "room_base_id": 10, "chat_id_list": [AMYS_GROUP, OTHER], "state": "poster-7", "mark_source": True,
        "qr_code": f"{wecom.url}/_hutong/qr/{name}.png",
    }  # fmt: skip
    told = await ask(wecom, "groupchat/update_join_way", config_id=name, scene=1, chat_id_list=[OTHER])
    assert told["errcode"] == 0
    assert await way_of(wecom, name) == {
        "config_id": name, "scene": 1, "remark": "", "auto_create_room": 1, "room_base_name": "", "room_base_id": 1,
        "chat_id_list": [OTHER], "state": "", "mark_source": True,
    }  # fmt: skip
    assert (await ask(wecom, "groupchat/del_join_way", config_id=name))["errcode"] == 0
    assert (await ask(wecom, "groupchat/get_join_way", config_id=name))["errcode"] == 41044
    assert await join(wecom, "walk-in", name) == "unknown_code"


@pytest.mark.parametrize(
    ("path", "body", "errcode"),
    [
        ("add_join_way", {"chat_id_list": [OTHER]}, 41038),
        ("add_join_way", {"scene": 3, "chat_id_list": [OTHER]}, 41040),
        ("add_join_way", {"scene": 2}, 40058),
        ("add_join_way", {"scene": 2, "chat_id_list": []}, 40058),
        ("add_join_way", {"scene": 2, "chat_id_list": ["wrnone"]}, 40050),
        ("add_join_way", {"scene": 2, "chat_id_list": ["wrtasting"]}, 40050),  # another enterprise's
        ("add_join_way", {"scene": 2, "chat_id_list": [OTHER], "state": "x" * 31}, 40058),
        ("add_join_way", {"scene": 2, "chat_id_list": [OTHER], "room_base_name": "x" * 41}, 40058),
        ("add_join_way", {"scene": 2, "chat_id_list": [OTHER], "auto_create_room": 2}, 40058),
        ("get_join_way", {}, 41043),
        ("get_join_way", {"config_id": UNKNOWN}, 41044),
        ("get_join_way", {"config_id": "qrpeoplesroad"}, 41044),
        ("update_join_way", {"scene": 2, "chat_id_list": [OTHER]}, 41043),
        ("update_join_way", {"config_id": UNKNOWN, "scene": 2, "chat_id_list": [OTHER]}, 41044),
        ("del_join_way", {}, 41043),
        ("del_join_way", {"config_id": UNKNOWN}, 41044),
    ],
)
async def test_what_is_wrong_with_a_join_way_is_told_by_number(
    wecom: Wecom, path: str, body: dict[str, Any], errcode: int
) -> None:
    assert (await ask(wecom, f"groupchat/{path}", **body))["errcode"] == errcode


async def test_a_join_way_has_at_most_five_groups_that_are_there(wecom: Wecom) -> None:
    body = {"name": "g", "owner": ZHANG}
    names = [(await wecom.control("POST", f"/corps/{STORE}/groups", body))["chat_id"] for _ in range(6)]
    assert (await ask(wecom, "groupchat/add_join_way", scene=2, chat_id_list=names))["errcode"] == 41091
    conversation = wecom.gateway.router.state.corps[STORE].chats[names[0]]
    await wecom.act(f"{STORE}/{ZHANG}", type="dismiss", conversation=conversation)
    assert (await ask(wecom, "groupchat/add_join_way", scene=2, chat_id_list=names[:1]))["errcode"] == 49008
    assert (await ask(wecom, "groupchat/add_join_way", scene=2, chat_id_list=names[1:]))["errcode"] == 0


async def test_one_kind_of_way_is_none_of_the_other(wecom: Wecom) -> None:
    joining = await made(wecom)
    contact = (await ask(wecom, "add_contact_way", type=1, scene=2, user=[ZHANG]))["config_id"]
    assert (await ask(wecom, "get_contact_way", config_id=joining))["errcode"] == 41044
    assert (await ask(wecom, "del_contact_way", config_id=joining))["errcode"] == 41044
    assert (await ask(wecom, "groupchat/del_join_way", config_id=contact))["errcode"] == 41044
    assert await join(wecom, "walk-in", contact) == "unknown_code"
    assert (await ask(wecom, "groupchat/del_join_way", "wwsongyin", config_id=joining))["errcode"] == 41044


async def test_the_first_group_with_room_takes_whoever_joins(wecom: Wecom) -> None:
    await tiny(wecom)
    name = await made(wecom, auto_create_room=0, state="poster-7")
    state = wecom.gateway.router.state
    sizes = [len(state.group(state.corps[STORE].chats[chat]).seats) for chat in (AMYS_GROUP, OTHER)]
    assert sizes == [8, 7]
    assert await join(wecom, "walk-in", name) == OTHER
    assert await join(wecom, "walk-in", name) == "already"
    assert await join(wecom, "late", name) == "qr_closed"
    group = (await ask(wecom, "groupchat/get", chat_id=OTHER))["group_chat"]
    assert group["member_list"][-1]["state"] == "poster-7"


async def test_a_new_group_follows_where_none_has_room(wecom: Wecom) -> None:
    await listen(wecom)
    await tiny(wecom)
    name = await made(wecom, chat_id_list=[AMYS_GROUP], room_base_name="茶友", room_base_id=10, state="s")
    first = await join(wecom, "walk-in", name)
    group = (await ask(wecom, "groupchat/get", chat_id=first, need_name=1))["group_chat"]
    assert (group["name"], group["owner"]) == ("茶友10", ZHANG)
    assert [seat.get("state") for seat in group["member_list"]] == [None, "s"]
    assert [seat["join_scene"] for seat in group["member_list"]] == [1, 3]
    assert changes(wecom) == [ChatCreated(first)]
    assert await join(wecom, "another", name) == first
    assert isinstance(changes(wecom)[-1], ChatUpdated)
    assert (await way_of(wecom, name))["chat_id_list"] == [AMYS_GROUP, first]
    for number in range(5):
        await join(wecom, f"guest-{number}", name)
    second = await join(wecom, "one-more", name)
    assert (await ask(wecom, "groupchat/get", chat_id=second))["group_chat"]["name"] == "茶友11"
    way = await way_of(wecom, name)
    assert (way["chat_id_list"], way["room_base_id"]) == ([AMYS_GROUP, first, second], 10)


async def test_join_ways_travel_with_the_world(wecom: Wecom) -> None:
    await tiny(wecom)
    name = await made(wecom, chat_id_list=[AMYS_GROUP], room_base_name="茶友", remark="r", state="s")
    await join(wecom, "walk-in", name)
    before = await way_of(wecom, name)
    async with wecom.session.get(f"{wecom.url}/_hutong/world") as answer:
        world = await answer.read()
    await wecom.control("POST", "/reset", {})
    async with wecom.session.post(f"{wecom.url}/_hutong/world", data=world) as answer:
        assert answer.status == 200, await answer.text()
    assert await way_of(wecom, name) == before
    async with wecom.session.get(f"{wecom.url}/_hutong/world") as answer:
        assert await answer.read() == world


# Welcomes for groups.


async def test_an_sdk_keeps_a_welcome_for_groups(wecom: Wecom) -> None:
    client = wecom.sdk()
    contacts = client.external_contact
    media_id = (await threaded(client.media.upload, "image", ("a.png", PNG)))["media_id"]
    body = {"text": {"content": "%NICKNAME%,欢迎"}, "link": {"title": "秋装", "url": "https://shop.example"}}
    name = (await threaded(contacts.add_group_welcome_template, body))["template_id"]
    told = await threaded(contacts.get_group_welcome_template, name)
    assert {key: value for key, value in told.items() if key not in ("errcode", "errmsg")} == body
    image = {"image": {"media_id": media_id}, "link": body["link"]}  # a picture comes before a link
    await threaded(contacts.update_group_welcome_template, image, name)
    told = await threaded(contacts.get_group_welcome_template, name)
    assert "text" not in told and "link" not in told and told["image"] == image["image"]
    await threaded(contacts.del_group_welcome_template, name)
    with pytest.raises(WeChatClientException) as gone:
        await threaded(contacts.get_group_welcome_template, name)
    assert gone.value.errcode == 40058


@pytest.mark.parametrize(
    ("path", "body", "errcode"),
    [
        ("add", {}, 40063),
        ("add", {"text": {"content": "好" * 1001}}, 45002),
        ("add", {"link": {"title": "秋装"}}, 40058),
        ("add", {"image": {"media_id": "nonsense"}}, 40007),
        ("edit", {"text": {"content": "a"}}, 40058),
        ("edit", {"template_id": "msgNone", "text": {"content": "a"}}, 40058),
        ("get", {"template_id": "msgNone"}, 40058),
        ("del", {"template_id": "msgNone"}, 40058),
    ],
)
async def test_what_is_wrong_with_a_welcome_for_groups_is_told_by_number(
    wecom: Wecom, path: str, body: dict[str, Any], errcode: int
) -> None:
    assert (await ask(wecom, f"group_welcome_template/{path}", **body))["errcode"] == errcode


async def test_only_the_app_that_made_a_welcome_for_groups_changes_it(wecom: Wecom) -> None:
    name = (await ask(wecom, "group_welcome_template/add", text={"content": "a"}))["template_id"]
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000003", {"name": "other", "secret": "another"})
    token = await wecom.token(STORE, "another")
    for path, body in (("edit", {"text": {"content": "b"}}), ("del", {})):
        asked = {"template_id": name, **body}
        told = await wecom.post(f"externalcontact/group_welcome_template/{path}", asked, access_token=token)
        assert told["errcode"] == 41058
    told = await wecom.post("externalcontact/group_welcome_template/get", {"template_id": name}, access_token=token)
    assert told["text"] == {"content": "a"}
    assert (await ask(wecom, "group_welcome_template/get", "wwsongyin", template_id=name))["errcode"] == 40058


async def test_an_enterprise_keeps_a_hundred_welcomes_for_groups(wecom: Wecom) -> None:
    for number in range(100):
        told = await ask(wecom, "group_welcome_template/add", text={"content": str(number)})
        assert told["errcode"] == 0
    assert (await ask(wecom, "group_welcome_template/add", text={"content": "a"}))["errcode"] == 41055

"""Contact ways and welcomes (DOC 92228, 92137, 92130), seen by an SDK, by raw calls, and by the people who scan."""

import asyncio
from io import BytesIO
from typing import Any

import msgspec
import pytest
import zxingcpp
from PIL import Image
from wechatpy.exceptions import WeChatClientException
from yarl import URL

from adapters.qr import address_of
from gateway.commands import PutCode
from gateway.events import Posted, decode
from protocol.wecom.changes import (
    ContactAdded,
    ContactDeleted,
    FollowerDeleted,
    HalfContactAdded,
)
from tests.conformance.wecom import AMY, STORE, ZHANG, Wecom, ask, changes, listen, threaded, wecom

__all__ = ["wecom"]

BO = "an.qian"  # a customer of lisi's
UNKNOWN = "qrNobody"
STRANGER = "an.feng"  # a customer of zhengshi's; zhangsan does not know them
ZHANGSAN = f"{STORE}/{ZHANG}"
LISI = f"{STORE}/lisi"
DAY_S = 86_400
PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


async def made(wecom: Wecom, **body: object) -> str:
    """Make a contact way, of zhangsan alone unless something else is said."""
    told = await ask(wecom, "add_contact_way", **{"type": 1, "scene": 2, "user": [ZHANG], **body})
    assert told["errcode"] == 0, told
    return str(told["config_id"])


async def scan(wecom: Wecom, who: str, code: str) -> str:
    """Scan a code; give the conversation that it opened, or the reason it did not."""
    async with wecom.session.post(
        f"{wecom.url}/_hutong/people/{who}/acts", json={"type": "scan", "code": code}
    ) as answer:
        told = await answer.json()
    return str(told.get("conversation") or told["reason"])


def standing(wecom: Wecom, who: str, member: str) -> str:
    conversation = wecom.gateway.router.state.consumer(who).contacts.get(f"{STORE}/{member}", "")
    return wecom.gateway.router.state.relation(conversation).status if conversation else ""


def said(wecom: Wecom, conversation: str) -> list[dict[str, Any]]:
    """List what was said in a conversation."""
    events = (decode(placed.record) for placed in wecom.gateway.journal.replay(0))
    frames = [event for event in events if isinstance(event, Posted) and event.conversation == conversation]
    return [msgspec.msgpack.decode(event.frame) for event in frames]


# Contact ways.


async def test_an_sdk_makes_reads_changes_and_deletes_a_contact_way(wecom: Wecom) -> None:
    contacts = wecom.sdk().external_contact
    made = await threaded(
        contacts.add_contact_way, 2, 2, remark="till", state="poster-7", user=[ZHANG, "lisi"], party=[2]
    )
    assert made["errcode"] == 0
    name = made["config_id"]
    assert made["qr_code"] == f"{wecom.url}/_hutong/qr/{name}.png"
    way = (await threaded(contacts.get_contact_way, name))["contact_way"]
    assert way == {
        "config_id": name, "type": 2, "scene": 2, "style": 0, "remark": "till", "skip_verify": True,
        "state": "poster-7", "user": [ZHANG, "lisi"], "party": [2], "is_temp": False, "expires_in": 0,
        "chat_expires_in": 0, "unionid": "", "is_exclusive": False, "mark_source": True, "qr_code": made["qr_code"],
    }  # fmt: skip
    await threaded(contacts.update_contact_way, name, "door", skip_verify=False, user=["wangwu"])
    changed = (await threaded(contacts.get_contact_way, name))["contact_way"]
    assert changed == {**way, "remark": "door", "skip_verify": False, "user": ["wangwu"]}
    await threaded(contacts.del_contact_way, name)
    with pytest.raises(WeChatClientException) as gone:
        await threaded(contacts.get_contact_way, name)
    assert gone.value.errcode == 41044
    assert await scan(wecom, AMY, name) == "unknown_code"


async def test_a_button_of_a_mini_program_has_no_picture(wecom: Wecom) -> None:
    told = await ask(wecom, "add_contact_way", type=1, scene=1, style=3, user=[ZHANG])
    assert set(told) == {"errcode", "errmsg", "config_id"}
    way = (await ask(wecom, "get_contact_way", config_id=told["config_id"]))["contact_way"]
    assert way["style"] == 3 and "qr_code" not in way


@pytest.mark.parametrize(
    ("path", "body", "errcode"),
    [
        ("add_contact_way", {"scene": 2, "user": [ZHANG]}, 41037),
        ("add_contact_way", {"type": 1, "user": [ZHANG]}, 41038),
        ("add_contact_way", {"type": 3, "scene": 2, "user": [ZHANG]}, 41039),
        ("add_contact_way", {"type": 1, "scene": 3, "user": [ZHANG]}, 41040),
        ("add_contact_way", {"type": 1, "scene": 2, "user": [ZHANG, "lisi"]}, 41041),
        ("add_contact_way", {"type": 1, "scene": 2}, 41041),
        ("add_contact_way", {"type": 2, "scene": 2}, 40063),
        ("add_contact_way", {"type": 1, "scene": 1, "style": 4, "user": [ZHANG]}, 41042),
        ("add_contact_way", {"type": 2, "scene": 1, "style": 3, "user": [ZHANG]}, 41042),
        ("add_contact_way", {"type": 1, "scene": 2, "user": ["mali"]}, 60111),
        ("add_contact_way", {"type": 1, "scene": 2, "user": ["nobody"]}, 60111),
        ("add_contact_way", {"type": 2, "scene": 2, "party": [99]}, 60123),
        ("add_contact_way", {"type": 1, "scene": 2, "user": [ZHANG], "state": "x" * 31}, 40058),
        ("add_contact_way", {"type": 1, "scene": 2, "user": [ZHANG], "remark": "x" * 31}, 40058),
        ("add_contact_way", {"type": 2, "scene": 2, "user": [ZHANG], "is_temp": True}, 40058),
        ("add_contact_way", {"type": 1, "scene": 2, "user": [ZHANG], "is_temp": True, "expires_in": 1209601}, 40058),
        ("add_contact_way", {"type": 2, "scene": 2, "user": [str(one) for one in range(101)]}, 40058),
        ("get_contact_way", {}, 41043),
        ("get_contact_way", {"config_id": ""}, 41043),
        ("get_contact_way", {"config_id": UNKNOWN}, 41044),
        ("get_contact_way", {"config_id": "qrzhangsan"}, 41044),  # a code made by people is no way
        ("update_contact_way", {"remark": "x"}, 41043),
        ("update_contact_way", {"config_id": UNKNOWN, "remark": "x"}, 41044),
        ("del_contact_way", {}, 41043),
        ("del_contact_way", {"config_id": UNKNOWN}, 41044),
        ("list_contact_way", {"limit": 1001}, 40058),
        ("list_contact_way", {"cursor": UNKNOWN}, 50100),
        ("list_contact_way", {"start_time": 2, "end_time": 1}, 40058),
    ],
)
async def test_what_is_wrong_with_a_contact_way_is_told_by_number(
    wecom: Wecom, path: str, body: dict[str, Any], errcode: int
) -> None:
    assert (await ask(wecom, path, **body))["errcode"] == errcode


async def test_members_of_a_way_are_activated_and_have_a_real_name(wecom: Wecom) -> None:
    for named, errcode in (({"activated": False}, 41054), ({"real_name_verified": False}, 40098)):
        await wecom.control("PUT", f"/corps/{STORE}/members/lisi", {"name": "李四", **named})
        told = await ask(wecom, "add_contact_way", type=1, scene=2, user=["lisi"])
        assert told["errcode"] == errcode


async def test_a_way_of_another_enterprise_is_like_none(wecom: Wecom) -> None:
    name = await made(wecom)
    for path in ("get_contact_way", "update_contact_way", "del_contact_way"):
        told = await ask(wecom, path, "wwsongyin", config_id=name)
        assert told["errcode"] == 41044, path
    assert (await ask(wecom, "list_contact_way", "wwsongyin"))["contact_way"] == []


async def test_ways_are_listed_in_pages_by_the_time_of_their_making(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    old = await made(wecom)
    await wecom.control("POST", "/clock", {"advance_ms": 91 * DAY_S * 1000})
    names = [await made(wecom, remark=str(number)) for number in range(3)]
    await made(wecom, is_temp=True)
    page = await ask(wecom, "list_contact_way", limit=2)
    assert page["contact_way"] == [{"config_id": name} for name in names[:2]]
    rest = await ask(wecom, "list_contact_way", limit=2, cursor=page["next_cursor"])
    assert rest["contact_way"] == [{"config_id": names[2]}] and "next_cursor" not in rest
    everything = await ask(wecom, "list_contact_way", start_time=1)
    assert everything["contact_way"] == [{"config_id": name} for name in (old, *names)]


async def test_the_picture_says_what_a_consumer_can_scan(wecom: Wecom) -> None:
    name = await made(wecom)
    address = (await ask(wecom, "get_contact_way", config_id=name))["contact_way"]["qr_code"]
    async with wecom.session.get(address) as answer:
        assert answer.content_type == "image/png"
        picture = await answer.read()
    with Image.open(BytesIO(picture)) as opened:
        (read,) = zxingcpp.read_barcodes(opened.convert("L"))
    assert read.text == f"{wecom.url}/_hutong/qr/{name}"
    async with wecom.session.get(address.replace(".png", ".svg")) as answer:
        assert answer.content_type == "image/svg+xml" and b"<svg" in await answer.read()
    async with wecom.session.get(address.replace(name, UNKNOWN)) as answer:
        assert answer.status == 404
    assert (await scan(wecom, STRANGER, read.text)).startswith("cv")
    assert await scan(wecom, STRANGER, address) == "already"
    assert await scan(wecom, STRANGER, name) == "already"


async def test_a_code_of_any_letters_has_an_address(wecom: Wecom) -> None:
    code = "店 1?#%2F"
    await wecom.gateway.router.ask(PutCode(STORE, ZHANG, code=code))
    address = address_of(wecom.url, code)
    async with wecom.session.get(URL(address, encoded=True)) as answer:
        with Image.open(BytesIO(await answer.read())) as opened:
            (read,) = zxingcpp.read_barcodes(opened.convert("L"))
    assert f"{read.text}.png" == address
    assert (await scan(wecom, STRANGER, read.text)).startswith("cv")
    assert await scan(wecom, STRANGER, address) == "already"


# Who gets whom.


async def test_members_of_a_way_get_the_scans_in_turn(wecom: Wecom) -> None:
    name = await made(wecom, type=2, user=[ZHANG, "lisi"], party=[3])
    strangers = [f"walk-in-{number}" for number in range(9)]
    for who in strangers:
        await wecom.control("PUT", f"/consumers/{who}", {"nickname": who})
        await scan(wecom, who, name)
    state = wecom.gateway.router.state
    met = [state.relation(next(iter(state.consumer(who).contacts.values()))).member for who in strangers]
    third = [f"{STORE}/{userid}" for userid in ("zhaoliu", "zhouba", "zhengshi", "linxi", "luoyun", "tangyue")]
    assert met == [ZHANGSAN, LISI, *third, ZHANGSAN]
    assert await scan(wecom, strangers[0], name) == "already"  # who knows one of them meets nobody new
    assert await scan(wecom, strangers[0], name) == "already"


async def test_whoever_may_have_no_more_contacts_is_passed_over(wecom: Wecom) -> None:
    name = await made(wecom, type=2, user=[ZHANG, "lisi"])
    await wecom.control("PUT", f"/corps/{STORE}/members/{ZHANG}", {"name": "张三", "departed": True})
    await wecom.control("PUT", "/consumers/walk-in", {})
    await scan(wecom, "walk-in", name)
    assert standing(wecom, "walk-in", "lisi") == "half"
    await wecom.control("PUT", f"/corps/{STORE}/members/lisi", {"name": "李四", "departed": True})
    await wecom.control("PUT", "/consumers/late", {})
    assert await scan(wecom, "late", name) == "departed"


async def test_a_temporary_code_is_scanned_once_in_time_by_whom_it_is_for(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    for who in ("walk-in", "other"):
        await wecom.control("PUT", f"/consumers/{who}", {"unionid": f"union-{who}"})
    name = await made(wecom, is_temp=True, unionid="union-walk-in", conclusions={"text": {"content": "再见"}})
    way = (await ask(wecom, "get_contact_way", config_id=name))["contact_way"]
    assert (way["expires_in"], way["chat_expires_in"]) == (7 * DAY_S, DAY_S)
    assert way["conclusions"] == {"text": {"content": "再见"}}
    assert await scan(wecom, "other", name) == "unknown_code"
    assert (await scan(wecom, "walk-in", name)).startswith("cv")
    conversation = wecom.gateway.router.state.consumer("walk-in").contacts[ZHANGSAN]
    await wecom.act("walk-in", type="delete", conversation=conversation)
    assert await scan(wecom, "walk-in", name) == "unknown_code"
    late = await made(wecom, is_temp=True, expires_in=60)
    await wecom.control("POST", "/clock", {"advance_ms": 60_000})
    assert await scan(wecom, "other", late) == "unknown_code"


async def test_temporary_codes_that_have_lapsed_take_no_room(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    before = len(wecom.gateway.router.state.codes)
    names = [await made(wecom, is_temp=True, expires_in=60) for _ in range(3)]
    assert (await ask(wecom, "update_contact_way", config_id=names[2], expires_in=120))["errcode"] == 0
    await wecom.control("POST", "/clock", {"advance_ms": 60_000})
    name = await made(wecom, is_temp=True)
    assert len(wecom.gateway.router.state.codes) == before + 2
    codes = [(await ask(wecom, "get_contact_way", config_id=one))["errcode"] for one in (*names, name)]
    assert codes == [41044, 41044, 0, 0]
    assert (await ask(wecom, "del_contact_way", config_id=names[2]))["errcode"] == 0
    assert len(wecom.gateway.router.state.codes) == before + 1


# What the enterprise is told, and the welcome.


async def scanned(wecom: Wecom, **way: object) -> tuple[str, str]:
    """Have a newcomer scan a way of zhangsan's; give the conversation and the welcome code."""
    await listen(wecom)
    await wecom.control("PUT", "/consumers/walk-in", {"nickname": "客"})
    conversation = await scan(wecom, "walk-in", await made(wecom, **way))
    told = changes(wecom)
    return conversation, getattr(told[-1], "welcome_code", "") if told else ""


async def test_a_scan_makes_a_half_contact_which_the_member_confirms(wecom: Wecom) -> None:
    conversation, code = await scanned(wecom, state="poster-7")
    external = wecom.gateway.router.state.name_of(STORE, "walk-in")
    assert changes(wecom) == [HalfContactAdded(ZHANG, external, "poster-7", code)] and code
    await wecom.act(ZHANGSAN, type="accept", conversation=conversation)
    added = changes(wecom)[-1]
    assert isinstance(added, ContactAdded)
    assert added == ContactAdded(ZHANG, external, "poster-7", added.welcome_code)
    assert added.welcome_code not in ("", code)
    await wecom.act("walk-in", type="delete", conversation=conversation)
    assert changes(wecom)[-1] == FollowerDeleted(ZHANG, external)
    await scan(wecom, "walk-in", "qrzhangsan")
    await wecom.act(ZHANGSAN, type="delete", conversation=conversation)
    assert changes(wecom)[-1] == ContactDeleted(ZHANG, external)


async def test_a_member_lets_go_of_a_customer_who_deleted_them(wecom: Wecom) -> None:
    """Until then the vendor's API goes on telling of the customer (DOC 90313: 84061)."""
    conversation, _ = await scanned(wecom)
    external = wecom.gateway.router.state.name_of(STORE, "walk-in")
    await wecom.act(ZHANGSAN, type="accept", conversation=conversation)
    await wecom.act("walk-in", type="delete", conversation=conversation)
    note = {"userid": ZHANG, "external_userid": external, "remark": "x"}
    assert (await ask(wecom, "remark", **note))["errcode"] == 0
    await wecom.act(ZHANGSAN, type="delete", conversation=conversation)
    assert changes(wecom)[-2:] == [FollowerDeleted(ZHANG, external), ContactDeleted(ZHANG, external)]
    assert (await ask(wecom, "remark", **note))["errcode"] == 84061


async def test_a_request_is_no_contact_before_the_member_accepts_it(wecom: Wecom) -> None:
    conversation, _ = await scanned(wecom, skip_verify=False, state="till")
    assert changes(wecom) == []
    await wecom.act(ZHANGSAN, type="refuse", conversation=conversation)
    assert changes(wecom) == []
    await scanned(wecom, skip_verify=False, state="door")
    await wecom.act(ZHANGSAN, type="accept", conversation=conversation)
    (added,) = changes(wecom)
    assert isinstance(added, ContactAdded) and added.state == "door" and added.welcome_code


async def test_no_welcome_code_is_given_once_the_two_have_talked(wecom: Wecom) -> None:
    conversation, _ = await scanned(wecom)
    await wecom.act("walk-in", type="send", conversation=conversation, content={"kind": "text", "text": "在吗"})
    await wecom.act(ZHANGSAN, type="accept", conversation=conversation)
    assert changes(wecom)[-1] == ContactAdded(ZHANG, wecom.gateway.router.state.name_of(STORE, "walk-in"))


async def test_an_sdk_welcomes_a_customer_with_a_text_and_attachments(wecom: Wecom) -> None:
    conversation, code = await scanned(wecom)
    contacts = wecom.sdk().external_contact
    media_id = (await threaded(wecom.sdk().media.upload, "image", ("a.png", PNG)))["media_id"]
    template = {
        "welcome_code": code,
        "text": {"content": "您好"},
        "attachments": [
            {
                "msgtype": "link",
                "link": {"title": "秋装", "url": "https://shop.example/a", "desc": "九折"},
                "image": {},
            },
            {
                "msgtype": "miniprogram",
                "miniprogram": {"title": "下单", "pic_media_id": media_id, "appid": "wx1", "page": "p"},
            },
        ],
    }
    assert (await threaded(contacts.send_welcome_msg, template))["errcode"] == 0
    messages = said(wecom, conversation)
    assert [message["content"]["kind"] for message in messages] == ["text", "link", "miniprogram"]
    assert {(message["side"], message["sender"]) for message in messages} == {("member", ZHANG)}
    assert messages[0]["badge"] == {"name": "张三", "company": "蓝河百货", "certification": "certified"}
    with pytest.raises(WeChatClientException) as again:
        await threaded(contacts.send_welcome_msg, template)
    assert again.value.errcode == 41051


async def test_older_clients_welcome_with_one_attachment_beside_the_text(wecom: Wecom) -> None:
    conversation, code = await scanned(wecom)
    template = {"welcome_code": code, "image": {"pic_url": "https://shop.example/a.png"}}
    assert (await threaded(wecom.sdk().external_contact.send_welcome_msg, template))["errcode"] == 0
    assert [message["content"]["kind"] for message in said(wecom, conversation)] == ["image"]


async def test_a_welcome_code_lives_20_seconds_of_the_movable_clock(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    _, code = await scanned(wecom)
    await wecom.control("POST", "/clock", {"advance_ms": 20_001})
    late = await ask(wecom, "send_welcome_msg", welcome_code=code, text={"content": "您好"})
    assert late["errcode"] == 41050
    assert wecom.headers["X-Hutong-Reason"] == "unknown_welcome"


async def test_of_two_welcomes_at_a_time_one_is_told_to_try_again(
    wecom: Wecom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the first has been said, the other comes too late (DOC 92137)."""
    _, code = await scanned(wecom)
    ask_router, came, go = wecom.gateway.router.ask, asyncio.Event(), asyncio.Event()

    async def held(*arguments: Any) -> Any:
        came.set()
        await go.wait()
        return await ask_router(*arguments)

    monkeypatch.setattr(wecom.gateway.router, "ask", held)
    hello = {"welcome_code": code, "text": {"content": "您好"}}
    first = asyncio.create_task(ask(wecom, "send_welcome_msg", **hello))
    await came.wait()
    assert (await ask(wecom, "send_welcome_msg", **hello))["errcode"] == 41096
    go.set()
    assert (await first)["errcode"] == 0
    assert (await ask(wecom, "send_welcome_msg", **hello))["errcode"] == 41051


async def test_a_welcome_after_the_first_word_comes_too_late(wecom: Wecom) -> None:
    conversation, code = await scanned(wecom)
    await wecom.act("walk-in", type="send", conversation=conversation, content={"kind": "text", "text": "在吗"})
    told = await ask(wecom, "send_welcome_msg", welcome_code=code, text={"content": "您好"})
    assert told["errcode"] == 41051


async def test_a_code_is_spent_even_if_the_two_part_and_meet_again(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    conversation, code = await scanned(wecom)
    hello = {"welcome_code": code, "text": {"content": "您好"}}
    assert (await ask(wecom, "send_welcome_msg", **hello))["errcode"] == 0
    await wecom.act("walk-in", type="delete", conversation=conversation)
    await scan(wecom, "walk-in", "qrzhangsan")
    assert (await ask(wecom, "send_welcome_msg", **hello))["errcode"] == 41051
    again = changes(wecom)[-1]
    assert isinstance(again, HalfContactAdded)
    assert (await ask(wecom, "send_welcome_msg", **{**hello, "welcome_code": again.welcome_code}))["errcode"] == 0


async def test_a_customer_who_has_gone_is_not_welcomed(wecom: Wecom) -> None:
    conversation, code = await scanned(wecom)
    await wecom.act("walk-in", type="delete", conversation=conversation)
    told = await ask(wecom, "send_welcome_msg", welcome_code=code, text={"content": "您好"})
    assert told["errcode"] == 84061


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"welcome_code": None, "text": {"content": "a"}}, 41049),
        ({"welcome_code": "", "text": {"content": "a"}}, 41049),
        ({"welcome_code": "nonsense", "text": {"content": "a"}}, 41050),
        ({"text": {"content": "好" * 1334}}, 45002),
        ({}, 40063),
        ({"attachments": [{"msgtype": "image", "image": {"media_id": "m"}}] * 10}, 41064),
        ({"attachments": [{"msgtype": "image", "image": {"media_id": "m"}}]}, 40007),
        ({"attachments": [{"msgtype": "voice", "voice": {"media_id": "m"}}]}, 41065),
        ({"attachments": [{"msgtype": "link", "link": {"title": "好" * 43, "url": "https://a.example"}}]}, 40058),
        ({"attachments": [{"msgtype": "link", "image": {"media_id": "m"}}]}, 40058),
    ],
)
async def test_what_is_wrong_with_a_welcome_is_told_by_number(wecom: Wecom, body: dict[str, Any], errcode: int) -> None:
    conversation, code = await scanned(wecom)
    told = await ask(wecom, "send_welcome_msg", **{"welcome_code": code, **body})
    assert told["errcode"] == errcode
    assert said(wecom, conversation) == []


async def test_a_welcome_code_of_another_enterprise_is_like_none(wecom: Wecom) -> None:
    _, code = await scanned(wecom)
    told = await ask(wecom, "send_welcome_msg", "wwsongyin", welcome_code=code, text={"content": "a"})
    assert told["errcode"] == 41050


async def test_ways_travel_with_the_world(wecom: Wecom) -> None:
    name = await made(wecom, type=2, user=[ZHANG], party=[3], state="s", remark="r", is_exclusive=True)
    await wecom.control("PUT", f"/corps/{STORE}/members/{ZHANG}", {"name": "张三", "activated": False})
    before = (await ask(wecom, "get_contact_way", config_id=name))["contact_way"]
    async with wecom.session.get(f"{wecom.url}/_hutong/world") as answer:
        world = await answer.read()
    async with wecom.session.post(f"{wecom.url}/_hutong/reset", data=b"{}") as answer:
        assert answer.status == 200, await answer.text()
    async with wecom.session.post(f"{wecom.url}/_hutong/world", data=world) as answer:
        assert answer.status == 200, await answer.text()
    assert (await ask(wecom, "get_contact_way", config_id=name))["contact_way"] == before
    async with wecom.session.get(f"{wecom.url}/_hutong/world") as answer:
        assert await answer.read() == world

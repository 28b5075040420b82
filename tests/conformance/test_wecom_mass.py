"""Mass messages as the vendor's API has them (DOC 92135, 93338, 97611), made by an SDK, confirmed by members."""

import asyncio
import json
from calendar import monthrange
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from wechatpy.exceptions import WeChatClientException

from gateway.commands import MakeMass
from gateway.queries import mass
from gateway.refusal import Refusal
from gateway.state import State
from protocol.content import Text
from protocol.errors import DISPATCHING
from tests.conformance.test_wecom_media import MP4, PNG, post_file
from tests.conformance.wecom import AMY, STORE, ZHANG, Wecom, threaded, wecom

__all__ = ["wecom"]

LISI = "lisi"
BO = "an.qian"  # a customer of lisi's
CAFE = "wwsongyin"
DAY_MS = 86_400_000


def external(wecom: Wecom, handle: str, corpid: str = STORE) -> str:
    return wecom.gateway.router.state.consumer(handle).known[corpid].external_userid


async def settled(wecom: Wecom) -> None:
    """Turn until no job is left."""
    router = wecom.gateway.router
    turned = router.watch()
    while router.state.jobs:
        turned.clear()
        await turned.wait()
    router.unwatch(turned)


class Api:
    """The chapter's calls with a token; mass messages to two customers of two members where nothing else is said."""

    def __init__(self, wecom: Wecom, token: str) -> None:
        self.wecom = wecom
        self._token = token
        self.amy, self.bo = external(wecom, AMY), external(wecom, BO)

    async def __call__(self, name: str, **body: object) -> dict[str, Any]:
        return await self.wecom.post(f"externalcontact/{name}", body, access_token=self._token)

    async def make(self, **changes: object) -> dict[str, Any]:
        asked = {"external_userid": [self.amy, self.bo], "text": {"content": "双十一"}}
        told = await self("add_msg_template", **await self.uploaded({**asked, **changes}))
        await settled(self.wecom)
        return told

    async def uploaded(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Put the id of a real upload where an attachment names none but its kind."""
        text = json.dumps(asked)
        for kind, body in (("image", PNG), ("video", MP4), ("file", b"123456")):
            if f"a real {kind}" in text:
                media_id = (await post_file(self.wecom, self._token, body, kind))["media_id"]
                text = text.replace(f"a real {kind}", str(media_id))
        uploaded: dict[str, Any] = json.loads(text)
        return uploaded

    async def made(self, **changes: object) -> str:
        told = await self.make(**changes)
        assert told["errcode"] == 0, told
        return str(told["msgid"])

    async def confirm(self, userid: str, msgid: str) -> None:
        await self.wecom.act(f"{STORE}/{userid}", type="confirm", task=msgid)
        await settled(self.wecom)

    async def statuses(self, msgid: str, userid: str = ZHANG) -> list[int]:
        told = await self("get_groupmsg_send_result", msgid=msgid, userid=userid)
        return [row["status"] for row in told["send_list"]]


@pytest.fixture
async def api(wecom: Wecom) -> Api:
    await wecom.control("POST", "/clock", {"rate": 0})
    return Api(wecom, await wecom.token())


async def test_an_sdk_makes_one_members_confirm_it_customers_receive_it(wecom: Wecom, api: Api) -> None:
    client = wecom.sdk()
    template = {
        "chat_type": "single",
        "external_userid": [api.amy, api.bo, "wm-of-nobody"],
        "text": {"content": "双十一"},
        "image": {"media_id": "a real image", "pic_url": ""},
        "link": {"title": "会场", "picurl": "https://pic", "desc": "全场八折", "url": "https://sale"},
        "miniprogram": {"title": "", "pic_media_id": "", "appid": "", "page": ""},
    }
    made = await threaded(client.external_contact.add_msg_template, await api.uploaded(template))
    assert made["fail_list"] == ["wm-of-nobody"]
    assert made["msgid"].startswith("msg")
    await settled(wecom)
    await api.confirm(ZHANG, made["msgid"])

    told = await threaded(client.external_contact.get_group_msg_result, made["msgid"])
    now_s = wecom.gateway.router.now_ms() // 1000
    assert told["check_status"] == 1
    assert told["detail_list"] == [
        {"external_userid": api.amy, "userid": ZHANG, "status": 1, "send_time": now_s},
        {"external_userid": api.bo, "userid": LISI, "status": 0},
    ]
    seen = await wecom.control("GET", f"/messages?person={AMY}")
    assert [one["content"]["kind"] for one in seen["messages"]] == ["text", "image", "link"]
    assert {one["badge"]["company"] for one in seen["messages"]} == {"蓝河百货"}
    assert {one["person"] for one in seen["messages"]} == {f"{STORE}/{ZHANG}"}


async def test_the_member_is_told_and_what_was_said_can_be_listed(wecom: Wecom, api: Api) -> None:
    msgid = await api.made(attachments=[{"msgtype": "image", "image": {"pic_url": "https://pic"}, "link": {}}])
    seen = await wecom.control("GET", f"/messages?person={STORE}/{ZHANG}")
    (notice,) = [one["content"] for one in seen["messages"] if one["content"].get("task")]
    assert (notice["affair"], notice["task"], notice["text"]) == ("mass_task", msgid, "双十一")

    now_s = wecom.gateway.router.now_ms() // 1000
    window = {"chat_type": "single", "start_time": now_s - 60, "end_time": now_s}
    told = await api("get_groupmsg_list_v2", **window)
    assert told["group_msg_list"] == [
        {
            "msgid": msgid, "create_time": now_s, "create_type": 0, "text": {"content": "双十一"},
            "attachments": [{"msgtype": "image", "image": {"pic_url": "https://pic"}}],
        }
    ]  # fmt: skip
    assert told["next_cursor"] == ""


async def test_parts_and_results_come_in_pages(wecom: Wecom, api: Api) -> None:
    msgid = await api.made(external_userid=[], sender=ZHANG)
    many = [row["external_userid"] for row in await pages(api, "get_groupmsg_send_result", "send_list", msgid, 4)]
    assert len(many) == len(set(many)) == 15
    other = await api.made()
    parts = await pages(api, "get_groupmsg_task", "task_list", other, 1)
    assert parts == [{"userid": ZHANG, "status": 0}, {"userid": LISI, "status": 0}]
    await api.confirm(LISI, other)
    now_s = wecom.gateway.router.now_ms() // 1000
    parts = await pages(api, "get_groupmsg_task", "task_list", other, 1000)
    assert parts == [{"userid": ZHANG, "status": 0}, {"userid": LISI, "status": 2, "send_time": now_s}]
    detail = await pages(api, "get_group_msg_result", "detail_list", other, 1)
    assert [row["status"] for row in detail] == [0, 1]


async def pages(api: Api, call: str, rows: str, msgid: str, limit: int) -> list[dict[str, Any]]:
    """Read a list to its end."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        told = await api(call, msgid=msgid, userid=ZHANG, limit=limit, cursor=cursor)
        assert told["errcode"] == 0, told
        found += told[rows]
        cursor = told["next_cursor"]
        if not cursor:
            return found


async def test_members_own_messages_are_listed_as_theirs(wecom: Wecom, api: Api) -> None:
    await api.made()
    contents = [{"kind": "text", "text": "我的客户"}]
    await wecom.act(f"{STORE}/{ZHANG}", type="send_mass", contents=contents)
    await settled(wecom)
    now_s = wecom.gateway.router.now_ms() // 1000
    window = {"chat_type": "single", "start_time": now_s - 60, "end_time": now_s}
    for asked, creators in (
        ({"filter_type": 0}, [None]), ({"filter_type": 1}, [ZHANG]), ({"filter_type": 2}, [None, ZHANG]),
        ({}, [None, ZHANG]), ({"creator": ZHANG}, [ZHANG]), ({"creator": LISI}, []), ({"chat_type": "group"}, []),
        ({"start_time": now_s + 1, "end_time": now_s + 2}, []),
    ):  # fmt: skip
        told = await api("get_groupmsg_list_v2", **{**window, **asked})
        assert [one.get("creator") for one in told["group_msg_list"]] == creators, asked
        assert [one["create_type"] for one in told["group_msg_list"]] == [int(bool(who)) for who in creators]
    first = await api("get_groupmsg_list_v2", **window, limit=1)
    rest = await api("get_groupmsg_list_v2", **window, limit=1, cursor=first["next_cursor"])
    assert "creator" not in first["group_msg_list"][0]
    assert rest["group_msg_list"][0]["creator"] == ZHANG


async def test_today_a_customer_gets_as_many_as_the_month_has_days(wecom: Wecom, api: Api) -> None:
    """A month further it may be again: what a test against the real thing cannot wait for."""
    today = datetime.fromtimestamp(wecom.gateway.router.now_ms() / 1000, ZoneInfo("Asia/Shanghai"))
    days = monthrange(today.year, today.month)[1]
    for count in range(days + 1):
        msgid = await api.made(external_userid=[api.amy])
        await api.confirm(ZHANG, msgid)
        assert await api.statuses(msgid) == [1 if count < days else 3], count
    explained = await wecom.control("GET", f"/limits/explain?sender={STORE}/{ZHANG}&to={AMY}&mass=corp")
    assert explained["refusal"]["reason"] == "recipient_frequency"
    assert {(line["rule"], line["left"]) for line in explained["lines"] if "limit" in line} == {
        ("frequency/mass/recipient/month", 0)
    }
    assert (await wecom.control("GET", f"/limits/explain?sender={STORE}/{ZHANG}&to={AMY}"))["allowed"]
    await wecom.control("POST", "/clock", {"advance_ms": 31 * DAY_MS})
    api = Api(wecom, await wecom.token())
    msgid = await api.made(external_userid=[api.amy])
    await api.confirm(ZHANG, msgid)
    assert await api.statuses(msgid) == [1]


async def test_who_is_no_friend_any_more_does_not_receive_it(wecom: Wecom, api: Api) -> None:
    msgid = await api.made(external_userid=[api.amy])
    chat = wecom.gateway.router.state.consumer(AMY).contacts[f"{STORE}/{ZHANG}"]
    await wecom.act(AMY, type="delete", conversation=chat)
    await api.confirm(ZHANG, msgid)
    assert await api.statuses(msgid) == [2]
    told = await api.make(external_userid=[api.amy])
    assert (told["errcode"], wecom.headers["X-Hutong-Reason"]) == (41048, "nobody")


async def test_groups_receive_it_from_their_owner(wecom: Wecom, api: Api) -> None:
    told = await api.make(
        chat_type="group", external_userid=[], sender=ZHANG, chat_id_list=["wrpeoplesroad", "wrriverside"]
    )
    assert told["fail_list"] == ["wrriverside"]
    await api.confirm(ZHANG, told["msgid"])
    result = await api("get_groupmsg_send_result", msgid=told["msgid"], userid=ZHANG)
    now_s = wecom.gateway.router.now_ms() // 1000
    assert result["send_list"] == [{"chat_id": "wrpeoplesroad", "userid": ZHANG, "status": 1, "send_time": now_s}]
    assert (await api.make(chat_type="group", external_userid=[], sender=ZHANG))["errcode"] == 0
    assert (await api.make(chat_type="group", external_userid=[]))["errcode"] == 40058
    assert (await api.make(chat_type="group", sender=ZHANG, chat_id_list=["wrriverside"]))["errcode"] == 41048


async def test_customers_are_chosen_by_tags(wecom: Wecom, api: Api) -> None:
    made = await api("add_corp_tag", group_name="等级", tag=[{"name": "金卡"}, {"name": "银卡"}])
    gold, silver = (tag["id"] for tag in made["tag_group"]["tag"])
    for userid, customer, tag in ((ZHANG, api.amy, gold), (LISI, api.bo, silver)):
        marked = await api("mark_tag", userid=userid, external_userid=customer, add_tag=[tag])
        assert marked["errcode"] == 0, marked
    for tag_groups, sender, parts in (
        ([[gold]], "", [ZHANG]), ([[gold, silver]], "", [ZHANG, LISI]), ([[gold, silver]], LISI, [LISI]),
        ([[gold], [silver]], "", None), ([[], [gold]], "", [ZHANG]),
    ):  # fmt: skip
        group_list = [{"tag_list": tags} for tags in tag_groups]
        told = await api.make(external_userid=None, sender=sender, tag_filter={"group_list": group_list})
        assert told["errcode"] == (0 if parts else 41048), tag_groups
        if parts:
            tasks = await api("get_groupmsg_task", msgid=told["msgid"])
            assert [task["userid"] for task in tasks["task_list"]] == parts, tag_groups


async def test_one_is_reminded_three_times_a_day_and_cancelled_once(wecom: Wecom, api: Api) -> None:
    msgid = await api.made()
    await api.confirm(LISI, msgid)
    for errcode in (0, 0, 0, 41094):
        assert (await api("remind_groupmsg_send", msgid=msgid))["errcode"] == errcode
        await settled(wecom)
    seen = await wecom.control("GET", f"/messages?person={STORE}/{ZHANG}")
    affairs = [one["content"].get("affair") for one in seen["messages"]]
    assert affairs.count("mass_reminded") == 3
    for errcode in (0, 41093):
        assert (await api("cancel_groupmsg_send", msgid=msgid))["errcode"] == errcode
        await settled(wecom)
    assert (await api("remind_groupmsg_send", msgid=msgid))["errcode"] == 41093
    assert (await api("get_groupmsg_task", msgid=msgid))["task_list"][0] == {"userid": ZHANG, "status": 0}
    assert await api.statuses(msgid, LISI) == [1], "nothing is taken back"


async def test_asked_in_the_turn_of_its_making_it_is_still_being_dispatched(wecom: Wecom, api: Api) -> None:
    """Both stand before the turn's slices; the members are told in them, or in the next turns'."""
    router = wecom.gateway.router

    def look(state: State, _now_ms: int) -> object:
        (message,) = state.corps[STORE].mass.messages.values()
        return mass.find(state, STORE, message.id)

    made, seen = await asyncio.gather(
        router.ask(MakeMass(STORE, "single", (Text("hello"),), ZHANG)), router.query(look)
    )  # fmt: skip
    assert isinstance(made, list)
    assert seen == Refusal(DISPATCHING)
    await settled(wecom)
    assert not isinstance(await router.query(look), Refusal)


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"text": {"content": ""}}, 40063),
        ({"text": {"content": "好" * 1334}}, 45002),
        ({"text": {"content": "好" * 1333}}, 0),
        ({"attachments": [{"msgtype": "video", "video": {"media_id": "a real video"}}] * 10}, 41064),
        ({"attachments": [{"msgtype": "video", "video": {"media_id": "a real video"}}] * 9}, 0),
        ({"attachments": [{"msgtype": "voice", "voice": {"media_id": "M"}}]}, 41065),
        ({"attachments": [{"msgtype": "file", "file": {"media_id": "a real file"}}]}, 0),
        ({"attachments": [{"msgtype": "file", "file": {"media_id": "nobody's"}}]}, 40007),
        ({"attachments": [{"msgtype": "video", "video": {}}]}, 40058),
        ({"attachments": [{"msgtype": "video"}]}, 40058),
        ({"attachments": [{"msgtype": "file", "file": {"media_id": "M" * 257}}]}, 40058),
        ({"attachments": [{"msgtype": "link", "link": {"title": "好" * 43, "url": "https://x"}}]}, 40058),
        ({"attachments": [{"msgtype": "link", "link": {"title": "x", "url": "u", "desc": "x" * 513}}]}, 40058),
        ({"attachments": [{"msgtype": "image", "image": None, "link": {"title": "x", "url": "u"}}]}, 40058),
        ({"attachments": None, "tag_filter": {}, "chat_id_list": None, "sender": ""}, 0),
        ({"external_userid": []}, 41048),
        ({"external_userid": ["wm-of-nobody"]}, 41048),
        ({"external_userid": ["x"] * 10_001}, 40058),
        ({"chat_id_list": ["x"] * 2_001}, 40058),
        ({"tag_filter": {"group_list": [{"tag_list": ["et"] * 101}]}}, 40058),
        ({"external_userid": [], "tag_filter": {"group_list": [{"tag_list": ["et"]}]}}, 41048),
        ({"external_userid": [], "sender": "nobody"}, 60111),
        ({"chat_type": "both"}, 40058),
        ({"allow_select": True}, 0),
    ],
)
async def test_what_is_wrong_with_a_mass_message_is_told_by_number(
    api: Api, changes: dict[str, object], errcode: int
) -> None:
    assert (await api.make(**changes))["errcode"] == errcode


@pytest.mark.parametrize(
    ("call", "body", "errcode"),
    [
        ("get_groupmsg_task", {}, 41046),
        ("get_groupmsg_task", {"msgid": ""}, 41046),
        ("get_groupmsg_task", {"msgid": "msg-of-nobody"}, 41047),
        ("get_groupmsg_task", {"limit": 1001}, 40058),
        ("get_groupmsg_task", {"cursor": "x"}, 50100),
        ("get_groupmsg_send_result", {"userid": ZHANG}, 41046),
        ("get_groupmsg_send_result", {"msgid": "msg-of-nobody", "userid": ZHANG}, 41047),
        ("get_groupmsg_send_result", {"msgid": "mine", "userid": "wangwu"}, 60111),
        ("get_group_msg_result", {"msgid": "msg-of-nobody"}, 41047),
        ("remind_groupmsg_send", {}, 41046),
        ("remind_groupmsg_send", {"msgid": "msg-of-nobody"}, 41047),
        ("cancel_groupmsg_send", {"msgid": "msg-of-nobody"}, 41047),
        ("get_groupmsg_list_v2", {"chat_type": "single", "start_time": 0, "end_time": 31 * 86_400}, 0),
        ("get_groupmsg_list_v2", {"chat_type": "single", "start_time": 0, "end_time": 31 * 86_400 + 1}, 40058),
        ("get_groupmsg_list_v2", {"chat_type": "single", "start_time": 2, "end_time": 1}, 40058),
        ("get_groupmsg_list_v2", {"start_time": 0, "end_time": 1}, 40058),
        ("get_groupmsg_list_v2", {"chat_type": "single", "start_time": 0, "end_time": 1, "limit": 101}, 40058),
    ],
)
async def test_what_is_wrong_with_a_question_is_told_by_number(
    api: Api, call: str, body: dict[str, object], errcode: int
) -> None:
    mine = await api.made()
    if body.get("msgid") == "mine" or "limit" in body or "cursor" in body:
        body = {**body, "msgid": mine}
    assert (await api(call, **body))["errcode"] == errcode


async def test_another_enterprises_mass_message_is_nobodys(wecom: Wecom, api: Api) -> None:
    msgid = await api.made()
    token = await wecom.token(CAFE, f"secret-of-{CAFE}")
    for call in ("get_groupmsg_task", "remind_groupmsg_send", "cancel_groupmsg_send", "get_group_msg_result"):
        answers = []
        for name in (msgid, "msg-of-nobody"):
            told = await wecom.post(f"externalcontact/{call}", {"msgid": name}, access_token=token)
            answers.append((told["errcode"], told["errmsg"].partition(",")[0]))
        assert answers[0] == answers[1] == (41047, "invalid msgid"), call
    told = await api.make(external_userid=[external(wecom, AMY, CAFE)])
    assert told["errcode"] == 41048
    own = await wecom.post(
        "externalcontact/add_msg_template",
        {"external_userid": [api.amy], "sender": ZHANG, "text": {"content": "x"}}, access_token=token,
    )  # fmt: skip
    assert own["errcode"] == 60111


async def test_the_older_paths_are_answered(wecom: Wecom, api: Api) -> None:
    token = await wecom.token()
    body = {"external_userid": [api.amy], "text": {"content": "x"}}
    made = await wecom.post("crm/add_msg_template", body, access_token=token)
    await settled(wecom)
    told = await wecom.post("crm/get_group_msg_result", {"msgid": made["msgid"]}, access_token=token)
    assert [row["external_userid"] for row in told["detail_list"]] == [api.amy]


async def test_an_sdk_is_told_by_its_own_exception(wecom: Wecom) -> None:
    client = wecom.sdk()
    with pytest.raises(WeChatClientException) as refused:
        await threaded(client.external_contact.get_group_msg_result, "msg-of-nobody")
    assert refused.value.errcode == 41047

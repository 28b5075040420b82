"""Requests as SDKs of other languages write them, which cannot run here.

Go's send everything that is optional, empty: zeros, empty texts, null arrays, empty objects, and of an attachment all
five bodies. Others append the token to an address that has a question mark already.
"""

from typing import Any

import pytest

from tests.conformance.wecom import AGENT, AMY, AMYS_GROUP, STORE, ZHANG, Wecom, threaded, wecom

__all__ = ["wecom"]

BODIES: dict[str, Any] = {
    "image": {"media_id": "", "pic_url": ""},
    "link": {"title": "", "picurl": "", "desc": "", "url": ""},
    "miniprogram": {"title": "", "pic_media_id": "", "appid": "", "page": ""},
    "video": {"media_id": ""},
    "file": {"media_id": ""},
}
LINK = {
    **BODIES,
    "msgtype": "link",
    "link": {"title": "秋装", "picurl": "", "desc": "", "url": "https://shop.example/a"},
}
NOBODY = {"msgid": "", "limit": 0, "cursor": ""}

GO: dict[str, dict[str, Any]] = {
    "externalcontact/batch/get_by_user": {"userid_list": [ZHANG], "userid": "", "cursor": "", "limit": 0},
    "externalcontact/contact_list": {"cursor": "", "limit": 0},
    "externalcontact/get_corp_tag_list": {"tag_id": None, "group_id": None},
    "externalcontact/add_corp_tag": {
        "group_id": "", "group_name": "等级", "order": 0, "agentid": 0,
        "tag": [{"id": "", "name": "vip", "create_time": 0, "order": 0, "deleted": False}],
    },
    "externalcontact/list_contact_way": {"start_time": 0, "end_time": 0, "cursor": "", "limit": 0},
    "externalcontact/add_contact_way": {
        "type": 1, "scene": 2, "style": 0, "remark": "", "skip_verify": False, "state": "", "user": [ZHANG],
        "party": None, "is_temp": False, "expires_in": 0, "chat_expires_in": 0, "unionid": "", "is_exclusive": False,
        "mark_source": False, "conclusions": {"text": {"content": ""}, **BODIES},
    },
    "externalcontact/groupchat/list": {"status_filter": 0, "owner_filter": None, "cursor": "", "limit": 10},
    "externalcontact/groupchat/add_join_way": {
        "scene": 2, "remark": "", "auto_create_room": 0, "room_base_name": "", "room_base_id": 0,
        "chat_id_list": [AMYS_GROUP], "state": "", "mark_source": False,
    },
    "externalcontact/group_welcome_template/add": {
        "text": {"content": "欢迎"}, **BODIES, "agentid": 0, "notify": 0,
    },
    "externalcontact/get_groupmsg_list_v2": {
        "chat_type": "single", "start_time": 0, "end_time": 0, "creator": "", "filter_type": 0, "limit": 0,
        "cursor": "",
    },
    "message/send": {
        "touser": ZHANG, "toparty": "", "totag": "", "msgtype": "text", "agentid": AGENT, "text": {"content": "x"},
        "image": None, "voice": {"media_id": ""}, "safe": 0, "enable_id_trans": 0, "enable_duplicate_check": 0,
        "duplicate_check_interval": 0,
    },
    "department/create": {"name": "新店", "name_en": "", "parentid": 1, "order": 0, "id": 0},
    "user/create": {
        "userid": "gopher", "name": "G", "alias": "", "mobile": "13900001111", "department": [1], "order": None,
        "position": "", "gender": "1", "email": "", "biz_mail": "", "telephone": "", "is_leader_in_dept": None,
        "direct_leader": None, "avatar_mediaid": "", "enable": 1, "extattr": {"attrs": None}, "to_invite": True,
        "external_profile": {"external_corp_name": "", "external_attr": None}, "external_position": "",
        "address": "", "main_department": 0,
    },
    "user/list_id": {"cursor": "", "limit": 0},
    "batch/invite": {"user": [ZHANG], "party": None, "tag": None},
    "tag/create": {"tagname": "UI", "tagid": 0},
    "appchat/create": {"name": "", "owner": "", "userlist": [ZHANG, "lisi"], "chatid": ""},
}  # fmt: skip


@pytest.mark.parametrize("path", GO)
async def test_what_is_empty_counts_as_absent(wecom: Wecom, path: str) -> None:
    told = await wecom.post(path, GO[path], access_token=await wecom.token())
    assert told["errcode"] == 0, told


async def test_a_mass_message_and_its_questions_with_everything_empty(wecom: Wecom) -> None:
    token = await wecom.token()
    customers = (await wecom.get("externalcontact/list", access_token=token, userid=ZHANG))["external_userid"]
    asked = {
        "chat_type": "single", "external_userid": customers[:2], "chat_id_list": None, "sender": ZHANG,
        "tag_filter": {"group_list": None}, "allow_select": False, "text": {"content": ""}, "attachments": [LINK],
    }  # fmt: skip
    made = await wecom.post("externalcontact/add_msg_template", asked, access_token=token)
    assert (made["errcode"], made["fail_list"]) == (0, [])
    await wecom.act(f"{STORE}/{ZHANG}", type="confirm", task=made["msgid"])
    for call, rows, count in (
        ("get_groupmsg_task", "task_list", 1),
        ("get_groupmsg_send_result", "send_list", 2),
        ("get_group_msg_result", "detail_list", 2),
    ):
        body = {**NOBODY, "msgid": made["msgid"], "userid": ZHANG}
        told = await wecom.post(f"externalcontact/{call}", body, access_token=token)
        assert (told["errcode"], len(told.get(rows, ())), told.get("next_cursor")) == (0, count, ""), told


@pytest.mark.parametrize(
    "query", ["?access_token={}", "&&access_token={}&", "userid=" + ZHANG + "?access_token={}", "?&?access_token={}"]
)
async def test_a_second_question_mark_parts_what_is_asked(wecom: Wecom, query: str) -> None:
    token = await wecom.token()
    path = f"{wecom.url}/cgi-bin/externalcontact/get_follow_user_list?{query.format(token)}"
    async with wecom.session.get(path) as answer:
        assert (await answer.json())["errcode"] == 0
    async with wecom.session.get(f"{wecom.url}/_hutong/calls") as answer:
        assert token not in await answer.text()


async def test_a_unionid_is_enough(wecom: Wecom) -> None:
    """PowerWeChat's path ends in a question mark, too."""
    token = await wecom.token()
    path = f"{wecom.url}/cgi-bin/externalcontact/unionid_to_external_userid??access_token={token}"
    unionid = wecom.gateway.router.state.consumer(AMY).unionid
    async with wecom.session.post(path, json={"unionid": unionid, "openid": ""}) as answer:
        told = await answer.json()
    assert told["external_userid"] == wecom.gateway.router.state.name_of(STORE, AMY)


async def test_a_file_is_given_to_an_address_with_two_question_marks(wecom: Wecom) -> None:
    media = wecom.sdk().media
    media_id = (await threaded(media.upload, "file", ("a.txt", b"hello hello")))["media_id"]
    token = await wecom.token()
    path = f"{wecom.url}/cgi-bin/media/get?media_id={media_id}?access_token={token}"
    async with wecom.session.get(path, headers={"Range": "bytes=6-"}) as answer:
        assert (answer.status, await answer.read()) == (206, b"hello")

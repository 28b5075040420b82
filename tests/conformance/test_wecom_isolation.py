"""No enterprise learns of another: what belongs to another one is answered exactly like what belongs to nobody.

Every call is made once for every id in its request: with one of the other enterprise's, then with one that nobody has.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest
from aiohttp import FormData, web

from adapters.wecom_api import CALLS
from tests.conformance.wecom import AGENT, AMY, AMYS_GROUP, STORE, ZHANG, Wecom, wecom

__all__ = ["wecom"]

OTHER: Final = "wwsongyin"
PNG: Final = b"\x89PNG\r\n\x1a\n" + b"\0" * 64

# What each key of a request names; a key that is in neither table fails the test.
KINDS: Final = {
    **dict.fromkeys(
        ("userid", "userlist", "useridlist", "userid_list", "add_user_list", "del_user_list", "user", "owner", "sender",
         "creator", "direct_leader", "touser", "userids"), "member"),
    **dict.fromkeys(("toparty", "partyids", "partylist", "party", "department", "department_id", "parentid",
                     "main_department"), "department"),
    **dict.fromkeys(("totag", "tagids", "tagid", "tag"), "book tag"),
    **dict.fromkeys(("tag_id", "add_tag", "remove_tag", "tag_list", "tag_ids"), "tag"),
    **dict.fromkeys(("logo_mediaid", "avatar_mediaid", "remark_pic_mediaid", "media_id", "pic_media_id",
                     "thumb_media_id"), "media"),
    **dict.fromkeys(("external_userid", "external_userid_list"), "customer"),
    **dict.fromkeys(("chat_id", "chat_id_list"), "group"),
    "chatid": "app group", "config_id": "way", "template_id": "template", "group_id": "tag group", "code": "code",
    "openid": "openid", "mobile": "mobile", "email": "email", "biz_mail": "email", "response_code": "response",
    "unionid": "unionid", "msgid": "mass", "user_ticket": "code", "welcome_code": "code",
    "opengid": "opengid", "agentid": "agent",
}  # fmt: skip
OF_PATH: Final = {
    ("message/recall", "msgid"): "message",
    ("externalcontact/edit_corp_tag", "id"): "tag",
    ("department/update", "id"): "department", ("department/delete", "id"): "department",
    ("department/list", "id"): "department", ("department/simplelist", "id"): "department",
    ("department/get", "id"): "department",
    ("externalcontact/add_corp_tag", "tag"): "",  # names of new ones
    # What is named by who makes it: there is nothing to be learnt of others, and it is there afterwards.
    ("department/create", "id"): "", ("user/create", "userid"): "",
    ("tag/create", "tagid"): "", ("appchat/create", "chatid"): "",
}  # fmt: skip
OWN_WORDS: Final = dict.fromkeys(("room_base_id", "new_userid"))  # name nothing that is there
JOIN: Final = ("get_join_way", "update_join_way", "del_join_way")
BESIDES: Final[dict[str, dict[str, Any]]] = {
    "message/send": {"msgtype": "text", "text": {"content": "x"}},
    "appchat/send": {"msgtype": "text", "text": {"content": "x"}},
    "appchat/create": {"userlist": [ZHANG, "lisi"]},
    "user/create": {"userid": "?new", "name": "Neu", "department": [1]},
    "department/create": {"name": "Neu", "parentid": 1},
    "externalcontact/add_contact_way": {"type": 1, "scene": 2},
    "crm/add_contact_way": {"type": 1, "scene": 2},
    "externalcontact/add_msg_template": {"text": {"content": "x"}, "chat_type": "single", "sender": ZHANG},
    "crm/add_msg_template": {"text": {"content": "x"}, "sender": ZHANG},
    "externalcontact/group_welcome_template/edit": {"text": {"content": "x"}},
    "externalcontact/send_welcome_msg": {"text": {"content": "x"}},
    "externalcontact/groupchat/add_join_way": {"scene": 2, "chat_id_list": [AMYS_GROUP]},
    "externalcontact/groupchat/update_join_way": {"scene": 2, "chat_id_list": [AMYS_GROUP]},
    "externalcontact/get_groupmsg_list_v2": {"chat_type": "single", "start_time": 1, "end_time": 9},
    "externalcontact/remark": {"remark": "x"},
    "externalcontact/batch/get_by_user": {"userid_list": [ZHANG]},
    "externalcontact/edit_corp_tag": {"name": "x"},
    "externalcontact/add_corp_tag": {"tag": [{"name": "x"}]},
    "externalcontact/mark_tag": {"add_tag": ["etnone"]},
    "message/update_template_card": {"userids": [ZHANG], "button": {"replace_name": "x"}},
}  # fmt: skip
DEEPER: Final[list[tuple[str, str, dict[str, Any]]]] = [
    ("message/send", "media", {"msgtype": "image", "image": {"media_id": "?"}, "touser": ZHANG, "agentid": AGENT}),
    ("message/send", "media", {"msgtype": "file", "file": {"media_id": "?"}, "touser": ZHANG, "agentid": AGENT}),
    ("externalcontact/add_msg_template", "media",
     {"attachments": [{"msgtype": "image", "image": {"media_id": "?"}}], "sender": ZHANG}),
    ("externalcontact/add_msg_template", "tag",
     {"text": {"content": "x"}, "sender": ZHANG, "tag_filter": {"group_list": [{"tag_list": ["?"]}]}}),
    ("externalcontact/group_welcome_template/add", "media", {"image": {"media_id": "?"}}),
    ("externalcontact/groupchat/list", "member", {"limit": 10, "owner_filter": {"userid_list": ["?"]}}),
    ("externalcontact/add_contact_way", "media",
     {"type": 1, "scene": 2, "user": [ZHANG], "is_temp": True, "conclusions": {"image": {"media_id": "?"}}}),
]  # fmt: skip
MADE: Final = frozenset({"msgid", "config_id", "qr_code", "template_id", "response_code", "created_at", "chatid", "id"})


class Other:
    """What the other enterprise has, one of each kind."""

    def __init__(self, wecom: Wecom, token: str) -> None:
        self._wecom = wecom
        self._token = token

    async def _make(self, path: str, **body: object) -> dict[str, Any]:
        told = await self._wecom.post(path, body, access_token=self._token)
        assert told["errcode"] == 0, (path, told)
        return told

    async def _media(self) -> str:
        form = FormData()
        form.add_field("media", PNG, filename="a.png")
        url = f"{self._wecom.url}/cgi-bin/media/upload?type=image&access_token={self._token}"
        async with self._wecom.session.post(url, data=form) as answer:
            return str((await answer.json())["media_id"])

    async def have(self) -> dict[str, Any]:
        """Make one of each kind."""
        contact, text = "externalcontact/", {"content": "x"}
        await self._wecom.control("PUT", f"/consumers/{AMY}", {"nickname": "Amy", "unionid": "union-amy"})
        await self._wecom.control("PUT", f"/corps/{OTHER}/relations/mali/{AMY}", {})
        amy = (await self._wecom.control("GET", f"/people/{AMY}"))["external_userids"][OTHER]
        await self._make("user/create", userid="foreigner", name="Far", department=[1], mobile="13900000001",
                         email="far@away.example")  # fmt: skip
        group = (await self._make(f"{contact}add_corp_tag", group_name="g", tag=[{"name": "t"}]))["tag_group"]
        card = {"card_type": "button_interaction", "task_id": "t1", "main_title": {"title": "x"},
                "button_list": [{"text": "x", "key": "k"}]}  # fmt: skip
        sent = await self._make("message/send", touser="mali", agentid=AGENT, msgtype="template_card",
                                template_card=card)  # fmt: skip
        mass = await self._make(f"{contact}add_msg_template", external_userid=[amy], sender="mali", text=text)
        code = await self._wecom.control("POST", f"/people/{OTHER}/mali/oauth-codes",
                                         {"corpid": OTHER, "agent_id": str(AGENT)})  # fmt: skip
        await self._wecom.control("PUT", f"/corps/{OTHER}/apps/7000001", {"name": "x", "secret": "another-of-theirs"})
        return {
            "member": "foreigner", "mobile": "13900000001", "email": "far@away.example", "customer": amy,
            "department": (await self._make("department/create", name="Far", parentid=1, id=7_000_001))["id"],
            "book tag": (await self._make("tag/create", tagname="Far", tagid=7_000_001))["tagid"],
            "tag": group["tag"][0]["id"], "tag group": group["group_id"], "media": await self._media(),
            "group": "wrtasting", "message": sent["msgid"], "mass": mass["msgid"], "response": sent["response_code"],
            "app group": (await self._make("appchat/create", userlist=["mali", "hubin"], chatid="awaychat"))["chatid"],
            "way": (await self._make(f"{contact}add_contact_way", type=1, scene=2, user=["mali"]))["config_id"],
            "join way": (await self._make(f"{contact}groupchat/add_join_way", scene=2, chat_id_list=["wrtasting"]))[
                "config_id"],
            "template": (await self._make(f"{contact}group_welcome_template/add", text=text))["template_id"],
            "openid": (await self._make("user/convert_to_openid", userid="mali"))["openid"],
            "code": code["code"], "unionid": "union-far", "opengid": "wrtasting", "agent": 7_000_001,
        }  # fmt: skip


async def ours_of(wecom: Wecom, token: str) -> dict[str, Any]:
    """Make what a request needs beside the id that it is about; give it by its placeholder."""
    amy = (await wecom.control("GET", f"/people/{AMY}"))["external_userids"][STORE]
    way = {"type": 1, "scene": 2, "user": [ZHANG]}
    made = {
        "?way": ("externalcontact/add_contact_way", way, "config_id"),
        "?join": ("externalcontact/groupchat/add_join_way", {"scene": 2, "chat_id_list": [AMYS_GROUP]}, "config_id"),
        "?mass": ("externalcontact/add_msg_template",
                  {"external_userid": [amy], "sender": ZHANG, "text": {"content": "x"}}, "msgid"),
        "?chat": ("appchat/create", {"userlist": [ZHANG, "lisi"], "chatid": "ourchat"}, "chatid"),
        "?tag": ("tag/create", {"tagname": "Our", "tagid": 1}, "tagid"),
    }  # fmt: skip
    return {"?amy": amy} | {
        key: (await wecom.post(path, body, access_token=token))[told] for key, (path, body, told) in made.items()
    }


def kind_of(path: str, key: str) -> str:
    kind = OF_PATH.get((path, key), KINDS.get(key, ""))
    return "join way" if kind == "way" and path.endswith(JOIN) else kind


def asked_of(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the kind of each id of a request, and the request with a ? where it goes."""
    call = CALLS[path]
    if call.asked is web.Request:
        yield from ((kind_of(path, key), {key: "?"}) for key in call.query if kind_of(path, key))
        return
    own = {"userid": ZHANG, "external_userid": "?amy", "agentid": AGENT, "chat_id": AMYS_GROUP, "chatid": "?chat",
           "department_id": 1, "parentid": 1, "tagid": "?tag", "msgid": "?mass",
           "config_id": "?join" if path.endswith(JOIN) else "?way"}  # fmt: skip
    fields = msgspec.structs.fields(call.asked)
    base = {one.encode_name: own.get(one.encode_name, _some(one.type)) for one in fields if one.required}
    base |= BESIDES.get(path, {})
    for one in fields:
        key = one.encode_name
        if kind := kind_of(path, key):
            yield kind, base | {key: ["?"] if "list[" in str(one.type) or "tuple[" in str(one.type) else "?"}


def _some(type_: Any) -> object:
    return 1 if "int" in str(type_) else ["x"] if "list" in str(type_) else "x"


def filled(asked: Any, one: object, own: dict[str, Any]) -> Any:
    """Put an id where the ? stands, and what is ours in its places."""
    if isinstance(asked, dict):
        return {key: filled(value, one, own) for key, value in asked.items()}
    if isinstance(asked, list):
        return [filled(value, one, own) for value in asked]
    return one if asked == "?" else own.get(asked, asked) if isinstance(asked, str) else asked


def nobodys(one: Any) -> Any:
    """Make an id of the same form that nobody has."""
    if isinstance(one, int):
        return one + 1
    at = len(one) - 3 if "@" not in one else 2
    return one[:at] + ("2" if one[at] != "2" else "3") + one[at + 1 :]


def alike(told: Any, one: object) -> Any:
    """Leave out of an answer what differs from one to the next: the id itself, the hint, what was made."""
    told = {key: "made" if key in MADE else value for key, value in told.items()}
    told["errmsg"] = re.sub(r"hint: \[[^]]*\]", "", told["errmsg"])
    return json.dumps(told, ensure_ascii=False).lower().replace(json.dumps(one).strip('"').lower(), "?")


def cases() -> list[tuple[str, str, dict[str, Any]]]:
    """List every id of every call; last come those that may give a member of ours a number of theirs."""
    paths = sorted((path for path, call in CALLS.items() if not call.open), key=("user/create", "user/update").count)
    return [(path, kind, asked) for path in paths for kind, asked in asked_of(path)] + DEEPER


async def told(wecom: Wecom, path: str, asked: dict[str, Any], token: str) -> dict[str, Any]:
    if CALLS[path].method == "POST":
        return await wecom.post(path, asked, access_token=token)
    return await wecom.get(path, access_token=token, **asked)


async def test_ids_of_another_enterprise_are_ids_of_nobody(wecom: Wecom, subtests: pytest.Subtests) -> None:
    theirs = await Other(wecom, await wecom.token(OTHER, f"secret-of-{OTHER}")).have()
    token, numbers = await wecom.token(), Counter[int]()
    own = await ours_of(wecom, token)
    for count, (path, kind, asked) in enumerate(cases()):
        with subtests.test(path=path, kind=kind, asked=str(asked)):
            foreign, absent = theirs[kind], nobodys(theirs[kind])
            ours = await told(wecom, path, filled(asked, foreign, own | {"?new": f"new{count}a"}), token)
            none = await told(wecom, path, filled(asked, absent, own | {"?new": f"new{count}b"}), token)
            assert alike(ours, foreign) == alike(none, absent)
            numbers[ours["errcode"]] += 1
    assert len(numbers) > 25, "the calls do not come far"


def test_every_key_that_names_something_is_looked_at() -> None:
    keys = {
        (path, one.encode_name)
        for path, call in CALLS.items()
        if call.asked is not web.Request and not call.open
        for one in msgspec.structs.fields(call.asked)
        if re.search("(id|ids|user|users|list|party|tag|ticket|code)$", one.encode_name)
    }
    assert sorted(key for key in keys if key[1] not in KINDS | OWN_WORDS and key not in OF_PATH) == []

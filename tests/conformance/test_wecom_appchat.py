"""Groups of members that an app makes: who sits there, who may change it, what is said in it (DOC 90244 to 90248)."""

from typing import Any

import pytest

from hutong.client import Member, Refused
from tests.conformance.wecom import AGENT, STORE, ZHANG, Wecom, threaded, wecom

__all__ = ["wecom"]

LI, WANG = "lisi", "wangwu"
OTHER = "wwsongyin"


async def make(wecom: Wecom, **asked: object) -> str:
    told = await call(wecom, "create", {"userlist": [ZHANG, LI], **asked})
    assert told["errcode"] == 0, told
    return str(told["chatid"])


async def call(wecom: Wecom, path: str, asked: object) -> dict[str, Any]:
    return await wecom.post(f"appchat/{path}", asked, access_token=await wecom.token())


async def group(wecom: Wecom, chatid: str) -> dict[str, Any]:
    told = await wecom.get("appchat/get", access_token=await wecom.token(), chatid=chatid)
    assert told["errcode"] == 0, told
    row: dict[str, Any] = told["chat_info"]
    return row


def reader(wecom: Wecom, userid: str) -> Member:
    return Member(wecom.url, wecom.gateway.tokens.link_token(f"{STORE}/{userid}", "phone"))


async def test_an_sdk_makes_a_group_changes_it_and_speaks_in_it(wecom: Wecom) -> None:
    chats = wecom.sdk().appchat
    told = await threaded(chats.create, "daily1", "日报", ZHANG, [ZHANG, LI])
    assert told["chatid"] == "daily1"
    assert await threaded(chats.get, "daily1") == {
        "chatid": "daily1", "name": "日报", "owner": ZHANG, "userlist": [ZHANG, LI]
    }  # fmt: skip
    await threaded(chats.update, "daily1", name="周报", owner=LI, add_user_list=[WANG], del_user_list=[ZHANG])
    assert await threaded(chats.get, "daily1") == {
        "chatid": "daily1", "name": "周报", "owner": LI, "userlist": [LI, WANG]
    }  # fmt: skip
    async with reader(wecom, WANG) as wang:
        await threaded(chats.send_text, "daily1", "开会")
        await threaded(chats.send, "daily1", "markdown", content="**急**")
        await wang.wait_for(lambda message: message.content["kind"] == "markdown")
        said = [(message.side, message.sender, message.text) for message in wang.messages if message.side == "app"]
    assert said == [("app", str(AGENT), "开会"), ("app", str(AGENT), "**急**")]


async def test_members_read_what_is_said_while_they_are_in(wecom: Wecom) -> None:
    chatid = await make(wecom)
    await call(wecom, "send", {"chatid": chatid, "msgtype": "text", "text": {"content": "一"}})
    await call(wecom, "update", {"chatid": chatid, "add_user_list": [WANG]})
    await call(wecom, "send", {"chatid": chatid, "msgtype": "text", "text": {"content": "二"}})
    await call(wecom, "update", {"chatid": chatid, "del_user_list": [ZHANG]})
    await call(wecom, "send", {"chatid": chatid, "msgtype": "text", "text": {"content": "三"}})
    for userid, seen in ((ZHANG, ["一", "二"]), (LI, ["一", "二", "三"]), (WANG, ["二", "三"])):
        async with reader(wecom, userid) as person:
            await person.wait_for(lambda message, last=seen[-1]: message.text == last)  # type: ignore[misc]
            assert [message.text for message in person.messages if message.side == "app"] == seen


async def test_who_is_named_twice_goes_once(wecom: Wecom) -> None:
    chatid = await make(wecom, userlist=[ZHANG, LI, WANG])
    told = await call(wecom, "update", {"chatid": chatid, "del_user_list": [WANG, WANG, "nobody", "nobody"]})
    assert told["errcode"] == 0
    assert (await group(wecom, chatid))["userlist"] == [ZHANG, LI]


async def test_members_neither_speak_in_it_nor_change_it(wecom: Wecom) -> None:
    chatid = await make(wecom)
    async with reader(wecom, ZHANG) as zhang:
        opened = await zhang.wait_for(
            lambda message: message.affair == "group_opened" and message.content["opens"] == "group"
            and message.text == ""
        )  # fmt: skip
        chat = opened.content["conversation"]
        for frame, more in (
            ("send", {"content": {"kind": "text", "text": "收到"}}),
            ("invite", {"members": [WANG]}),
            ("rename", {"name": "x"}),
            ("leave", {}),
        ):
            with pytest.raises(Refused) as refused:
                await zhang.command(frame, conversation=chat, **more)
            assert refused.value.reason == "wrong_kind", frame
    assert (await group(wecom, chatid))["userlist"] == [ZHANG, LI]


async def test_a_name_is_cut_and_an_id_is_made(wecom: Wecom) -> None:
    first, second = await make(wecom, name="名" * 60), await make(wecom)
    assert first != second and first.startswith("wr")
    assert (await group(wecom, first))["name"] == "名" * 50
    assert (await group(wecom, second))["owner"] == ZHANG, "the first member, without an owner"


@pytest.mark.parametrize(
    ("asked", "errcode"),
    [
        ({"userlist": [ZHANG]}, 86006),
        ({"userlist": [ZHANG, ZHANG]}, 86006),
        ({"userlist": []}, 86006),
        ({}, 86006),
        ({"userlist": [str(number) for number in range(2001)]}, 40058),
        ({"userlist": [ZHANG, "nobody"]}, 86216),
        ({"userlist": [ZHANG, "mali"]}, 86216),  # another enterprise's
        ({"userlist": [ZHANG, LI], "owner": WANG}, 86207),
        ({"userlist": [ZHANG, LI], "owner": "nobody"}, 86207),
        ({"userlist": [ZHANG, LI], "chatid": "no-hyphens"}, 86001),
        ({"userlist": [ZHANG, LI], "chatid": "a" * 33}, 86001),
        ({"userlist": [ZHANG, LI], "chatid": "taken"}, 86215),
        ({"userlist": "zhangsan"}, 40058),
    ],
)
async def test_what_is_wrong_with_a_new_group_is_told_by_number(
    wecom: Wecom, asked: dict[str, object], errcode: int
) -> None:
    await make(wecom, chatid="taken")
    assert (await call(wecom, "create", asked))["errcode"] == errcode


@pytest.mark.parametrize(
    ("asked", "errcode"),
    [
        ({"del_user_list": [LI]}, 86006),
        ({"add_user_list": ["nobody"]}, 86216),
        ({"owner": WANG}, 86207),
        ({"owner": WANG, "add_user_list": [WANG]}, 0),
        ({"add_user_list": [ZHANG], "del_user_list": ["nobody"]}, 0),
        ({"chatid": "none"}, 40050),
        ({"chatid": ""}, 40050),
        ({"chatid": "wrpeoplesroad"}, 40050),  # a customer group is none of these
        ({}, 0),
    ],
)
async def test_what_is_wrong_with_a_change_is_told_by_number(
    wecom: Wecom, asked: dict[str, object], errcode: int
) -> None:
    chatid = await make(wecom)
    assert (await call(wecom, "update", {"chatid": chatid, **asked}))["errcode"] == errcode


async def test_an_owner_who_goes_is_followed_by_the_first_who_stays(wecom: Wecom) -> None:
    chatid = await make(wecom, userlist=[ZHANG, LI, WANG])
    await call(wecom, "update", {"chatid": chatid, "del_user_list": [ZHANG]})
    assert (await group(wecom, chatid))["owner"] == LI


async def test_a_group_is_its_apps_alone(wecom: Wecom) -> None:
    chatid = await make(wecom)
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000003", {"name": "x", "secret": "another"})
    second, foreign = await wecom.token(STORE, "another"), await wecom.token(OTHER, f"secret-of-{OTHER}")
    words = {"chatid": chatid, "msgtype": "text", "text": {"content": "x"}}
    for token, errcode in ((second, 86008), (foreign, 40050)):
        assert (await wecom.get("appchat/get", access_token=token, chatid=chatid))["errcode"] == errcode
        for path in ("update", "send"):
            assert (await wecom.post(f"appchat/{path}", words, access_token=token))["errcode"] == errcode


@pytest.mark.parametrize(
    ("asked", "errcode"),
    [
        ({"msgtype": "text", "text": {"content": ""}}, 40058),
        ({"msgtype": "template_card", "template_card": {"card_type": "x"}}, 40008),
        ({"msgtype": "image", "image": {"media_id": "none"}}, 40007),
        ({"text": {"content": "x"}}, 40008),
        ({"chatid": "none", "msgtype": "text", "text": {"content": "x"}}, 40050),
    ],
)
async def test_what_is_wrong_with_words_is_told_by_number(
    wecom: Wecom, asked: dict[str, object], errcode: int
) -> None:  # fmt: skip
    chatid = await make(wecom)
    assert (await call(wecom, "send", {"chatid": chatid, **asked}))["errcode"] == errcode


async def test_what_a_group_does_not_take_is_dropped_and_the_app_is_not_told(wecom: Wecom) -> None:
    await wecom.control("PUT", "/profile", {"name": "tiny"})
    await wecom.control("POST", "/clock", {"rate": 0})
    chatid = await make(wecom)
    for words in ("一", "二", "三"):
        told = await call(wecom, "send", {"chatid": chatid, "msgtype": "text", "text": {"content": words}})
        assert told["errcode"] == 0
        assert wecom.headers.get("X-Hutong-Dropped") == ("1" if words == "三" else None)
    async with reader(wecom, LI) as li:
        await li.wait_for(lambda message: message.text == "二")
        assert [message.text for message in li.messages if message.side == "app"] == ["一", "二"]
    decisions = (await wecom.control("GET", "/decisions?reason=conversation_frequency"))["decisions"]
    assert [(row["what"], row["rule"]) for row in decisions] == [
        ("SayInAppGroup", "frequency/app_group/conversation/minute")
    ]


async def test_no_callback_tells_of_what_the_app_did_itself(wecom: Wecom) -> None:
    row = {"name": "x", "secret": "another", "callback_url": "http://127.0.0.1:9", "callback_token": "t"}
    row["callback_aes_key"] = "a" * 43
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000003", row)
    before = list(wecom.gateway.router.state.corps[STORE].apps["1000003"].due)
    chatid = await make(wecom)
    await call(wecom, "update", {"chatid": chatid, "name": "x", "add_user_list": [WANG], "del_user_list": [ZHANG]})
    assert wecom.gateway.router.state.corps[STORE].apps["1000003"].due == before

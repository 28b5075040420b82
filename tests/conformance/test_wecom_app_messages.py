"""Messages of apps: who gets them, in which words, how often, and how they are taken back (DOC 90236)."""

from typing import Any

import pytest

from hutong.client import Member
from hutong.wire import Encoding
from tests.conformance.test_wecom_media import AMR, JPG, MP4, post_file
from tests.conformance.wecom import AGENT, STORE, ZHANG, Wecom, threaded, wecom

__all__ = ["wecom"]

DAY_MS = 24 * 3_600_000
LI = "lisi"
STAFF = 14  # of the store
OTHER = "wwsongyin"


def text(words: str = "开会", **more: object) -> dict[str, object]:
    return {"msgtype": "text", "agentid": AGENT, "text": {"content": words}, **more}


async def send(wecom: Wecom, **asked: object) -> dict[str, Any]:
    return await wecom.post("message/send", asked, access_token=await wecom.token())


async def read(wecom: Wecom, userid: str) -> list[dict[str, Any]]:
    """Give what the app has said to a member, oldest first."""
    told = await wecom.control("GET", f"/messages?person={STORE}/{userid}")
    return [row["content"] for row in told["messages"] if row["side"] == "app"]


def reader(wecom: Wecom, userid: str, encoding: Encoding = "msgpack") -> Member:
    token = wecom.gateway.tokens.link_token(f"{STORE}/{userid}", "phone")
    return Member(wecom.url, token, encoding=encoding)


async def media(wecom: Wecom, kind: str, body: bytes) -> str:
    return str((await post_file(wecom, await wecom.token(), body, kind))["media_id"])


async def test_an_sdk_sends_every_kind_that_it_knows(wecom: Wecom) -> None:
    message, token = wecom.sdk().message, await wecom.token()
    assert token
    image, voice = await media(wecom, "image", JPG), await media(wecom, "voice", AMR)
    video, file = await media(wecom, "video", MP4), await media(wecom, "file", b"123456")
    article = {"title": "t", "description": "d", "url": "http://a", "image": "http://b"}
    page = {
        "thumb_media_id": image, "author": "a", "title": "t", "content": "<b>c</b>", "content_source_url": "http://a",
        "digest": "d", "show_cover_pic": 0,
    }  # fmt: skip
    for call, arguments in (
        (message.send_text, ("你好",)),
        (message.send_image, (image,)),
        (message.send_voice, (voice,)),
        (message.send_video, (video, "片名", "说明")),
        (message.send_file, (file,)),
        (message.send_text_card, ("领奖", "<div>一台</div>", "http://a")),
        (message.send_articles, ([article],)),
        (message.send_mp_articles, ([page],)),
        (message.send_markdown, ("**重要**",)),
    ):
        told = await threaded(call, AGENT, [ZHANG, LI], *arguments)
        assert (told["errcode"], told["invaliduser"], told["invalidparty"], told["invalidtag"]) == (0, "", "", "")
        assert told["msgid"].startswith("msg")
        assert "response_code" not in told
    said = await read(wecom, LI)
    assert said == await read(wecom, ZHANG)
    assert said == [
        {"kind": "text", "text": "你好"},
        {"kind": "image", "media_id": image},
        {"kind": "voice", "media_id": voice},
        {"kind": "video", "media_id": video, "name": "片名", "description": "说明"},
        {"kind": "file", "media_id": file},
        {"kind": "text_card", "title": "领奖", "description": "<div>一台</div>", "url": "http://a", "button": "详情"},
        {
            "kind": "articles",
            "articles": [{"title": "t", "description": "d", "url": "http://a", "image_url": "http://b"}],
        },
        {
            "kind": "articles",
            "articles": [{"title": "t", "description": "d", "url": "http://a", "media_id": image, "author": "a"}],
        },
        {"kind": "markdown", "text": "**重要**"},
    ]


async def test_cards_reach_members_as_the_app_laid_them_out(wecom: Wecom) -> None:
    notice = {
        "appid": "wx1", "page": "p", "title": "会议室", "description": "d", "emphasis_first_item": True,
        "content_item": [{"key": "会议室", "value": "402"}],
    }  # fmt: skip
    told = await send(
        wecom, touser=ZHANG, msgtype="miniprogram_notice", agentid=AGENT, miniprogram_notice=notice
    )  # fmt: skip
    assert told["errcode"] == 0
    card = {"card_type": "text_notice", "main_title": {"title": "欢迎", "desc": None}, "jump_list": [{"type": 1}]}
    assert "response_code" not in await send(
        wecom, touser=ZHANG, msgtype="template_card", agentid=AGENT, template_card=card
    )  # fmt: skip
    button = {"card_type": "button_interaction", "button_list": [{"text": "好", "key": "yes"}]}
    told = await send(wecom, touser=ZHANG, msgtype="template_card", agentid=AGENT, template_card=button)
    assert isinstance(told["response_code"], str) and told["response_code"]
    async with reader(wecom, ZHANG) as zhang:
        await zhang.wait_for(lambda message: message.content.get("card_type") == "button_interaction")
        said = [message.content for message in zhang.messages if message.side == "app"]
    assert said[0]["items"] == [["会议室", "402"]]
    assert said[0]["emphasis"] is True
    assert said[1]["card"]["main_title"]["title"] == "欢迎"
    assert said[2] == {"kind": "template_card", "card_type": "button_interaction", "card": button}


@pytest.mark.parametrize(
    ("target", "reached", "told"),
    [
        ({"touser": "zhangsan"}, 1, {}),
        ({"touser": "zhangsan|lisi|zhangsan"}, 2, {}),
        ({"touser": " zhangsan | lisi "}, 2, {}),
        ({"touser": "zhangsan|NoBody|mali"}, 1, {"invaliduser": "nobody|mali"}),
        ({"toparty": "2"}, 7, {}),
        ({"toparty": 2}, 7, {}),
        ({"toparty": "1"}, STAFF, {}),
        ({"toparty": "2|99|x"}, 7, {"invalidparty": "99|x"}),
        ({"touser": "zhangsan", "toparty": "2|3"}, STAFF, {}),
        ({"touser": "@all"}, STAFF, {}),
        ({"touser": "@all", "toparty": "99"}, STAFF, {}),
        ({"touser": "zhangsan", "toparty": None, "totag": ""}, 1, {}),
    ],
)
async def test_members_are_named_by_id_by_department_or_all(
    wecom: Wecom, target: dict[str, object], reached: int, told: dict[str, str]
) -> None:
    answer = await send(wecom, **text(), **target)
    assert {key: value for key, value in answer.items() if key.startswith("invalid") and value} == told
    assert answer["unlicenseduser"] == ""
    (message,) = wecom.gateway.router.state.corps[STORE].messages.kept.values()
    assert len(message.places) == reached


async def test_who_has_left_or_is_not_activated_gets_nothing(wecom: Wecom) -> None:
    for userid, state in (("zhangsan", {"departed": True}), ("lisi", {"activated": False})):
        row = {"name": "x", "departments": [2], **state}
        await wecom.control("PUT", f"/corps/{STORE}/members/{userid}", row)
    assert (await send(wecom, **text(touser="zhangsan|lisi|wangwu")))["invaliduser"] == "zhangsan|lisi"
    await send(wecom, **text(touser="@all"))
    newest = list(wecom.gateway.router.state.corps[STORE].messages.kept.values())[-1]
    assert len(newest.places) == STAFF - 2


@pytest.mark.parametrize(
    ("asked", "errcode"),
    [
        (text(), 82001),
        (text(touser="", toparty="|"), 82001),
        (text(touser="nobody"), 81013),
        (text(touser="mali"), 81013),  # another enterprise's
        (text(touser="nobody", toparty="99", totag="1"), 81013),
        (text(touser="|".join(map(str, range(1001)))), 40058),
        (text(touser="a", toparty="|".join(map(str, range(101)))), 40058),
        (text(touser="a", totag="|".join(map(str, range(101)))), 40058),
        ({**text(touser=ZHANG), "agentid": 1}, 40056),
        ({"touser": ZHANG, "msgtype": "text", "text": {"content": "a"}}, 40056),
        ({**text(touser=ZHANG), "agentid": "1000002"}, 0),
        ({**text(touser=ZHANG), "msgtype": "song"}, 40008),
        ({"touser": ZHANG, "agentid": AGENT}, 40008),
        ({**text(touser=ZHANG), "text": {}}, 40058),
        ({**text(touser=ZHANG), "text": None}, 40058),
        ({**text(touser=ZHANG), "text": {"content": ""}}, 40058),
        ({**text(touser=ZHANG), "text": [1]}, 40058),
        ({**text(touser=ZHANG), "image": {}, "news": {"articles": None}, "video": None}, 0),
        ({"touser": ZHANG, "agentid": AGENT, "msgtype": "image", "image": {"media_id": "none"}}, 40007),
        ({"touser": ZHANG, "agentid": AGENT, "msgtype": "news", "news": {"articles": []}}, 40058),
        ({"touser": ZHANG, "agentid": AGENT, "msgtype": "news", "news": {"articles": [{"title": "t"}] * 9}}, 40058),
        (
            {"touser": ZHANG, "agentid": AGENT, "msgtype": "textcard", "textcard": {"title": "t"}},
            40058,
        ),
        ({"touser": ZHANG, "agentid": AGENT, "msgtype": "template_card", "template_card": {"card_type": ""}}, 40058),
    ],
)
async def test_what_is_wrong_with_a_message_is_told_by_number(
    wecom: Wecom, asked: dict[str, object], errcode: int
) -> None:
    assert (await send(wecom, **asked))["errcode"] == errcode
    assert wecom.gateway.router.statistics.defects == 0
    assert len(await read(wecom, ZHANG)) == (errcode == 0)


async def test_a_deep_card_is_refused_and_half_a_character_is_none(wecom: Wecom) -> None:
    card: dict[str, Any] = {"card_type": "text_notice"}
    for _ in range(200):
        card = {"card_type": "text_notice", "deeper": card}
    told = await send(wecom, touser=ZHANG, agentid=AGENT, msgtype="template_card", template_card=card)
    assert told["errcode"] == 40058
    for body in (
        b'{"touser":"zhangsan","agentid":1000002,"msgtype":"text","text":{"content":"\\ud800"}}',
        b'{"touser":"\\ud800x|zhangsan","agentid":1000002,"msgtype":"markdown","markdown":{"content":"\\udc00a"}}',
    ):
        told = await wecom.post("message/send", body, access_token=await wecom.token())
        assert told["errcode"] == 40058
    assert wecom.gateway.router.statistics.defects == 0


async def test_a_file_must_be_of_the_kind_that_the_message_is(wecom: Wecom) -> None:
    image = await media(wecom, "image", JPG)
    for kind, errcode in (("image", 0), ("voice", 40007), ("video", 40007), ("file", 40007)):
        told = await send(wecom, touser=ZHANG, agentid=AGENT, msgtype=kind, **{kind: {"media_id": image}})
        assert told["errcode"] == errcode, kind


@pytest.mark.parametrize(
    ("words", "cut"),
    [
        ("a" * 2048, "a" * 2048),
        ("a" * 2049, "a" * 2048),
        ("名" * 700, "名" * 682),
        ("😀" * 600, "😀" * 512),
    ],
)
async def test_a_text_that_is_too_long_is_cut_between_two_characters(wecom: Wecom, words: str, cut: str) -> None:
    for kind in ("text", "markdown"):
        told = await send(wecom, touser=ZHANG, agentid=AGENT, msgtype=kind, **{kind: {"content": words}})
        assert told["errcode"] == 0
    assert [content["text"] for content in await read(wecom, ZHANG)] == [cut, cut]


async def test_a_title_that_is_too_long_is_cut(wecom: Wecom) -> None:
    card = {"title": "名" * 50, "description": "说" * 200, "url": "http://a", "btntxt": "查看更多详情"}
    await send(wecom, touser=ZHANG, agentid=AGENT, msgtype="textcard", textcard=card)
    (said,) = await read(wecom, ZHANG)
    assert (said["title"], said["description"], said["button"]) == ("名" * 42, "说" * 170, "查看更多")


async def test_the_same_is_not_said_twice_where_the_app_asks_for_that(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    asked = text(touser=ZHANG, enable_duplicate_check=1, duplicate_check_interval=60)
    first = await send(wecom, **asked)
    again = await send(wecom, **asked)
    assert (again["errcode"], again["msgid"]) == (0, first["msgid"])
    assert wecom.headers["X-Hutong-Duplicate-Of"] == first["msgid"]
    assert (await send(wecom, **{**asked, "touser": LI}))["msgid"] != first["msgid"]
    assert (await send(wecom, **{**asked, **text("别的")}))["msgid"] != first["msgid"]
    assert (await send(wecom, **text(touser=ZHANG)))["msgid"] != first["msgid"], "without the check"
    assert len(await read(wecom, ZHANG)) == 3
    await wecom.control("POST", "/clock", {"advance_ms": 60_000})
    assert (await send(wecom, **asked))["msgid"] != first["msgid"]
    await wecom.control("POST", "/clock", {"advance_ms": 4 * 3_600_000 - 1})
    long = text(touser=ZHANG, enable_duplicate_check=1, duplicate_check_interval=10**6)
    await send(wecom, **long)
    assert len(await read(wecom, ZHANG)) == 4, "four hours at most"
    await wecom.control("POST", "/clock", {"advance_ms": 1})
    await send(wecom, **long)
    assert len(await read(wecom, ZHANG)) == 5


async def test_more_than_30_a_minute_to_one_member_are_dropped_and_the_app_is_not_told(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    for number in range(32):
        told = await send(wecom, **text(f"{number}", touser=ZHANG if number else f"{ZHANG}|{LI}"))
        assert (told["errcode"], told["invaliduser"]) == (0, "")
        assert wecom.headers.get("X-Hutong-Dropped") == ("1" if number >= 30 else None)
    assert len(await read(wecom, ZHANG)) == 30
    await send(wecom, **text("33", touser=LI))
    assert len(await read(wecom, LI)) == 2
    decisions = (await wecom.control("GET", f"/decisions?person={STORE}/{ZHANG}"))["decisions"]
    assert [(row["reason"], row["rule"]) for row in decisions] == [
        ("conversation_frequency", "frequency/app/conversation/minute")
    ] * 2
    await wecom.control("POST", "/clock", {"advance_ms": 60_000})
    await send(wecom, **text("later", touser=ZHANG))
    assert len(await read(wecom, ZHANG)) == 31, "and no rule about a month of customers counts for members"


@pytest.mark.parametrize("encoding", ["msgpack", "json"])
async def test_a_recalled_message_is_a_notice_to_who_is_online_and_a_tombstone_to_who_reads_later(
    wecom: Wecom, encoding: Encoding
) -> None:
    token = await wecom.token()
    async with reader(wecom, ZHANG, encoding) as zhang:
        told = await send(wecom, **text("秘密", touser=f"{ZHANG}|{LI}"))
        await send(wecom, **text("公开", touser=f"{ZHANG}|{LI}"))
        seen = await zhang.wait_for(lambda message: message.text == "秘密")
        recalled = await wecom.post("message/recall", {"msgid": told["msgid"]}, access_token=token)
        assert recalled["errcode"] == 0
        notice = await zhang.wait_for(lambda message: message.affair == "recalled")
        assert (notice.conversation, notice.content["sequence"]) == (seen.conversation, seen.sequence)
        assert notice.side == "system"
    async with reader(wecom, LI, encoding) as li:
        await li.wait_for(lambda message: message.affair == "recalled" and message.side == "system")
        chat = [message for message in li.messages if message.conversation == li.conversation(str(AGENT))]
    assert [(message.sequence, message.side, message.text or message.affair) for message in chat] == [
        (1, "app", "recalled"),
        (2, "app", "公开"),
        (3, "system", "recalled"),
    ]
    assert chat[0].content == {"kind": "notice", "affair": "recalled", "sequence": 1}
    again = await wecom.post("message/recall", {"msgid": told["msgid"]}, access_token=token)
    assert again["errcode"] == 0
    assert len(wecom.gateway.router.state.jobs) == 0


async def test_a_message_can_be_recalled_for_a_day_by_the_app_that_sent_it(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    row = {"name": "x", "secret": "another"}
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000003", row)
    msgid = (await send(wecom, **text(touser=ZHANG)))["msgid"]
    second = await wecom.token(STORE, "another")
    foreign = await wecom.token(OTHER, f"secret-of-{OTHER}")
    for token, asked in ((second, msgid), (foreign, msgid), (second, "msgnone"), (second, "")):
        assert (await wecom.post("message/recall", {"msgid": asked}, access_token=token))["errcode"] == 40058
    await wecom.control("POST", "/clock", {"advance_ms": DAY_MS})
    told = await wecom.post("message/recall", {"msgid": msgid}, access_token=await wecom.token())
    assert told["errcode"] == 42052
    msgid = (await send(wecom, **text(touser=ZHANG)))["msgid"]
    await wecom.control("POST", "/clock", {"advance_ms": DAY_MS - 1})
    told = await wecom.post("message/recall", {"msgid": msgid}, access_token=await wecom.token())
    assert told["errcode"] == 0


async def test_person_times_are_counted_by_app_and_day(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    await send(wecom, **text(touser="@all"))
    await send(wecom, **text(touser=ZHANG))

    async def counts(**asked: object) -> list[dict[str, object]]:
        told = await wecom.post("message/get_statistics", asked, access_token=await wecom.token())
        rows: list[dict[str, object]] = told["statistics"]
        return rows

    assert await counts() == [{"agentid": AGENT, "app_name": "客户联系", "count": STAFF + 1}]
    await wecom.control("POST", "/clock", {"advance_ms": DAY_MS})
    assert [row["count"] for row in await counts(time_type=0)] == [0]
    assert [row["count"] for row in await counts(time_type=1)] == [STAFF + 1]
    await wecom.control("POST", "/clock", {"advance_ms": DAY_MS})
    assert [row["count"] for row in await counts(time_type=1)] == [0]


async def test_a_client_cannot_say_what_only_an_app_can(wecom: Wecom) -> None:
    await send(wecom, **text(touser=ZHANG))
    async with reader(wecom, ZHANG) as zhang:
        seen = await zhang.wait_for(lambda message: message.side == "app")
        with pytest.raises(Exception, match="unknown_kind"):
            await zhang.command(
                "send", conversation=seen.conversation, content={"kind": "markdown", "text": "**x**"}
            )  # fmt: skip


async def test_whom_an_app_does_not_see_it_does_not_reach_where_that_is_asked_for(wecom: Wecom) -> None:
    secret = f"secret-of-{STORE}"
    await wecom.control(
        "PUT", f"/corps/{STORE}/apps/{AGENT}", {"name": "x", "secret": secret, "range_members": [ZHANG]}
    )
    assert (await send(wecom, **text(touser=f"{ZHANG}|{LI}", toparty="2")))["invaliduser"] == ""
    await wecom.control("PUT", "/strictness", {"switches": ["app_range"]})
    told = await send(wecom, **text("二", touser=f"{ZHANG}|{LI}", toparty="2"))
    assert (told["errcode"], told["invaliduser"], told["invalidparty"]) == (0, LI, "2")
    assert (await send(wecom, **text(touser=LI)))["errcode"] == 81013
    assert (await send(wecom, **text("三", touser="@all")))["errcode"] == 0
    assert len(await read(wecom, ZHANG)) == 3
    assert len(await read(wecom, LI)) == 1


async def test_members_are_named_by_tag_and_by_the_departments_that_wear_it(wecom: Wecom) -> None:
    token = await wecom.token()
    made = await wecom.post("tag/create", {"tagname": "晨会"}, access_token=token)
    tag = made["tagid"]
    worn = {"tagid": tag, "userlist": [LI], "partylist": [2]}
    assert (await wecom.post("tag/addtagusers", worn, access_token=token))["errcode"] == 0
    told = await send(wecom, **text(totag=f"{tag}|999"))
    assert (told["errcode"], told["invalidtag"]) == (0, "999")
    (message,) = wecom.gateway.router.state.corps[STORE].messages.kept.values()
    assert len(message.places) == 1 + 7
    assert (await send(wecom, **text(totag="999")))["errcode"] == 81013


async def test_an_app_sends_so_many_person_times_a_day(wecom: Wecom) -> None:
    """Under `tiny` an unverified enterprise may have 3 members, and an app send 2 times as many messages a day."""
    await wecom.control("PUT", "/profile", {"name": "tiny"})
    await wecom.control("POST", "/clock", {"rate": 0})
    workshop = "wwxiaoshan"
    token = await wecom.token(workshop, f"secret-of-{workshop}")
    codes = []
    for words in ("1", "2", "3", "4"):
        told = await wecom.post("message/send", text(words, touser="@all"), access_token=token)
        codes.append(told["errcode"])
    assert codes == [0, 0, 0, 45009], "two members each"
    assert (wecom.headers["X-Hutong-Used"], wecom.headers["X-Hutong-Limit"]) == ("6", "6")
    await wecom.control("POST", "/clock", {"advance_ms": DAY_MS})
    token = await wecom.token(workshop, f"secret-of-{workshop}")
    assert (await wecom.post("message/send", text(touser="@all"), access_token=token))["errcode"] == 0


async def test_a_member_with_another_userid_is_still_reached(wecom: Wecom) -> None:
    renamed = {"userid": ZHANG, "new_userid": "zhang3"}
    assert (await wecom.post("user/update", renamed, access_token=await wecom.token()))["errcode"] == 0
    assert (await send(wecom, **text(touser="@all")))["errcode"] == 0
    (message,) = wecom.gateway.router.state.corps[STORE].messages.kept.values()
    assert (len(message.places), message.dropped) == (STAFF, 0)


BUTTONS = {"card_type": "button_interaction", "button_list": [{"text": "好", "key": "yes"}]}


async def card(wecom: Wecom, touser: str = f"{ZHANG}|{LI}") -> str:
    told = await send(wecom, touser=touser, msgtype="template_card", agentid=AGENT, template_card=BUTTONS)
    return str(told["response_code"])


async def update(wecom: Wecom, **asked: object) -> dict[str, Any]:
    return await wecom.post("message/update_template_card", asked, access_token=await wecom.token())


async def test_a_card_shows_something_else_to_those_who_have_it(wecom: Wecom) -> None:
    code = await card(wecom)
    told = await update(
        wecom, userids=[ZHANG, "wangwu", "nobody"], agentid=AGENT, response_code=code, button={"replace_name": "已办"}
    )  # fmt: skip
    assert (told["errcode"], told["invaliduser"], told["invalidparty"], told["invalidtag"]) == (0, ["nobody"], [], [])
    async with reader(wecom, ZHANG) as zhang:
        updated = await zhang.wait_for(lambda message: message.content.get("updates", 0) > 0)
        first = await zhang.wait_for(lambda message: message.content.get("card_type") == "button_interaction")
    assert (updated.side, updated.content["updates"]) == ("app", first.sequence)
    assert updated.content["card"] == {"replace_name": "已办"}
    assert len(await read(wecom, LI)) == 1
    assert await read(wecom, "wangwu") == []
    again = await update(wecom, atall=1, agentid=AGENT, response_code=code, button={"replace_name": "x"})
    assert again["errcode"] == 40058, "a code is good for once"
    code, other = await card(wecom), {"card_type": "text_notice", "main_title": {"title": "已办"}}
    assert (await update(wecom, atall=1, agentid=AGENT, response_code=code, template_card=other))["errcode"] == 0
    assert (await read(wecom, LI))[-1]["card"] == other
    assert wecom.gateway.router.state.jobs == {}


@pytest.mark.parametrize(
    ("asked", "errcode"),
    [
        ({"userids": [ZHANG], "button": {"replace_name": "x"}, "response_code": "none"}, 40058),
        ({"userids": [ZHANG], "button": {"replace_name": "x"}, "response_code": ""}, 40058),
        ({"userids": [ZHANG], "button": {"replace_name": "x"}, "agentid": 1}, 40056),
        ({"userids": [ZHANG], "button": {}}, 40058),
        ({"userids": [ZHANG], "button": {"replace_name": ""}}, 40058),
        ({"userids": [ZHANG], "template_card": {"card_type": ""}}, 40058),
        ({"button": {"replace_name": "x"}}, 82001),
        ({"userids": ["nobody"], "button": {"replace_name": "x"}}, 81013),
        ({"userids": ["wangwu"], "button": {"replace_name": "x"}}, 81013),  # who has no such card
    ],
)
async def test_what_is_wrong_with_an_update_is_told_by_number(
    wecom: Wecom, asked: dict[str, object], errcode: int
) -> None:
    code = await card(wecom)
    assert (await update(wecom, **{"agentid": AGENT, "response_code": code, **asked}))["errcode"] == errcode
    right = {"agentid": AGENT, "response_code": code, "atall": 1, "button": {"replace_name": "x"}}
    assert (await update(wecom, **right))["errcode"] == 0, "what was refused has not used the code"


async def test_a_card_can_be_changed_for_three_days_by_its_own_app(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    early, late = await card(wecom), await card(wecom, LI)
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000003", {"name": "x", "secret": "another"})
    asked = {"atall": 1, "agentid": 1000003, "response_code": late, "button": {"replace_name": "x"}}
    second = await wecom.token(STORE, "another")
    told = await wecom.post("message/update_template_card", asked, access_token=second)
    assert told["errcode"] == 40058
    await wecom.control("POST", "/clock", {"advance_ms": 3 * DAY_MS - 1})
    words = {"atall": 1, "agentid": AGENT, "button": {"replace_name": "x"}}
    assert (await update(wecom, response_code=early, **words))["errcode"] == 0
    await wecom.control("POST", "/clock", {"advance_ms": 1})
    assert (await update(wecom, response_code=late, **words))["errcode"] == 40058

"""Callbacks as XML: golden texts, read back by an SDK's own parser and classes."""

from typing import Any, get_args
from xml.etree import ElementTree as ET

import pytest
from wechatpy.work import parse_message
from wechatpy.work.events import ChangeExternalChatEvent, ChangeExternalContactEvent, ChangeExternalTagEvent

from protocol import content
from protocol.frames import Message
from protocol.wecom import changes
from protocol.wecom.callbacks import MESSAGES, TELLINGS, change_told, message_told

CORP = "wwlanhe"
NOW_MS = 1_700_000_000_999
HEAD = (
    "<xml><ToUserName><![CDATA[wwlanhe]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>"
    "<CreateTime>1700000000</CreateTime><MsgType><![CDATA[event]]></MsgType>"
)
WHO = "<UserID><![CDATA[zhangsan]]></UserID><ExternalUserID><![CDATA[wmamy]]></ExternalUserID>"
CONTACT = "<Event><![CDATA[change_external_contact]]></Event><ChangeType><![CDATA[{}]]></ChangeType>" + WHO
CHAT = "<Event><![CDATA[change_external_chat]]></Event><ChangeType><![CDATA[{}]]></ChangeType>"
TAG = "<Event><![CDATA[change_external_tag]]></Event><ChangeType><![CDATA[{}]]></ChangeType>"
BOOK = "<Event><![CDATA[change_contact]]></Event><ChangeType><![CDATA[{}]]></ChangeType>"

GOLDEN: list[tuple[changes.Change, str]] = [
    (
        changes.ContactAdded("zhangsan", "wmamy", "shop1", "CODE"),
        CONTACT.format("add_external_contact")
        + "<State><![CDATA[shop1]]></State><WelcomeCode><![CDATA[CODE]]></WelcomeCode>",
    ),
    (changes.ContactAdded("zhangsan", "wmamy"), CONTACT.format("add_external_contact")),
    (
        changes.HalfContactAdded("zhangsan", "wmamy", "", "CODE"),
        CONTACT.format("add_half_external_contact") + "<WelcomeCode><![CDATA[CODE]]></WelcomeCode>",
    ),
    (changes.ContactEdited("zhangsan", "wmamy"), CONTACT.format("edit_external_contact")),
    (changes.ContactDeleted("zhangsan", "wmamy"), CONTACT.format("del_external_contact")),
    (
        changes.ContactDeleted("zhangsan", "wmamy", "DELETE_BY_TRANSFER"),
        CONTACT.format("del_external_contact") + "<Source><![CDATA[DELETE_BY_TRANSFER]]></Source>",
    ),
    (changes.FollowerDeleted("zhangsan", "wmamy"), CONTACT.format("del_follow_user")),
    (changes.ChatCreated("wr1"), CHAT.format("create") + "<ChatId><![CDATA[wr1]]></ChatId>"),
    (changes.ChatDismissed("wr1"), CHAT.format("dismiss") + "<ChatId><![CDATA[wr1]]></ChatId>"),
    (
        changes.ChatUpdated("wr1", "change_name"),
        CHAT.format("update")
        + "<ChatId><![CDATA[wr1]]></ChatId><UpdateDetail><![CDATA[change_name]]></UpdateDetail>",
    ),
    (
        changes.ChatUpdated("wr1", "add_member", join_scene=3, members=("wmamy", "lisi"), last_version="a" * 32,
                            current_version="b" * 32),
        CHAT.format("update")
        + "<ChatId><![CDATA[wr1]]></ChatId><UpdateDetail><![CDATA[add_member]]></UpdateDetail>"
        "<JoinScene>3</JoinScene><MemChangeCnt>2</MemChangeCnt>"
        "<MemChangeList><Item><![CDATA[wmamy]]></Item><Item><![CDATA[lisi]]></Item></MemChangeList>"
        f"<LastMemVer><![CDATA[{'a' * 32}]]></LastMemVer><CurMemVer><![CDATA[{'b' * 32}]]></CurMemVer>",
    ),
    (
        changes.ChatUpdated("wr1", "del_member", quit_scene=1, members=("wmamy",)),
        CHAT.format("update")
        + "<ChatId><![CDATA[wr1]]></ChatId><UpdateDetail><![CDATA[del_member]]></UpdateDetail>"
        "<QuitScene>1</QuitScene><MemChangeCnt>1</MemChangeCnt>"
        "<MemChangeList><Item><![CDATA[wmamy]]></Item></MemChangeList>"
        "<LastMemVer><![CDATA[]]></LastMemVer><CurMemVer><![CDATA[]]></CurMemVer>",
    ),
    (
        changes.TagMade("et1", "tag_group"),
        TAG.format("create") + "<Id><![CDATA[et1]]></Id><TagType><![CDATA[tag_group]]></TagType>",
    ),
    (
        changes.TagChanged("et1", "tag"),
        TAG.format("update") + "<Id><![CDATA[et1]]></Id><TagType><![CDATA[tag]]></TagType>",
    ),
    (
        changes.TagDeleted("et1", "tag"),
        TAG.format("delete") + "<Id><![CDATA[et1]]></Id><TagType><![CDATA[tag]]></TagType>",
    ),
    (changes.TagsShuffled("et1"), TAG.format("shuffle") + "<Id><![CDATA[et1]]></Id>"),
    (changes.TagsShuffled(), TAG.format("shuffle")),
    (
        changes.UserMade("lin", (1, 2)),
        BOOK.format("create_user") + "<UserID><![CDATA[lin]]></UserID><Department><![CDATA[1,2]]></Department>",
    ),
    (
        changes.UserChanged("lin", new_userid="lin2"),
        BOOK.format("update_user") + "<UserID><![CDATA[lin]]></UserID><NewUserID><![CDATA[lin2]]></NewUserID>",
    ),
    (changes.UserDeleted("lin"), BOOK.format("delete_user") + "<UserID><![CDATA[lin]]></UserID>"),
    (
        changes.PartyMade(2, "店", 1, 9),
        BOOK.format("create_party")
        + "<Id>2</Id><Name><![CDATA[店]]></Name><ParentId>1</ParentId><Order>9</Order>",
    ),
    (
        changes.PartyChanged(2, "店", 1),
        BOOK.format("update_party") + "<Id>2</Id><Name><![CDATA[店]]></Name><ParentId>1</ParentId>",
    ),
    (changes.PartyDeleted(2), BOOK.format("delete_party") + "<Id>2</Id>"),
    (
        changes.BookTagChanged(1, ("lin", "wu"), deleted_parties=(2, 3)),
        BOOK.format("update_tag")
        + "<TagId>1</TagId><AddUserItems><![CDATA[lin,wu]]></AddUserItems>"
        "<DelPartyItems><![CDATA[2,3]]></DelPartyItems>",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "text"), GOLDEN)
def test_a_change_is_told_in_the_vendors_words(change: changes.Change, text: str) -> None:
    assert change_told(CORP, NOW_MS, change).xml == f"{HEAD}{text}</xml>"


def test_every_change_has_a_rendering() -> None:
    """A struct of changes.py without a row here would stop the callbacks of every app it concerns; bots have none."""
    assert set(TELLINGS) == set(get_args(changes.AnyChange)) - set(get_args(changes.BotChange))


def parsed(change: changes.Change) -> Any:
    return parse_message(change_told(CORP, NOW_MS, change).xml)


def test_an_sdk_reads_changes_of_contacts() -> None:
    event = parsed(changes.ContactAdded("zhangsan", "wmamy", "shop1", "CODE"))
    assert type(event) is ChangeExternalContactEvent
    assert (event.target, event.source, event.time) == (CORP, "sys", 1_700_000_000)
    assert (event.user_id, event.external_user_id, event.state) == ("zhangsan", "wmamy", "shop1")
    assert (event.change_type, event.welcome_code) == ("add_external_contact", "CODE")
    assert parsed(changes.ContactDeleted("zhangsan", "wmamy", "DELETE_BY_TRANSFER")).del_source == "DELETE_BY_TRANSFER"


def test_an_sdk_reads_changes_of_groups_and_tags() -> None:
    joined = parsed(changes.ChatUpdated("wr1", "add_member", join_scene=3, members=("wmamy", "lisi")))
    assert type(joined) is ChangeExternalChatEvent
    assert (joined.change_type, joined.update_detail, joined.chat_id) == ("update", "add_member", "wr1")
    assert (joined.join_scene, joined.mem_change_cnt) == ("3", "2")
    assert joined._data["MemChangeList"] == {"Item": ["wmamy", "lisi"]}
    tag = parsed(changes.TagMade("et1", "tag_group"))
    assert type(tag) is ChangeExternalTagEvent
    assert (tag.change_type, tag.tag_id, tag.tag_type) == ("create", "et1", "tag_group")


# What people say to an app

SAID: list[tuple[content.Content, dict[str, str]]] = [
    (content.Text("在吗 <b>&amp; ]]> \U0001f600"), {"MsgType": "text", "Content": "在吗 <b>&amp; ]]> \U0001f600"}),
    (content.Image("m1"), {"MsgType": "image", "PicUrl": "http://here/m1", "MediaId": "m1"}),
    (content.Voice("m1"), {"MsgType": "voice", "MediaId": "m1", "Format": "amr"}),
    (content.Video("m1"), {"MsgType": "video", "MediaId": "m1", "ThumbMediaId": "m1"}),
    (
        content.Location(31.5, -0.000001, "店", "南京路"),
        {
            "MsgType": "location", "Location_X": "31.500000", "Location_Y": "-0.000001", "Scale": "15",
            "Label": "南京路", "AppType": "wxwork",
        },
    ),
    (
        content.Link("t", "http://u/?a=1&b=2", "d", "http://p"),
        {"MsgType": "link", "Title": "t", "Description": "d", "Url": "http://u/?a=1&b=2", "PicUrl": "http://p"},
    ),
]  # fmt: skip
BASE = {
    "ToUserName": CORP,
    "FromUserName": "zhangsan",
    "CreateTime": "1700000000",
    "MsgId": str(2**63 - 1),
    "AgentID": "1000002",
}


def told(said: content.Content) -> str:
    frame = Message(CORP, "cv1", 1, NOW_MS, "member", "zhangsan", said)  # type: ignore[arg-type]
    found = message_told(frame, "1000002", 2**63 - 1, lambda media_id: f"http://here/{media_id}")
    assert found is not None
    return found.xml


@pytest.mark.parametrize(("said", "expected"), SAID)
def test_what_is_said_to_an_app_is_told_and_an_sdk_reads_it(said: content.Content, expected: dict[str, str]) -> None:
    message = parse_message(told(said))
    assert message._data == {**BASE, **expected}
    assert type(message).__name__.lower() == f"{expected['MsgType']}message"
    assert (message.id, message.agent, message.source, message.target) == (2**63 - 1, 1000002, "zhangsan", CORP)


def test_every_kind_that_apps_are_told_of_is_shown_above() -> None:
    assert {type(said) for said, _ in SAID} == set(MESSAGES)
    frame = Message(CORP, "cv1", 1, NOW_MS, "member", "zhangsan", content.File("m1"))
    assert message_told(frame, "1000002", 1, str) is None


@pytest.mark.parametrize("said", ["]]>", "a]]>b]]>", "<![CDATA[x]]>", "&lt;", "<!DOCTYPE x>", "</Content>"])
def test_text_that_looks_like_markup_comes_through(said: str) -> None:
    assert ET.fromstring(told(content.Text(said))).findtext("Content") == said  # noqa: S314 - our own text


def test_what_xml_cannot_carry_is_shown_as_such() -> None:
    assert ET.fromstring(told(content.Text("a\x00\x0b\ufffe"))).findtext("Content") == "a\ufffd\ufffd\ufffd"  # noqa: S314 - our own text

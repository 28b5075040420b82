"""What people say to an app reaches its receiver as XML, and an answer in place reaches them as the app's message.

The receiver reads with wechatpy's parser, and answers with its replies, sealed by its crypto.
"""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from wechatpy.work.crypto import WeChatCrypto
from wechatpy.work.replies import ArticlesReply, ImageReply, TextReply, VideoReply, VoiceReply, create_reply

from tests.conformance.receiver import AES_KEY, MEMBER, TOKEN, Call, Receiver, receiving
from tests.conformance.wecom import AGENT, AMY, STORE, ZHANG, Wecom, threaded, wecom

__all__ = ["wecom"]


@pytest.fixture
async def receiver(wecom: Wecom) -> AsyncIterator[Receiver]:
    async with receiving() as one:
        await one.settle(wecom)
        yield one


async def enter(wecom: Wecom, person: str = MEMBER) -> str:
    return str((await wecom.act(person, type="enter", app=str(AGENT)))["conversation"])


async def say(wecom: Wecom, chat: str, text: str = "在吗", person: str = MEMBER, **content: object) -> None:
    await wecom.act(person, type="send", conversation=chat, content=content or {"kind": "text", "text": text})


async def told(wecom: Wecom, count: int, **wanted: object) -> list[dict[str, Any]]:
    """Wait until the attempts to tell the app are over."""
    found: list[dict[str, Any]] = []
    after = 0
    while len(found) < count:
        answer = await wecom.control("GET", f"/callbacks?after={after}&wait_s=10")
        found += answer["callbacks"]
        after = answer["next_after"]
    return found


async def said(wecom: Wecom, chat: str) -> list[Any]:
    """List what stands in a conversation: who said it, and what."""
    messages = (await wecom.control("GET", f"/messages?conversation={chat}"))["messages"]
    return [(message["side"], message["content"]) for message in messages]


async def test_a_member_opens_an_app_and_it_hears_what_is_said(wecom: Wecom, receiver: Receiver) -> None:
    chat = await enter(wecom)
    assert await enter(wecom) == chat
    await say(wecom, chat, "第一 ]]> <b>")
    await say(wecom, chat, "第二")
    first, second = await receiver.came(2)
    assert first.outer["AgentID"] == str(AGENT)
    message = first.message
    assert (message.type, message.content, message.source, message.target) == ("text", "第一 ]]> <b>", ZHANG, STORE)
    assert message.agent == AGENT
    assert 0 < message.id < 2**63
    assert message.id != second.message.id
    assert [line["event"] for line in await told(wecom, 2)] == ["text", "text"]
    assert await said(wecom, chat) == [
        ("member", {"kind": "text", "text": "第一 ]]> <b>"}), ("member", {"kind": "text", "text": "第二"})
    ]  # fmt: skip


async def test_only_a_member_opens_an_app_and_only_one_of_the_enterprise(wecom: Wecom) -> None:
    for person, app in ((MEMBER, "1"), (MEMBER, ""), (AMY, str(AGENT)), (AMY, "")):
        path = f"{wecom.url}/_hutong/people/{person}/acts"
        async with wecom.session.post(path, json={"type": "enter", "app": app}) as answer:
            assert answer.status == 404


async def test_a_repeat_has_the_same_msgid(wecom: Wecom, receiver: Receiver) -> None:
    chat = await enter(wecom)
    await say(wecom, chat)
    (line,) = await told(wecom, 1)
    await wecom.control("POST", f"/corps/{STORE}/apps/{AGENT}/callback/replay", {"position": line["position"]})
    first, again = await receiver.came(2)
    assert first.message.id == again.message.id


async def test_kinds_that_apps_hear_are_told_and_others_are_not(wecom: Wecom, receiver: Receiver) -> None:
    chat = await enter(wecom)
    await say(wecom, chat, kind="image", media_id="m1")
    await say(wecom, chat, kind="file", media_id="m2")
    await say(wecom, chat, kind="location", latitude=31.2, longitude=121.5, name="外滩")
    image, location = await receiver.came(2)
    assert (image.message.media_id, image.message.image) == ("m1", f"{wecom.url}/wwpic/m1/0")
    assert location.message.location == ("31.200000", "121.500000")
    assert [line["event"] for line in await told(wecom, 2)] == ["image", "location"]


async def test_the_picture_of_a_message_is_at_its_address(wecom: Wecom, receiver: Receiver) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(100)
    media_id = (await threaded(wecom.sdk().media.upload, "image", ("a.png", picture)))["media_id"]
    await say(wecom, await enter(wecom), kind="image", media_id=media_id)
    (call,) = await receiver.came(1)
    async with wecom.session.get(call.message.image) as answer:
        assert (answer.status, await answer.read()) == (200, picture)
    await wecom.control("POST", "/clock", {"advance_ms": 4 * 86_400_000})
    async with wecom.session.get(call.message.image) as answer:
        assert answer.status == 404


# Answers in place

MEDIA = {"media_id": "m1"}
ARTICLE = {"title": "t", "description": "d", "image": "http://p", "url": "http://u"}
LINK = {"kind": "link", "title": "t", "url": "http://u", "description": "d", "image_url": "http://p"}


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda message: create_reply("您好", message), [{"kind": "text", "text": "您好"}]),
        (lambda message: ImageReply(message=message, media_id="m1"), [{"kind": "image", **MEDIA}]),
        (lambda message: VoiceReply(message=message, media_id="m1"), [{"kind": "voice", **MEDIA}]),
        (lambda message: VideoReply(message=message, **MEDIA, title="t"), [{"kind": "video", **MEDIA, "name": "t"}]),
        (lambda message: ArticlesReply(message=message, articles=[ARTICLE, ARTICLE]), [LINK, LINK]),
    ],
    ids=["text", "image", "voice", "video", "news"],
)
async def test_an_answer_in_place_is_the_apps_message(
    wecom: Wecom, receiver: Receiver, make: Callable[[Any], TextReply], expected: list[object]
) -> None:
    receiver.behave = lambda call: sealed(receiver.crypto, make(call.message).render(), call)
    chat = await enter(wecom)
    await say(wecom, chat)
    (line,) = await told(wecom, 1)
    assert (line["outcome"], line["reply"]) == ("delivered", "accepted")
    _question, *answers = await said(wecom, chat)
    assert answers == [("app", content) for content in expected]


def sealed(crypto: WeChatCrypto, text: str, call: Call | None, timestamp: int | None = None) -> str:
    """Seal an answer; with the call's own timestamp and nonce, as people do who write `encrypt_message` by the book."""
    nonce = call.query["nonce"] if call is not None else "123456789"
    when = call.query["timestamp"] if call is not None else str(timestamp or int(time.time()))
    return str(crypto.encrypt_message(text, nonce, when))


def text_reply(text: str = "您好") -> str:
    return str(TextReply(content=text).render())


async def test_an_answer_is_fresh_by_the_receivers_clock_too(wecom: Wecom, receiver: Receiver) -> None:
    await wecom.control("POST", "/clock", {"advance_ms": 400 * 86_400_000})
    receiver.behave = lambda _call: sealed(receiver.crypto, text_reply(), None)
    chat = await enter(wecom)
    await say(wecom, chat)
    await say(wecom, chat)  # the same nonce in the same second, as careless receivers have it
    assert [line["reply"] for line in await told(wecom, 2)] == ["accepted", "accepted"]


async def test_a_small_s_in_timestamp_is_read(wecom: Wecom, receiver: Receiver) -> None:
    receiver.behave = lambda call: sealed(receiver.crypto, text_reply(), call).replace("TimeStamp", "Timestamp")
    chat = await enter(wecom)
    await say(wecom, chat)
    (line,) = await told(wecom, 1)
    assert line["reply"] == "accepted"


@pytest.mark.parametrize("body", ["", "success", "SUCCESS", " success\n", "in an envelope"])
async def test_an_acknowledgement_says_nothing(wecom: Wecom, receiver: Receiver, body: str) -> None:
    receiver.behave = lambda call: body if body != "in an envelope" else sealed(OURS, "success", call)
    chat = await enter(wecom)
    await say(wecom, chat)
    (line,) = await told(wecom, 1)
    assert line["outcome"] == "delivered"
    assert "reply" not in line
    assert len(await said(wecom, chat)) == 1


CLOSED = "not taken: the signature or what is signed is wrong, or it was seen before"
STALE = "not taken: the timestamp is more than 300 s away from now"
OTHER_TOKEN, OTHER_KEY = WeChatCrypto("other", AES_KEY, STORE), WeChatCrypto(TOKEN, AES_KEY[::-1], STORE)
OTHER_CORP, OURS = WeChatCrypto(TOKEN, AES_KEY, "wwother"), WeChatCrypto(TOKEN, AES_KEY, STORE)


@pytest.mark.parametrize(
    ("behave", "reply"),
    [
        (lambda call: sealed(OTHER_TOKEN, text_reply(), call), CLOSED),
        (lambda call: sealed(OTHER_KEY, text_reply(), call), CLOSED),
        (lambda call: sealed(OTHER_CORP, text_reply(), call), CLOSED),
        (lambda _call: sealed(OURS, text_reply(), None, 1_000_000_000), STALE),
        (lambda _call: text_reply(), STALE),
        (lambda _call: "ok", "not taken: not an envelope"),
        (lambda _call: "<!DOCTYPE x><xml/>", "not taken: not an envelope"),
        (lambda call: sealed(OURS, "<a/>", call), "not taken: the reply cannot be read: the root is not xml"),
        (
            lambda call: sealed(OURS, "<xml><MsgType>music</MsgType></xml>", call),
            "not taken: replies of type 'music' are not simulated",
        ),
        (lambda call: sealed(OURS, text_reply(""), call), "refused: empty content/empty"),
        (lambda call: sealed(OURS, text_reply("x" * 10_000), call), "refused: text_too_long content/text_bytes_max"),
    ],
    ids=["token", "key", "corp", "stale", "plain", "ok", "doctype", "text", "music", "empty", "long"],
)
async def test_an_answer_that_is_none_is_named_and_the_message_counts_as_told(
    wecom: Wecom, receiver: Receiver, behave: Callable[[Call], str], reply: str
) -> None:
    receiver.behave = behave
    chat = await enter(wecom)
    await say(wecom, chat)
    (line,) = await told(wecom, 1)
    assert (line["outcome"], line["reply"]) == ("delivered", reply)
    assert len(await said(wecom, chat)) == 1


async def test_an_answer_is_taken_once_whoever_sends_it_again(wecom: Wecom, receiver: Receiver) -> None:
    kept: list[str] = []

    def keep(call: Call) -> str:
        kept.append(sealed(receiver.crypto, text_reply(), call))
        return kept[0]

    receiver.behave = keep
    chat = await enter(wecom)
    await say(wecom, chat)
    await say(wecom, chat)
    first, second = await told(wecom, 2)
    assert (first["reply"], second["reply"]) == ("accepted", CLOSED)
    receiver.behave = lambda call: sealed(receiver.crypto, text_reply(), call)
    replay = f"/corps/{STORE}/apps/{AGENT}/callback/replay"
    line = await wecom.control("POST", replay, {"position": first["position"]})
    assert line["reply"] == "repeated: it was answered before"
    assert [side for side, _ in await said(wecom, chat)].count("app") == 1


async def test_a_customer_who_hears_from_an_app_may_answer_it(wecom: Wecom, receiver: Receiver) -> None:
    from gateway.commands import SendFor
    from gateway.events import Origin
    from protocol.content import Text

    state = wecom.gateway.router.state
    name = state.name_of(STORE, AMY)
    asked = SendFor(STORE, Origin("test", "1"), "app", str(AGENT), "consumer", name, Text("欢迎"))
    await wecom.gateway.router.ask(asked)
    chat = state.corps[STORE].apps[str(AGENT)].conversations[AMY]
    receiver.behave = lambda call: sealed(receiver.crypto, text_reply(), call)
    await say(wecom, chat, "你好", AMY)
    (call,) = await receiver.came(1)
    assert call.message.source == name
    assert (await told(wecom, 1))[0]["reply"] == "accepted"
    assert [side for side, _ in await said(wecom, chat)] == ["app", "consumer", "app"]


async def test_a_scan_is_told_and_the_receiver_welcomes_the_customer(wecom: Wecom, receiver: Receiver) -> None:
    """The whole way: a way's code is scanned, the callback brings a welcome code, the API spends it in time."""
    token = await wecom.token()
    way = {"type": 1, "scene": 2, "user": [ZHANG], "state": "poster-7"}
    made = await wecom.post("externalcontact/add_contact_way", way, access_token=token)

    async def welcome(call: Call) -> str:
        hello = {"welcome_code": call.message.welcome_code, "text": {"content": "欢迎光临"}}
        told = await wecom.post("externalcontact/send_welcome_msg", hello, access_token=token)
        return "success" if told["errcode"] == 0 else "failed"

    receiver.behave = welcome
    await wecom.control("PUT", "/consumers/walk-in", {"nickname": "客"})
    chat = (await wecom.act("walk-in", type="scan", code=made["config_id"]))["conversation"]
    (call,) = await receiver.came(1)
    assert (call.message.change_type, call.message.state) == ("add_half_external_contact", "poster-7")
    (line,) = await told(wecom, 1)
    assert line["answer"] == "success"
    assert await said(wecom, chat) == [("member", {"kind": "text", "text": "欢迎光临"})]

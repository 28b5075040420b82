"""The door of bots, frame by frame: who is let in, what is told, what may be said, and everything that is wrong."""

import asyncio
import json
import socket
from base64 import b64encode
from collections import Counter
from contextlib import AsyncExitStack, ExitStack, suppress
from hashlib import md5
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import FormData
from wecom_aibot_sdk.crypto import decrypt_file

from adapters import aibot
from adapters.aibot import UNSUBSCRIBED_MAX, commands, connection
from adapters.aibot.commands import read_frame
from adapters.callback_marks import BOTS_FILE
from adapters.wecom_api.call import No
from protocol.wecom.aibot import CHUNK_BYTES_MAX, FRAME_BYTES_MAX, Frame
from tests.conformance.aibot import BOT, SECRET, chat_of, connected, consumer, member, subscribed, until
from tests.conformance.wecom import AMY, STORE, ZHANG, Wecom, running, wecom
from tests.wire import TEXT, Wire, client_frame, handshake

__all__ = ["wecom"]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100_000)


def bot_handshake(port: int) -> bytes:
    return handshake(port, {"Sec-WebSocket-Protocol": ""}).replace(b"/ws", b"/_hutong/aibot")


# Who is let in


@pytest.mark.parametrize("path", ["/_hutong/aibot", "/"])
async def test_a_bot_subscribes_and_its_heart_beats(wecom: Wecom, path: str) -> None:
    async with connected(wecom, path) as raw:
        assert await raw.subscribe() == {"headers": {"req_id": "aibot_subscribe_1"}, "errcode": 0, "errmsg": "ok"}
        assert await raw.ask("ping") == {"headers": {"req_id": "ping_2"}, "errcode": 0, "errmsg": "ok"}
        async with wecom.session.get(f"{wecom.url}/metrics") as answer:
            assert "hutong_bots_subscribed 1.0" in await answer.text()


async def test_who_asks_for_no_connection_is_told_what_this_is(wecom: Wecom) -> None:
    for path in ("/", "/_hutong/aibot"):
        async with wecom.session.get(wecom.url + path) as answer:
            assert (answer.status, "/cgi-bin/" in await answer.text()) == (200, True)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://elsewhere.example", 403),
        ("null", 403),
        ("https://openws.work.weixin.qq.com.elsewhere.example", 403),
        ("https://openws.work.weixin.qq.com", 101),  # what some clients say of themselves, who come through the proxy
        ("http://127.0.0.1:{port}", 101),
    ],
)
async def test_a_page_of_somebody_elses_opens_no_connection(wecom: Wecom, origin: str, status: int) -> None:
    port = wecom.gateway.listener.port
    headers = {
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Origin": origin.format(port=port),
    }  # fmt: skip
    async with wecom.session.get(f"{wecom.url}/", headers=headers) as answer:
        assert answer.status == status


@pytest.mark.parametrize(("bot_id", "secret"), [(BOT, "wrong"), ("nobody", SECRET), ("1000002", f"secret-of-{STORE}")])
async def test_a_wrong_bot_or_secret_opens_nothing_and_the_next_try_may_be_right(
    wecom: Wecom, bot_id: str, secret: str
) -> None:
    async with connected(wecom) as raw:
        no = await raw.subscribe(bot_id, secret)
        assert no["errcode"] == 853000
        assert "from ip: 127.0.0.1, more info at" in no["errmsg"]
        assert (await raw.ask("ping"))["errcode"] == 846609
        assert (await raw.subscribe())["errcode"] == 0


async def test_nothing_is_made_of_what_else_a_stranger_sends(
    wecom: Wecom, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(commands, "object_of", None)  # by which a body becomes objects: half a second for a large one
    wrong: dict[str, Any] = {"x": [None] * 100_000}
    async with connected(wecom) as raw:
        assert (await raw.ask("aibot_send_msg", **wrong))["errcode"] == 846609
        assert (await raw.ask("aibot_subscribe", bot_id=BOT, **wrong))["errcode"] == 40058
        assert (await raw.ask("aibot_subscribe", bot_id=BOT, secret=None))["errcode"] == 40058
        assert (await raw.ask("aibot_subscribe", bot_id=BOT, secret=SECRET, scene=None, **wrong))["errcode"] == 0


async def test_who_tries_many_secrets_is_shut_out_for_an_hour(wecom: Wecom) -> None:
    most = wecom.gateway.router.state.profile.wrong_secrets_max
    async with connected(wecom) as raw:
        assert {(await raw.subscribe(secret=f"wrong {number}"))["errcode"] for number in range(most)} == {853000}
        no = await raw.subscribe()
        assert (no["errcode"], "try again at" in no["errmsg"]) == (846607, True)
        await wecom.control("POST", "/clock", {"advance_ms": 3_600_000})
        assert (await raw.subscribe())["errcode"] == 0
    assert await wecom.token()  # the vendor's API is another door


async def test_who_subscribes_again_and_again_has_to_wait(wecom: Wecom) -> None:
    async with connected(wecom) as raw:
        told = [(await raw.subscribe())["errcode"] for _ in range(31)]
        assert told == [0] * 30 + [846607]


async def test_who_does_not_subscribe_in_time_is_sent_away(wecom: Wecom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SUBSCRIBE_S", 0.0)
    async with connected(wecom) as raw:
        assert (await raw.ended())[0] == 4408


async def test_without_heartbeats_a_connection_ends(wecom: Wecom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SILENT_S", 0.0)
    async with connected(wecom) as raw:
        await raw.subscribe()
        assert (await raw.ended())[0] == 4408


async def test_strangers_hold_up_nobody(wecom: Wecom) -> None:
    async with connected(wecom) as first, AsyncExitStack() as stack:
        for _ in range(32):
            await stack.enter_async_context(connected(wecom))
        assert (await first.ended())[0] == 1006
        async with subscribed(wecom) as raw:
            assert (await raw.ask("ping"))["errcode"] == 0


async def test_strangers_who_come_all_at_once_are_no_more_than_others(
    wecom: Wecom, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(connection, "SUBSCRIBE_S", 60.0)
    port = wecom.gateway.listener.port
    with ExitStack() as stack:
        strangers = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(100)]
        for stranger in strangers:  # before the loop turns, so that all of them are let in together
            stranger.sendall(bot_handshake(port))
            stranger.setblocking(False)
        for stranger in strangers:
            with suppress(ConnectionError):
                await asyncio.get_running_loop().sock_recv(stranger, 1)
        await until(lambda: len(wecom.gateway.bots.connections) <= UNSUBSCRIBED_MAX)


async def test_who_sends_frames_without_a_pause_holds_up_nobody(
    wecom: Wecom, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    turns, read_in = count(), Counter[int]()
    turn = next(turns)

    async def turning() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn = next(turns)

    def reading(data: bytes) -> tuple[Frame, No | None]:
        read_in[turn] += 1
        return read_frame(data)

    monkeypatch.setattr(aibot, "read_frame", reading)
    port = wecom.gateway.listener.port
    wire = await Wire.connect(port)
    wire.writer.write(bot_handshake(port))
    await wire.upgraded()
    ticking = asyncio.create_task(turning())
    wire.writer.write(client_frame(TEXT, b"") * 500)
    await until(lambda: read_in.total() == 500)
    ticking.cancel()
    assert max(read_in.values()) <= 2


async def test_who_sends_frames_without_a_pause_has_to_subscribe_in_time_too(
    wecom: Wecom, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(connection, "SUBSCRIBE_S", 0.1)
    port = wecom.gateway.listener.port
    wire = await Wire.connect(port)
    wire.writer.write(bot_handshake(port))
    await wire.upgraded()
    sending = asyncio.create_task(_send_on(wire))
    await until(lambda: not wecom.gateway.bots.connections)
    sending.cancel()


async def _send_on(wire: Wire) -> None:
    """Send frames and pass over what is answered, for as long as the other end takes them."""
    with suppress(ConnectionError):
        while True:
            wire.writer.write(client_frame(TEXT, b"") * 500)
            await wire.reader.read(2**20)


async def test_a_newer_connection_ends_the_older_one(wecom: Wecom) -> None:
    async with subscribed(wecom) as older, subscribed(wecom) as newer:
        assert await older.ended() == (4409, "the bot has a newer connection")
        (told,) = older.heard
        assert told["cmd"] == "aibot_event_callback"
        assert told["body"]["event"] == {"eventtype": "disconnected_event"}
        assert set(told["body"]) == {"msgid", "create_time", "aibotid", "msgtype", "event"}
        async with member(wecom) as zhang:
            await zhang.say(await chat_of(zhang), "还在吗")
        assert (await newer.told())["body"]["event"]["eventtype"] == "enter_chat"
        assert (await newer.told())["body"]["text"] == {"content": "还在吗"}


@pytest.mark.parametrize("first", [0, 1])
async def test_of_two_that_subscribe_at_once_one_stays(wecom: Wecom, first: int) -> None:
    async with subscribed(wecom) as older, connected(wecom) as newer:
        both = older, newer
        await asyncio.gather(both[first].subscribe(), both[1 - first].subscribe(), return_exceptions=True)
        await until(lambda: len(wecom.gateway.bots.connections) == 1)
        assert wecom.gateway.bots.subscribed == 1


async def test_a_bot_that_is_gone_loses_its_connection(wecom: Wecom) -> None:
    async with subscribed(wecom) as raw:
        await wecom.control("PUT", f"/corps/{STORE}/apps/{BOT}", {"name": "b", "secret": "another", "bot": True})
        assert (await raw.ended())[0] == 4403


async def test_a_reset_ends_a_connection_and_what_was_asked_before_it_is_asked_no_more(wecom: Wecom) -> None:
    async with wecom.session.get(f"{wecom.url}/_hutong/world") as answer:
        world = await answer.read()
    async with subscribed(wecom) as raw, member(wecom) as zhang:
        await zhang.say(await chat_of(zhang), "一")
        await raw.told()
        before = await raw.told()
        await wecom.control("POST", "/reset")
        assert (await raw.ended())[0] == 4403
    async with wecom.session.post(f"{wecom.url}/_hutong/world", data=world) as answer:
        assert answer.status == 200
    async with subscribed(wecom) as raw, member(wecom) as zhang:
        assert await raw.answer(before, msgtype="markdown", markdown={"content": "给一"}) == 846605
        await zhang.say(await chat_of(zhang), "二")
        await raw.told()
        assert (await raw.told())["body"]["text"] == {"content": "二"}


async def test_how_far_a_bot_was_told_is_forgotten_when_it_is_gone(wecom: Wecom) -> None:
    for name in ("bot-a", "bot-b"):
        await wecom.control("PUT", f"/corps/{name}", {"name": "c", "short_name": "c", "certification": "certified"})
        await wecom.control("PUT", f"/corps/{name}/apps/{name}", {"name": "b", "secret": "s", "bot": True})
        async with connected(wecom) as raw:
            assert (await raw.subscribe(name, "s"))["errcode"] == 0
        await wecom.control("POST", f"/corps/{name}/reset")
    async with subscribed(wecom) as raw:
        await raw.ask("ping")
    assert msgspec.json.decode(wecom.gateway.marks[BOTS_FILE]())["apps"].keys() == {f"{STORE}/#{BOT}"}


async def test_a_stop_says_that_it_is_one(wecom: Wecom) -> None:
    async with AsyncExitStack() as stack:
        async with running() as ending:
            raw = await stack.enter_async_context(subscribed(ending))
            stranger = await stack.enter_async_context(connected(ending))
        assert (await raw.ended(), await stranger.ended()) == ((1012, "the gateway restarts"),) * 2


async def deaf(wecom: Wecom) -> Wire:
    """Subscribe a bot that reads nothing more, and beats its heart so much that nothing more is written to it."""
    port = wecom.gateway.listener.port
    wire = await Wire.connect(port, receive_bytes=4_096, limit=1_024)
    wire.writer.write(bot_handshake(port))
    await wire.upgraded()
    subscribe = {"cmd": "aibot_subscribe", "headers": {"req_id": "s"}, "body": {"bot_id": BOT, "secret": SECRET}}
    wire.writer.write(client_frame(TEXT, json.dumps(subscribe).encode()))
    wire.writer.write(client_frame(TEXT, b'{"cmd":"ping","headers":{"req_id":"' + b"p" * 1_000 + b'"}}') * 5_000)
    await until(lambda: any(one.is_stalled for one in wecom.gateway.bots.connections))
    return wire


async def test_who_takes_nothing_is_let_go_and_holds_up_nobody(
    wecom: Wecom, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(connection, "STALLED_S", 0.1)
    wire = await deaf(wecom)
    await until(lambda: not wecom.gateway.bots.connections)
    wire.drop()
    async with subscribed(wecom) as raw:
        assert (await raw.ask("ping"))["errcode"] == 0


async def test_a_newer_connection_and_a_stop_wait_for_nobody_who_takes_nothing() -> None:
    async with running() as wecom:
        wire = await deaf(wecom)
        async with subscribed(wecom) as raw, asyncio.timeout(20):
            assert (await raw.ask("ping"))["errcode"] == 0
        ending = asyncio.timeout(20)  # less than a stalled connection is given
        await ending.__aenter__()
    await ending.__aexit__(None, None, None)
    wire.drop()


# What is wrong with a frame

WRONG: dict[str, tuple[str | bytes, str, int]] = {
    "no JSON": ("{", "", 40058),
    "nothing": ("", "", 40058),
    "no object": ("[]", "", 40058),
    "no UTF-8": (b'{"cmd":"\xff"}', "", 40058),
    "half a surrogate": ('{"cmd":"ping","headers":{"req_id":"\\udc00"}}', "", 40058),
    "very deep": ("[" * 100_000, "", 40058),
    "no req_id": ('{"cmd":"ping"}', "", 40058),
    "a number for a req_id": ('{"cmd":"ping","headers":{"req_id":1}}', "", 40058),
    "no cmd": ('{"headers":{"req_id":"a"}}', "a", 40058),
    "an unknown cmd": ('{"cmd":"x","headers":{"req_id":"a"},"body":{}}', "a", 40058),
    "no body": ('{"cmd":"aibot_send_msg","headers":{"req_id":"a"}}', "a", 40058),
    "a body that is none": ('{"cmd":"aibot_send_msg","headers":{"req_id":"a"},"body":[1]}', "a", 40058),
    "a deep body": (
        '{"cmd":"aibot_send_msg","headers":{"req_id":"a"},"body":' + '{"a":' * 50_000 + "1" + "}" * 50_001, "", 40058,
    ),
    "an unknown msgtype": (
        '{"cmd":"aibot_send_msg","headers":{"req_id":"a"},"body":{"chatid":"zhangsan","msgtype":"stream"}}', "a", 40008,
    ),
    "a req_id that nobody gave": (
        '{"cmd":"aibot_respond_msg","headers":{"req_id":"a"},"body":{"msgtype":"markdown","markdown":{"content":"x"}}}',
        "a", 846605,
    ),
    "a huge number": (
        '{"cmd":"aibot_respond_update_msg","headers":{"req_id":"a"},"body":'
        + json.dumps({"response_type": "update_template_card", "template_card": {"card_type": "x", "n": 10**30}}) + "}",
        "a", 40058,
    ),
    "too much": ('{"cmd":"ping","headers":{"req_id":"a"},"body":{"x":"' + "x" * FRAME_BYTES_MAX + '"}}', "a", 40206),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_frame_is_answered_and_costs_nothing(wecom: Wecom, case: str) -> None:
    text, req_id, errcode = WRONG[case]
    async with subscribed(wecom) as raw:
        no = await raw.say(text)
        assert (no["headers"], no["errcode"]) == ({"req_id": req_id}, errcode), no
        assert "hint: [" in no["errmsg"]
        assert (await raw.ask("ping"))["errcode"] == 0
    assert wecom.gateway.router.statistics.defects == 0


async def test_what_is_larger_than_can_be_read_ends_the_connection(wecom: Wecom) -> None:
    async with subscribed(wecom) as raw:
        await raw.socket.send("x" * (connection.UNREADABLE_BYTES + 1))
        assert (await raw.ended())[0] == 1009
    async with subscribed(wecom) as raw:
        assert (await raw.ask("ping"))["errcode"] == 0


@pytest.mark.parametrize("req_id", ["a", "ping", "aibot_subscribe_1", '\u4e2d\U0001f600"\\\n\t', "x" * 10_000])
async def test_a_req_id_comes_back_to_the_letter(wecom: Wecom, req_id: str) -> None:
    async with subscribed(wecom) as raw:
        await raw.ask("ping", req_id)
        await raw.ask("aibot_send_msg", req_id)


# What a bot is told, and says


async def test_people_write_to_a_bot_and_it_streams_an_answer(wecom: Wecom) -> None:
    async with subscribed(wecom) as raw, member(wecom) as zhang:
        chat = await chat_of(zhang)
        entered = await raw.told()
        assert set(entered) == {"cmd", "headers", "body"}
        assert entered["cmd"] == "aibot_event_callback"
        assert entered["body"] | {"msgid": "", "create_time": 0} == {
            "msgid": "", "create_time": 0, "aibotid": BOT, "chattype": "single", "from": {"userid": ZHANG},
            "msgtype": "event", "event": {"eventtype": "enter_chat"},
        }  # fmt: skip
        welcome = {"msgtype": "text", "text": {"content": "您好"}}
        assert await raw.answer(entered, "aibot_respond_welcome_msg", **welcome) == 0
        assert (await zhang.next_message()).text == "您好"
        await zhang.say(chat, "几点开门")
        told = await raw.told()
        assert told["cmd"] == "aibot_msg_callback"
        assert told["body"] | {"msgid": ""} == {
            "msgid": "", "aibotid": BOT, "chattype": "single", "from": {"userid": ZHANG}, "msgtype": "text",
            "text": {"content": "几点开门"},
        }  # fmt: skip
        for content, finish in (("九", False), ("九点", False), ("九点开门", True)):
            stream = {"id": "s1", "content": content, "finish": finish}
            assert await raw.answer(told, msgtype="stream", stream=stream) == 0
            heard = await zhang.next_message()
            assert (heard.content["text"], heard.content.get("finished", False)) == (content, finish)
        assert await raw.answer(told, msgtype="markdown", markdown={"content": "再见"}) == 846606
        assert await raw.answer(entered, msgtype="markdown", markdown={"content": "再见"}) == 846610


async def test_a_consumer_reaches_a_bot_and_it_speaks_unasked(wecom: Wecom) -> None:
    name = wecom.gateway.router.state.name_of(STORE, AMY)
    said: dict[str, Any] = {"msgtype": "markdown", "markdown": {"content": "**到货了**"}}
    push = {"chatid": name, "chat_type": 1, **said}
    async with subscribed(wecom) as raw, consumer(wecom, AMY) as amy:
        assert (await raw.ask("aibot_send_msg", **push))["errcode"] == 846607, "who has never written"
        await amy.say(await chat_of(amy), "有货吗")
        await raw.told()
        assert (await raw.told())["body"]["from"] == {"userid": name}
        assert (await raw.ask("aibot_send_msg", **push))["errcode"] == 0
        assert (await amy.next_message()).content["text"] == "**到货了**"
        assert (await raw.ask("aibot_send_msg", **{**push, "chatid": "nobody"}))["errcode"] in (40003, 40050)


async def test_a_bot_in_a_group_hears_what_names_it_and_speaks_to_all(wecom: Wecom) -> None:
    group = {"name": "熟客", "owner": ZHANG, "chat_id": "wrbots", "consumers": [AMY], "bots": [BOT]}
    chat = (await wecom.control("POST", f"/corps/{STORE}/groups", group))["conversation"]
    bot = wecom.gateway.router.state.corps[STORE].apps[BOT].name
    async with subscribed(wecom) as raw, consumer(wecom, AMY) as amy, member(wecom) as zhang:
        await amy.say(chat, "有人吗")
        await zhang.next_message()
        await amy.say(chat, f"@{bot} 几点开门")
        await zhang.next_message()
        told = await raw.told()
        assert (told["body"]["chattype"], told["body"]["chatid"]) == ("group", "wrbots")
        assert told["body"]["from"] == {"userid": wecom.gateway.router.state.name_of(STORE, AMY)}
        assert told["body"]["text"] == {"content": f"@{bot} 几点开门"}
        assert await raw.answer(told, msgtype="stream", stream={"id": "s", "content": "九点", "finish": True}) == 0
        said: dict[str, Any] = {
            "chatid": "wrbots",
            "chat_type": 2,
            "msgtype": "markdown",
            "markdown": {"content": "明天见"},
        }
        assert (await raw.ask("aibot_send_msg", **said))["errcode"] == 0
        for person in (amy, zhang):
            assert [(await person.next_message()).content["text"] for _ in range(2)] == ["九点", "明天见"]


async def test_a_card_is_pressed_and_shows_something_else(wecom: Wecom) -> None:
    card = {
        "card_type": "button_interaction", "task_id": "t1", "main_title": {"title": "要留货吗"},
        "button_list": [{"text": "留", "key": "keep"}],
    }  # fmt: skip
    async with subscribed(wecom) as raw, member(wecom) as zhang:
        chat = await chat_of(zhang)
        await zhang.say(chat, "有货吗")
        await raw.told()
        assert await raw.answer(await raw.told(), msgtype="template_card", template_card=card) == 0
        shown = await zhang.next_message()
        await zhang.click(chat, shown.sequence, "keep")
        pressed = await raw.told()
        assert pressed["body"]["event"] == {
            "eventtype": "template_card_event",
            "template_card_event": {"card_type": "button_interaction", "event_key": "keep", "task_id": "t1"},
        }  # fmt: skip
        other = {"response_type": "update_template_card", "template_card": {**card, "main_title": {"title": "留好了"}}}
        assert await raw.answer(pressed, "aibot_respond_update_msg", **other) == 0
        assert (await zhang.next_message()).content["updates"] == shown.sequence


async def test_an_answer_is_judged(wecom: Wecom) -> None:
    async with subscribed(wecom) as raw, member(wecom) as zhang:
        chat = await chat_of(zhang)
        await zhang.say(chat, "几点开门")
        await raw.told()
        stream = {"id": "s1", "content": "九点", "finish": True, "feedback": {"id": "f1"}}
        assert await raw.answer(await raw.told(), msgtype="stream", stream=stream) == 0
        heard = await zhang.next_message()
        await zhang.judge(chat, heard.sequence, 2, "是十点", [3])
        assert (await raw.told())["body"]["event"] == {
            "eventtype": "feedback_event",
            "feedback_event": {"id": "f1", "type": 2, "content": "是十点", "inaccurate_reason_list": [3]},
        }  # fmt: skip
        await zhang.judge(chat, heard.sequence, 1)
        assert (await raw.told())["body"]["event"]["feedback_event"] == {"id": "f1", "type": 1}


async def test_what_was_said_meanwhile_is_told_once_also_over_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as wecom, member(wecom) as zhang:
        chat = await chat_of(zhang)
        await zhang.say(chat, "一")
        async with subscribed(wecom) as raw:
            await raw.told()
            first = await raw.told()
        await zhang.say(chat, "二")
    async with running(tmp_path) as wecom, subscribed(wecom) as raw, member(wecom, memory=zhang.memory) as zhang:
        second = await raw.told()
        assert second["body"]["text"] == {"content": "二"}
        assert await raw.answer(first, msgtype="markdown", markdown={"content": "给一"}) == 0
        assert (await zhang.next_message()).content["text"] == "给一"


async def test_what_a_bot_says_and_hears_can_be_looked_back_on_without_its_secrets(wecom: Wecom) -> None:
    async with subscribed(wecom) as raw, member(wecom) as zhang:
        await zhang.say(await chat_of(zhang), "在吗")
        await raw.told()
        await raw.answer(await raw.told(), msgtype="markdown", markdown={"content": "在"})
        await raw.ask("ping")
    calls = (await wecom.control("GET", "/calls"))["calls"]
    assert [(call["path"], call["errcode"], call.get("agent_id")) for call in calls] == [
        ("aibot/aibot_subscribe", 0, BOT), ("aibot/aibot_respond_msg", 0, BOT)
    ]  # fmt: skip
    assert SECRET not in json.dumps(calls)
    callbacks = (await wecom.control("GET", "/callbacks"))["callbacks"]
    assert [(line["event"], line["outcome"]) for line in callbacks] == [
        ("enter_chat", "delivered"), ("text", "delivered")
    ]  # fmt: skip


async def test_faults_that_were_ordered_befall_frames_too(wecom: Wecom) -> None:
    async with subscribed(wecom) as raw:
        await wecom.control("POST", "/faults", {"path": "aibot/ping", "errcode": -1, "corpid": STORE})
        assert [(await raw.ask("ping"))["errcode"] for _ in range(2)] == [-1, 0]
        push: dict[str, Any] = {"chatid": "hutong-fail-846604", "msgtype": "markdown", "markdown": {"content": "x"}}
        assert (await raw.ask("aibot_send_msg", **push))["errcode"] == 846604
        await wecom.control("POST", "/faults", {"path": "aibot/aibot_send_msg", "drop": True})
        await raw.socket.send('{"cmd":"aibot_send_msg","headers":{"req_id":"a"},"body":{}}')
        assert await raw.ended() == (1006, "")


# Files


async def send_file(wecom: Wecom, person: Any, kind: str, data: bytes, name: str = "a.bin") -> str:
    """Send a file to the bot as a link's person does; give its id."""
    form = FormData(quote_fields=False)
    form.add_field("media", BytesIO(data), filename=name)
    token = wecom.gateway.tokens.link_token(f"{STORE}/{ZHANG}", "phone")
    headers = {"Authorization": f"Bearer {token}"}
    async with wecom.session.post(f"{wecom.url}/media?type={kind}", data=form, headers=headers) as answer:
        media_id: str = (await answer.json())["media_id"]
    await person.send(await chat_of(person), {"kind": kind, "media_id": media_id, "name": name})
    return media_id


@pytest.mark.parametrize("size", [6, 31, 32, 33, 300_000])
async def test_a_file_is_fetched_within_five_minutes_and_opened_by_its_own_key(wecom: Wecom, size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    async with subscribed(wecom) as raw, member(wecom) as zhang:
        await send_file(wecom, zhang, "file", data, "价目表.pdf")
        await raw.told()
        told = await raw.told()
        assert (told["body"]["msgtype"], set(told["body"]["file"])) == ("file", {"url", "aeskey"})
        url, key = told["body"]["file"]["url"], told["body"]["file"]["aeskey"]
        async with wecom.session.get(url) as answer:
            sealed = await answer.read()
            assert "filename*=UTF-8''%E4%BB%B7" in answer.headers["Content-Disposition"]
        assert (len(sealed) % 32, decrypt_file(sealed, key)) == (0, data)
        later = url.rsplit("/", 2)
        async with wecom.session.get(f"{later[0]}/{int(later[1]) + 1}/{later[2]}") as answer:
            assert (await answer.read())[:32] != sealed[:32], "a changed address has another key"
        await wecom.control("POST", "/clock", {"advance_ms": 5 * 60_000})
        async with wecom.session.get(url) as answer:
            assert answer.status == 404


async def test_pictures_have_addresses_and_voices_have_words(wecom: Wecom) -> None:
    async with subscribed(wecom) as raw, member(wecom) as zhang:
        await send_file(wecom, zhang, "image", PNG)
        await send_file(wecom, zhang, "image", PNG)
        await send_file(wecom, zhang, "voice", b"#!AMR\n" + bytes(100), "几点开门.amr")
        await zhang.send(await chat_of(zhang), {"kind": "location", "latitude": 1.0, "longitude": 1.0})
        await zhang.say(await chat_of(zhang), "好")
        await raw.told()
        first, second, voice, text = [(await raw.told())["body"] for _ in range(4)]
        assert first["image"]["url"] != second["image"]["url"]
        assert first["image"]["aeskey"] != second["image"]["aeskey"]
        assert (voice["msgtype"], voice["voice"]) == ("voice", {"content": "几点开门"})
        assert text["text"] == {"content": "好"}, "nobody tells a bot of a place"


def init(data: bytes, **changed: Any) -> dict[str, Any]:
    chunks = -(-len(data) // CHUNK_BYTES_MAX)
    return {
        "type": "file", "filename": "a.bin", "total_size": len(data), "total_chunks": chunks,
        "md5": md5(data, usedforsecurity=False).hexdigest(), **changed,
    }  # fmt: skip


async def test_a_file_is_uploaded_in_any_order_and_sent(wecom: Wecom) -> None:
    data = bytes(number % 251 for number in range(2 * CHUNK_BYTES_MAX + 5))
    chunks = [b64encode(data[at : at + CHUNK_BYTES_MAX]).decode() for at in range(0, len(data), CHUNK_BYTES_MAX)]
    async with subscribed(wecom) as raw, member(wecom) as zhang:
        upload = (await raw.ask("aibot_upload_media_init", **init(data)))["body"]["upload_id"]
        missing = await raw.ask("aibot_upload_media_finish", upload_id=upload)
        assert missing["errcode"] == 846616
        for index in (2, 0, 0, 1, 2):
            chunk = {"upload_id": upload, "chunk_index": index, "base64_data": chunks[index]}
            assert (await raw.ask("aibot_upload_media_chunk", **chunk))["errcode"] == 0
        done = (await raw.ask("aibot_upload_media_finish", upload_id=upload))["body"]
        assert (set(done), done["type"]) == ({"type", "media_id", "created_at"}, "file")
        await zhang.say(await chat_of(zhang), "发我")
        await raw.told()
        told = await raw.told()
        assert await raw.answer(told, msgtype="file", file={"media_id": done["media_id"]}) == 0
        assert (await zhang.next_message()).content["media_id"] == done["media_id"]
    kept = wecom.gateway.media.find(STORE, done["media_id"])
    assert kept is not None
    assert b"".join([piece async for piece in wecom.gateway.media.read(kept, 0, kept.size)]) == data


INITS: dict[str, tuple[dict[str, Any], int]] = {
    "another type": ({"type": "song"}, 846697),
    "too large a picture": ({"type": "image", "total_size": 2 * 1024 * 1024 + 1}, 45001),
    "too large a file": ({"total_size": 20 * 1024 * 1024 + 1}, 45001),
    "too small": ({"total_size": 4}, 40006),
    "too many chunks": ({"total_chunks": 101}, 846612),
    "no chunks": ({"total_chunks": 0}, 846612),
    "a long name": ({"filename": "价" * 86}, 40058),
    "no name": ({"filename": ""}, 40058),
}


@pytest.mark.parametrize("case", INITS)
async def test_an_upload_that_may_not_be_is_not_begun(wecom: Wecom, case: str) -> None:
    changed, errcode = INITS[case]
    async with subscribed(wecom) as raw:
        assert (await raw.ask("aibot_upload_media_init", **init(b"hello", **changed)))["errcode"] == errcode


CHUNKS: dict[str, tuple[dict[str, Any], int]] = {
    "of nobody's": ({"upload_id": "x"}, 846611),
    "before the first": ({"chunk_index": -1}, 846612),
    "after the last": ({"chunk_index": 1}, 846612),
    "no Base64": ({"base64_data": "?"}, 40058),
    "more than was declared": ({"base64_data": b64encode(bytes(6)).decode()}, 846613),
    "more than a chunk": ({"base64_data": b64encode(bytes(CHUNK_BYTES_MAX + 1)).decode()}, 846613),
}


@pytest.mark.parametrize("case", CHUNKS)
async def test_a_chunk_that_does_not_fit_is_not_taken_and_the_right_one_is(wecom: Wecom, case: str) -> None:
    changed, errcode = CHUNKS[case]
    async with subscribed(wecom) as raw:
        upload = (await raw.ask("aibot_upload_media_init", **init(b"hello")))["body"]["upload_id"]
        chunk = {"upload_id": upload, "chunk_index": 0, "base64_data": b64encode(b"hello").decode()}
        assert (await raw.ask("aibot_upload_media_chunk", **{**chunk, **changed}))["errcode"] == errcode
        assert (await raw.ask("aibot_upload_media_chunk", **chunk))["errcode"] == 0
        assert (await raw.ask("aibot_upload_media_finish", upload_id=upload))["errcode"] == 0


@pytest.mark.parametrize(("changed", "errcode"), [({"md5": "0" * 32}, 40058), ({"type": "image"}, 846697)])
async def test_a_file_that_is_another_than_was_said_is_not_kept(
    wecom: Wecom, changed: dict[str, Any], errcode: int
) -> None:
    async with subscribed(wecom) as raw:
        upload = (await raw.ask("aibot_upload_media_init", **init(b"hello!", **changed)))["body"]["upload_id"]
        chunk = {"upload_id": upload, "chunk_index": 0, "base64_data": b64encode(b"hello!").decode()}
        await raw.ask("aibot_upload_media_chunk", **chunk)
        assert (await raw.ask("aibot_upload_media_finish", upload_id=upload))["errcode"] == errcode
        assert (await raw.ask("aibot_upload_media_finish", upload_id=upload))["errcode"] == 846611
    assert not wecom.gateway.router.state.corps[STORE].media.kept


async def test_uploads_are_counted_and_end_after_half_an_hour(wecom: Wecom) -> None:
    async with subscribed(wecom) as raw:
        begun = [await raw.ask("aibot_upload_media_init", **init(b"hello!")) for _ in range(31)]
        assert [one["errcode"] for one in begun] == [0] * 30 + [846607]
        await wecom.control("POST", "/clock", {"advance_ms": 30 * 60_000})
        late = {"upload_id": begun[0]["body"]["upload_id"], "chunk_index": 0, "base64_data": "aGVsbG8h"}
        assert (await raw.ask("aibot_upload_media_chunk", **late))["errcode"] == 846611


async def test_the_oldest_uploads_make_room(wecom: Wecom) -> None:
    async with subscribed(wecom) as raw:
        size = 20 * 1024 * 1024
        begun = [await raw.ask("aibot_upload_media_init", **init(b"hello!", total_size=size)) for _ in range(4)]
        names = [one["body"]["upload_id"] for one in begun]
        chunk: dict[str, Any] = {"chunk_index": 0, "base64_data": "aGVsbG8h"}
        told = [(await raw.ask("aibot_upload_media_chunk", upload_id=name, **chunk))["errcode"] for name in names]
        assert told == [846611, 0, 0, 0]

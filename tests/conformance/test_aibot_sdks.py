"""Bots as people write them: each SDK, unmodified, from its subscription to its next one after the line broke."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.conformance import driven
from tests.conformance.aibot import chat_of, consumer, member, subscribed
from tests.conformance.aibot_sdks import SDKS, Bot, Refused, python_bot, tls_bot
from tests.conformance.test_aibot import send_file
from tests.conformance.wecom import AMY, STORE, ZHANG, Wecom, running

Opened = Callable[..., AbstractAsyncContextManager[Bot]]

CARD = {
    "card_type": "button_interaction", "task_id": "t1", "main_title": {"title": "要留货吗"},
    "button_list": [{"text": "留", "key": "keep"}],
}  # fmt: skip


@pytest.fixture
async def wecom(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Wecom]:  # fmt: skip
    """Run a gateway by TLS and with a proxy too, whatever proxy this machine has."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with running(tmp_path, tls_port=0, proxy_port=0) as seen:
        yield seen
        driven.settle(request.node.nodeid, list(seen.gateway.calls.newest_first()))


@pytest.fixture(params=SDKS)
def sdk(request: pytest.FixtureRequest) -> Opened:
    return SDKS[request.param]


async def test_a_bot_welcomes_streams_and_shows_a_card(wecom: Wecom, sdk: Opened) -> None:
    async with sdk(wecom) as bot, member(wecom) as zhang:
        await bot.heard("authenticated")
        chat = await chat_of(zhang)
        entered = await bot.heard("event.enter_chat")
        await bot.call("replyWelcome", entered, {"msgtype": "text", "text": {"content": "您好"}})
        assert (await zhang.next_message()).text == "您好"
        await zhang.say(chat, "几点开门")
        asked = await bot.heard("message.text")
        assert asked["body"]["text"]["content"] == "几点开门"
        assert asked["body"]["from"] == {"userid": ZHANG}
        assert (await bot.call("replyStream", asked, "s1", "九点", False, None, {"id": "f1"}))["errcode"] == 0
        first = await zhang.next_message()
        assert (await bot.call("replyStream", asked, "s1", "九点开门", True))["errcode"] == 0
        last = await zhang.next_message()
        assert (first.content["text"], last.content["text"]) == ("九点", "九点开门")
        assert last.content["updates"] == first.sequence
        await zhang.judge(chat, first.sequence, 1)
        judged = await bot.heard("event.feedback_event")
        assert judged["body"]["event"]["feedback_event"]["id"] == "f1"
        await zhang.say(chat, "有货吗")
        await bot.call("replyTemplateCard", await bot.heard("message.text"), CARD)
        shown = await zhang.next_message()
        await zhang.click(chat, shown.sequence, "keep")
        pressed = await bot.heard("event.template_card_event")
        await bot.call("updateTemplateCard", pressed, {**CARD, "main_title": {"title": "留好了"}})
        assert (await zhang.next_message()).content["card"]["main_title"] == {"title": "留好了"}


async def test_a_bot_speaks_unasked_to_who_has_written_and_to_nobody_else(wecom: Wecom, sdk: Opened) -> None:
    name = wecom.gateway.router.state.name_of(STORE, AMY)
    news = {"msgtype": "markdown", "markdown": {"content": "**到货了**"}}
    async with sdk(wecom) as bot, consumer(wecom, AMY) as amy:
        await bot.heard("authenticated")
        with pytest.raises(Refused, match="846607"):
            await bot.call("sendMessage", name, news)
        await amy.say(await chat_of(amy), "到货说一声")
        await bot.heard("message.text")
        assert (await bot.call("sendMessage", name, news))["errcode"] == 0
        assert (await amy.next_message()).content["text"] == "**到货了**"


async def test_files_go_both_ways(wecom: Wecom, sdk: Opened) -> None:
    data = bytes(number % 251 for number in range(1_200_000))
    async with sdk(wecom) as bot, member(wecom) as zhang:
        await bot.heard("authenticated")
        await send_file(wecom, zhang, "file", data, "价目表.pdf")
        came = await bot.heard("message.file")
        file = came["body"]["file"]
        assert await bot.download(file["url"], file["aeskey"]) == (data, "价目表.pdf")
        media_id = await bot.upload(data, "file", "目录.bin")
        await bot.call("reply", came, {"msgtype": "file", "file": {"media_id": media_id}})
        assert (await zhang.next_message()).content["media_id"] == media_id
    kept = wecom.gateway.media.find(STORE, media_id)
    assert kept is not None
    assert b"".join([piece async for piece in wecom.gateway.media.read(kept, 0, kept.size)]) == data


@pytest.mark.parametrize("name", [driven.NODE_BOT, driven.PYTHON_BOT])
async def test_a_bot_with_two_connections_keeps_the_newer_one(wecom: Wecom, name: str) -> None:
    async with SDKS[name](wecom) as older, member(wecom) as zhang:
        await older.heard("authenticated")
        async with subscribed(wecom) as newer:
            kicked = await older.heard("event.disconnected_event")
            assert kicked["body"]["event"] == {"eventtype": "disconnected_event"}
            await older.heard("disconnected")
            await zhang.say(await chat_of(zhang), "在吗")
            await newer.told()
            assert (await newer.told())["body"]["text"]["content"] == "在吗"


async def test_two_copies_of_a_bot_that_comes_back_send_each_other_away(wecom: Wecom) -> None:
    """So does this SDK, which does not know what the event means."""
    async with tls_bot(wecom) as one:
        await one.heard("authenticated")
        async with tls_bot(wecom) as other:
            for kicked, newer in ((one, other), (other, one), (one, other)):
                await newer.heard("authenticated")
                await kicked.heard("event.disconnected_event")
                await kicked.heard("reconnecting")


async def test_a_bot_whose_line_broke_comes_back_and_has_missed_nothing(wecom: Wecom, sdk: Opened) -> None:
    async with sdk(wecom) as bot, member(wecom) as zhang:
        await bot.heard("authenticated")
        chat = await chat_of(zhang)
        await zhang.say(chat, "一")
        asked = await bot.heard("message.text")
        for number, connection in enumerate(list(wecom.gateway.bots.connections), 1):
            connection.abort()
            assert await bot.heard("reconnecting") == number
        await zhang.say(chat, "二")
        await bot.heard("authenticated")
        assert (await bot.heard("message.text"))["body"]["text"]["content"] == "二"
        await bot.call("replyStream", asked, "s1", "答一", True)
        assert (await zhang.next_message()).content["text"] == "答一"


@pytest.mark.parametrize("opened", [python_bot, tls_bot])
async def test_the_vendors_own_address_leads_here_through_the_proxy(
    wecom: Wecom, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two variables of the environment, and no line of code; only one of the two reads the second."""
    urls = wecom.gateway.urls()
    monkeypatch.setenv("HTTPS_PROXY", str(urls.proxy_url))
    monkeypatch.setenv("SSL_CERT_FILE", str(urls.ca_file))
    async with opened(wecom, own_address=True) as bot, member(wecom) as zhang:
        await bot.heard("authenticated")
        await zhang.say(await chat_of(zhang), "在吗")
        await bot.call("replyStream", await bot.heard("message.text"), "s1", "在", True)
        assert (await zhang.next_message()).content["text"] == "在"


async def test_a_wrong_secret_is_said_to_be_one(wecom: Wecom, sdk: Opened) -> None:
    async with sdk(wecom, "wrong") as bot:
        assert "853000" in str(await bot.heard("error"))

"""People and a bot, over real sockets: entering, streams, cards and what is thought of an answer, also over a restart.

What the bot says goes in by the commands that its door gives.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters import compose
from adapters.compose import Gateway
from gateway import commands
from gateway.state.bots import Bot
from hutong.client import Consumer, Member, Refused
from protocol.content import Markdown, Stream, TemplateCard, Text

CORP, BOT = "ww5f0a", "aibshop"
WORLD = (
    commands.PutCorp(CORP, "Double Eleven Trading", "Double Eleven", "certified"),
    commands.PutMember(CORP, "zhangsan", "Zhang San"),
    commands.PutConsumer("amy", "Amy"),
    commands.PutRelation(CORP, "zhangsan", "amy"),
    commands.PutApp(CORP, BOT, "小店", "secret", bot=True),
    commands.PutGroup(CORP, "Regulars", "zhangsan", chat_id="wrRegulars", consumers=("amy",)),
)


@asynccontextmanager
async def shop(data: Path | None = None) -> AsyncIterator[Gateway]:
    async with compose.run(data, 0, "wecom-2026-08") as gateway:
        for command in WORLD if CORP not in gateway.router.state.corps else ():
            assert isinstance(await gateway.router.ask(command), list)
        yield gateway


def amy_of(gateway: Gateway) -> Consumer:
    return Consumer(gateway.base_url, gateway.tokens.link_token("amy", "phone"))


def zhang_of(gateway: Gateway) -> Member:
    return Member(gateway.base_url, gateway.tokens.link_token(f"{CORP}/zhangsan", "phone"))


def bot_of(gateway: Gateway) -> Bot:
    bot = gateway.router.state.corps[CORP].apps[BOT].bot
    assert bot is not None
    return bot


async def answers(gateway: Gateway, to: Any, content: Any) -> Any:
    """Let the bot answer the newest thing that it was asked."""
    position = max(bot_of(gateway).asked)
    return await gateway.router.ask(commands.AnswerAsBot(CORP, BOT, position, to, content))


def card(*keys: str) -> TemplateCard:
    buttons = [{"key": key, "text": key} for key in keys]
    return TemplateCard("button_interaction", {"task_id": "colour", "button_list": buttons})


async def test_a_stranger_enters_a_bot_and_is_answered() -> None:
    async with shop() as gateway, amy_of(gateway) as amy:
        chat = (await amy.enter(BOT)).conversation
        assert amy.conversations[chat].kind == "app" and amy.conversations[chat].name == "小店"
        await answers(gateway, "enter", Text("您好"))
        assert (await amy.next_message()).text == "您好"
        await amy.say(BOT, "红色的还有吗？")
        for part in ("有", "有的", "有的,三件"):
            await answers(gateway, "message", Stream("s1", part, part == "有的,三件", "f1"))
        first, *later = [await amy.next_message() for _ in range(3)]
        assert (first.side, first.sender, first.content) == (
            "app", BOT, {"kind": "stream", "id": "s1", "text": "有", "feedback": "f1"},
        )  # fmt: skip
        assert [(one.text, one.content["updates"]) for one in later] == [
            ("有的", first.sequence), ("有的,三件", first.sequence),
        ]  # fmt: skip
        assert later[-1].content["finished"]
        await amy.judge(BOT, first.sequence, 2, "没有了", [3])
        assert amy.ledger.clean


async def test_a_button_is_pressed_over_a_link_and_the_card_changes() -> None:
    async with shop() as gateway, zhang_of(gateway) as zhang:
        await zhang.enter(BOT)
        await answers(gateway, "enter", card("red", "blue"))
        shown = await zhang.next_message()
        with pytest.raises(Refused, match="unknown_card"):
            await zhang.click(BOT, shown.sequence, "green")
        await zhang.click(BOT, shown.sequence, "red", {"size": ["large"]})
        await answers(gateway, "card", card("undo"))
        assert (await zhang.next_message()).content["updates"] == shown.sequence


async def test_what_was_asked_can_be_answered_after_a_restart(tmp_path: Path) -> None:
    async with shop(tmp_path) as gateway, amy_of(gateway) as amy:
        await amy.enter(BOT)
        await amy.say(BOT, "在吗")
        await answers(gateway, "message", Stream("s1", "在"))
        digest = gateway.router.state.digest()
    async with shop(tmp_path) as gateway, amy_of(gateway) as amy:
        assert gateway.router.state.digest() == digest
        assert gateway.router.state.bots == {BOT: CORP}
        await answers(gateway, "message", Stream("s1", "在的", finished=True))
        said = await amy.wait_for(lambda message: message.text == "在的")
        assert said.content["updates"] == 2


async def test_a_bot_in_a_group_hears_its_name() -> None:
    async with shop() as gateway, zhang_of(gateway) as zhang, amy_of(gateway) as amy:
        await zhang.invite("Regulars", bots=[BOT])
        await amy.say("Regulars", "@小店 在吗")
        await answers(gateway, "message", Markdown("在"))
        said = await asyncio.gather(*(one.wait_for(lambda message: message.text == "在") for one in (zhang, amy)))
        assert {message.sender for message in said} == {BOT}

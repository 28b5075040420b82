"""What bots hear and say: questions as they come, answers as they are given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.events.bots import BotSaid, BotsSeated
from gateway.events.callbacks import CallbackDue
from gateway.state.apply.registry import applies
from gateway.state.bots import Asked, Bot, Question, Streaming
from gateway.state.conversations import Group
from gateway.windows import WINDOWS
from protocol.codec import decode_message
from protocol.content import Text
from protocol.wecom import changes

if TYPE_CHECKING:
    from gateway.events import Posted
    from gateway.state import State

DAY: Final = WINDOWS.index("day")
_QUESTIONS: Final[dict[type, Question]] = {
    changes.BotEntered: "enter",
    changes.CardClicked: "card",
    changes.FeedbackGiven: "feedback",
}


def bot_of(state: State, corpid: str, agent_id: str) -> Bot:
    """Give what a bot remembers; that there is one is certain."""
    bot = state.corps[corpid].apps[agent_id].bot
    assert bot is not None
    return bot


def asked_by_event(state: State, event: CallbackDue) -> None:
    """Note that somebody has entered a bot, pressed a button of it, or judged it."""
    change, kind = event.change, _QUESTIONS.get(type(event.change))
    if kind is None:
        return
    assert isinstance(change, changes.BotChange)
    if isinstance(change, changes.BotEntered):
        chat = state.conversations[change.conversation].app
        assert chat is not None
        chat.entered_day = state.indexes(event.time_ms)[DAY]
    asked = Asked(kind, change.conversation, event.time_ms, getattr(change, "sequence", 0))
    for agent_id in event.agent_ids:
        bot_of(state, event.corpid, agent_id).ask(state.position, asked)


def named_in(state: State, corpid: str, group: Group, event: Posted) -> list[str]:
    """Name the bots of a group that a text calls: it says `@` and the name of one, the longest that fits there."""
    said = decode_message(event.frame).content
    text, apps = said.text if isinstance(said, Text) else "", state.corps[corpid].apps
    names = sorted({apps[agent_id].name for agent_id in group.bots}, key=len, reverse=True)
    called = re.findall(f"@({'|'.join(map(re.escape, names))})", text)
    return [agent_id for agent_id in group.bots if apps[agent_id].name in called]


@applies(BotSaid)
def bot_said(state: State, event: BotSaid) -> None:
    bot = bot_of(state, event.corpid, event.agent_id)
    if event.shown is not None:
        bot.show(event.conversation, event.sequence, event.shown)
    asked = bot.asked.get(event.answers)
    if asked is None:
        return
    asked.answered = True
    if event.stream:
        began_ms = asked.stream.began_ms if asked.stream is not None else event.time_ms
        asked.stream = Streaming(event.stream, event.sequence, began_ms, event.digest, event.finished)


@applies(BotsSeated)
def bots_seated(state: State, event: BotsSeated) -> None:
    group = state.group(event.conversation)
    group.bots = {agent_id: group.bots.get(agent_id, False) for agent_id in event.bots}

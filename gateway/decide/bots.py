"""What bots say: answers to what they were asked, and what they say unasked.

Rules of the file:
- Words of a bot pass the same policies as everybody's; only what begins is counted, not the parts of a stream, nor what
  a card shows next.
- Each kind of question has its own time, and its own kinds of answer (DOC 101463).
- One answer a question. A stream is one answer that goes on, whole each time, until it says that it is finished.
"""

from hashlib import blake2b
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from gateway import policy, windows
from gateway.commands.bots import AnswerAsBot, PushAsBot
from gateway.decide import media
from gateway.decide.directory import Handler
from gateway.decide.draft import Draft
from gateway.events import AnyEvent
from gateway.events.bots import BotSaid, Shown
from gateway.policy.attempt import Attempt
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.bots import Asked, Bot, Question, Streaming
from gateway.state.conversations import Conversation
from gateway.state.corps import App, Corp
from protocol.codec import MSGPACK
from protocol.content import AppContent, File, Image, Markdown, Stream, TemplateCard, Text, Video, Voice
from protocol.errors import (
    ANSWER_TOO_LATE,
    ANSWERED,
    NEVER_WRITTEN,
    STREAM_TOO_OLD,
    UNKNOWN_APP,
    UNKNOWN_CONVERSATION,
    UNKNOWN_PERSON,
    UNKNOWN_QUESTION,
    WRONG_ANSWER,
    WRONG_KIND,
)
from protocol.ids import app_key
from protocol.wecom.cards import buttons_of

ANSWER_MS: Final[dict[Question, int]] = {"message": windows.DAY_MS, "enter": 5_000, "card": 5_000}
STREAM_MS: Final = 6 * windows.MINUTE_MS  # from its first part to its last
SAID: Final = (Markdown, TemplateCard, Image, Voice, Video, File)
ANSWERS: Final[dict[Question, tuple[type, ...]]] = {
    "message": (Stream, *SAID),
    "enter": (Text, TemplateCard),
    "card": (TemplateCard,),
}

_encode = MSGPACK.encode
_TO: Final = "to"


class Speaking(Struct):
    """A bot that is about to say something."""

    corp: Corp
    app: App
    bot: Bot


def _speaking(state: State, command: AnswerAsBot | PushAsBot) -> Speaking | Refusal:
    corp = state.corps.get(command.corpid)
    app = corp.apps.get(command.agent_id) if corp is not None else None
    if corp is None or app is None or app.bot is None:
        return Refusal(UNKNOWN_APP)
    return Speaking(corp, app, app.bot)


def _attempt(now_ms: int, who: Speaking, conversation: Conversation, content: AppContent, answers: bool) -> Attempt:
    key, size = app_key(who.corp.corpid, who.app.agent_id), len(_encode(content))
    return Attempt(now_ms, who.corp, conversation, "app", key, content, size, app=who.app, answers=answers)


def answer(state: State, now_ms: int, command: AnswerAsBot) -> list[AnyEvent] | Refusal:
    """Answer a question, once, or with a stream part by part."""
    who, content = _speaking(state, command), command.content
    if isinstance(who, Refusal):
        return who
    asked = who.bot.asked.get(command.position)
    if asked is None:
        return Refusal(UNKNOWN_QUESTION, "bot/asked")
    if asked.kind != command.to or not isinstance(content, ANSWERS[command.to]):
        return Refusal(WRONG_ANSWER, f"bot/{asked.kind}")
    if now_ms - asked.time_ms >= ANSWER_MS[command.to]:
        return Refusal(ANSWER_TOO_LATE, f"bot/{asked.kind}")
    if asked.stream is not None:
        return _go_on(state, now_ms, command, who, asked, asked.stream)
    if asked.answered:
        return Refusal(ANSWERED, f"bot/{asked.kind}")
    if isinstance(content, TemplateCard) and asked.kind == "card":
        return _instead(state, now_ms, command.position, who, asked, replace(content, updates=asked.sequence))
    attempt = _attempt(now_ms, who, state.conversations[asked.conversation], content, answers=True)
    return _say(state, attempt, who, command.position)


def _say(state: State, attempt: Attempt, who: Speaking, answers: int = 0) -> list[AnyEvent] | Refusal:
    """Say something that is counted; what it means to the bot is noted where there is something to remember."""
    refusal = media.check(who.corp.media, attempt.now_ms, attempt.content) or policy.check(state, attempt)
    if refusal is not None:
        return refusal
    draft = Draft(state, attempt.now_ms)
    said = _said(attempt, draft.next_sequence(attempt.conversation.id), answers)
    draft.say(attempt, who.app.agent_id, None)
    if answers or said.shown is not None:
        draft.add(said)
    return draft.events


def _said(attempt: Attempt, sequence: int, answers: int = 0) -> BotSaid:
    """Tell what a bot's words mean to it."""
    content, app = attempt.content, attempt.app
    assert app is not None
    said = BotSaid(
        attempt.corp.corpid, app.agent_id, attempt.conversation.id, sequence, answers, attempt.now_ms,
        shown=_shown(content),
    )  # fmt: skip
    if not isinstance(content, Stream):
        return said
    return replace(said, stream=content.id, digest=_digest(content), finished=content.finished)


def _digest(part: Stream) -> bytes:
    return blake2b(_encode(replace(part, updates=0)), digest_size=12).digest()


def _go_on(
    state: State, now_ms: int, command: AnswerAsBot, who: Speaking, asked: Asked, stream: Streaming
) -> list[AnyEvent] | Refusal:
    """Say a stream's next part in place of the one before; a part that says nothing new leaves no record."""
    part = command.content
    if not isinstance(part, Stream) or part.id != stream.id:
        return Refusal(ANSWERED, "bot/message")
    is_new = _digest(part) != stream.digest
    if stream.finished:
        return Refusal(ANSWERED, "bot/message") if is_new else []
    if now_ms - stream.began_ms >= STREAM_MS:
        return Refusal(STREAM_TOO_OLD, "bot/stream")
    if not is_new:
        return []
    return _instead(state, now_ms, command.position, who, asked, replace(part, updates=stream.sequence))


def _instead(
    state: State, now_ms: int, position: int, who: Speaking, asked: Asked, content: Stream | TemplateCard
) -> list[AnyEvent] | Refusal:
    """Say something in place of what it updates; it is not counted again."""
    attempt = _attempt(now_ms, who, state.conversations[asked.conversation], content, answers=True)
    refusal = policy.check_standing(state, attempt)
    if refusal is not None:
        return refusal
    draft = Draft(state, now_ms)
    draft.post_as(who.app.agent_id, who.corp.corpid, asked.conversation, content)
    draft.add(_said(attempt, content.updates, position))
    return draft.events


def _shown(content: AppContent) -> Shown | None:
    """Tell what of it a person can act on."""
    if isinstance(content, Stream):
        return Shown(feedback=content.feedback) if content.feedback else None
    if not isinstance(content, TemplateCard):
        return None
    buttons = buttons_of(content.card)
    return Shown(content.card_type, buttons.task_id, buttons.keys, buttons.feedback.id)


def push(state: State, now_ms: int, command: PushAsBot) -> list[AnyEvent] | Refusal:
    """Say something unasked, where the bot is known."""
    who = _speaking(state, command)
    if isinstance(who, Refusal):
        return who
    conversation = _place(state, who, command)
    if isinstance(conversation, Refusal):
        return conversation
    content = command.content
    if not isinstance(content, SAID) or (isinstance(content, TemplateCard) and conversation.group is not None):
        return Refusal(WRONG_KIND, "bot/push")
    return _say(state, _attempt(now_ms, who, conversation, content, answers=False), who)


def _place(state: State, who: Speaking, command: PushAsBot) -> Conversation | Refusal:
    """Find the group, or the person's conversation with the bot: there is one if it was ever entered."""
    group = who.corp.chats.get(command.to) if command.kind != "single" else None
    if group is not None or command.kind == "group":
        return state.conversations[group] if group is not None else Refusal(UNKNOWN_CONVERSATION, _TO)
    person = who.corp.members.get(command.to) or who.corp.consumers.get(command.to)
    if person is None:
        return Refusal(UNKNOWN_PERSON, _TO)
    name = who.app.conversations.get(person)
    return state.conversations[name] if name is not None else Refusal(NEVER_WRITTEN, "relation/written")


HANDLERS: Final[dict[type, Handler]] = {AnswerAsBot: answer, PushAsBot: push}

"""What a bot is told: a record of the journal as a callback, in the vendor's words.

Rules of the file:
- A kind of message is one row of MESSAGES: what is in no row is not told, as the vendor tells it of no bot.
- Nothing here listens: the words of a voice are its file's name without its ending, so that a test can choose them.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final, Literal

from msgspec import UNSET, UnsetType

from adapters.callback_receivers import Called, message_id_of
from gateway.events import CallbackDue, Posted
from gateway.state import State
from protocol import content
from protocol.codec import decode_message
from protocol.frames import Message
from protocol.wecom.aibot import (
    Callback,
    CardTold,
    EventTold,
    FeedbackTold,
    FileTold,
    Happening,
    Headers,
    MessageTold,
    Options,
    SelectedItem,
    SelectedItems,
    Sender,
    TextTold,
)
from protocol.wecom.changes import BotEntered, CardClicked, FeedbackGiven

UNHEARD: Final = "[voice]"  # of a voice without a name

FileAt = Callable[[str], FileTold]
Row = tuple[str, Callable[[Any, FileAt], TextTold | FileTold]]

MESSAGES: Final[dict[type[content.Content], Row]] = {
    content.Text: ("text", lambda said, _: TextTold(said.text)),
    content.Voice: ("voice", lambda said, _: TextTold(said.name.rpartition(".")[0] or said.name or UNHEARD)),
    content.Image: ("image", lambda said, file_at: file_at(said.media_id)),
    content.File: ("file", lambda said, file_at: file_at(said.media_id)),
    content.Video: ("video", lambda said, file_at: file_at(said.media_id)),
}


def told_of(state: State, who: Called, position: int, event: object, file_at: FileAt) -> MessageTold | EventTold | None:
    """Tell a bot of the record at a position; None if there is nothing (any more) to tell."""
    if isinstance(event, Posted):
        return _message(state, who, decode_message(event.frame), file_at)
    if isinstance(event, CallbackDue):
        return _event(state, who, position, event)
    return None


def _message(state: State, who: Called, frame: Message, file_at: FileAt) -> MessageTold | None:
    row = MESSAGES.get(type(frame.content))
    if row is None or frame.conversation not in state.conversations:
        return None
    kind, body = row
    chat, chatid = _chat(state, frame.conversation)
    said: dict[str, Any] = {kind: body(frame.content, file_at)}
    return MessageTold(
        msgid=str(message_id_of(state, frame)), aibotid=who.agent_id, chatid=chatid, chattype=chat,
        sender=Sender(frame.sender), msgtype=kind, **said,
    )  # fmt: skip


def _event(state: State, who: Called, position: int, event: CallbackDue) -> EventTold | None:
    change = event.change
    match change:
        case BotEntered():
            happening = Happening("enter_chat")
        case CardClicked():
            happening = Happening("template_card_event", template_card_event=_click(change))
        case FeedbackGiven():
            told = FeedbackTold(change.id, change.verdict, change.text or UNSET, change.reasons or UNSET)
            happening = Happening("feedback_event", feedback_event=told)
        case _:
            return None
    if change.conversation not in state.conversations:
        return None
    chat, chatid = _chat(state, change.conversation)
    return EventTold(
        msgid=event_id_of(state, str(position)), create_time=event.time_ms // 1000, aibotid=who.agent_id,
        chatid=chatid, chattype=chat, sender=Sender(change.person), event=happening,
    )  # fmt: skip


def _click(change: CardClicked) -> CardTold:
    selected = tuple(SelectedItem(question, Options(options)) for question, options in change.selected)
    items = SelectedItems(selected) if selected else UNSET
    return CardTold(change.card_type, change.key, change.task_id, items)


def _chat(state: State, conversation: str) -> tuple[Literal["single", "group"], str | UnsetType]:
    group = state.conversations[conversation].group
    return ("single", UNSET) if group is None else ("group", group.chat_id)


def event_id_of(state: State, name: str) -> str:
    """Name an event, so that it tells nobody where it stands."""
    return blake2b(f"{state.seed} {state.epoch} event {name}".encode(), digest_size=12).hexdigest()


def kicked(state: State, who: Called, now_ms: int, name: str) -> EventTold:
    """Tell a connection that the bot has another one now."""
    happening = Happening("disconnected_event")
    return EventTold(
        msgid=event_id_of(state, name), create_time=now_ms // 1000, aibotid=who.agent_id, event=happening
    )  # fmt: skip


def callback(told: MessageTold | EventTold, req_id: str) -> Callback:
    """Put what is told into a frame."""
    is_event = isinstance(told, EventTold)
    return Callback("aibot_event_callback" if is_event else "aibot_msg_callback", Headers(req_id), told)

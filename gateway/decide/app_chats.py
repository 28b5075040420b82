"""People and the apps they use: opening one, pressing a button of a bot's card, judging what it said.

Rules of the file:
- A member opens the apps of the enterprise. A bot is open to every consumer: no tie to its enterprise is needed.
- A bot is told of the first visit of a day, of each button, of each judgement; other apps are told of none.
"""

from typing import Final

from gateway import windows
from gateway.decide.draft import Draft
from gateway.decide.messages import open_app_chat
from gateway.events import CallbackDue
from gateway.events.bots import Shown
from gateway.policy import speak
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.conversations import CONVERSATIONS_MAX, AppChat, Conversation
from gateway.state.people import AnyPerson, Member
from protocol import frames
from protocol.errors import NOT_IN_GROUP, TOO_MANY, UNKNOWN_APP, UNKNOWN_CARD, UNKNOWN_CONVERSATION
from protocol.wecom.changes import BotChange, BotEntered, CardClicked, FeedbackGiven

DAY: Final = windows.WINDOWS.index("day")


def enter(state: State, now_ms: int, person: AnyPerson, frame: frames.Enter) -> Draft | Refusal:
    """Let a person open an app, to write to it; the conversation that is there is the answer."""
    refusal = speak.refusal_of(state, person) if isinstance(person, Member) else None
    if refusal is not None:
        return refusal
    corpid = person.corpid if isinstance(person, Member) else state.bots.get(frame.app, "")
    app = state.corps[corpid].apps.get(frame.app) if corpid else None
    if app is None:
        return Refusal(UNKNOWN_APP)
    draft = Draft(state, now_ms)
    conversation = state.conversations.get(app.conversations.get(person.key, ""))
    if conversation is None:
        if len(state.conversations) >= CONVERSATIONS_MAX:
            return Refusal(TOO_MANY, "conversations")
        own = person.own if isinstance(person, Member) else draft.know(person.key, corpid)
        chat = AppChat(app.agent_id, person.key)
        conversation = Conversation(draft.new_id("cv", corpid), "app", corpid, app=chat)
        open_app_chat(draft, conversation, app.agent_id, own)
    draft.conversation = conversation.id
    assert conversation.app is not None
    if app.bot is not None and conversation.app.entered_day != state.indexes(now_ms)[DAY]:
        _tell(draft, corpid, app.agent_id, BotEntered(draft.name_of(corpid, person.key), conversation.id))
    return draft


def _tell(draft: Draft, corpid: str, agent_id: str, change: BotChange) -> None:
    draft.add(CallbackDue(corpid, (agent_id,), change, draft.now_ms))


def click(state: State, now_ms: int, person: AnyPerson, frame: frames.Click) -> Draft | Refusal:
    """Let a person press a button of a bot's card."""
    found = _shown(state, person, frame)
    if isinstance(found, Refusal):
        return found
    corpid, agent_id, shown = found
    if frame.key not in shown.keys:
        return Refusal(UNKNOWN_CARD, "bot/key")
    clicked = CardClicked(
        state.name_of(corpid, person.key), frame.conversation, frame.sequence, shown.card_type, frame.key,
        shown.task_id, frame.selected,
    )  # fmt: skip
    return _done(state, now_ms, corpid, agent_id, clicked)


def judge(state: State, now_ms: int, person: AnyPerson, frame: frames.Feedback) -> Draft | Refusal:
    """Let a person say what they think of what a bot said, where it wants to know."""
    found = _shown(state, person, frame)
    if isinstance(found, Refusal):
        return found
    corpid, agent_id, shown = found
    if not shown.feedback:
        return Refusal(UNKNOWN_CARD, "bot/feedback")
    given = FeedbackGiven(
        state.name_of(corpid, person.key), frame.conversation, frame.sequence, shown.feedback, frame.verdict,
        frame.text, frame.reasons,
    )  # fmt: skip
    return _done(state, now_ms, corpid, agent_id, given)


def _done(state: State, now_ms: int, corpid: str, agent_id: str, change: BotChange) -> Draft:
    draft = Draft(state, now_ms)
    draft.conversation = change.conversation
    _tell(draft, corpid, agent_id, change)
    return draft


def _shown(
    state: State, person: AnyPerson, frame: frames.Click | frames.Feedback
) -> tuple[str, str, Shown] | Refusal:  # fmt: skip
    """Find what of a bot stands there, for a person who may act on it."""
    conversation = state.conversations.get(frame.conversation)
    if conversation is None or frame.conversation not in person.conversations:
        return Refusal(UNKNOWN_CONVERSATION)
    if conversation.group is not None and person.key not in conversation.group.seats:
        return Refusal(NOT_IN_GROUP, "relation/seat")
    refusal = speak.refusal_of(state, person) if isinstance(person, Member) else None
    if refusal is not None:
        return refusal
    chat, group, corpid = conversation.app, conversation.group, conversation.corpid
    named = (chat.agent_id,) if chat is not None else tuple(group.bots) if group is not None else ()
    for agent_id in named:
        bot = state.corps[corpid].apps[agent_id].bot
        shown = bot.shown.get((frame.conversation, frame.sequence)) if bot is not None else None
        if shown is not None and person.may_read(frame.conversation, frame.sequence):
            return corpid, agent_id, shown
    return Refusal(UNKNOWN_CARD, "bot/shown")

"""What apps are to be called back about: each app's newest records, by position, up to a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.events.callbacks import CallbackDue, CallbackVerified
from gateway.state.apply import bots
from gateway.state.apply.registry import applies
from gateway.state.bots import Asked
from gateway.state.conversations import Conversation
from gateway.state.corps import App

if TYPE_CHECKING:
    from gateway.events import Posted
    from gateway.state import State

DUE_MAX: Final = (
    10_000  # records of one app; the oldest fall out, as WeCom drops what a receiver cannot take (DOC 90930)
)


@applies(CallbackDue)
def callback_due(state: State, event: CallbackDue) -> None:
    for agent_id in event.agent_ids:
        _hear(state, state.corps[event.corpid].apps[agent_id])
    bots.asked_by_event(state, event)


def overheard(state: State, conversation: Conversation, event: Posted) -> None:
    """Note what a person says to an app, or in a group to the bots that it names."""
    chat, group = conversation.app, conversation.group
    if chat is not None:
        chat.written, named = True, [chat.agent_id]
    else:
        assert group is not None
        named = bots.named_in(state, conversation.corpid, group, event)
        group.bots.update(dict.fromkeys(named, True))
    for agent_id in named:
        app = state.corps[conversation.corpid].apps[agent_id]
        _hear(state, app)
        if app.bot is not None:
            app.bot.ask(state.position, Asked("message", conversation.id, event.time_ms))


def _hear(state: State, app: App) -> None:
    """Note that the record being applied is due to an app, if it is called back at all, or is a bot."""
    if app.bot is None and not state.calls_back(app):
        return
    app.due.append(state.position)
    state.newest_due = state.position
    if len(app.due) > DUE_MAX:
        del app.due[: len(app.due) - DUE_MAX]


@applies(CallbackVerified)
def callback_verified(state: State, event: CallbackVerified) -> None:
    state.corps[event.corpid].apps[event.agent_id].callback_verified = True

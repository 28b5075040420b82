"""Apps and those who talk with them: an app's receiver has answered, a member opens an app."""

from collections.abc import Callable
from typing import Any, Final

from gateway.commands import NoteVerified
from gateway.decide.draft import Draft
from gateway.decide.messages import open_app_chat
from gateway.events import AnyEvent, CallbackVerified
from gateway.policy import speak
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.conversations import AppChat, Conversation
from gateway.state.people import AnyPerson, Member
from protocol import frames
from protocol.errors import UNKNOWN_APP, WRONG_SIDE

Decided = list[AnyEvent] | Refusal


def note_verified(state: State, now_ms: int, command: NoteVerified) -> Decided:
    """Note that a receiver answered, unless it has been moved meanwhile."""
    corp = state.corps.get(command.corpid)
    app = corp.apps.get(command.agent_id) if corp is not None else None
    asked = (command.callback_url, command.callback_token, command.callback_aes_key)
    if app is None or app.callback != asked:
        return Refusal(UNKNOWN_APP, "callback")
    return [CallbackVerified(command.corpid, command.agent_id, now_ms)]


def enter(state: State, now_ms: int, person: AnyPerson, frame: frames.Enter) -> Draft | Refusal:
    """Let a member open an app of the enterprise, to write to it; the conversation that is there is the answer."""
    if not isinstance(person, Member):
        return Refusal(WRONG_SIDE)
    refusal = speak.refusal_of(state, person)
    if refusal is not None:
        return refusal
    app = state.corps[person.corpid].apps.get(frame.app)
    if app is None:
        return Refusal(UNKNOWN_APP)
    draft = Draft(state, now_ms)
    draft.conversation = app.conversations.get(person.key, "")
    if not draft.conversation:
        draft.conversation = draft.new_id("cv", person.corpid)
        chat = AppChat(app.agent_id, person.key)
        open_app_chat(draft, Conversation(draft.conversation, "app", person.corpid, app=chat), app.agent_id)
    return draft


HANDLERS: Final[dict[type, Callable[[State, int, Any], Decided]]] = {NoteVerified: note_verified}

"""Apps that are called back: a receiver has answered."""

from collections.abc import Callable
from typing import Any, Final

from gateway.commands import NoteVerified
from gateway.events import AnyEvent, CallbackVerified
from gateway.refusal import Refusal
from gateway.state import State
from protocol.errors import UNKNOWN_APP

Decided = list[AnyEvent] | Refusal


def note_verified(state: State, now_ms: int, command: NoteVerified) -> Decided:
    """Note that a receiver answered, unless it has been moved meanwhile."""
    corp = state.corps.get(command.corpid)
    app = corp.apps.get(command.agent_id) if corp is not None else None
    asked = (command.callback_url, command.callback_token, command.callback_aes_key)
    if app is None or app.callback != asked:
        return Refusal(UNKNOWN_APP, "callback")
    return [CallbackVerified(command.corpid, command.agent_id, now_ms)]


HANDLERS: Final[dict[type, Callable[[State, int, Any], Decided]]] = {NoteVerified: note_verified}

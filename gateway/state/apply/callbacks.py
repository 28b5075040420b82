"""What apps are to be called back about: each app's newest records, by position, up to a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.events.callbacks import CallbackDue, CallbackVerified
from gateway.state.apply.registry import applies

if TYPE_CHECKING:
    from gateway.state import State

DUE_MAX: Final = (
    10_000  # records of one app; the oldest fall out, as WeCom drops what a receiver cannot take (DOC 90930)
)


@applies(CallbackDue)
def callback_due(state: State, event: CallbackDue) -> None:
    for agent_id in event.agent_ids:
        heard(state, event.corpid, agent_id)


def heard(state: State, corpid: str, agent_id: str) -> None:
    """Note that the record being applied is due to an app, if it is called back at all."""
    app = state.corps[corpid].apps[agent_id]
    if not state.calls_back(app):
        return
    app.due.append(state.position)
    state.newest_due = state.position
    if len(app.due) > DUE_MAX:
        del app.due[: len(app.due) - DUE_MAX]


@applies(CallbackVerified)
def callback_verified(state: State, event: CallbackVerified) -> None:
    state.corps[event.corpid].apps[event.agent_id].callback_verified = True

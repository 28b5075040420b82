"""Welcomes for groups that apps keep in store (DOC 92366). Who made one may change it and drop it, and nobody else."""

from collections.abc import Callable
from typing import Any, Final

from gateway import commands
from gateway.events import AnyEvent, TemplateDropped, TemplatePut
from gateway.refusal import Refusal
from gateway.state import State
from protocol.errors import NOT_MAKER, TOO_MANY, UNKNOWN_CORP, UNKNOWN_TEMPLATE
from protocol.ids import derive_free

TEMPLATES_MAX: Final = 100  # DOC 92366: of an enterprise


def put(state: State, _now_ms: int, command: commands.PutTemplate) -> list[AnyEvent] | Refusal:
    """Make a template, or change one of the app's own."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    ways = corp.ways
    if command.id:
        refusal = _check(state, command)
        name = command.id
    else:
        refusal = Refusal(TOO_MANY, "templates") if len(ways.templates) >= TEMPLATES_MAX else None
        name = derive_free(ways.templates, "msg", state.seed, command.corpid, "template", ways.written + 1)
    return refusal or [TemplatePut(command.corpid, name, command.agent_id, command.body)]


def drop(state: State, _now_ms: int, command: commands.DropTemplate) -> list[AnyEvent] | Refusal:
    """Drop one of the app's own templates."""
    return _check(state, command) or [TemplateDropped(command.corpid, command.id)]


def _check(state: State, command: commands.PutTemplate | commands.DropTemplate) -> Refusal | None:
    corp = state.corps.get(command.corpid)
    template = corp.ways.templates.get(command.id) if corp is not None else None
    if template is None:
        return Refusal(UNKNOWN_TEMPLATE)
    return Refusal(NOT_MAKER) if template.agent_id != command.agent_id else None


HANDLERS: Final[dict[type, Callable[[State, int, Any], list[AnyEvent] | Refusal]]] = {
    commands.PutTemplate: put,
    commands.DropTemplate: drop,
}

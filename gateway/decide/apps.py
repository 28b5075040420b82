"""What an app says of itself to the members who use it: name, description, pages, menu."""

from collections.abc import Callable
from typing import Any, Final

from gateway import events
from gateway.commands import book as commands
from gateway.decide.members import Decided
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.corps import AppSheet
from protocol.errors import UNKNOWN_APP


def set_app(state: State, now_ms: int, command: commands.SetApp) -> Decided:
    """Change what an app says of itself; what is left empty stays."""
    corp, asked = state.corps.get(command.corpid), command.asked
    app = corp.apps.get(command.agent_id) if corp is not None else None
    if app is None:
        return Refusal(UNKNOWN_APP)
    sheet = app.sheet or AppSheet()
    return [
        events.AppSet(
            command.corpid,
            command.agent_id,
            asked.name or app.name,
            asked.description or sheet.description,
            asked.redirect_domain or sheet.redirect_domain,
            asked.home_url or sheet.home_url,
            sheet.report_location if asked.report_location_flag is None else bool(asked.report_location_flag),
            sheet.report_enter if asked.isreportenter is None else bool(asked.isreportenter),
            asked.logo_mediaid or sheet.logo,
            now_ms,
        )
    ]


def put_menu(state: State, now_ms: int, command: commands.PutMenu) -> Decided:
    """Give an app a menu, or none."""
    corp = state.corps.get(command.corpid)
    if corp is None or command.agent_id not in corp.apps:
        return Refusal(UNKNOWN_APP)
    return [events.MenuPut(command.corpid, command.agent_id, command.menu, now_ms)]


HANDLERS: Final[dict[type, Callable[[State, int, Any], Decided]]] = {
    commands.SetApp: set_app,
    commands.PutMenu: put_menu,
}

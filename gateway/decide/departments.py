"""Departments of the address book, as its API makes, changes and deletes them.

Below one department no two are called the same; one that has members or others beneath it stays, and so does the root
(DOC 90205 to 90207).
"""

from collections.abc import Callable
from typing import Any, Final

from gateway import events
from gateway.commands import book as commands
from gateway.decide.draft import Draft
from gateway.decide.members import Decided, root
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.corps import ROOT, Corp
from protocol.errors import (
    BAD_NAME,
    EXISTS,
    HAS_CHILDREN,
    HAS_MEMBERS,
    IS_ROOT,
    NAME_TAKEN,
    TOO_MANY,
    UNKNOWN_CORP,
    UNKNOWN_DEPARTMENT,
    UNKNOWN_PARENT,
)
from protocol.wecom.changes import PartyChanged, PartyDeleted, PartyMade

DEPARTMENTS_MAX: Final = 30_000  # of one enterprise; setting
NOT_IN_A_NAME: Final = frozenset('\\:*?"<>|')  # SDK wechatpy, to DOC 90205


def _check(corp: Corp, id_: int, parent: int, name: str, name_en: str) -> Refusal | None:
    """Tell why a department may not be called so, or not stand there."""
    if NOT_IN_A_NAME & set(name + name_en):
        return Refusal(BAD_NAME)
    if id_ == ROOT:
        return None
    if corp.department(parent) is None or (id_ in corp.departments and parent in corp.below(id_)):
        return Refusal(UNKNOWN_PARENT)
    beside = [one for one in corp.departments.values() if one.id not in (ROOT, id_) and corp.above(one.id) == parent]
    if any(one.name == name or (name_en and one.name_en == name_en) for one in beside):
        return Refusal(NAME_TAKEN)
    return None


def create_department(state: State, now_ms: int, command: commands.CreateDepartment) -> Decided:
    """Make a department; without an id it gets the next after the greatest."""
    corp, asked = state.corps.get(command.corpid), command.asked
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    if asked.id and corp.department(asked.id) is not None:
        return Refusal(EXISTS, "id")
    if len(corp.departments) >= DEPARTMENTS_MAX:
        return Refusal(TOO_MANY, "departments")
    id_ = asked.id or max([ROOT, *corp.departments]) + 1
    refusal = _check(corp, id_, asked.parentid, asked.name, asked.name_en)
    if refusal is not None:
        return refusal
    draft = Draft(state, now_ms)
    root(draft, corp, (asked.parentid,))
    draft.add(
        events.DepartmentPut(command.corpid, id_, asked.name, asked.parentid, False, asked.name_en, asked.order)
    )  # fmt: skip
    return draft.events


def update_department(state: State, now_ms: int, command: commands.UpdateDepartment) -> Decided:
    """Change a department's names, its place, or its order; what is left empty stays."""
    corp, asked = state.corps.get(command.corpid), command.asked
    known = corp.department(asked.id) if corp is not None else None
    if corp is None or known is None:
        return Refusal(UNKNOWN_DEPARTMENT)
    name, name_en = asked.name or known.name, asked.name_en or known.name_en
    parent = asked.parentid or corp.above(asked.id)
    refusal = _check(corp, asked.id, parent, name, name_en)
    if refusal is not None:
        return refusal
    draft = Draft(state, now_ms)
    if asked.id == ROOT:
        parent = 0
    root(draft, corp, (parent,))
    order = known.order if asked.order is None else asked.order
    draft.add(events.DepartmentPut(command.corpid, asked.id, name, parent, known.store, name_en, order))
    return draft.events


def delete_department(state: State, now_ms: int, command: commands.DeleteDepartment) -> Decided:
    """Delete a department that nobody is in, and that has none beneath it."""
    corp = state.corps.get(command.corpid)
    if corp is None or corp.department(command.id) is None:
        return Refusal(UNKNOWN_DEPARTMENT)
    if command.id == ROOT:
        return Refusal(IS_ROOT)
    if len(corp.below(command.id)) > 1:
        return Refusal(HAS_CHILDREN)
    members = (state.member(key) for key in corp.members.values())
    if any(command.id in member.departments and not member.departed for member in members):
        return Refusal(HAS_MEMBERS)
    draft = Draft(state, now_ms)
    draft.add(events.DepartmentDeleted(command.corpid, command.id, now_ms))
    if command.told:
        draft.call_back(command.corpid, PartyDeleted(command.id))
    return draft.events


def tell(draft: Draft, corp: Corp, becomes: events.DepartmentPut) -> None:
    """Have the apps told of what the administrator did to a department."""
    known = corp.departments.get(becomes.id)
    above = 0 if becomes.id == ROOT else becomes.parent or ROOT
    if known is None:
        draft.call_back(corp.corpid, PartyMade(becomes.id, becomes.name, above, becomes.order))
    elif any(getattr(known, name) != getattr(becomes, name) for name in ("name", "name_en", "parent", "order")):
        draft.call_back(corp.corpid, PartyChanged(becomes.id, becomes.name, above))


HANDLERS: Final[dict[type, Callable[[State, int, Any], Decided]]] = {
    commands.CreateDepartment: create_department,
    commands.UpdateDepartment: update_department,
    commands.DeleteDepartment: delete_department,
}

"""Departments of the address book (DOC 90205 to 90208, 95350, 95351)."""

from adapters.wecom_api.call import Caller, Door, No, call
from gateway.commands import book as commands
from gateway.events import DepartmentPut
from gateway.state import State
from gateway.state.corps import ROOT, Corp, Department
from protocol.wecom.departments import (
    DepartmentAsked,
    DepartmentCreate,
    DepartmentIdReply,
    DepartmentReply,
    DepartmentsAsked,
    DepartmentsReply,
    DepartmentUpdate,
    DepartmentView,
    SimpleDepartment,
    SimpleDepartmentsReply,
)
from protocol.wecom.reply import Reply


def _shown(state: State, corp: Corp, department: Department) -> DepartmentView:
    leaders = [state.member(key).userid for key in department.leaders]
    above = corp.above(department.id)
    return DepartmentView(department.id, department.name, department.name_en, leaders, above, department.order)


def _listed(corp: Corp, id_: int) -> list[Department]:
    """Give a department and all beneath it, or all there are where none is named; nothing if there is no such one."""
    tree = corp.tree()
    return [tree[one] for one in corp.below(id_ or ROOT)] if corp.department(id_ or ROOT) is not None else []


@call("POST", "department/create")
async def create_department(door: Door, caller: Caller, asked: DepartmentCreate) -> DepartmentIdReply:
    """Make a department beneath another."""
    happened = await door.ask(commands.CreateDepartment(caller.corpid, asked), "department")
    made = happened[-1]
    assert isinstance(made, DepartmentPut), "making a department ends with it"
    return DepartmentIdReply(errmsg="created", id=made.id)


@call("POST", "department/update")
async def update_department(door: Door, caller: Caller, asked: DepartmentUpdate) -> Reply:
    """Change a department; what is left out stays."""
    await door.ask(commands.UpdateDepartment(caller.corpid, asked), "department")
    return Reply(errmsg="updated")


@call("GET", "department/delete")
async def delete_department(door: Door, caller: Caller, asked: DepartmentAsked) -> Reply:
    """Delete a department that is empty."""
    await door.ask(commands.DeleteDepartment(caller.corpid, asked.id), "department")
    return Reply(errmsg="deleted")


@call("GET", "department/list")
async def list_departments(door: Door, caller: Caller, asked: DepartmentsAsked) -> DepartmentsReply:
    """Tell of a department and all beneath it, or of all there are."""

    def look(state: State, _now_ms: int) -> DepartmentsReply | No:
        corp = state.corps[caller.corpid]
        listed = _listed(corp, asked.id)
        return DepartmentsReply(department=[_shown(state, corp, one) for one in listed]) if listed else No(60003)

    reply: DepartmentsReply = await door.look(look)
    return reply


@call("GET", "department/simplelist")
async def list_ids(door: Door, caller: Caller, asked: DepartmentsAsked) -> SimpleDepartmentsReply:
    """List a department and all beneath it, or all there are, without their names."""

    def look(state: State, _now_ms: int) -> SimpleDepartmentsReply | No:
        corp = state.corps[caller.corpid]
        listed = [SimpleDepartment(one.id, corp.above(one.id), one.order) for one in _listed(corp, asked.id)]
        return SimpleDepartmentsReply(department_id=listed) if listed else No(60003)

    reply: SimpleDepartmentsReply = await door.look(look)
    return reply


@call("GET", "department/get")
async def get_department(door: Door, caller: Caller, asked: DepartmentAsked) -> DepartmentReply:
    """Tell of a department."""

    def look(state: State, _now_ms: int) -> DepartmentReply | No:
        corp = state.corps[caller.corpid]
        known = corp.department(asked.id)
        return DepartmentReply(department=_shown(state, corp, known)) if known is not None else No(60003)

    reply: DepartmentReply = await door.look(look)
    return reply

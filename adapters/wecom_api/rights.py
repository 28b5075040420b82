"""May this app make this call, and is what it names in its sight? Asked only where a switch is on.

Rules of the file:
- `trusted_ip`: an app is called from the addresses it trusts, else 60020 (rules 13.6).
- `secret_by_ability`: the address book is written with a secret that has `contacts`, customer contact called with one
  that has `customers`, else 48002 (DOC 90313).
- `app_range`: a member or department out of sight is 60011 in the address book, 60111 in customer contact, 60021
  elsewhere; a customer whose followers are out of sight is 40096 (rules 13.9, DOC 90313).
- A list of receivers (`message/send`, `batch/invite`) is not looked at here: its call reports those it cannot reach.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from adapters.wecom_api.access import Caller
from gateway.policy.sight import sees_customer, sees_department, sees_member
from gateway.refusal import Refusal
from gateway.rights import Ability
from gateway.state import State
from gateway.state.corps import App, Corp
from protocol.errors import NO_ABILITY, OUTSIDE_RANGE, UNTRUSTED_ADDRESS

CUSTOMERS: Final = ("externalcontact/", "crm/")
BOOK: Final = ("user/", "department/", "tag/", "batch/", "agent/")
BOOK_WRITES: Final = frozenset({
    "user/create", "user/update", "user/delete", "user/batchdelete", "department/create", "department/update",
    "department/delete", "batch/syncuser", "batch/replaceuser", "batch/replaceparty",
})  # fmt: skip
UNLISTED: Final = ("message/", "batch/invite")
MEMBERS: Final = frozenset({
    "userid", "user", "userid_list", "useridlist", "userlist", "handover_userid", "takeover_userid", "sender", "owner",
    "new_owner", "add_user_list", "del_user_list", "direct_leader",
})  # fmt: skip
DEPARTMENTS: Final = frozenset({"department_id", "department", "party", "partylist", "parentid"})
CUSTOMER_KEYS: Final = frozenset({"external_userid", "external_userid_list"})


def permitted(state: State, path: str, caller: Caller) -> Refusal | None:
    """Say why an app may not make this call: its address, or its secret."""
    app = state.corps[caller.corpid].apps[caller.agent_id]
    if "trusted_ip" in state.strict and caller.address not in app.rights.trusted_ips:
        return Refusal(UNTRUSTED_ADDRESS, f"trusted_ip: app {app.agent_id} does not trust {caller.address}")
    ability = _ability_for(path)
    if "secret_by_ability" in state.strict and ability is not None and ability not in app.rights.abilities:
        has = " and ".join(app.rights.abilities) or "none"
        rule = f"secret_by_ability: {path} takes {ability}, the secret used is of app {app.agent_id}, which has {has}"
        return Refusal(NO_ABILITY, rule)
    return None


def _ability_for(path: str) -> Ability | None:
    if path in BOOK_WRITES:
        return "contacts"
    return "customers" if path.startswith(CUSTOMERS) else None


def out_of_sight(state: State, path: str, caller: Caller, asked: Struct) -> tuple[int, Refusal] | None:
    """Find the first thing that a request names and its app does not see; give the vendor's number for it."""
    if "app_range" not in state.strict or not caller.corpid or path.startswith(UNLISTED):
        return None
    corp = state.corps[caller.corpid]
    app = corp.apps[caller.agent_id]
    named = _named(asked, path)
    return next((no for key, value in named if (no := _unseen(state, corp, app, path, key, value)) is not None), None)


def _named(asked: Struct, path: str) -> Iterator[tuple[str, str | int]]:
    """List what a request names, each under its key, those in lists one by one."""
    for key in asked.__struct_fields__:
        value = getattr(asked, key)
        if key == "id" and path.startswith("department/"):
            key = "department"  # noqa: PLW2901 - the same thing by its other name
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, str | int):
                yield key, one


def _unseen(state: State, corp: Corp, app: App, path: str, key: str, value: str | int) -> tuple[int, Refusal] | None:
    errcode = 0
    if key in MEMBERS and isinstance(value, str) and not sees_member(state, corp, app.rights, value):
        errcode = 60011 if path.startswith(BOOK) else 60111 if path.startswith(CUSTOMERS) else 60021
    elif key in DEPARTMENTS and isinstance(value, int) and not sees_department(corp, app.rights, value):
        errcode = 60011
    elif key in CUSTOMER_KEYS and isinstance(value, str) and not sees_customer(state, corp, app.rights, value):
        errcode = 40096
    if not errcode:
        return None
    return errcode, Refusal(OUTSIDE_RANGE, f"app_range: {value} is out of the sight of app {app.agent_id}")


__all__ = ["out_of_sight", "permitted"]

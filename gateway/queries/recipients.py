"""Whom an app's message means: members by name, by department with all below it, or everybody.

Rules of the file:
- Who has left or is not activated is nobody: a message reaches neither. Nor does it reach whom the app does not see,
  where that is asked for.
- What names nobody is told apart, since the vendor's API lists it and sends to the others (DOC 90236).
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from gateway.policy.sight import sees_department, sees_member
from gateway.rights import Rights
from gateway.state import State
from gateway.state.corps import Corp

ALL: Rights = Rights()


class Recipients(Struct, frozen=True):
    """Members by key, each once, and which of the names asked for are nobody's."""

    keys: tuple[str, ...]
    invalid_users: tuple[str, ...] = ()
    invalid_parties: tuple[str, ...] = ()
    invalid_tags: tuple[str, ...] = ()


def everybody(state: State, corp: Corp, rights: Rights = ALL) -> Recipients:
    return Recipients(tuple(key for key in corp.members.values() if _is_there(state, corp, rights, key)))


def named(
    state: State, corp: Corp, users: Iterable[str], parties: Iterable[str], tags: Iterable[str], rights: Rights = ALL
) -> Recipients:  # fmt: skip
    """Find the members that are named, and those of the departments that are."""
    keys = {user: corp.members.get(user) for user in users}
    known = {user: key for user, key in keys.items() if key is not None and _is_there(state, corp, rights, key)}
    departments = {party: _department(corp, rights, party) for party in parties}
    wanted = set(_with_those_below(corp, {each for each in departments.values() if each is not None}))
    staff = (
        key
        for key in corp.members.values()
        if wanted and not wanted.isdisjoint(state.member(key).departments) and _is_there(state, corp, rights, key)
    )
    return Recipients(
        tuple(dict.fromkeys((*known.values(), *staff))),
        tuple(user for user in keys if user not in known),
        tuple(party for party, department in departments.items() if department is None),
        tuple(tags),
    )


def _department(corp: Corp, rights: Rights, party: str) -> int | None:
    number = int(party) if party.isascii() and party.isdecimal() and len(party) < 20 else 0
    return number if number in corp.departments and sees_department(corp, rights, number) else None


def _with_those_below(corp: Corp, departments: set[int]) -> Iterator[int]:
    """Give departments and all that are below them; each level is looked for once."""
    level, seen = departments, set[int]()
    while level:
        yield from level
        seen |= level
        level = {one.id for one in corp.departments.values() if one.parent in level} - seen


def _is_there(state: State, corp: Corp, rights: Rights, key: str) -> bool:
    member = state.member(key)
    return member.activated and not member.departed and sees_member(state, corp, rights, member.userid)

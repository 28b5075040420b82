"""Whom an app's message means: members by name, by department with all below it, by tag, or everybody.

Rules of the file:
- Who has left, is not activated or may not log in is nobody: a message does not reach them. Nor does it reach whom the
  app does not see, where that is asked for.
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
    """Find the members that are named, and those of the departments and tags that are."""
    keys = {user: corp.members.get(user) for user in users}
    known = {user: key for user, key in keys.items() if key is not None and _is_there(state, corp, rights, key)}
    departments = {party: _department(corp, rights, party) for party in parties}
    marks = {tag: corp.book.tags.get(_number(tag)) for tag in tags}
    worn = [mark for mark in marks.values() if mark is not None]
    wanted = {each for each in departments.values() if each is not None}.union(*(mark.departments for mark in worn))
    tagged = (key for mark in worn for key in mark.members if _is_there(state, corp, rights, key))
    return Recipients(
        tuple(dict.fromkeys((*known.values(), *_staff(state, corp, rights, wanted), *tagged))),
        tuple(user for user in keys if user not in known),
        tuple(party for party, department in departments.items() if department is None),
        tuple(tag for tag, mark in marks.items() if mark is None),
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0


def _department(corp: Corp, rights: Rights, party: str) -> int | None:
    number = _number(party)
    return number if corp.department(number) is not None and sees_department(corp, rights, number) else None


def _staff(state: State, corp: Corp, rights: Rights, departments: set[int]) -> Iterator[str]:
    """Give the members of departments and of all below them."""
    if not departments:
        return
    wanted = {one for department in departments for one in corp.below(department)}
    for key in corp.members.values():
        if not wanted.isdisjoint(state.member(key).placed) and _is_there(state, corp, rights, key):
            yield key


def _is_there(state: State, corp: Corp, rights: Rights, key: str) -> bool:
    member = state.member(key)
    return member.active and sees_member(state, corp, rights, member.userid)

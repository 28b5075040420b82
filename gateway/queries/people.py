"""Views of enterprises and people."""

from collections.abc import Iterator
from heapq import nsmallest
from typing import Literal

from msgspec import Struct

from gateway.profile import Certification
from gateway.state import State
from gateway.state.people import AnyPerson, Consumer, Member

PersonKind = Literal["member", "consumer"]


class CorpView(Struct, frozen=True):
    """An enterprise. `certification` is the one that counts now."""

    corpid: str
    name: str
    short_name: str
    certification: Certification
    certified_until_ms: int
    apps: list[str]
    departments: list[int]
    members: int
    customers: int


class PersonView(Struct, frozen=True, omit_defaults=True):
    """A person, named as control names people; what only one side has is left out for the other."""

    person: str
    kind: PersonKind
    name: str
    corpid: str | None = None
    userid: str | None = None
    departments: tuple[int, ...] | None = None
    activated: bool | None = None
    real_name_verified: bool | None = None
    departed: bool | None = None
    live_contacts: int | None = None
    unionid: str | None = None
    external_userids: dict[str, str] | None = None
    muted: list[str] | None = None


def corps(state: State, now_ms: int) -> list[CorpView]:
    """List the enterprises, in the order in which they were made."""
    return [_corp(state, corpid, now_ms) for corpid in state.corps]


def corp(state: State, now_ms: int, corpid: str) -> CorpView | None:
    return _corp(state, corpid, now_ms) if corpid in state.corps else None


def _corp(state: State, corpid: str, now_ms: int) -> CorpView:
    known = state.corps[corpid]
    return CorpView(
        corpid, known.name, known.short_name, known.certification_at(now_ms), known.certified_until_ms,
        list(known.apps), list(known.departments), len(known.members), known.customers,
    )  # fmt: skip


def view(person: AnyPerson) -> PersonView:
    """Tell of one person."""
    if isinstance(person, Member):
        return PersonView(
            person.key, "member", person.name, person.corpid, person.userid, person.departments, person.activated,
            person.real_name_verified, person.departed, person.live_contacts,
        )  # fmt: skip
    return PersonView(
        person.key, "consumer", person.nickname, unionid=person.unionid,
        external_userids={corpid: known.external_userid for corpid, known in person.known.items()},
        muted=[corpid for corpid, known in person.known.items() if known.muted],
    )  # fmt: skip


def page(
    state: State, kind: PersonKind | None, corpid: str | None, cursor: str, limit: int
) -> tuple[list[PersonView], str]:
    """Give people in the order of their keys, those after `cursor`, and the cursor of the next page, if there is one.

    A consumer counts as of every enterprise that knows them.
    """
    keys = (key for key in _keys(state, kind, corpid) if key > cursor)
    found = nsmallest(limit + 1, keys)
    return [view(state.people[key]) for key in found[:limit]], found[limit - 1] if len(found) > limit else ""


def _keys(state: State, kind: PersonKind | None, corpid: str | None) -> Iterator[str]:
    if corpid is not None:
        corp = state.corps[corpid]
        if kind != "consumer":
            yield from corp.members.values()
        if kind != "member":
            yield from corp.consumers.values()
        return
    for key, person in state.people.items():
        if kind is None or isinstance(person, Consumer) == (kind == "consumer"):
            yield key

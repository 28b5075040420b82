"""Tags of the address book. Only the app that made one may change it; one of the administrator's is everybody's.

A tag has members and departments; who is in a tagged department need not be tagged (DOC 90210 to 90216).
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from gateway import events
from gateway.commands import book as commands
from gateway.decide.draft import Draft
from gateway.decide.members import Decided, root
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.book import TAGGED_MAX, TAGS_MAX, BookTag
from gateway.state.corps import Corp
from protocol.errors import (
    BAD_NAME,
    EXISTS,
    NAME_TAKEN,
    NOBODY_KNOWN,
    NOT_MAKER,
    TOO_MANY,
    UNKNOWN_BOOK_TAG,
    UNKNOWN_CORP,
    UNKNOWN_DEPARTMENT,
    UNKNOWN_PERSON,
)
from protocol.wecom.changes import BookTagChanged
from protocol.wecom.departments import TAG_NAME_MAX

T = TypeVar("T")


def _check_name(corp: Corp, id_: int, name: str) -> Refusal | None:
    if not 0 < len(name) <= TAG_NAME_MAX:
        return Refusal(BAD_NAME, f"1 to {TAG_NAME_MAX} characters")
    taken = any(tag.name == name for tag in corp.book.tags.values() if tag.id != id_)
    return Refusal(NAME_TAKEN) if taken else None


def _own(state: State, corpid: str, agent_id: str, id_: int) -> BookTag | Refusal:
    """Give a tag that this app may change."""
    corp = state.corps.get(corpid)
    tag = corp.book.tags.get(id_) if corp is not None else None
    if tag is None:
        return Refusal(UNKNOWN_BOOK_TAG)
    return tag if tag.agent_id in ("", agent_id) else Refusal(NOT_MAKER)


def create_tag(state: State, _now_ms: int, command: commands.CreateBookTag) -> Decided:
    """Make a tag; without an id it gets the next after the greatest."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    if command.id in corp.book.tags:
        return Refusal(EXISTS, "tagid")
    refusal = _check_name(corp, 0, command.name)
    if refusal is not None:
        return refusal
    if len(corp.book.tags) >= TAGS_MAX:
        return Refusal(TOO_MANY, "tags")
    id_ = command.id or max([0, *corp.book.tags]) + 1
    return [events.BookTagPut(command.corpid, id_, command.name, command.agent_id)]


def rename_tag(state: State, _now_ms: int, command: commands.RenameBookTag) -> Decided:
    """Call a tag something else."""
    tag = _own(state, command.corpid, command.agent_id, command.id)
    if isinstance(tag, Refusal):
        return tag
    refusal = _check_name(state.corps[command.corpid], tag.id, command.name)
    if refusal is not None:
        return refusal
    return [events.BookTagPut(command.corpid, tag.id, command.name, tag.agent_id)]


def delete_tag(state: State, _now_ms: int, command: commands.DeleteBookTag) -> Decided:
    """Delete a tag; its members stay."""
    tag = _own(state, command.corpid, command.agent_id, command.id)
    return tag if isinstance(tag, Refusal) else [events.BookTagDeleted(command.corpid, tag.id)]


def tag_members(state: State, now_ms: int, command: commands.TagMembers) -> Decided:
    """Give a tag to members and departments, or take it from them; refused only where none of them is known."""
    tag = _own(state, command.corpid, command.agent_id, command.id)
    if isinstance(tag, Refusal):
        return tag
    corp = state.corps[command.corpid]
    found = (state.present(command.corpid, userid) for userid in command.userids)
    keys = tuple(dict.fromkeys(member.key for member in found if member is not None))
    departments = tuple(dict.fromkeys(id_ for id_ in command.departments if corp.department(id_) is not None))
    if not keys and not departments:
        return Refusal(NOBODY_KNOWN)
    draft = Draft(state, now_ms)
    if command.on:
        if len(tag.members.keys() | set(keys)) + len(tag.departments.keys() | set(departments)) > TAGGED_MAX:
            return Refusal(TOO_MANY, "tagged")
        root(draft, corp, departments)
    draft.add(events.BookTagged(command.corpid, tag.id, command.on, keys, departments))
    return draft.events


def put_tag(state: State, now_ms: int, command: commands.PutBookTag) -> Decided:
    """Set a tag past the rules of who may; apps are told who has it now, and who has it no longer."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    if command.id not in corp.book.tags and len(corp.book.tags) >= TAGS_MAX:
        return Refusal(TOO_MANY, "tags")
    if any(userid not in corp.members for userid in command.userids):
        return Refusal(UNKNOWN_PERSON)
    if any(id_ not in corp.departments for id_ in command.departments):
        return Refusal(UNKNOWN_DEPARTMENT)
    refusal = _check_name(corp, command.id, command.name)
    if refusal is not None:
        return refusal
    tag = corp.book.tags.get(command.id, BookTag(command.id, command.name))
    present = (state.present(command.corpid, userid) for userid in command.userids)
    keys = dict.fromkeys(member.key for member in present if member is not None)  # who has left has no tags
    departments = dict.fromkeys(command.departments)
    if len(keys) + len(departments) > TAGGED_MAX:
        return Refusal(TOO_MANY, "tagged")
    came = _missing(keys, tag.members), _missing(departments, tag.departments)
    went = _missing(tag.members, keys), _missing(tag.departments, departments)
    draft = Draft(state, now_ms)
    draft.add(events.BookTagPut(command.corpid, command.id, command.name, command.agent_id))
    for on, (who, where) in ((True, came), (False, went)):
        if who or where:
            draft.add(events.BookTagged(command.corpid, command.id, on, who, where))
    if any((*came, *went)):
        new, old = (tuple(state.member(key).userid for key in who) for who in (came[0], went[0]))
        draft.call_back(command.corpid, BookTagChanged(command.id, new, old, came[1], went[1]))
    return draft.events


def _missing(some: dict[T, None], others: dict[T, None]) -> tuple[T, ...]:
    """Give those of the first that are not among the others."""
    return tuple(one for one in some if one not in others)


HANDLERS: Final[dict[type, Callable[[State, int, Any], Decided]]] = {
    commands.CreateBookTag: create_tag,
    commands.RenameBookTag: rename_tag,
    commands.DeleteBookTag: delete_tag,
    commands.TagMembers: tag_members,
    commands.PutBookTag: put_tag,
}

"""The enterprise's tags: make, change, delete; and a world's.

Rules of the file (DOC 92117):
- A group is never empty: it is made with its first tag, and gone with its last.
- The name of a group that is there means that group; a name twice in one call means one tag.
- An app changes and deletes only what it made; the console everything, and only its changes are told to the apps.
"""

from collections.abc import Callable, Container, Iterable
from typing import Any, Final

from gateway.commands import ChangeTag, DeleteTags, MakeTags, NewTag, PutTags
from gateway.decide.draft import Draft
from gateway.events import AnyEvent, TagsDeleted, TagsPut
from gateway.events.tags import Tag
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.corps import Corp
from gateway.state.tags import TagLibrary
from protocol.errors import EXISTS, MALFORMED, NOT_MAKER, TAG_NAME_TAKEN, TAGS_FULL, UNKNOWN_CORP, UNKNOWN_TAG
from protocol.ids import derive_free
from protocol.wecom.changes import TagChanged, TagDeleted, TagMade, TagsShuffled

Decided = list[AnyEvent] | Refusal


def _new_ids(state: State, corp: Corp, count: int, taken: Container[str]) -> list[str]:
    first = corp.tags.made + 1
    return [derive_free(taken, "et", state.seed, corp.corpid, "tag", first + one) for one in range(count)]


def make(state: State, now_ms: int, command: MakeTags) -> Decided:
    """Make tags in a group that is there, or in a new one."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    library, maker = corp.tags, command.agent_id
    orders = {tag.name: tag.order for tag in reversed(command.tags)}  # the first of a name counts
    if command.group_id and command.group_id not in library.groups:
        return Refusal(UNKNOWN_TAG, "tags/group_id")
    if not orders or not (command.group_id or command.group_name):
        return Refusal(MALFORMED, "a group has a name, and at least one tag")
    group = library.groups[command.group_id] if command.group_id else library.named(command.group_name)
    if group is not None and any(tag.name in orders for tag in group.tags.values()):
        return Refusal(TAG_NAME_TAKEN, "tags/name")
    if len(library.group_of) + len(orders) > state.profile.tags_max:
        return Refusal(TAGS_FULL, "tags_max")
    group_id, *ids = _new_ids(state, corp, 1 + len(orders), library)
    said = group.said if group is not None else Tag(group_id, command.group_name, command.group_order, now_ms, maker)
    names = dict.fromkeys(tag.name for tag in command.tags)
    tags = tuple(Tag(id_, name, orders[name], now_ms, maker) for id_, name in zip(ids, names, strict=True))
    draft = Draft(state, now_ms)
    draft.add(TagsPut(corp.corpid, said, tags, now_ms))
    if not maker:
        made = [] if group is not None else [TagMade(said.id, "tag_group")]
        for told in (*made, *(TagMade(tag.id, "tag") for tag in tags)):
            draft.call_back(corp.corpid, told)
    return draft.events


def change(state: State, now_ms: int, command: ChangeTag) -> Decided:
    """Change name or order of a tag, or of a group."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    found = corp.tags.find(command.id)
    if found is None:
        return Refusal(UNKNOWN_TAG, "tags/id")
    group, tag = found
    stands = tag or group.said
    if not _may_change(command.agent_id, [stands]):
        return Refusal(NOT_MAKER, "tags/maker")
    order = stands.order if command.order is None else command.order
    said = Tag(stands.id, command.name or stands.name, order, stands.made_ms, stands.maker)
    beside = group.tags.values() if tag else (other.said for other in corp.tags.groups.values())
    if any(other.name == said.name and other.id != said.id for other in beside):
        return Refusal(TAG_NAME_TAKEN, "tags/name")
    if said == stands:
        return []
    draft = Draft(state, now_ms)
    draft.add(TagsPut(corp.corpid, group.said if tag else said, (said,) if tag else (), now_ms))
    if not command.agent_id and said.name != stands.name:
        draft.call_back(corp.corpid, TagChanged(said.id, "tag" if tag else "tag_group"))
    if not command.agent_id and said.order != stands.order:
        draft.call_back(corp.corpid, TagsShuffled(group.said.id if tag else ""))
    return draft.events


def _may_change(agent_id: str, things: Iterable[Tag]) -> bool:
    return not agent_id or all(thing.maker == agent_id for thing in things)


def delete(state: State, now_ms: int, command: DeleteTags) -> Decided:
    """Delete tags, and groups with all that is in them."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    library = corp.tags
    if not command.tag_ids and not command.group_ids:
        return Refusal(MALFORMED, "neither tags nor groups")
    if any(id_ not in library.group_of for id_ in command.tag_ids) or any(
        id_ not in library.groups for id_ in command.group_ids
    ):
        return Refusal(UNKNOWN_TAG, "tags/id")
    groups = {id_: library.groups[id_] for id_ in command.group_ids}
    tags = {id_: library.groups[library.group_of[id_]].tags[id_] for id_ in command.tag_ids}
    things = [*(group.said for group in groups.values()), *tags.values()]
    for group in groups.values():
        things += group.tags.values()
    if not _may_change(command.agent_id, things):
        return Refusal(NOT_MAKER, "tags/maker")
    ids = dict.fromkeys([*tags, *(id_ for group in groups.values() for id_ in group.tags)])
    draft = Draft(state, now_ms)
    draft.add(TagsDeleted(corp.corpid, tuple(ids), now_ms))
    if not command.agent_id:
        _tell_deleted(draft, corp, tags, groups)
    return draft.events


def _tell_deleted(draft: Draft, corp: Corp, tags: Iterable[str], groups: Iterable[str]) -> None:
    """Tell of what was named: the tags of a deleted group are not told of (DOC 92130); then of groups left empty."""
    library = corp.tags
    alone = [id_ for id_ in tags if library.group_of[id_] not in groups]
    for id_ in alone:
        draft.call_back(corp.corpid, TagDeleted(id_, "tag"))
    touched = dict.fromkeys(library.group_of[id_] for id_ in alone)
    emptied = [id_ for id_ in touched if library.groups[id_].tags.keys() <= set(alone)]
    for id_ in (*groups, *emptied):
        draft.call_back(corp.corpid, TagDeleted(id_, "tag_group"))


def put(state: State, now_ms: int, command: PutTags) -> Decided:
    """Set a group of tags; one that brings no id is the one of its name, if there is one."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    library = corp.tags
    group = library.groups.get(command.group.id) or library.named(command.group.name)
    if not command.tags or _elsewhere(library, group.said.id if group else "", command):
        return Refusal(EXISTS if command.tags else MALFORMED, "tags/id")
    known = {tag.id: tag for tag in group.tags.values()} if group else {}
    named = {tag.name: tag for tag in known.values()}
    taken = {*library.groups, *library.group_of, *library.gone, *(tag.id for tag in command.tags)}
    group_id, *ids = _new_ids(state, corp, 1 + len(command.tags), taken)
    said = _said(command.group, group.said if group else None, group_id, now_ms)
    tags = tuple(
        _said(tag, known.get(tag.id) or named.get(tag.name), id_, now_ms)
        for tag, id_ in zip(command.tags, ids, strict=True)
    )
    return [TagsPut(corp.corpid, said, tags, now_ms)]


def _elsewhere(library: TagLibrary, group_id: str, command: PutTags) -> bool:
    """Tell whether an id that is brought belongs to something else already."""
    if command.group.id in library.group_of:
        return True
    return any(library.group_of.get(tag.id, group_id) != group_id or tag.id in library.groups for tag in command.tags)


def _said(new: NewTag, known: Tag | None, free_id: str, now_ms: int) -> Tag:
    """Say how a tag or a group stands when a world has spoken of it."""
    id_, made_ms = (known.id, known.made_ms) if known else (new.id or free_id, now_ms)
    return Tag(id_, new.name, new.order, new.made_ms or made_ms, new.maker)


HANDLERS: Final[dict[type, Callable[[State, int, Any], Decided]]] = {
    MakeTags: make,
    ChangeTag: change,
    DeleteTags: delete,
    PutTags: put,
}

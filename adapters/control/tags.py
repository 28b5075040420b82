"""Calls of the admin's console about the enterprise's tags; the apps are told of what it changes."""

from typing import Annotated

from msgspec import Meta, Struct

from adapters.control.endpoint import Body, Door, endpoint
from adapters.names import Corpid, CorpPath, Id
from gateway.commands import ChangeTag, DeleteTags, MakeTags, NewTag
from gateway.events import TagsPut
from gateway.events.tags import Tag
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.tags import TagGroup
from protocol.errors import UNKNOWN_CORP
from protocol.wecom.tags import GroupName, Order, TagName


class TagPath(Struct, frozen=True):
    corpid: Corpid
    id: Id


class TagBody(Body, frozen=True):
    """A tag; the larger order stands first."""

    name: TagName
    order: Order = 0


class TagsBody(Body, frozen=True):
    """Tags for a group: the one of this id, else the one of this name, which is made if it is not there."""

    tags: Annotated[tuple[TagBody, ...], Meta(min_length=1, max_length=1000)]
    group_id: Id = ""
    group_name: GroupName = ""
    group_order: Order = 0


class TagView(Struct, frozen=True):
    """A tag, or a group of them. `maker` is the app that made it, empty for the console."""

    id: str
    name: str
    order: int
    made_ms: int
    maker: str


class TagGroupView(TagView, frozen=True):
    tags: list[TagView]


class TagsAnswer(Struct, frozen=True):
    groups: list[TagGroupView]


class DeletedAnswer(Struct, frozen=True):
    deleted: str


@endpoint("GET", "/corps/{corpid}/tags")
async def list_tags(door: Door, path: CorpPath) -> TagsAnswer:
    """List the enterprise's tags, in the order in which they were made."""

    def look(state: State, _now_ms: int) -> list[TagGroupView] | Refusal:
        corp = state.corps.get(path.corpid)
        return [_group(group) for group in corp.tags.groups.values()] if corp is not None else Refusal(UNKNOWN_CORP)

    return TagsAnswer(await door.look(look))


def _group(group: TagGroup) -> TagGroupView:
    said = group.said
    return TagGroupView(said.id, said.name, said.order, said.made_ms, said.maker, [*map(_tag, group.tags.values())])


def _tag(tag: Tag) -> TagView:
    return TagView(tag.id, tag.name, tag.order, tag.made_ms, tag.maker)


@endpoint("POST", "/corps/{corpid}/tags")
async def make_tags(door: Door, path: CorpPath, body: TagsBody) -> TagGroupView:
    """Make tags; the answer has their group, and of its tags the new ones."""
    tags = tuple(NewTag(tag.name, tag.order) for tag in body.tags)
    happened = await door.ask(MakeTags(path.corpid, "", body.group_id, body.group_name, body.group_order, tags))
    put = next(event for event in happened if isinstance(event, TagsPut))
    return _group(TagGroup(put.group, {tag.id: tag for tag in put.tags}))


@endpoint("PUT", "/corps/{corpid}/tags/{id}")
async def change_tag(door: Door, path: TagPath, body: TagBody) -> TagsAnswer:
    """Rename or reorder a tag, or a group; the answer has all tags."""
    await door.ask(ChangeTag(path.corpid, "", path.id, body.name, body.order))
    answer: TagsAnswer = await list_tags(door, CorpPath(path.corpid))
    return answer


@endpoint("DELETE", "/corps/{corpid}/tags/{id}")
async def delete_tag(door: Door, path: TagPath) -> DeletedAnswer:
    """Delete a tag, or a group with all that is in it."""

    def look(state: State, _now_ms: int) -> bool:
        return path.corpid in state.corps and path.id in state.corps[path.corpid].tags.groups

    ids = (path.id,)
    is_group: bool = await door.look(look)
    await door.ask(DeleteTags(path.corpid, "", () if is_group else ids, ids if is_group else ()))
    return DeletedAnswer(path.id)

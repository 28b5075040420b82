"""The enterprise's tags, and marking customers with them (DOC 92117, 92697)."""

from collections.abc import Hashable, Iterator
from typing import NamedTuple

from msgspec import UNSET

from adapters.wecom_api.call import Caller, Door, No, call
from adapters.wecom_api.customers import NO_CUSTOMER
from gateway.commands import ChangeTag, DeleteTags, MakeTags, MarkCustomer, NewTag
from gateway.events import TagsPut
from gateway.events.tags import Tag
from gateway.state import State
from gateway.state.tags import TagLibrary
from protocol.wecom.reply import Reply
from protocol.wecom.tags import (
    AddedTagsReply,
    AddTagsAsked,
    EditTagAsked,
    MarkAsked,
    TagGroupSaid,
    TagSaid,
    TagsAsked,
    TagsReply,
)


class Row(NamedTuple):
    """One tag to tell of, with its group."""

    group: Tag
    tag: Tag
    gone: bool = False


@call("POST", "externalcontact/get_corp_tag_list")
async def get_corp_tag_list(door: Door, caller: Caller, asked: TagsAsked) -> TagsReply:
    """List the enterprise's tags; of those asked for by id, also the ones deleted not long ago."""

    def look(state: State, _now_ms: int) -> list[TagGroupSaid]:
        library = state.corps[caller.corpid].tags
        if asked.group_id:
            rows = _of_groups(library, set(asked.group_id))
        elif asked.tag_id:
            rows = _by_id(library, asked.tag_id)
        else:
            rows = _of_groups(library, set(library.groups))
        return _told(library, rows)

    return TagsReply(tag_group=await door.look(look))


def _of_groups(library: TagLibrary, wanted: set[str]) -> Iterator[Row]:
    for id_, group in library.groups.items():
        if id_ in wanted:
            yield from (Row(group.said, tag) for tag in group.tags.values())
    if wanted - library.groups.keys():
        lost = (one for one in library.gone.values() if one.group.id in wanted - library.groups.keys())
        yield from (Row(one.group, one.tag, gone=True) for one in lost)


def _by_id(library: TagLibrary, wanted: tuple[str, ...]) -> Iterator[Row]:
    for id_ in dict.fromkeys(wanted):
        group, tag = library.find(id_) or (None, None)
        if group is not None and tag is not None:
            yield Row(group.said, tag)
        elif id_ in library.gone:
            one = library.gone[id_]
            alive = library.groups.get(one.group.id)
            yield Row(alive.said if alive is not None else one.group, one.tag, gone=True)


def _told(library: TagLibrary, rows: Iterator[Row]) -> list[TagGroupSaid]:
    """Tell of tags group by group; the larger order stands first, among equals the older."""
    groups: dict[str, TagGroupSaid] = {}
    for row in sorted(rows, key=lambda row: (-row.group.order, -row.tag.order)):
        group = groups.setdefault(row.group.id, _group(row.group, gone=row.group.id not in library.groups))
        group.tag.append(_tag(row.tag, row.gone))
    return list(groups.values())


def _group(said: Tag, *, gone: bool = False) -> TagGroupSaid:
    return TagGroupSaid(
        group_id=said.id, group_name=said.name, create_time=said.made_ms // 1000, order=said.order,
        deleted=True if gone else UNSET, tag=[],
    )  # fmt: skip


def _tag(tag: Tag, gone: bool = False) -> TagSaid:
    return TagSaid(tag.id, tag.name, tag.made_ms // 1000, tag.order, True if gone else UNSET)


@call("POST", "externalcontact/add_corp_tag", limits=("tags_max",))
async def add_corp_tag(door: Door, caller: Caller, asked: AddTagsAsked) -> AddedTagsReply:
    """Make tags, in a group that is there or in a new one; the answer tells of the new ones."""
    if not asked.group_id and not asked.group_name:
        raise No(40058, "group_id or group_name")
    tags = tuple(NewTag(tag.name, tag.order) for tag in asked.tag)
    command = MakeTags(caller.corpid, caller.agent_id, asked.group_id, asked.group_name, asked.order, tags)
    (put,) = await door.ask(command)
    assert isinstance(put, TagsPut), "nothing else happens when an app makes tags"
    made = _group(put.group)
    made.tag.extend(map(_tag, put.tags))
    return AddedTagsReply(tag_group=made)


@call("POST", "externalcontact/edit_corp_tag")
async def edit_corp_tag(door: Door, caller: Caller, asked: EditTagAsked) -> Reply:
    """Change name or order of a tag, or of a group."""
    order = asked.order if asked.order is not UNSET else None
    if not asked.name and order is None:
        raise No(40058, "name or order")
    await door.ask(ChangeTag(caller.corpid, caller.agent_id, asked.id, asked.name or None, order))
    return Reply()


@call("POST", "externalcontact/del_corp_tag")
async def del_corp_tag(door: Door, caller: Caller, asked: TagsAsked) -> Reply:
    """Delete tags, and groups with all that is in them."""
    await door.ask(DeleteTags(caller.corpid, caller.agent_id, asked.tag_id, asked.group_id))
    return Reply()


def _pair(asked: MarkAsked) -> Hashable:
    """Name what two calls may not change at a time (DOC 90313: 45035)."""
    return asked.userid, asked.external_userid


@call("POST", "externalcontact/mark_tag", missing=NO_CUSTOMER, writes=_pair, limits=("customer_tags_max",))
async def mark_tag(door: Door, caller: Caller, asked: MarkAsked) -> Reply:
    """Mark a member's customer with tags, and take others off."""
    if not asked.add_tag and not asked.remove_tag:
        raise No(41110)
    command = MarkCustomer(caller.corpid, asked.userid, asked.external_userid, asked.add_tag, asked.remove_tag)
    await door.ask(command)
    return Reply()

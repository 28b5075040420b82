"""Words of the enterprise's tags (DOC 92117, 92697): groups of tags, and what is marked with them."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from protocol.wecom.customers import Id, PairAsked
from protocol.wecom.reply import Asked, Reply

NAME_MAX: Final = 30  # characters of a tag's or a group's name (DOC 92117)
TAGS_MAX: Final = 10_000  # named in one call: as many as an enterprise may have (DOC 92117)

TagName = Annotated[str, Meta(min_length=1, max_length=NAME_MAX)]
GroupName = Annotated[str, Meta(max_length=NAME_MAX)]  # empty: none
Order = Annotated[int, Meta(ge=0, lt=2**32)]  # the larger stands first (DOC 92117)
Ids = Annotated[tuple[Id, ...], Meta(max_length=TAGS_MAX)]


class NewTag(Struct, frozen=True):
    name: TagName
    order: Order = 0


class TagsAsked(Asked, frozen=True):
    """Which tags are asked for: those of the groups, else those named, else all."""

    tag_id: Ids = ()
    group_id: Ids = ()


class AddTagsAsked(Asked, frozen=True):
    """With a group's id its name and order count for nothing."""

    tag: Annotated[tuple[NewTag, ...], Meta(min_length=1, max_length=TAGS_MAX)]
    group_id: str = ""
    group_name: GroupName = ""
    order: Order = 0


class EditTagAsked(Asked, frozen=True):
    id: Id
    name: GroupName = ""
    order: Order | UnsetType = UNSET


class MarkAsked(PairAsked, frozen=True):
    add_tag: Ids = ()
    remove_tag: Ids = ()


class TagSaid(Struct, frozen=True):
    id: str
    name: str
    create_time: int
    order: int
    deleted: bool | UnsetType = UNSET


class TagGroupSaid(Struct, frozen=True, kw_only=True):
    group_id: str
    group_name: str
    create_time: int
    order: int
    deleted: bool | UnsetType = UNSET
    tag: list[TagSaid]


class TagsReply(Reply, frozen=True, kw_only=True):
    tag_group: list[TagGroupSaid]


class AddedTagsReply(Reply, frozen=True, kw_only=True):
    tag_group: TagGroupSaid

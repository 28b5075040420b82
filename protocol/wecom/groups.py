"""Words of customer groups (DOC 92120, 92122, 94822)."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from protocol.wecom.reply import Asked, Reply

OWNERS_MAX = 100  # DOC 92120
GROUPS_MAX = 1_000  # DOC 92120: of one page
REACH_MAX = 50_000  # DOC 92120: of offset and limit together


class OwnerFilter(Asked, frozen=True):
    userid_list: Annotated[tuple[str, ...], Meta(max_length=OWNERS_MAX)] = ()


class GroupsAsked(Asked, frozen=True):
    """`offset` is how older clients page."""

    limit: Annotated[int, Meta(ge=1, le=GROUPS_MAX)]
    status_filter: Annotated[int, Meta(ge=0, le=3)] = 0
    owner_filter: OwnerFilter = OwnerFilter()
    cursor: str = ""
    offset: Annotated[int, Meta(ge=0, le=REACH_MAX)] = 0


class GroupListed(Struct, frozen=True):
    chat_id: str
    status: int


class GroupsReply(Reply, frozen=True, kw_only=True):
    group_chat_list: list[GroupListed]
    next_cursor: str | UnsetType = UNSET


class GroupAsked(Asked, frozen=True):
    chat_id: Annotated[str, Meta(min_length=1)]
    need_name: Annotated[int, Meta(ge=0, le=1)] = 0


class Who(Struct, frozen=True):
    userid: str


class SeatTold(Struct, frozen=True):
    """Whoever sits in a group: a member (type 1) or somebody from outside (type 2)."""

    userid: str
    type: int
    join_time: int
    join_scene: int
    group_nickname: str = ""
    unionid: str | UnsetType = UNSET
    invitor: Who | UnsetType = UNSET
    name: str | UnsetType = UNSET
    state: str | UnsetType = UNSET


class GroupTold(Struct, frozen=True):
    chat_id: str
    name: str
    owner: str
    create_time: int
    notice: str
    member_list: list[SeatTold]
    admin_list: list[Who]
    member_version: str


class GroupReply(Reply, frozen=True, kw_only=True):
    group_chat: GroupTold


class OpengidAsked(Asked, frozen=True):
    opengid: Annotated[str, Meta(min_length=1)]


class ChatIdReply(Reply, frozen=True, kw_only=True):
    chat_id: str


__all__ = ["ChatIdReply", "GroupAsked", "GroupReply", "GroupsAsked", "GroupsReply", "OpengidAsked"]

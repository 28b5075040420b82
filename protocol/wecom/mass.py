"""Words of mass messages (DOC 92135, 93338, 97611; 91561 for the older result)."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from protocol.wecom.attachments import Attachment, Said, Words
from protocol.wecom.reply import Asked, Reply

EXTERNAL_USERIDS_MAX = 10_000
CHAT_IDS_MAX = 2_000
TAGS_MAX = 100  # of one group of a filter
PAGE = 500  # rows of a page, where nobody says how many (DOC 93338)
LIST_PAGE = 50  # of the list

Present = Annotated[str, Meta(min_length=1)]
Limit = Annotated[int, Meta(ge=0, le=1000)]  # 0, which Go SDKs send for none, is the usual one


class TagGroup(Asked, frozen=True):
    """Tags of which a customer has one at least."""

    tag_list: Annotated[tuple[str, ...], Meta(max_length=TAGS_MAX)] = ()


class TagFilter(Asked, frozen=True):
    """Groups of tags that must all be met."""

    group_list: Annotated[tuple[TagGroup, ...], Meta(max_length=TAGS_MAX)] = ()


class MassAsked(Said, frozen=True, kw_only=True):
    chat_type: Literal["single", "group", ""] = "single"
    external_userid: Annotated[tuple[str, ...], Meta(max_length=EXTERNAL_USERIDS_MAX)] = ()
    chat_id_list: Annotated[tuple[str, ...], Meta(max_length=CHAT_IDS_MAX)] = ()
    tag_filter: TagFilter = TagFilter()
    sender: str = ""
    allow_select: bool = False


class MassReply(Reply, frozen=True, kw_only=True):
    fail_list: list[str]
    msgid: str


class MassNamed(Asked, frozen=True):
    msgid: Present


class TasksAsked(Asked, frozen=True):
    msgid: Present
    limit: Limit = 0
    cursor: str = ""


class TaskTold(Struct, frozen=True):
    """One member's part: 0 not sent, 2 sent."""

    userid: str
    status: int
    send_time: int | UnsetType = UNSET


class TasksReply(Reply, frozen=True, kw_only=True):
    task_list: list[TaskTold]
    next_cursor: str = ""


class ResultsAsked(Asked, frozen=True):
    msgid: Present
    userid: Present
    limit: Limit = 0
    cursor: str = ""


class ResultTold(Struct, frozen=True):
    """One recipient, a customer or a group: 0 not sent, 1 sent, 2 not a friend, 3 had other mass messages."""

    userid: str
    status: int
    external_userid: str | UnsetType = UNSET
    chat_id: str | UnsetType = UNSET
    send_time: int | UnsetType = UNSET


class ResultsReply(Reply, frozen=True, kw_only=True):
    send_list: list[ResultTold]
    next_cursor: str = ""


class DetailsReply(Reply, frozen=True, kw_only=True):
    """The older answer, all members' recipients in one list."""

    check_status: int
    detail_list: list[ResultTold]
    next_cursor: str = ""


class MassListAsked(Asked, frozen=True):
    chat_type: Literal["single", "group"]
    start_time: int
    end_time: int
    creator: str = ""
    filter_type: Literal[0, 1, 2] = 2
    limit: Annotated[int, Meta(ge=0, le=100)] = 0
    cursor: str = ""


class MassTold(Struct, frozen=True, kw_only=True):
    """A mass message; `create_type` is 0 where the enterprise made it, and then there is no creator if its API did."""

    msgid: str
    create_time: int
    create_type: int
    creator: str | UnsetType = UNSET
    text: Words | UnsetType = UNSET
    attachments: tuple[Attachment, ...] = ()


class MassListReply(Reply, frozen=True, kw_only=True):
    group_msg_list: list[MassTold]
    next_cursor: str = ""

"""Words of contact ways (DOC 92228) and join ways (DOC 92229)."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from protocol.wecom.attachments import MiniApp, Picture, WebLink, Words
from protocol.wecom.reply import Asked, Reply

EXPIRES_S_MAX = 14 * 86_400  # DOC 92228: of a temporary session's code, and of its chat
USERS_MAX = 100  # DOC 92228

Short = Annotated[str, Meta(max_length=30)]
Userids = Annotated[tuple[str, ...], Meta(max_length=USERS_MAX)]
Parties = Annotated[tuple[int, ...], Meta(max_length=USERS_MAX)]
Seconds = Annotated[int, Meta(ge=0, le=EXPIRES_S_MAX)]
ConfigId = Annotated[str, Meta(min_length=1, max_length=128)]


class Conclusions(Asked, frozen=True, omit_defaults=True):
    """What is said at the end of a temporary session; empty kinds count as absent."""

    text: Words = Words()
    image: Picture = Picture()
    link: WebLink = WebLink()
    miniprogram: MiniApp = MiniApp()


class ContactWayAsked(Asked, frozen=True):
    type: int
    scene: int
    style: int = 0
    remark: Short = ""
    skip_verify: bool = True
    state: Short = ""
    user: Userids = ()
    party: Parties = ()
    is_temp: bool = False
    expires_in: Seconds = 0
    chat_expires_in: Seconds = 0
    unionid: Annotated[str, Meta(max_length=128)] = ""
    is_exclusive: bool = False
    mark_source: bool = True
    conclusions: Conclusions = Conclusions()


class ContactWayChanged(Asked, frozen=True):
    config_id: ConfigId
    style: int = 0
    remark: Short = ""
    skip_verify: bool | UnsetType = UNSET
    state: Short = ""
    user: Userids = ()
    party: Parties = ()
    expires_in: Seconds = 0
    chat_expires_in: Seconds = 0
    unionid: Annotated[str, Meta(max_length=128)] = ""
    mark_source: bool | UnsetType = UNSET
    conclusions: Conclusions = Conclusions()


class JoinWayAsked(Asked, frozen=True):
    """A remark that is too long is cut; whatever is not given of a change counts as empty (DOC 92229)."""

    scene: int
    chat_id_list: Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)]
    remark: str = ""
    auto_create_room: Annotated[int, Meta(ge=0, le=1)] = 1
    room_base_name: Annotated[str, Meta(max_length=40)] = ""
    room_base_id: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    state: Short = ""
    mark_source: bool = True


class JoinWayChanged(JoinWayAsked, frozen=True, kw_only=True):
    config_id: ConfigId


class WayNamed(Asked, frozen=True):
    config_id: ConfigId


class WaysAsked(Asked, frozen=True):
    start_time: Annotated[int, Meta(ge=0)] = 0
    end_time: Annotated[int, Meta(ge=0)] = 0
    cursor: str = ""
    limit: Annotated[int, Meta(ge=0, le=1000)] = 0


class ContactWayMade(Reply, frozen=True, kw_only=True):
    config_id: str
    qr_code: str | UnsetType = UNSET


class ContactWayTold(Struct, frozen=True):
    config_id: str
    type: int
    scene: int
    style: int
    remark: str
    skip_verify: bool
    state: str
    user: list[str]
    party: list[int]
    is_temp: bool
    expires_in: int
    chat_expires_in: int
    unionid: str
    is_exclusive: bool
    mark_source: bool
    qr_code: str | UnsetType = UNSET
    conclusions: Conclusions | UnsetType = UNSET


class ContactWayReply(Reply, frozen=True, kw_only=True):
    contact_way: ContactWayTold


class WayMade(Reply, frozen=True, kw_only=True):
    config_id: str


class JoinWayTold(Struct, frozen=True):
    config_id: str
    scene: int
    remark: str
    auto_create_room: int
    room_base_name: str
    room_base_id: int
    chat_id_list: list[str]
    state: str
    mark_source: bool
    qr_code: str | UnsetType = UNSET


class JoinWayReply(Reply, frozen=True, kw_only=True):
    join_way: JoinWayTold


class WayTold(Struct, frozen=True):
    config_id: str


class WaysReply(Reply, frozen=True, kw_only=True):
    contact_way: list[WayTold]
    next_cursor: str | UnsetType = UNSET


__all__ = [
    "ContactWayAsked", "ContactWayChanged", "ContactWayMade", "ContactWayReply", "JoinWayAsked", "JoinWayChanged",
    "JoinWayReply", "WayMade", "WayNamed", "WaysAsked", "WaysReply",
]  # fmt: skip

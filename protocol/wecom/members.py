"""Words of the address book's members (DOC 90195 to 90202, 95402, 95895, 90975, 91714).

`MemberDetails` is what an enterprise notes of a member beyond name and departments: requests bring it in, the state
keeps it, world files carry it. Its keys stand in journals, so one is never taken away, and no bound is made narrower.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from protocol.wecom.reply import Asked, Reply

NAME_MAX = 64  # DOC 90195
DEPARTMENTS_MAX = 100  # of one member (DOC 90195)
ATTRIBUTES_MAX = 100  # setting
PAGE_MAX = 10_000  # DOC 96067
DELETED_MAX = 200  # DOC 90199
INVITED_MAX = 1_000  # DOC 90975
PARTIES_MAX = 100  # DOC 90975

Name = Annotated[str, Meta(min_length=1, max_length=NAME_MAX)]
Words = Annotated[str, Meta(max_length=128)]  # DOC 90195: a position; a setting for what has no bound of its own
Address = Annotated[str, Meta(max_length=1024)]  # of a page or a picture; setting
Mobile = Annotated[str, Meta(max_length=32)]  # DOC 95402: 5 to 32 bytes
Userid = Annotated[str, Meta(min_length=1, max_length=64)]
DepartmentId = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Order = Annotated[int, Meta(ge=0, le=2**32 - 1)]  # DOC 90195, 90205


class Text(Struct, frozen=True):
    value: Words = ""


class Web(Struct, frozen=True):
    url: Address = ""
    title: Words = ""


class MiniProgram(Struct, frozen=True):
    appid: Words = ""
    pagepath: Address = ""
    title: Words = ""


class Attribute(Struct, frozen=True, omit_defaults=True):
    """Something that the enterprise notes under a name of its own: type 0 a text, 1 a page, 2 a mini program."""

    type: Annotated[int, Meta(ge=0, le=2)]
    name: Words
    text: Text | None = None
    web: Web | None = None
    miniprogram: MiniProgram | None = None


Attributes = Annotated[tuple[Attribute, ...], Meta(max_length=ATTRIBUTES_MAX)]


class Channels(Struct, frozen=True):
    nickname: Words = ""
    status: int = 0


class ExternalProfile(Struct, frozen=True, omit_defaults=True):
    """What customers see of a member."""

    external_corp_name: Words = ""
    wechat_channels: Channels | None = None
    external_attr: Attributes = ()


class MemberDetails(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is noted of a member. `leads` are departments; `order` goes with the member's departments, one for one."""

    alias: Words = ""
    mobile: Mobile = ""
    email: Words = ""
    biz_mail: Words = ""
    position: Words = ""
    gender: str = ""
    telephone: Words = ""
    address: Words = ""
    avatar: Address = ""
    enabled: bool = True
    main_department: DepartmentId = 0
    order: Annotated[tuple[Order, ...], Meta(max_length=DEPARTMENTS_MAX)] = ()
    leads: Annotated[tuple[DepartmentId, ...], Meta(max_length=DEPARTMENTS_MAX)] = ()
    direct_leader: Annotated[tuple[Userid, ...], Meta(max_length=1)] = ()
    extattr: Attributes = ()
    external_position: Words = ""
    external_profile: ExternalProfile | None = None


NO_DETAILS = MemberDetails()


class ExtendedAttributes(Struct, frozen=True):
    attrs: Attributes = ()


class MemberAsked(Asked, frozen=True, kw_only=True):
    """What may be said of a member in a request; what is empty is not said. wechatpy writes `gender` as a number."""

    userid: Userid
    name: Annotated[str, Meta(max_length=NAME_MAX)] = ""
    alias: Words = ""
    mobile: Mobile = ""
    email: Words = ""
    biz_mail: Words = ""
    department: Annotated[tuple[DepartmentId, ...], Meta(max_length=DEPARTMENTS_MAX)] = ()
    order: Annotated[tuple[Order, ...], Meta(max_length=DEPARTMENTS_MAX)] = ()
    position: Words = ""
    gender: str | int = ""
    is_leader_in_dept: Annotated[tuple[int, ...], Meta(max_length=DEPARTMENTS_MAX)] = ()
    direct_leader: Annotated[tuple[Userid, ...], Meta(max_length=1)] = ()
    enable: int | UnsetType = UNSET
    avatar_mediaid: Words = ""
    telephone: Words = ""
    address: Words = ""
    main_department: DepartmentId = 0
    extattr: ExtendedAttributes = ExtendedAttributes()
    to_invite: bool = True
    external_position: Words = ""
    external_profile: ExternalProfile = ExternalProfile()


class MemberCreate(MemberAsked, frozen=True, kw_only=True):
    name: Name


class MemberUpdate(MemberAsked, frozen=True, kw_only=True):
    new_userid: str = ""


class MemberReply(Reply, frozen=True, kw_only=True):
    """A member as the address book shows one. `status`: 1 active, 2 disabled, 4 not active (DOC 90196)."""

    userid: str
    name: str
    department: list[int]
    order: list[int]
    position: str
    mobile: str
    gender: str
    email: str
    biz_mail: str
    is_leader_in_dept: list[int]
    direct_leader: list[str]
    avatar: str
    thumb_avatar: str
    telephone: str
    alias: str
    address: str
    open_userid: str
    main_department: int
    extattr: ExtendedAttributes
    status: int
    qr_code: str
    external_position: str
    external_profile: ExternalProfile | UnsetType = UNSET


class MemberView(MemberReply, frozen=True, kw_only=True):
    """The same as a line of a list, which has no number and no text of its own."""

    errcode: int | UnsetType = UNSET  # type: ignore[assignment]
    errmsg: str | UnsetType = UNSET  # type: ignore[assignment]


class SimpleMember(Struct, frozen=True):
    userid: str
    name: str
    department: list[int]
    open_userid: str


class MembersReply(Reply, frozen=True, kw_only=True):
    userlist: list[MemberView]


class SimpleMembersReply(Reply, frozen=True, kw_only=True):
    userlist: list[SimpleMember]


class UseridAsked(Asked, frozen=True):
    userid: Userid


class UseridsAsked(Asked, frozen=True):
    useridlist: Annotated[tuple[Userid, ...], Meta(min_length=1)]


class DepartmentMembersAsked(Asked, frozen=True):
    department_id: DepartmentId
    fetch_child: int = 0


class IdsAsked(Asked, frozen=True):
    cursor: Annotated[str, Meta(max_length=64)] = ""
    limit: Annotated[int, Meta(ge=0, le=PAGE_MAX)] = PAGE_MAX


class IdOfMember(Struct, frozen=True):
    userid: str
    department: int


class IdsReply(Reply, frozen=True, kw_only=True):
    dept_user: list[IdOfMember]
    next_cursor: str


class MobileAsked(Asked, frozen=True):
    mobile: Annotated[str, Meta(min_length=1, max_length=64)]


class EmailAsked(Asked, frozen=True):
    """`email_type` 1 is the enterprise's mail, 2 the member's own."""

    email: Annotated[str, Meta(min_length=1, max_length=128)]
    email_type: int = 1


class UseridReply(Reply, frozen=True, kw_only=True):
    userid: str


class OpenidAsked(Asked, frozen=True):
    openid: Annotated[str, Meta(min_length=1, max_length=64)]


class OpenidReply(Reply, frozen=True, kw_only=True):
    openid: str


class InviteAsked(Asked, frozen=True):
    user: Annotated[tuple[str, ...], Meta(max_length=INVITED_MAX)] = ()
    party: Annotated[tuple[int, ...], Meta(max_length=PARTIES_MAX)] = ()
    tag: Annotated[tuple[int, ...], Meta(max_length=PARTIES_MAX)] = ()


class InviteReply(Reply, frozen=True, kw_only=True):
    invaliduser: list[str]
    invalidparty: list[int]
    invalidtag: list[int]


class QrCodeAsked(Asked, frozen=True):
    size_type: int = 3


class QrCodeReply(Reply, frozen=True, kw_only=True):
    join_qrcode: str

"""Words of apps, their tickets, and logins by code (DOC 90227 to 90233, 90506, 91023, 95833)."""

from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from protocol.wecom.members import Address, Words
from protocol.wecom.reply import Asked, Reply

MENU_BYTES_MAX = 16 * 1024  # setting

AppId = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class AppAsked(Asked, frozen=True):
    agentid: AppId


class VisibleUser(Struct, frozen=True):
    userid: str


class VisibleUsers(Struct, frozen=True):
    user: list[VisibleUser] = []


class VisibleParties(Struct, frozen=True):
    partyid: list[int] = []


class VisibleTags(Struct, frozen=True):
    tagid: list[int] = []


class AppReply(Reply, frozen=True, kw_only=True):
    agentid: int
    name: str
    square_logo_url: str
    description: str
    allow_userinfos: VisibleUsers
    allow_partys: VisibleParties
    allow_tags: VisibleTags
    close: int
    redirect_domain: str
    report_location_flag: int
    isreportenter: int
    home_url: str


class AppRow(Struct, frozen=True):
    agentid: int
    name: str
    square_logo_url: str


class AppsReply(Reply, frozen=True, kw_only=True):
    agentlist: list[AppRow]


class AppSetAsked(Asked, frozen=True):
    agentid: AppId
    report_location_flag: int | None = None
    logo_mediaid: Words = ""
    name: Annotated[str, Meta(max_length=32)] = ""  # SDK wechatpy, to DOC 90228
    description: Words = ""
    redirect_domain: Address = ""
    isreportenter: int | None = None
    home_url: Address = ""


class Button(Struct, frozen=True, omit_defaults=True):
    name: Words
    type: Words = ""
    key: Words = ""
    url: Address = ""
    pagepath: Address = ""
    appid: Words = ""
    sub_button: list["Button"] = []


class Menu(Struct, frozen=True):
    button: Annotated[list[Button], Meta(min_length=1)]


class MenuReply(Reply, frozen=True, kw_only=True):
    button: Raw


class TicketAsked(Asked, frozen=True):
    type: str


class TicketReply(Reply, frozen=True, kw_only=True):
    ticket: str
    expires_in: int


class CodeAsked(Asked, frozen=True):
    code: Annotated[str, Meta(min_length=1, max_length=512)]


class LoginReply(Reply, frozen=True, kw_only=True):
    """A member's userid, or an outsider's openid."""

    userid: str | UnsetType = UNSET
    user_ticket: str | UnsetType = UNSET
    openid: str | UnsetType = UNSET
    external_userid: str | UnsetType = UNSET


class OldLoginReply(Reply, frozen=True, kw_only=True):
    """The same as the older path spells it."""

    userid: str | UnsetType = field(default=UNSET, name="UserId")
    device: str = field(name="DeviceId")
    user_ticket: str | UnsetType = UNSET
    expires_in: int | UnsetType = UNSET
    openid: str | UnsetType = field(default=UNSET, name="OpenId")
    external_userid: str | UnsetType = UNSET


class UserTicketAsked(Asked, frozen=True):
    user_ticket: Annotated[str, Meta(min_length=1, max_length=512)]


class PrivateReply(Reply, frozen=True, kw_only=True):
    userid: str
    gender: str
    avatar: str
    qr_code: str
    mobile: str
    email: str
    biz_mail: str
    address: str

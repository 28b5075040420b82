"""Words of customers (DOC 92113, 92114, 92994, 92115, 99434): who follows whom, and what is noted of them."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from protocol.frames import Company, Description, Mobiles, Noted
from protocol.wecom.reply import Asked, Reply

FOLLOWERS_MAX: Final = 500  # in one answer about a customer; more by cursor (DOC 92114)
USERS_MAX: Final = 100  # members in one batch (DOC 92994)
PAGE_MAX: Final = 100  # customers in one page of a batch (DOC 92994)
COUNTED_MAX: Final = 1_000  # people in one page of those who count (DOC 99434)

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Text = str | UnsetType
CORP_TAG: Final = 1
PERSONAL_TAG: Final = 2


class MemberAsked(Asked, frozen=True):
    userid: Id


class CustomerAsked(Asked, frozen=True):
    external_userid: Id
    cursor: str = ""


class PairAsked(Asked, frozen=True):
    """A member and one of the member's customers."""

    userid: Id
    external_userid: Id


class UnionidAsked(Asked, frozen=True):
    """The unionid is enough; an openid, which is of an official account or a mini program, is nothing known here."""

    unionid: Id
    openid: str = ""


class BatchAsked(Asked, frozen=True):
    """`userid` is how older clients name the only member they ask about. A limit of 0 is none."""

    userid_list: Annotated[tuple[Id, ...], Meta(max_length=USERS_MAX)] = ()
    userid: str = ""
    cursor: str = ""
    limit: Annotated[int, Meta(ge=0)] = 0


class CountedAsked(Asked, frozen=True):
    cursor: str = ""
    limit: Annotated[int, Meta(ge=0)] = 0


class RemarkAsked(PairAsked, frozen=True):
    """What is empty stays as it is; numbers are cleared by a list of one empty text (DOC 92115)."""

    remark: Noted = ""
    description: Description = ""
    remark_company: Company = ""
    remark_mobiles: Mobiles = ()
    remark_pic_mediaid: str = ""


class FollowUsersReply(Reply, frozen=True, kw_only=True):
    follow_user: list[str]


class CustomersReply(Reply, frozen=True, kw_only=True):
    external_userid: list[str]


class OldCustomersReply(Reply, frozen=True, kw_only=True):
    """As `crm/get_external_contact_list` still answers, years after its renaming of 2019 (DOC 92109)."""

    customer_contacts: list[str]


class ExternalContact(Struct, frozen=True):
    """A person on WeChat: those have no position, enterprise or profile, and SDKs expect none (DOC 92994)."""

    external_userid: str
    name: str
    avatar: str = ""
    type: Literal[1, 2] = 1
    gender: int = 0
    unionid: Text = UNSET


class FollowTag(Struct, frozen=True):
    """A member's own tag has no id."""

    group_name: str
    tag_name: str
    type: Literal[1, 2, 3]
    tag_id: Text = UNSET


class Follow(Struct, frozen=True, kw_only=True):
    """What a member has noted of a customer. `oper_userid` is who began it."""

    userid: str
    remark: str
    description: str
    createtime: int
    remark_corp_name: Text = UNSET
    remark_mobiles: tuple[str, ...]
    oper_userid: str
    add_way: int
    state: Text = UNSET


class FollowUser(Follow, frozen=True, kw_only=True):
    tags: list[FollowTag]


class FollowInfo(Follow, frozen=True, kw_only=True):
    tag_id: list[str]


class CustomerReply(Reply, frozen=True, kw_only=True):
    external_contact: ExternalContact
    follow_user: list[FollowUser]
    next_cursor: Text = UNSET


class BatchRow(Struct, frozen=True):
    external_contact: ExternalContact
    follow_info: FollowInfo


class BatchReply(Reply, frozen=True, kw_only=True):
    external_contact_list: list[BatchRow]
    next_cursor: str = ""


class Counted(Struct, frozen=True, kw_only=True):
    """Somebody who counts towards the paid scale; only a customer has an id that lasts."""

    is_customer: bool
    tmp_openid: str
    external_userid: Text = UNSET
    name: str
    follow_userid: str
    chat_id: str
    chat_name: str
    add_time: int


class CountedReply(Reply, frozen=True, kw_only=True):
    info_list: list[Counted]
    next_cursor: str = ""


class OpenidReply(Reply, frozen=True, kw_only=True):
    openid: str


class ExternalUseridReply(Reply, frozen=True, kw_only=True):
    external_userid: str

"""Words of the address book's departments and tags (DOC 90205 to 90216, 95350, 95351)."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from protocol.wecom.members import DepartmentId, Order, Words
from protocol.wecom.reply import Asked, Reply

TAG_NAME_MAX = 32  # DOC 90210
TAG_USERS_MAX = 1_000  # in one call (DOC 90214)
TAG_PARTIES_MAX = 100  # in one call (DOC 90214)

# DOC 90205 has 1 to 32 characters, none of \:*?"<>|
DepartmentName = Annotated[str, Meta(min_length=1, max_length=64)]
TagId = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class DepartmentCreate(Asked, frozen=True, kw_only=True):
    name: DepartmentName
    name_en: Words = ""
    parentid: DepartmentId
    order: Order = 0
    id: DepartmentId = 0


class DepartmentUpdate(Asked, frozen=True, kw_only=True):
    id: DepartmentId
    name: Words = ""
    name_en: Words = ""
    parentid: DepartmentId = 0
    order: Order | None = None


class DepartmentAsked(Asked, frozen=True):
    id: DepartmentId


class DepartmentsAsked(Asked, frozen=True):
    id: DepartmentId = 0


class DepartmentIdReply(Reply, frozen=True, kw_only=True):
    id: int


class DepartmentView(Struct, frozen=True):
    id: int
    name: str
    name_en: str
    department_leader: list[str]
    parentid: int
    order: int


class SimpleDepartment(Struct, frozen=True):
    id: int
    parentid: int
    order: int


class DepartmentsReply(Reply, frozen=True, kw_only=True):
    department: list[DepartmentView]


class SimpleDepartmentsReply(Reply, frozen=True, kw_only=True):
    department_id: list[SimpleDepartment]


class DepartmentReply(Reply, frozen=True, kw_only=True):
    department: DepartmentView


class TagCreate(Asked, frozen=True):
    tagname: str
    tagid: TagId = 0


class TagUpdate(Asked, frozen=True):
    tagid: TagId
    tagname: str


class TagAsked(Asked, frozen=True):
    tagid: TagId


class TagMembersAsked(Asked, frozen=True):
    tagid: TagId
    userlist: Annotated[tuple[str, ...], Meta(max_length=TAG_USERS_MAX)] = ()
    partylist: Annotated[tuple[int, ...], Meta(max_length=TAG_PARTIES_MAX)] = ()


class TagIdReply(Reply, frozen=True, kw_only=True):
    tagid: int


class TagUser(Struct, frozen=True):
    userid: str
    name: str


class TagReply(Reply, frozen=True, kw_only=True):
    tagname: str
    userlist: list[TagUser]
    partylist: list[int]


class TagMembersReply(Reply, frozen=True, kw_only=True):
    """`invalidlist` joins userids with bars, `invalidparty` is an array; both only where something was invalid."""

    invalidlist: str | UnsetType = UNSET
    invalidparty: list[int] | UnsetType = UNSET


class TagRow(Struct, frozen=True):
    tagid: int
    tagname: str


class TagsReply(Reply, frozen=True, kw_only=True):
    taglist: list[TagRow]

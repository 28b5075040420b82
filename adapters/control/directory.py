"""Calls that set who exists and who knows whom; a PUT says all of a thing, and may be said again."""

from typing import Annotated

from msgspec import Meta, Struct

from adapters.control.endpoint import Body, Door, endpoint
from adapters.control.people import person_view
from adapters.names import (
    Address,
    AesKey,
    AgentId,
    ConsumerPath,
    Corpid,
    CorpPath,
    DepartmentId,
    Handle,
    Id,
    MemberPath,
    Moment,
    Name,
    State,
    Text,
    Userid,
)
from gateway import commands
from gateway.commands.book import DeleteDepartment, PutBookTag
from gateway.events import CodePut, GroupPut, RelationStatus
from gateway.profile import Certification
from gateway.queries import people
from gateway.queries.people import CorpView, PersonView
from gateway.rights import Ability, Rights
from gateway.state import State as Gateway
from protocol.frames import Company, Description, Mobiles
from protocol.ids import member_key
from protocol.wecom.members import MemberDetails


class AppPath(Struct, frozen=True):
    corpid: Corpid
    agent_id: AgentId


class DepartmentPath(Struct, frozen=True):
    corpid: Corpid
    id: DepartmentId


class RelationPath(Struct, frozen=True):
    corpid: Corpid
    userid: Userid
    handle: Handle


class CorpBody(Body, frozen=True):
    """An enterprise; without a short name, the badge shows the name. `certified_until_ms` 0 is without an end."""

    name: Name
    short_name: Name = ""
    certification: Certification = "unverified"
    certified_until_ms: Moment = 0


class AppBody(Body, frozen=True):
    """An app. Its rights are asked where a switch of strictness is on; a range of nobody is the whole enterprise.

    A bot is told over its own connection, and has no callback_url; its agent_id is unique in the world.
    """

    name: Name
    secret: Annotated[str, Meta(min_length=1, max_length=256)]
    callback_url: Text = ""
    callback_token: Name = ""
    callback_aes_key: AesKey = ""
    trusted_ips: tuple[Address, ...] = ()
    range_members: tuple[Userid, ...] = ()
    range_departments: tuple[DepartmentId, ...] = ()
    abilities: tuple[Ability, ...] = ()
    bot: bool = False


class AppAnswer(Struct, frozen=True):
    corpid: str
    agent_id: str


class DepartmentBody(Body, frozen=True):
    name: Name
    parent: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    store: bool = False
    name_en: Name = ""
    order: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0


class DepartmentAnswer(Struct, frozen=True):
    corpid: str
    id: int


class MemberBody(Body, frozen=True):
    name: Name
    departments: tuple[DepartmentId, ...] = ()
    activated: bool = True
    real_name_verified: bool = True
    departed: bool = False
    details: MemberDetails | None = None


class BookTagPath(Struct, frozen=True):
    corpid: Corpid
    id: DepartmentId


class BookTagBody(Body, frozen=True):
    """A tag of the address book; one that no app made is every app's to change."""

    name: Name
    agent_id: Id = ""
    members: tuple[Userid, ...] = ()
    departments: tuple[DepartmentId, ...] = ()


class BookTagAnswer(Struct, frozen=True):
    corpid: str
    id: int


class ConsumerBody(Body, frozen=True):
    nickname: Name = ""
    unionid: Name = ""
    muted: tuple[Corpid, ...] = ()


class CodeBody(Body, frozen=True):
    """A QR code of a member, or of a group; `skip_verify` lets a scan make a contact without asking the member."""

    userid: Userid | None = None
    chat_id: Id = ""
    state: State = ""
    skip_verify: bool = True


class CodeAnswer(Struct, frozen=True):
    code: str


class RelationBody(Body, frozen=True):
    """A relation; `confirmed` is whether the member has accepted the customer, which mostly follows from the status."""

    status: RelationStatus = "mutual"
    added_by: Annotated[int, Meta(ge=0, le=10_000)] = 1
    state: State = ""
    remark: Name = ""
    tags: tuple[Name, ...] = ()
    blocked_by_member: bool = False
    blocked_by_consumer: bool = False
    external_userid: Id = ""
    description: Description = ""
    company: Company = ""
    mobiles: Mobiles = ()
    tag_ids: tuple[Id, ...] = ()
    made_ms: Moment = 0
    confirmed: bool | None = None


class RelationAnswer(Struct, frozen=True):
    conversation: str
    external_userid: str


class GroupBody(Body, frozen=True):
    """A customer group; consumers are named by handle. Those already in keep their seats."""

    name: Name
    owner: Userid
    chat_id: Id = ""
    admins: tuple[Userid, ...] = ()
    members: tuple[Userid, ...] = ()
    consumers: tuple[Handle, ...] = ()
    notice: Text = ""
    bots: tuple[AgentId, ...] = ()


class GroupAnswer(Struct, frozen=True):
    chat_id: str
    conversation: str


@endpoint("PUT", "/corps/{corpid}")
async def put_corp(door: Door, path: CorpPath, body: CorpBody) -> CorpView:
    """Make an enterprise, or change it."""
    short_name = body.short_name or body.name
    await door.ask(
        commands.PutCorp(path.corpid, body.name, short_name, body.certification, body.certified_until_ms)
    )  # fmt: skip
    found: CorpView = await door.look(lambda state, now_ms: people.corp(state, now_ms, path.corpid))
    return found


@endpoint("PUT", "/corps/{corpid}/apps/{agent_id}")
async def put_app(door: Door, path: AppPath, body: AppBody) -> AppAnswer:
    """Make an app, or change it."""
    await door.ask(
        commands.PutApp(
            path.corpid, path.agent_id, body.name, body.secret, body.callback_url, body.callback_token,
            body.callback_aes_key,
            Rights(body.trusted_ips, body.range_members, body.range_departments, body.abilities), body.bot,
        )
    )  # fmt: skip
    return AppAnswer(path.corpid, path.agent_id)


@endpoint("PUT", "/corps/{corpid}/departments/{id}")
async def put_department(door: Door, path: DepartmentPath, body: DepartmentBody) -> DepartmentAnswer:
    """Make a department, or change it; a store is one that services may write to."""
    await door.ask(
        commands.PutDepartment(
            path.corpid, path.id, body.name, body.parent, body.store, body.name_en, body.order
        )
    )  # fmt: skip
    return DepartmentAnswer(path.corpid, path.id)


@endpoint("DELETE", "/corps/{corpid}/departments/{id}")
async def delete_department(door: Door, path: DepartmentPath) -> DepartmentAnswer:
    """Delete a department that nobody is in."""
    await door.ask(DeleteDepartment(path.corpid, path.id, told=True))
    return DepartmentAnswer(path.corpid, path.id)


@endpoint("PUT", "/corps/{corpid}/book-tags/{id}")
async def put_book_tag(door: Door, path: BookTagPath, body: BookTagBody) -> BookTagAnswer:
    """Make a tag of the address book, or change it: what it is called, and who has it."""
    await door.ask(PutBookTag(path.corpid, path.id, body.name, body.agent_id, body.members, body.departments))
    return BookTagAnswer(path.corpid, path.id)


@endpoint("PUT", "/corps/{corpid}/members/{userid}")
async def put_member(door: Door, path: MemberPath, body: MemberBody) -> PersonView:
    """Make a member, or change one; `departed` is how a member leaves."""
    await door.ask(
        commands.PutMember(
            path.corpid, path.userid, body.name, body.departments, body.activated, body.real_name_verified,
            body.departed, body.details,
        )
    )  # fmt: skip
    return await person_view(door, member_key(path.corpid, path.userid))


@endpoint("PUT", "/consumers/{handle}")
async def put_consumer(door: Door, path: ConsumerPath, body: ConsumerBody) -> PersonView:
    """Make a consumer, or change one; `muted` are enterprises that know the consumer and may not advertise."""
    await door.ask(commands.PutConsumer(path.handle, body.nickname, body.unionid, body.muted))
    return await person_view(door, path.handle)


@endpoint("POST", "/corps/{corpid}/codes")
async def make_code(door: Door, path: CorpPath, body: CodeBody) -> CodeAnswer:
    """Make a QR code of a member (`userid`) or of a group (`chat_id`)."""
    happened = await door.ask(
        commands.PutCode(path.corpid, body.userid or "", body.chat_id, body.state, body.skip_verify)
    )
    return CodeAnswer(next(event.code for event in happened if isinstance(event, CodePut)))


@endpoint("PUT", "/corps/{corpid}/relations/{userid}/{handle}")
async def put_relation(door: Door, path: RelationPath, body: RelationBody) -> RelationAnswer:
    """Set how a member and a consumer stand, past every rule."""
    await door.ask(
        commands.PutRelation(
            path.corpid, path.userid, path.handle, body.external_userid, body.status, body.added_by, body.state,
            body.remark, body.tags, body.blocked_by_member, body.blocked_by_consumer, body.description, body.company,
            body.mobiles, body.tag_ids, body.made_ms, body.confirmed,
        )
    )  # fmt: skip

    def look(state: Gateway, _now_ms: int) -> tuple[str, str]:
        consumer = state.consumer(path.handle)
        key = state.corps[path.corpid].members[path.userid]
        return consumer.contacts[key], consumer.known[path.corpid].external_userid

    return RelationAnswer(*await door.look(look))


@endpoint("POST", "/corps/{corpid}/groups")
async def put_group(door: Door, path: CorpPath, body: GroupBody) -> GroupAnswer:
    """Make a group, past every rule; with the chat_id of one that is there, change it."""
    happened = await door.ask(
        commands.PutGroup(
            path.corpid, body.name, body.owner, body.chat_id, body.admins, body.members, body.consumers, body.notice,
            body.bots,
        )
    )  # fmt: skip
    put = next(event for event in happened if isinstance(event, GroupPut))
    return GroupAnswer(put.chat_id, put.conversation)

"""Members of the address book (DOC 90195 to 90203, 95402, 95895, 96067, 90975, 91714)."""

from collections.abc import Iterator
from copy import copy
from itertools import islice
from typing import Final, TypeVar

from msgspec import UNSET

from adapters.wecom_api.call import Caller, Door, No, call
from gateway.commands import book as commands
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.book import openid_of
from gateway.state.corps import Corp
from gateway.state.people import Member
from protocol.errors import TOO_MANY_MISSES
from protocol.wecom.members import (
    DELETED_MAX,
    PAGE_MAX,
    DepartmentMembersAsked,
    EmailAsked,
    ExtendedAttributes,
    IdOfMember,
    IdsAsked,
    IdsReply,
    InviteAsked,
    InviteReply,
    MemberCreate,
    MemberReply,
    MembersReply,
    MemberUpdate,
    MemberView,
    MobileAsked,
    OpenidAsked,
    OpenidReply,
    QrCodeAsked,
    QrCodeReply,
    SimpleMember,
    SimpleMembersReply,
    UseridAsked,
    UseridReply,
    UseridsAsked,
)
from protocol.wecom.reply import Reply

Shown = TypeVar("Shown", bound=MemberReply)
LISTED_MAX: Final = PAGE_MAX  # members in one answer; more is 45029; setting


def status_of(member: Member) -> int:
    """Give the vendor's number for how far a member has come: 1 active, 2 disabled, 4 not active (DOC 90196)."""
    if not member.noted.enabled:
        return 2
    return 1 if member.activated else 4


def _shown(kind: type[Shown], member: Member) -> Shown:
    """Show a member as the address book does."""
    noted, departments = member.noted, member.placed
    return kind(
        userid=member.userid,
        name=member.name,
        department=list(departments),
        order=[*noted.order, *[0] * len(departments)][: len(departments)],
        position=noted.position,
        mobile=noted.mobile,
        gender=noted.gender or "0",
        email=noted.email,
        biz_mail=noted.biz_mail,
        is_leader_in_dept=[int(id_ in noted.leads) for id_ in departments],
        direct_leader=list(noted.direct_leader),
        avatar=noted.avatar,
        thumb_avatar=noted.avatar,
        telephone=noted.telephone,
        alias=noted.alias,
        address=noted.address,
        open_userid="",
        main_department=noted.main_department or departments[0],
        extattr=ExtendedAttributes(noted.extattr),
        status=status_of(member),
        qr_code="",
        external_position=noted.external_position,
        external_profile=noted.external_profile or UNSET,
    )


def members_in(state: State, corp: Corp, id_: int, *, deep: bool) -> Iterator[Member]:
    """Go through the members of a department, or also of all beneath it."""
    wanted = corp.below(id_) if deep else {id_: None}
    for key in corp.members.values():
        member = state.member(key)
        if not member.departed and any(department in wanted for department in member.placed):
            yield member


@call(
    "POST",
    "user/create",
    partial="`avatar_mediaid` is not shown, departments are not made by path",
    limits=("members_unverified_max", "members_verified_max", "members_certified_max"),
)
async def create_member(door: Door, caller: Caller, asked: MemberCreate) -> Reply:
    """Make a member, who is not active until joining."""
    await door.ask(commands.CreateMember(caller.corpid, asked), "member")
    return Reply(errmsg="created")


@call("GET", "user/get", partial="`qr_code` and `open_userid` are empty")
async def get_member(door: Door, caller: Caller, asked: UseridAsked) -> MemberReply:
    """Tell of a member."""

    def look(state: State, _now_ms: int) -> MemberReply | No:
        member = state.present(caller.corpid, asked.userid)
        return _shown(MemberReply, member) if member is not None else No(60111)

    reply: MemberReply = await door.look(look)
    return reply


@call("POST", "user/update", partial="`avatar_mediaid` is not shown")
async def update_member(door: Door, caller: Caller, asked: MemberUpdate) -> Reply:
    """Change what is said of a member; what is left out stays."""
    await door.ask(commands.UpdateMember(caller.corpid, asked), "member")
    return Reply(errmsg="updated")


@call("GET", "user/delete")
async def delete_member(door: Door, caller: Caller, asked: UseridAsked) -> Reply:
    """Let a member leave; the customers wait for somebody else."""
    await door.ask(commands.DeleteMembers(caller.corpid, (asked.userid,)), "member")
    return Reply(errmsg="deleted")


@call("POST", "user/batchdelete", missing={"useridlist": 40031})
async def delete_members(door: Door, caller: Caller, asked: UseridsAsked) -> Reply:
    """Let members leave, all of them or, where one is unknown, none."""
    if len(asked.useridlist) > DELETED_MAX:
        raise No(40031, f"more than {DELETED_MAX}")
    await door.ask(commands.DeleteMembers(caller.corpid, asked.useridlist), "members")
    return Reply(errmsg="deleted")


@call("GET", "user/simplelist", partial="`open_userid` is empty")
async def list_names(door: Door, caller: Caller, asked: DepartmentMembersAsked) -> SimpleMembersReply:
    """List the names of a department's members."""
    found = await _listed(door, caller, asked)
    return SimpleMembersReply(
        userlist=[SimpleMember(member.userid, member.name, list(member.placed), "") for member in found]
    )  # fmt: skip


@call("GET", "user/list", partial="as user/get")
async def list_members(door: Door, caller: Caller, asked: DepartmentMembersAsked) -> MembersReply:
    """Tell of all members of a department."""
    return MembersReply(userlist=[_shown(MemberView, member) for member in await _listed(door, caller, asked)])


async def _listed(door: Door, caller: Caller, asked: DepartmentMembersAsked) -> list[Member]:
    """Copy a department's members, since the state goes on; more than an answer holds are none."""

    def look(state: State, _now_ms: int) -> list[Member] | No:
        corp = state.corps[caller.corpid]
        if corp.department(asked.department_id) is None:
            return No(60003)
        found = members_in(state, corp, asked.department_id, deep=bool(asked.fetch_child))
        listed = [copy(member) for member in islice(found, LISTED_MAX + 1)]
        return listed if len(listed) <= LISTED_MAX else No(45029, f"more than {LISTED_MAX} members")

    members: list[Member] = await door.look(look)
    return members


@call("POST", "user/list_id")
async def list_ids(door: Door, caller: Caller, asked: IdsAsked) -> IdsReply:
    """List who is in which department, in pages."""
    reply: IdsReply = await door.look(lambda state, _now_ms: _page(state, state.corps[caller.corpid], asked))
    return reply


def _page(state: State, corp: Corp, asked: IdsAsked) -> IdsReply | No:
    """Give the rows from a cursor on: a member's place in the book, and a department's among the member's own."""
    first, dot, place = (asked.cursor or "0.0").partition(".")
    if not (dot and first.isdecimal() and place.isdecimal()):
        return No(50100)
    most, rows = asked.limit or PAGE_MAX, list[IdOfMember]()
    for number, key in enumerate(islice(corp.members.values(), int(first), None), int(first)):
        member = state.member(key)
        for index, department in enumerate(member.placed if not member.departed else ()):
            if (number, index) < (int(first), int(place)):
                continue
            if len(rows) == most:
                return IdsReply(dept_user=rows, next_cursor=f"{number}.{index}")
            rows.append(IdOfMember(member.userid, department))
    return IdsReply(dept_user=rows, next_cursor="")


@call("POST", "user/getuserid")
async def find_by_mobile(door: Door, caller: Caller, asked: MobileAsked) -> UseridReply:
    """Tell whose mobile it is. Who asks for too many that are nobody's is not answered for a day."""

    def look(state: State, now_ms: int) -> UseridReply | No:
        corp = state.corps[caller.corpid]
        ends_ms = door.misses.ends_ms(state, corp, now_ms)
        if ends_ms:
            return No(45009, refusal=Refusal(TOO_MANY_MISSES, "misses", ends_ms))
        key = corp.book.taken.get(f"mobile {asked.mobile.casefold()}")
        if key is None:
            door.misses.count(state, corp, now_ms)
            return No(46004)
        return UseridReply(userid=state.member(key).userid)

    reply: UseridReply = await door.look(look)
    return reply


@call("POST", "user/get_userid_by_email")
async def find_by_email(door: Door, caller: Caller, asked: EmailAsked) -> UseridReply:
    """Tell whose mail it is: the enterprise's (`email_type` 1), or the member's own (2)."""
    kind = "email" if asked.email_type == 2 else "biz_mail"

    def look(state: State, _now_ms: int) -> UseridReply | No:
        key = state.corps[caller.corpid].book.taken.get(f"{kind} {asked.email.casefold()}")
        return UseridReply(userid=state.member(key).userid) if key is not None else No(46004)

    reply: UseridReply = await door.look(look)
    return reply


@call("POST", "user/convert_to_openid")
async def convert_to_openid(door: Door, caller: Caller, asked: UseridAsked) -> OpenidReply:
    """Give a member's openid."""
    await door.ask(commands.GiveOpenid(caller.corpid, asked.userid), "member")

    def look(state: State, _now_ms: int) -> OpenidReply:
        key = state.corps[caller.corpid].members[asked.userid]
        return OpenidReply(openid=openid_of(state.seed, caller.corpid, key))

    reply: OpenidReply = await door.look(look)
    return reply


@call("POST", "user/convert_to_userid")
async def convert_to_userid(door: Door, caller: Caller, asked: OpenidAsked) -> UseridReply:
    """Tell which member has an openid that was given before."""

    def look(state: State, _now_ms: int) -> UseridReply | No:
        key = state.corps[caller.corpid].book.openids.get(asked.openid)
        member = state.member(key) if key is not None else None
        return No(40003) if member is None or member.departed else UseridReply(userid=member.userid)

    reply: UseridReply = await door.look(look)
    return reply


@call("POST", "batch/invite", partial="nobody is sent anything")
async def invite(door: Door, caller: Caller, asked: InviteAsked) -> InviteReply:
    """Invite members to join; who does not exist is named."""
    if not (asked.user or asked.party or asked.tag):
        raise No(40063, "user, party or tag")

    def look(state: State, _now_ms: int) -> InviteReply:
        corp = state.corps[caller.corpid]
        return InviteReply(
            invaliduser=[userid for userid in asked.user if state.present(corp.corpid, userid) is None],
            invalidparty=[id_ for id_ in asked.party if corp.department(id_) is None],
            invalidtag=[id_ for id_ in asked.tag if id_ not in corp.book.tags],
        )

    reply: InviteReply = await door.look(look)
    return reply


@call("GET", "corp/get_join_qrcode", partial="the address leads nowhere")
async def get_join_code(door: Door, caller: Caller, asked: QrCodeAsked) -> QrCodeReply:
    """Give the address of the QR code by which people join the enterprise."""
    return QrCodeReply(join_qrcode=f"{door.base_url()}/_hutong/join?corpid={caller.corpid}&size_type={asked.size_type}")


@call("GET", "user/authsucc")
async def admit_member(door: Door, caller: Caller, asked: UseridAsked) -> Reply:
    """Let a member in who has given the second proof that the enterprise asks for."""
    await door.ask(commands.AdmitMember(caller.corpid, asked.userid))
    return Reply()

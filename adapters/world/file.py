"""The words of a world file, and the file's text to them and back."""

import tomllib
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from adapters.names import Address, AesKey, AgentId, Corpid, DepartmentId, Handle, Id, Name, State, Text, Userid
from adapters.strict import explained
from gateway.events import RelationStatus
from gateway.profile import Certification
from gateway.rights import Ability, Switch
from protocol.frames import Company, Description, Mobiles
from protocol.wecom.departments import TAG_NAME_MAX
from protocol.wecom.members import MemberDetails
from protocol.wecom.tags import Order, TagName

VERSION: Final = 1
SEED: Final = "hutong"  # of the ids of a world that names none
WORLD_BYTES_MAX: Final = 64 * 1024 * 1024  # some 300,000 relations


class BrokenWorld(ValueError):
    """The file cannot be a world; the text says where and why, in one line."""


class Row(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The parent of every table of the file."""


Made = Annotated[datetime, Meta(tz=True)] | None


class ConsumerRow(Row):
    id: Handle
    nickname: Name = ""
    unionid: Name = ""
    muted: list[Corpid] = []


class AppRow(Row):
    """An app; the id of a bot is of one enterprise only."""

    agent_id: AgentId
    name: Name
    secret: Annotated[str, Meta(min_length=1, max_length=256)]
    callback_url: Text = ""
    callback_token: Name = ""
    callback_aes_key: AesKey = ""
    trusted_ips: list[Address] = []
    range_members: list[Userid] = []
    range_departments: list[DepartmentId] = []
    abilities: list[Ability] = []
    bot: bool = False


class DepartmentRow(Row):
    id: DepartmentId
    name: Name
    parent: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    store: bool = False
    name_en: Name = ""
    order: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0


class MemberRow(Row):
    userid: Userid
    name: Name
    departments: list[DepartmentId] = []
    activated: bool = True
    real_name_verified: bool = True
    departed: bool = False
    details: MemberDetails | None = None


class BookTagRow(Row):
    """A tag of the address book; one that no app made is every app's to change."""

    id: DepartmentId
    name: Annotated[str, Meta(min_length=1, max_length=TAG_NAME_MAX)]
    agent_id: Id = ""
    members: list[Userid] = []
    departments: list[DepartmentId] = []


class KnownRow(Row):
    """A consumer whom the enterprise knows without a relation: in a group, or only once."""

    consumer: Handle
    external_userid: Id = ""


class RelationRow(Row):
    member: Userid
    consumer: Handle
    external_userid: Id = ""
    status: RelationStatus = "mutual"
    added_by: Annotated[int, Meta(ge=0, le=10_000)] = 1
    state: State = ""
    remark: Name = ""
    tags: list[Name] = []
    blocked_by_member: bool = False
    blocked_by_consumer: bool = False
    description: Description = ""
    company: Company = ""
    mobiles: Mobiles = ()
    tag_ids: list[Id] = []
    made_at: Made = None
    confirmed: bool | None = None  # whether the member accepted the customer, where the status does not say so


class TagRow(Row):
    """A tag; `maker` is the agent_id of the app that made it, empty for the console."""

    name: TagName
    id: Id = ""
    order: Order = 0
    maker: Name = ""
    made_at: Made = None


class TagGroupRow(Row):
    name: TagName
    tag: Annotated[list[TagRow], Meta(min_length=1)]
    id: Id = ""
    order: Order = 0
    maker: Name = ""
    made_at: Made = None


class GroupRow(Row):
    name: Name
    owner: Userid
    chat_id: Id = ""
    admins: list[Userid] = []
    members: list[Userid] = []
    consumers: list[Handle] = []
    notice: Text = ""
    bots: list[AgentId] = []


class CodeRow(Row):
    """A QR code of a member (`member`) or of a group (`group`, its chat_id)."""

    code: Id = ""
    member: Userid | None = None
    group: Id | None = None
    state: State = ""
    skip_verify: bool = True


class ContactWayRow(Row):
    """A code that an app has made, of members in turn; those of its departments too."""

    type: Literal[1, 2]
    scene: Literal[1, 2]
    code: Id = ""
    members: list[Userid] = []
    departments: list[DepartmentId] = []
    style: Annotated[int, Meta(ge=0, le=3)] = 0
    remark: Annotated[str, Meta(max_length=30)] = ""
    state: State = ""
    skip_verify: bool = True
    exclusive: bool = False
    mark_source: bool = True


class JoinWayRow(Row):
    """A code that an app has made, of groups (their chat_ids); `rooms` counts those that it has made itself."""

    scene: Literal[1, 2]
    groups: Annotated[list[Id], Meta(min_length=1, max_length=5)]
    code: Id = ""
    remark: Annotated[str, Meta(max_length=30)] = ""
    state: State = ""
    auto_create: bool = True
    base_name: Annotated[str, Meta(max_length=40)] = ""
    base_id: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1
    mark_source: bool = True
    rooms: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0


class CorpRow(Row):
    corpid: Corpid
    name: Name
    short_name: Name = ""
    certification: Certification = "unverified"
    certified_until: Annotated[datetime, Meta(tz=True)] | None = None
    app: list[AppRow] = []
    department: list[DepartmentRow] = []
    member: list[MemberRow] = []
    known: list[KnownRow] = []
    relation: list[RelationRow] = []
    group: list[GroupRow] = []
    code: list[CodeRow] = []
    contact_way: list[ContactWayRow] = []
    join_way: list[JoinWayRow] = []
    book_tag: list[BookTagRow] = []
    tag_group: list[TagGroupRow] = []


class World(Row):
    version: Literal[1]
    profile: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    seed: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    consumer: list[ConsumerRow] = []
    corp: list[CorpRow] = []
    strict: list[Switch] = []


def read(data: bytes) -> World:
    """Read a world file; `BrokenWorld` names the line, or the place of the first wrong key or value."""
    try:
        table = tomllib.loads(data.decode())
    except UnicodeDecodeError as why:
        raise BrokenWorld(f"not UTF-8 at byte {why.start}") from why
    except (tomllib.TOMLDecodeError, RecursionError) as why:
        raise BrokenWorld(f"not TOML: {why}") from why
    if "version" not in table:
        raise BrokenWorld("the file names no version: add version = 1 as its first line")
    if table["version"] != VERSION:
        raise BrokenWorld(f"version is {table['version']!r}: this Hutong reads version {VERSION} (at version)")
    try:
        return msgspec.convert(table, World)
    except msgspec.ValidationError as why:
        raise BrokenWorld(explained(str(why), World)) from why


def write(world: World) -> bytes:
    """Write a world file: what has its default is left out."""
    lines: list[str] = []
    # `version` has no default, so it is always there and stands first.
    _table(msgspec.to_builtins(world, builtin_types=(datetime,)), "", lines)
    return ("\n".join(lines) + "\n").encode()


def _table(table: dict[str, Any], path: str, lines: list[str]) -> None:
    """Write plain keys first: below a header they would belong to the table that it opens."""
    rows = {key: value for key, value in table.items() if isinstance(value, list) and isinstance(value[0], dict)}
    lines += [f"{key} = {_value(value)}" for key, value in table.items() if key not in rows and value is not None]
    for key, tables in rows.items():
        for row in tables:
            lines += ["", f"[[{path}{key}]]"]
            _table(row, f"{path}{key}.", lines)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_value(one)}' for key, one in value.items())} }}"
    return str(value)


def _text(value: str) -> str:
    """Write a basic string; JSON escapes all that TOML wants escaped, but for one character."""
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007F")

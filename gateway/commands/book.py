"""Commands of the address book: what its API asks for, and what only control does."""

from gateway.commands.command import Command
from protocol.wecom.apps import AppSetAsked
from protocol.wecom.departments import DepartmentCreate, DepartmentUpdate
from protocol.wecom.members import MemberCreate, MemberUpdate


class CreateMember(Command):
    corpid: str
    asked: MemberCreate


class UpdateMember(Command):
    corpid: str
    asked: MemberUpdate


class DeleteMembers(Command):
    corpid: str
    userids: tuple[str, ...]


class AdmitMember(Command):
    """Let a member in who was asked for a second proof: what was not activated becomes so."""

    corpid: str
    userid: str


class CreateDepartment(Command):
    corpid: str
    asked: DepartmentCreate


class UpdateDepartment(Command):
    corpid: str
    asked: DepartmentUpdate


class DeleteDepartment(Command):
    """`told` has the apps told of it: then it was the administrator, and not an app, who asked."""

    corpid: str
    id: int
    told: bool = False


class CreateBookTag(Command):
    corpid: str
    agent_id: str
    name: str
    id: int = 0


class RenameBookTag(Command):
    corpid: str
    agent_id: str
    id: int
    name: str


class DeleteBookTag(Command):
    corpid: str
    agent_id: str
    id: int


class TagMembers(Command):
    """Give a tag to members (by userid) and departments, or take it from them; who is unknown is passed over."""

    corpid: str
    agent_id: str
    id: int
    on: bool
    userids: tuple[str, ...]
    departments: tuple[int, ...]


class PutBookTag(Command):
    """Set a tag as a world has it: what it is called, and who has it."""

    corpid: str
    id: int
    name: str
    agent_id: str = ""
    userids: tuple[str, ...] = ()
    departments: tuple[int, ...] = ()


class GiveOpenid(Command):
    corpid: str
    userid: str


class MakeOauthCode(Command):
    """Let a person, named as control names people, tell an app who they are."""

    corpid: str
    agent_id: str
    person: str
    private: bool = False


class UseOauthCode(Command):
    corpid: str
    agent_id: str
    code: str


class SetApp(Command):
    corpid: str
    agent_id: str
    asked: AppSetAsked


class PutMenu(Command):
    """Give an app a menu, as JSON; an empty one takes it away."""

    corpid: str
    agent_id: str
    menu: str

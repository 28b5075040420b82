"""Commands that have no frame: what control, MQTT and the clock ask for. A client's frames are commands themselves."""

from typing import Literal

from msgspec import Struct

from gateway.commands.bots import AnswerAsBot as AnswerAsBot
from gateway.commands.bots import PushAsBot as PushAsBot
from gateway.commands.callbacks import NoteVerified as NoteVerified
from gateway.commands.command import Command as Command
from gateway.commands.customers import MarkCustomer as MarkCustomer
from gateway.commands.customers import NoteCustomer as NoteCustomer
from gateway.commands.mass import CancelMass as CancelMass
from gateway.commands.mass import MakeMass as MakeMass
from gateway.commands.mass import RemindMass as RemindMass
from gateway.commands.tags import ChangeTag as ChangeTag
from gateway.commands.tags import DeleteTags as DeleteTags
from gateway.commands.tags import MakeTags as MakeTags
from gateway.commands.tags import NewTag as NewTag
from gateway.commands.tags import PutTags as PutTags
from gateway.commands.ways import ChangeContactWay as ChangeContactWay
from gateway.commands.ways import ChangeJoinWay as ChangeJoinWay
from gateway.commands.ways import DropTemplate as DropTemplate
from gateway.commands.ways import DropWay as DropWay
from gateway.commands.ways import PutContactWay as PutContactWay
from gateway.commands.ways import PutJoinWay as PutJoinWay
from gateway.commands.ways import PutTemplate as PutTemplate
from gateway.commands.ways import SendWelcome as SendWelcome
from gateway.events import Origin
from gateway.profile import Certification, Profile
from gateway.rights import Rights
from protocol.content import AppContent
from protocol.frames import ClientCommand
from protocol.wecom.members import MemberDetails


class SendFor(Command):
    """A service asks over MQTT that a member or an app of an enterprise says something.

    Ids are the enterprise's own: userid, agent_id, external_userid, department id, chat_id.
    """

    corpid: str
    origin: Origin
    sender_kind: Literal["member", "app"]
    sender: str
    target_kind: Literal["consumer", "member", "store", "group"]
    target: str
    content: AppContent


class Act(Command):
    """Do as a person what one of their clients could ask for; the frame's number is given by the device `control`."""

    person: str
    frame: ClientCommand


class Repeated(Struct, frozen=True):
    """Answer to a `SendFor` heard before: where its first outcome stands, and the epoch it belongs to."""

    epoch: int
    position: int


class SliceJob(Command):
    """Give a job its next slice: one recipient, or up to so many of a mass message."""

    job: int
    most: int = 1


class Lapse(Command):
    """Let a certification end whose date has come."""

    corpid: str


class SetProfile(Command):
    profile: Profile


class SetClock(Command):
    """Move the clock: forward by so many milliseconds, to another rate (0 freezes), or both."""

    advance_ms: int = 0
    rate: float | None = None


class ResetWorld(Command):
    seed: str


class ResetCorp(Command):
    corpid: str


class RevokeToken(Command):
    token_id: str
    expires_s: int


class PutCorp(Command):
    corpid: str
    name: str
    short_name: str
    certification: Certification = "unverified"
    certified_until_ms: int = 0


class PutApp(Command):
    """Make an app, or change it; a bot has no address to be called back at, and stays a bot."""

    corpid: str
    agent_id: str
    name: str
    secret: str
    callback_url: str = ""
    callback_token: str = ""
    callback_aes_key: str = ""
    rights: Rights = Rights()
    bot: bool = False


class PutDepartment(Command):
    corpid: str
    id: int
    name: str
    parent: int = 0
    store: bool = False
    name_en: str = ""
    order: int = 0


class PutMember(Command):
    corpid: str
    userid: str
    name: str
    departments: tuple[int, ...] = ()
    activated: bool = True
    real_name_verified: bool = True
    departed: bool = False
    details: MemberDetails | None = None


class PutConsumer(Command):
    handle: str
    nickname: str = ""
    unionid: str = ""
    muted: tuple[str, ...] = ()  # enterprises whose marketing is muted


class PutKnown(Command):
    """Let an enterprise know a consumer without a relation, as one who has only been in a group."""

    corpid: str
    consumer: str  # handle
    external_userid: str = ""


class PutCode(Command):
    """Make a QR code of a member, or of a group; without a code one is derived."""

    corpid: str
    userid: str = ""
    chat_id: str = ""
    state: str = ""
    skip_verify: bool = True
    code: str = ""


class PutRelation(Command):
    """Set a relation as a world has it, past every rule: the world's word is not an attempt."""

    corpid: str
    member: str  # userid
    consumer: str  # handle
    external_userid: str = ""
    status: Literal["pending", "half", "mutual", "refused", "removed_by_member", "removed_by_consumer"] = "mutual"
    added_by: int = 1
    state: str = ""
    remark: str = ""
    tags: tuple[str, ...] = ()
    blocked_by_member: bool = False
    blocked_by_consumer: bool = False
    description: str = ""
    company: str = ""
    mobiles: tuple[str, ...] = ()
    tag_ids: tuple[str, ...] = ()
    made_ms: int = 0  # 0: now, or as it stood
    confirmed: bool | None = None  # None: as the status has it


class PutGroup(Command):
    """Set a group as a world has it; those already in keep their seats."""

    corpid: str
    name: str
    owner: str  # userid
    chat_id: str = ""
    admins: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()  # handles
    notice: str = ""
    bots: tuple[str, ...] = ()  # agent_ids

"""The past tense: everything that has happened, as it stands in the journal.

Rules of the file:
- An event is an array on disk, its tag first; fields are only ever added at the end, with a default.
- A tag is never used twice.
- An event carries the new value, never the difference, so that applying needs no reading.
- Only `Posted` stands in a conversation; its `previous` is the position of the one before it there.
- People are named by key (`corpid/userid`, a consumer's handle, `corpid/#agent_id`), as in protocol's glossary.
"""

from typing import Literal

import msgspec
from msgspec import Raw, Struct

from gateway.events.app_groups import AppGroupPut as AppGroupPut
from gateway.events.app_messages import AppRecalled as AppRecalled
from gateway.events.app_messages import AppSaid as AppSaid
from gateway.events.app_messages import AppSpoke as AppSpoke
from gateway.events.app_messages import CardUpdated as CardUpdated
from gateway.events.book import AppSet as AppSet
from gateway.events.book import BookTagDeleted as BookTagDeleted
from gateway.events.book import BookTagged as BookTagged
from gateway.events.book import BookTagPut as BookTagPut
from gateway.events.book import DepartmentDeleted as DepartmentDeleted
from gateway.events.book import MemberRenamed as MemberRenamed
from gateway.events.book import MenuPut as MenuPut
from gateway.events.book import OauthCodeMade as OauthCodeMade
from gateway.events.book import OauthCodeUsed as OauthCodeUsed
from gateway.events.book import OpenidGiven as OpenidGiven
from gateway.events.bots import BotSaid as BotSaid
from gateway.events.bots import BotsSeated as BotsSeated
from gateway.events.callbacks import CallbackDue as CallbackDue
from gateway.events.callbacks import CallbackVerified as CallbackVerified
from gateway.events.event import Event as Event
from gateway.events.event import Origin as Origin
from gateway.events.mass import MassAnnounced as MassAnnounced
from gateway.events.mass import MassCancelled as MassCancelled
from gateway.events.mass import MassConfirmed as MassConfirmed
from gateway.events.mass import MassMade as MassMade
from gateway.events.mass import MassSliced as MassSliced
from gateway.events.media import MediaKept as MediaKept
from gateway.events.snapshots import WorldRestored as WorldRestored
from gateway.events.strictness import StrictnessSet as StrictnessSet
from gateway.events.tags import TagsDeleted as TagsDeleted
from gateway.events.tags import TagsPut as TagsPut
from gateway.events.ways import CodeDropped as CodeDropped
from gateway.events.ways import CodeScanned as CodeScanned
from gateway.events.ways import ContactWay as ContactWay
from gateway.events.ways import Dismissed as Dismissed
from gateway.events.ways import JoinWay as JoinWay
from gateway.events.ways import TemplateDropped as TemplateDropped
from gateway.events.ways import TemplatePut as TemplatePut
from gateway.events.ways import WelcomeGiven as WelcomeGiven
from gateway.events.ways import WelcomeSpent as WelcomeSpent
from gateway.profile import Certification, Profile
from gateway.rights import Rights
from protocol.wecom.members import MemberDetails

RelationStatus = Literal["pending", "half", "mutual", "refused", "removed_by_member", "removed_by_consumer"]


class Posted(Event, tag=1):
    """A message stands in its conversation. `frame` is the MessagePack frame that everyone reads.

    `sender` is who it counts for: nobody for the system's notices, and for what a mass message says, whose recipients
    are counted by its slices.
    """

    conversation: str
    sequence: int
    previous: int
    time_ms: int
    sender: str
    frame: bytes
    device: str = ""
    number: int = 0
    digest: int = 0
    origin: Origin | None = None


class Answered(Event, tag=2):
    """A device's numbered command, other than a send, was accepted."""

    person: str
    device: str
    number: int
    digest: int
    conversation: str
    sequence: int
    time_ms: int


class WorldReset(Event, tag=10):
    """Everything before this is gone; tokens of earlier epochs are worthless."""

    epoch: int
    seed: str
    time_ms: int


class ProfileSet(Event, tag=11):
    """The numbers of the rules from here on; whole, so that replay needs no file."""

    profile: Profile


class ClockSet(Event, tag=12):
    """From real time `real_ms` on, the movable clock shows `shown_ms` and runs at `rate` (0: frozen)."""

    real_ms: int
    shown_ms: int
    rate: float


class TokenRevoked(Event, tag=13):
    """A link token is worthless from now on, until it would have expired anyway (real time, in seconds)."""

    token_id: str
    expires_s: int
    real_s: int


class CorpPut(Event, tag=20):
    corpid: str
    name: str
    short_name: str
    certification: Certification
    certified_until_ms: int
    time_ms: int


class AppPut(Event, tag=21):
    corpid: str
    agent_id: str
    name: str
    secret: str
    callback_url: str = ""
    callback_token: str = ""
    callback_aes_key: str = ""
    rights: Rights = Rights()
    bot: bool = False


class DepartmentPut(Event, tag=22):
    corpid: str
    id: int
    name: str
    parent: int
    store: bool
    name_en: str = ""
    order: int = 0


class MemberPut(Event, tag=23):
    corpid: str
    userid: str
    name: str
    departments: tuple[int, ...]
    activated: bool
    real_name_verified: bool
    departed: bool = False
    own: str = ""
    details: MemberDetails | None = None


class ConsumerPut(Event, tag=24):
    handle: str
    nickname: str
    unionid: str


class ConsumerKnown(Event, tag=25):
    """A consumer is first seen by an enterprise, and gets its id there and a conversation for affairs there."""

    handle: str
    corpid: str
    external_userid: str
    own: str


class ConsumerMuted(Event, tag=26):
    """A consumer's switch: no marketing from this enterprise."""

    handle: str
    corpid: str
    on: bool


class CorpReset(Event, tag=27):
    corpid: str
    time_ms: int


class CodePut(Event, tag=28):
    """A QR code: of a member (`userid`), of a group (`conversation`), or of those whom its way names."""

    code: str
    corpid: str
    userid: str
    conversation: str
    state: str
    skip_verify: bool
    way: ContactWay | JoinWay | None = None
    made_ms: int = 0


class RelationPut(Event, tag=30):
    """Where a member and a consumer stand now. `conversation` is their single chat."""

    corpid: str
    member: str
    consumer: str
    conversation: str
    status: RelationStatus
    added_by: int
    state: str
    remark: str
    tags: tuple[str, ...]
    blocked_by_member: bool
    blocked_by_consumer: bool
    time_ms: int
    description: str = ""
    company: str = ""
    mobiles: tuple[str, ...] = ()
    picture: str = ""  # media_id
    tag_ids: tuple[str, ...] = ()  # the enterprise's tags; `tags` are the member's own
    made_ms: int = 0  # when the two first knew each other
    confirmed: bool = False  # the member has accepted the customer, and not deleted them since


class AppOpened(Event, tag=31):
    """An app and a person have a conversation."""

    corpid: str
    agent_id: str
    person: str
    conversation: str


class GroupPut(Event, tag=40):
    """What a group is called, and who runs it."""

    corpid: str
    conversation: str
    chat_id: str
    name: str
    owner: str
    admins: tuple[str, ...]
    notice: str
    time_ms: int


JoinScene = Literal["created", "invited", "scanned"]
LeaveScene = Literal["left", "removed"]


class Joined(Event, tag=41):
    """A seat is taken; its first sequence is the record of the joining. `by` invited, `state` is that of the code."""

    conversation: str
    person: str
    sequence: int
    scene: JoinScene
    time_ms: int
    by: str = ""
    state: str = ""


class Left(Event, tag=42):
    """A seat is given up; its last sequence is the record of the leaving."""

    conversation: str
    person: str
    sequence: int
    scene: LeaveScene
    time_ms: int


class JobStarted(Event, tag=50):
    """A command with many recipients was taken; deadlines.py gives each turn a slice of them."""

    job: int
    corpid: str
    by_app: bool
    sender: str
    recipients: tuple[str, ...]
    content: Raw
    origin: Origin
    time_ms: int


class JobSliced(Event, tag=51):
    """So many recipients of a job have their outcome; at the last one the job is gone."""

    job: int
    done: int


class CommandRefused(Event, tag=52):
    """An MQTT command, or one recipient of its job, was refused."""

    corpid: str
    origin: Origin
    recipient: str
    code: int
    rule: str
    retry_at_ms: int
    time_ms: int


class Delivered(Event, tag=53):
    """A first device of a person acknowledged past a message that an MQTT command sent."""

    corpid: str
    conversation: str
    sequence: int
    person: str
    origin: Origin
    time_ms: int


AnyEvent = (
    Posted | Answered | WorldReset | ProfileSet | ClockSet | TokenRevoked | CorpPut | AppPut | DepartmentPut | MemberPut
    | ConsumerPut | ConsumerKnown | ConsumerMuted | CorpReset | CodePut | RelationPut | AppOpened | GroupPut | Joined
    | Left | JobStarted | JobSliced | CommandRefused | Delivered | CallbackDue | CallbackVerified
    | MediaKept | AppSpoke | AppSaid | AppRecalled | CardUpdated | AppGroupPut
    | MassMade | MassAnnounced | MassConfirmed | MassSliced | MassCancelled
    | StrictnessSet | WorldRestored
    | Dismissed | CodeDropped | CodeScanned | WelcomeGiven | WelcomeSpent
    | TagsPut | TagsDeleted
    | TemplatePut | TemplateDropped
    | CodeDropped | CodeScanned | WelcomeGiven | WelcomeSpent
    | DepartmentDeleted | MemberRenamed | BookTagPut | BookTagDeleted | BookTagged | OpenidGiven | OauthCodeMade
    | OauthCodeUsed | AppSet | MenuPut
    | BotSaid | BotsSeated
)  # fmt: skip

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(AnyEvent).decode


class _Placed(Struct, array_like=True, tag=1, gc=False):
    conversation: str
    sequence: int
    previous: int


_decode_placed = msgspec.msgpack.Decoder(_Placed).decode


def previous_of(record: bytes) -> int:
    """Read from a `Posted` record the position of the one before it in its conversation; 0 where it is the first."""
    return _decode_placed(record).previous

"""What travels on a client link: one struct a frame, one tagged union a direction.

Rules of the file:
- A frame is a map whose first key is `type`; unknown keys are ignored, so that frames can grow.
- A client's frame is the command: the session adds who, the turn adds when.
- Every frame that asks for a change carries the device's next `number`; its answer repeats it.
- A frame about a conversation names it, and the enterprise whose ids it uses.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from protocol.content import AnyContent, Sendable

SUBPROTOCOL_JSON = "hutong.v1.json"
SUBPROTOCOL_MSGPACK = "hutong.v1.msgpack"

CURSORS_MAX = 256  # pairs in one hello or ack: bounds what a frame can make us do
PEOPLE_MAX = 100  # people named in one create, invite or remove
MASS_CONTENTS_MAX = 10  # of one mass message: a text and 9 attachments (DOC 92135)
MASS_RECIPIENTS_MAX = 20_000  # of a member's own mass message (DOC 96997); one frame has room for fewer names
REMARK_MAX = 20  # characters (DOC 92115), as the next two
DESCRIPTION_MAX = 150
COMPANY_MAX = 20
MOBILES_MAX = 20  # numbers noted of a customer, a setting: the vendor publishes no bound
CUSTOMER_TAGS_MAX = 3_000  # of the enterprise's tags on one customer (DOC 92697)

Side = Literal["member", "consumer", "app", "system"]
Id = Annotated[str, Meta(max_length=128)]
Number = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Cursors = Annotated[tuple[tuple[Id, Annotated[int, Meta(ge=0, le=2**53 - 1)]], ...], Meta(max_length=CURSORS_MAX)]
Names = Annotated[tuple[Id, ...], Meta(max_length=PEOPLE_MAX)]
Noted = Annotated[str, Meta(max_length=REMARK_MAX)]
Description = Annotated[str, Meta(max_length=DESCRIPTION_MAX)]
Company = Annotated[str, Meta(max_length=COMPANY_MAX)]
Key = Annotated[str, Meta(max_length=1024)]  # of a button: bytes in DOC 90236
Chosen = Annotated[tuple[Key, ...], Meta(max_length=20)]
Mobiles = Annotated[tuple[Annotated[str, Meta(max_length=32)], ...], Meta(max_length=MOBILES_MAX)]


class Frame(Struct, tag_field="type", omit_defaults=True, frozen=True, gc=False):
    """The parent of every frame; never travels itself."""


class Hello(Frame, tag="hello"):
    """Open the session: what the device has already.

    `token` is the newest resume token it stored; each pair of `cursors` means everything in this conversation up to
    here. Both may be empty: then everything retained is sent.
    """

    token: Annotated[str, Meta(max_length=512)] = ""
    cursors: Cursors = ()


class Ack(Frame, tag="ack"):
    """Say that the device has stored everything up to these sequences; cumulative for each conversation."""

    upto: Cursors


class Send(Frame, tag="send"):
    """Say something in a conversation."""

    number: Number
    conversation: Id
    content: Sendable


class SendUnread(Frame, tag="send"):
    """A send whose content could not be read: what is left of it to be refused by number."""

    number: Number
    conversation: Id
    content: Raw


class Scan(Frame, tag="scan"):
    """A consumer scans a QR code of members; `code` is the code, what its picture says, or the picture's address."""

    number: Number
    code: Id


class Join(Frame, tag="join"):
    """A consumer scans a group's QR code; `code` as in a scan."""

    number: Number
    code: Id


class Accept(Frame, tag="accept"):
    """A member accepts the request that opened this conversation, or confirms a half contact."""

    number: Number
    conversation: Id


class Refuse(Frame, tag="refuse"):
    """A member refuses the request that opened this conversation."""

    number: Number
    conversation: Id


class Delete(Frame, tag="delete"):
    """Either side ends the relation of this single chat."""

    number: Number
    conversation: Id


class Block(Frame, tag="block"):
    """Either side blocks the other in this single chat, or takes the block back; the other side is not told."""

    number: Number
    conversation: Id
    on: bool


class Mute(Frame, tag="mute"):
    """A consumer mutes the marketing of the enterprise that this conversation belongs to."""

    number: Number
    conversation: Id
    on: bool


class Leave(Frame, tag="leave"):
    """Anybody leaves a group; an owner who leaves is followed by an admin, or by the colleague who sat longest."""

    number: Number
    conversation: Id


class Create(Frame, tag="create"):
    """A member creates a customer group; consumers are named by the enterprise's ids."""

    number: Number
    name: Annotated[str, Meta(max_length=64)]
    members: Names = ()
    consumers: Names = ()


class Invite(Frame, tag="invite"):
    """A member brings colleagues, customers of their own and bots of the enterprise into a group."""

    number: Number
    conversation: Id
    members: Names = ()
    consumers: Names = ()
    bots: Names = ()


class Remove(Frame, tag="remove"):
    """The owner removes anybody from a group, an admin anybody but the owner and the admins."""

    number: Number
    conversation: Id
    members: Names = ()
    consumers: Names = ()
    bots: Names = ()


class Rename(Frame, tag="rename"):
    """The owner or an admin renames a group."""

    number: Number
    conversation: Id
    name: Annotated[str, Meta(min_length=1, max_length=64)]


class Announce(Frame, tag="announce"):
    """The owner or an admin sets a group's notice."""

    number: Number
    conversation: Id
    text: Annotated[str, Meta(max_length=2000)]


class HandOver(Frame, tag="hand_over"):
    """The owner makes another member of the group its owner."""

    number: Number
    conversation: Id
    member: Id


class Appoint(Frame, tag="appoint"):
    """The owner makes a member of the group an admin, or no admin any more."""

    number: Number
    conversation: Id
    member: Id
    on: bool


class Dismiss(Frame, tag="dismiss"):
    """The owner ends a group: everybody's seat ends, and nothing can be said in it any more."""

    number: Number
    conversation: Id


class Enter(Frame, tag="enter"):
    """A member opens an app of the enterprise, anybody a bot; the answer names the conversation to write to it in."""

    number: Number
    app: Id


class Click(Frame, tag="click"):
    """Press a button of a bot's card, which stands at `sequence`; `selected` pairs a question with what is chosen."""

    number: Number
    conversation: Id
    sequence: Number
    key: Key
    selected: Annotated[tuple[tuple[Key, Chosen], ...], Meta(max_length=10)] = ()


class Feedback(Frame, tag="feedback"):
    """Say what one thinks of a bot's answer, whose first part stands at `sequence`: 1 right, 2 wrong, 3 neither."""

    number: Number
    conversation: Id
    sequence: Number
    verdict: Annotated[int, Meta(ge=1, le=3)]
    text: Annotated[str, Meta(max_length=1000)] = ""
    reasons: Annotated[tuple[Annotated[int, Meta(ge=1, le=100)], ...], Meta(max_length=10)] = ()


class Remark(Frame, tag="remark"):
    """A member edits what is noted of a customer; lengths as in the vendor's own API (DOC 92115).

    `tags` are the member's own words, `tag_ids` the enterprise's tags; a list replaces the one before, an empty one
    clears it, and what is absent stays.
    """

    number: Number
    conversation: Id
    remark: Noted | UnsetType = UNSET
    tags: Annotated[tuple[Annotated[str, Meta(max_length=30)], ...], Meta(max_length=100)] | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    company: Company | UnsetType = UNSET
    mobiles: Mobiles | UnsetType = UNSET
    tag_ids: Annotated[tuple[Id, ...], Meta(max_length=CUSTOMER_TAGS_MAX)] | UnsetType = UNSET


class Confirm(Frame, tag="confirm"):
    """A member lets their part of a mass message be sent; `task` is what the notice named."""

    number: Number
    task: Id


class SendMass(Frame, tag="send_mass"):
    """A member says the same in many conversations: customers or own groups, all customers where none are named."""

    number: Number
    contents: Annotated[tuple[Sendable, ...], Meta(min_length=1, max_length=MASS_CONTENTS_MAX)]
    conversations: Annotated[tuple[Id, ...], Meta(max_length=MASS_RECIPIENTS_MAX)] = ()


MemberCommand = (
    Send | Accept | Refuse | Delete | Block | Leave | Create | Invite | Remove
    | Rename | Announce | HandOver | Appoint | Dismiss | Remark | Confirm | SendMass | Enter
    | Click | Feedback
)  # fmt: skip
ConsumerCommand = Send | Scan | Join | Delete | Block | Mute | Leave | Enter | Click | Feedback
ClientCommand = MemberCommand | ConsumerCommand
ClientFrame = Hello | Ack | ClientCommand


class Badge(Struct, frozen=True, gc=False):
    """What the consumer's screen must show of the sender, as it was when the message was accepted."""

    name: str
    company: str
    certification: Literal["unverified", "verified", "certified"]


class Message(Frame, tag="message"):
    """One record of a conversation, the same bytes for everyone who reads it."""

    corp: str
    conversation: str
    sequence: int
    time_ms: int
    side: Side
    sender: str
    content: AnyContent
    badge: Badge | None = None


class Welcome(Frame, tag="welcome"):
    """Answer hello: who you are, and the last send number that was answered: go on above it."""

    person: str
    device: str
    last_number: int
    resumed: bool
    reason: str = ""


class Accepted(Frame, tag="accepted"):
    """The command is durable. A send names the message's place; other commands name what they opened, if anything."""

    number: int
    conversation: str
    sequence: int
    time_ms: int


class Refused(Frame, tag="refused"):
    """The command changed nothing. `retry_at_ms` stands where waiting until then helps."""

    number: int
    code: int
    reason: str
    text: str
    advice: str
    rule: str = ""
    retry_at_ms: int = 0


class Synced(Frame, tag="synced"):
    """All that concerns you up to here stands before this frame: store the token once you have stored that."""

    token: str


class Forget(Frame, tag="forget"):
    """The enterprise was reset: drop everything of it."""

    corp: str


class Fault(Frame, tag="fault"):
    """Why the link is about to be closed."""

    code: int
    reason: str
    text: str


ServerFrame = Welcome | Message | Accepted | Refused | Synced | Forget | Fault

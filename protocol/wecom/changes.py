"""What a callback tells of: one struct an event type and change type (rules 14b of the vendor's documentation).

They are journaled as arrays, so a field is only ever added at the end, with a default, and a tag is never used twice.
"""

from typing import Literal

from msgspec import Struct

ChatDetail = Literal["add_member", "del_member", "change_owner", "change_name", "change_notice"]


class Change(Struct, array_like=True, frozen=True, gc=False, omit_defaults=True):
    """The parent of every change; never told itself."""


class ContactAdded(Change, tag=1):
    """add_external_contact"""

    userid: str
    external_userid: str
    state: str = ""
    welcome_code: str = ""


class HalfContactAdded(Change, tag=2):
    """add_half_external_contact: the consumer has added a member who need not agree, and who has not confirmed."""

    userid: str
    external_userid: str
    state: str = ""
    welcome_code: str = ""


class ContactEdited(Change, tag=3):
    """edit_external_contact: remark, phone or tags, edited in a client."""

    userid: str
    external_userid: str


class ContactDeleted(Change, tag=4):
    """del_external_contact: the member deleted the customer."""

    userid: str
    external_userid: str
    source: str = ""


class FollowerDeleted(Change, tag=5):
    """del_follow_user: the customer deleted the member."""

    userid: str
    external_userid: str


class ChatCreated(Change, tag=10):
    chat_id: str


class ChatUpdated(Change, tag=11):
    """What changed of a group; the last five only where members came or went."""

    chat_id: str
    detail: ChatDetail
    join_scene: int = 0
    quit_scene: int = 0
    members: tuple[str, ...] = ()
    last_version: str = ""
    current_version: str = ""


class ChatDismissed(Change, tag=12):
    chat_id: str


class TagMade(Change, tag=20):
    id: str
    kind: Literal["tag", "tag_group"]


class TagChanged(Change, tag=21):
    id: str
    kind: Literal["tag", "tag_group"]


class TagDeleted(Change, tag=22):
    id: str
    kind: Literal["tag", "tag_group"]


class TagsShuffled(Change, tag=23):
    """The order of a group's tags changed, or of all groups where `id` is empty."""

    id: str = ""


class UserMade(Change, tag=30):
    """change_contact, create_user: UserID, and Department with commas (since 2022-08-15 nothing else)."""

    userid: str
    departments: tuple[int, ...]


class UserChanged(Change, tag=31):
    """change_contact, update_user: UserID, NewUserID where it is another one now, Department where that changed."""

    userid: str
    departments: tuple[int, ...] = ()
    new_userid: str = ""


class UserDeleted(Change, tag=32):
    """change_contact, delete_user: UserID."""

    userid: str


class PartyMade(Change, tag=33):
    """change_contact, create_party: Id, Name, ParentId, Order."""

    id: int
    name: str
    parent: int
    order: int


class PartyChanged(Change, tag=34):
    """change_contact, update_party: Id, Name, ParentId."""

    id: int
    name: str
    parent: int


class PartyDeleted(Change, tag=35):
    """change_contact, delete_party: Id."""

    id: int


class BookTagChanged(Change, tag=36):
    """change_contact, update_tag: TagId, and with commas AddUserItems, DelUserItems, AddPartyItems, DelPartyItems."""

    id: int
    added_users: tuple[str, ...] = ()
    deleted_users: tuple[str, ...] = ()
    added_parties: tuple[int, ...] = ()
    deleted_parties: tuple[int, ...] = ()


class BotEntered(Change, tag=40):
    """enter_chat: a person has opened the conversation with a bot, for the first time on this day."""

    person: str  # userid or external_userid, as in the next two
    conversation: str


class CardClicked(Change, tag=41):
    """template_card_event: `sequence` is that of the card, `selected` pairs of a question and what was chosen."""

    person: str
    conversation: str
    sequence: int
    card_type: str
    key: str
    task_id: str = ""
    selected: tuple[tuple[str, tuple[str, ...]], ...] = ()


class FeedbackGiven(Change, tag=42):
    """feedback_event: what a person thinks of a bot's answer, 1 right, 2 wrong, 3 neither any more."""

    person: str
    conversation: str
    sequence: int
    id: str
    verdict: int
    text: str = ""
    reasons: tuple[int, ...] = ()


BotChange = BotEntered | CardClicked | FeedbackGiven
AnyChange = (
    ContactAdded
    | HalfContactAdded
    | ContactEdited
    | ContactDeleted
    | FollowerDeleted
    | ChatCreated
    | ChatUpdated
    | ChatDismissed
    | TagMade
    | TagChanged
    | TagDeleted
    | TagsShuffled
    | UserMade
    | UserChanged
    | UserDeleted
    | PartyMade
    | PartyChanged
    | PartyDeleted
    | BookTagChanged
    | BotChange
)

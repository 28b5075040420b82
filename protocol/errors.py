"""Our reasons for saying no, as one table: number, name, text, advice; and the close codes of a link.

Rules of the file:
- A number is never used twice, also not after its reason is gone.
- The hundreds name the policy that speaks; inside a hundred, order has no meaning.
- The advice says what a program should do: `never` (the same again will fail), `later` (waiting helps; the refusal
  says until when if that is known), `change` (something else must change first).
"""

from enum import IntEnum
from typing import Final, Literal, NamedTuple

Advice = Literal["never", "later", "change"]
CloseAdvice = Literal["stop", "resume", "resume later", "log in again"]

# Which policy speaks, by the hundreds of a reason's number.
POLICIES: Final = {
    9100: "the command itself",
    9101: "may speak at all",
    9102: "relation or membership",
    9103: "badge",
    9104: "content",
    9105: "consent",
    9106: "frequency",
    9107: "group size",
    9108: "a thing of the API",
    9109: "a limit of the API",
}


class Reason(NamedTuple):
    """One way of saying no."""

    code: int
    name: str
    text: str
    advice: Advice


REASONS: dict[str, Reason] = {}


def _reason(code: int, name: str, text: str, advice: Advice) -> Reason:
    reason = Reason(code, name, text, advice)
    assert name not in REASONS and all(code != other.code for other in REASONS.values())
    REASONS[name] = reason
    return reason


def by_code(code: int) -> Reason:
    """Give the reason of a number that stands in the journal; KeyError if there is none."""
    return _BY_CODE[code]


# 9100: the command itself
UNKNOWN_CONVERSATION = _reason(910001, "unknown_conversation", "no such conversation for you", "never")
STALE_NUMBER = _reason(910002, "stale_number", "the send number is not above the last accepted one", "never")
REUSED_NUMBER = _reason(910003, "reused_number", "this send number was used for another body", "never")
UNAVAILABLE = _reason(910004, "unavailable", "the gateway cannot store anything now", "later")
INTERNAL = _reason(910005, "internal", "a defect of the gateway; nothing was done", "later")
WRONG_SIDE = _reason(910006, "wrong_side", "this side of the bridge may not ask for that", "never")
UNKNOWN_PERSON = _reason(910007, "unknown_person", "no such person for you", "never")
UNKNOWN_CODE = _reason(910008, "unknown_code", "no such QR code", "never")
WRONG_KIND = _reason(910009, "wrong_kind", "this kind of conversation does not do that", "never")
TOO_MANY = _reason(910010, "too_many", "a table of the gateway is full", "change")
UNKNOWN_CORP = _reason(910011, "unknown_corp", "no such enterprise", "never")
UNKNOWN_APP = _reason(910012, "unknown_app", "no such app in this enterprise", "never")
UNKNOWN_DEPARTMENT = _reason(910013, "unknown_department", "no such department in this enterprise", "never")
EXISTS = _reason(910014, "exists", "this id is taken", "never")
MALFORMED = _reason(910015, "malformed", "this cannot be read as a command", "never")
CANCELLED = _reason(910016, "cancelled", "the world was reset before this was done", "never")

# 9101: may speak at all
NOT_ACTIVATED = _reason(910101, "not_activated", "the member is not activated", "change")
NOT_REAL_NAME = _reason(910102, "not_real_name", "the member's real name is not verified", "change")
DEPARTED = _reason(910103, "departed", "the member has left the enterprise", "never")

# 9102: relation or membership
NOT_RELATED = _reason(910201, "not_related", "the two do not know each other", "change")
PENDING = _reason(910202, "pending", "the request has not been accepted", "change")
NOT_IN_GROUP = _reason(910203, "not_in_group", "not a member of this group", "change")
ALREADY = _reason(910204, "already", "that is so already", "never")
NOT_OWNER = _reason(910205, "not_owner", "only the owner may do that", "change")
NOT_ADMIN = _reason(910206, "not_admin", "only the owner or an admin may do that", "change")
NEVER_WRITTEN = _reason(910207, "never_written", "nobody there has ever written to the bot", "change")

# 9103: badge
BADGE_TOO_LOW = _reason(910301, "badge_too_low", "the enterprise's certification does not allow that", "change")
SCALE_EXHAUSTED = _reason(910302, "scale_exhausted", "the enterprise may have no more customers", "change")
CONTACTS_FULL = _reason(910303, "contacts_full", "the member may have no more contacts", "change")

# 9104: content
UNKNOWN_KIND = _reason(910401, "unknown_kind", "no such kind of content", "never")
TEXT_TOO_LONG = _reason(910402, "text_too_long", "the text is too long", "never")
BODY_TOO_LARGE = _reason(910403, "body_too_large", "the content is too large", "never")
EMPTY = _reason(910404, "empty", "there is nothing in it", "never")

# 9105: consent
BLOCKED = _reason(910501, "blocked", "the other side has blocked you", "change")
MUTED = _reason(910502, "muted", "the consumer has muted this enterprise's marketing", "change")

# 9106: frequency
SENDER_FREQUENCY = _reason(910601, "sender_frequency", "the sender has used up this window", "later")
CONVERSATION_FREQUENCY = _reason(910602, "conversation_frequency", "the conversation has used up this window", "later")
RECIPIENT_FREQUENCY = _reason(910603, "recipient_frequency", "the recipient has had enough in this window", "later")
CORP_FREQUENCY = _reason(910604, "corp_frequency", "the enterprise has used up this window", "later")

# 9107: group size
GROUP_FULL = _reason(910701, "group_full", "the group is full", "change")
QR_CLOSED = _reason(910702, "qr_closed", "the group is too large to be joined by QR code", "change")

# 9108: a thing of the API
MEMBERS_FULL = _reason(910801, "members_full", "the address book has room for no more members", "change")
NO_PHONE_OR_MAIL = _reason(910802, "no_phone_or_mail", "a member needs a mobile or an email", "change")
MOBILE_TAKEN = _reason(910803, "mobile_taken", "another member has this mobile", "change")
MAIL_TAKEN = _reason(910804, "mail_taken", "another member has this mail", "change")
RENAMED = _reason(910805, "renamed", "a userid is changed once", "never")
BAD_NAME = _reason(910806, "bad_name", "the name has characters that no name may have, or too many", "never")
NAME_TAKEN = _reason(910807, "name_taken", "another one here is called so", "change")
UNKNOWN_PARENT = _reason(910808, "unknown_parent", "no such department to be in", "never")
HAS_MEMBERS = _reason(910809, "has_members", "the department has members", "change")
HAS_CHILDREN = _reason(910810, "has_children", "the department has others beneath it", "change")
IS_ROOT = _reason(910811, "is_root", "the root department stays", "never")
UNKNOWN_BOOK_TAG = _reason(910812, "unknown_book_tag", "no such tag in the address book", "never")
NOBODY_KNOWN = _reason(910814, "nobody_known", "none of those named is known", "never")
UNKNOWN_OAUTH_CODE = _reason(910815, "unknown_oauth_code", "the code is unknown, used, or too old", "never")
TOO_MANY_MISSES = _reason(910816, "too_many_misses", "too many phone numbers were nobody's", "later")
MEDIA_FULL = _reason(910820, "media_full", "there is no room for more uploads", "change")
UNKNOWN_MEDIA = _reason(910822, "unknown_media", "no such file, or it has expired", "never")
APP_QUOTA = _reason(910823, "app_quota", "the app has sent to as many people as it may today", "later")
UNKNOWN_MESSAGE = _reason(910824, "unknown_message", "no such message of this app, or it is too long ago", "never")
NOT_ITS_GROUP = _reason(910826, "not_its_group", "the group was made by another app", "never")
GROUP_SEATS = _reason(910827, "group_seats", "a group of an app has 2 to 2,000 members", "change")
OWNER_OUTSIDE = _reason(910828, "owner_outside", "the owner of a group is one of its members", "change")
RECALL_TOO_LATE = _reason(910825, "recall_too_late", "a message may be taken back for 24 hours only", "never")
# customers from 910840
UNKNOWN_CUSTOMER = _reason(910840, "unknown_customer", "this enterprise knows nobody by that id", "never")
UNKNOWN_TAG = _reason(910841, "unknown_tag", "no such tag in this enterprise", "never")
TAG_NAME_TAKEN = _reason(910842, "tag_name_taken", "there is another tag or group of this name", "never")
TAGS_FULL = _reason(910843, "tags_full", "the enterprise may have no more tags", "change")
CUSTOMER_TAGS_FULL = _reason(910844, "customer_tags_full", "the customer may wear no more tags", "change")
NOT_MAKER = _reason(910845, "not_maker", "only the app that made it may change it", "never")
# ways from 910860
DISMISSED = _reason(910863, "dismissed", "the group has been dismissed", "never")
WAY_MEMBERS = _reason(910860, "way_members", "a way of this kind may not have so many members, or so few", "never")
WAY_GROUPS = _reason(910864, "way_groups", "a join way is of one to five groups", "never")
UNKNOWN_TEMPLATE = _reason(910865, "unknown_template", "no such welcome for groups", "never")
UNKNOWN_WELCOME = _reason(910861, "unknown_welcome", "no such welcome code, or one that is too old", "never")
WELCOMED = _reason(910862, "welcomed", "the customer was welcomed already, or the two have begun to talk", "never")
# mass messages from 910880
UNKNOWN_TASK = _reason(910880, "unknown_task", "no such mass message for you", "never")
NOBODY = _reason(910881, "nobody", "there is nobody to send it to", "change")
DISPATCHING = _reason(910882, "dispatching", "the mass message is still being dispatched", "later")
MASS_CANCELLED = _reason(910883, "mass_cancelled", "the mass message was cancelled", "never")
REMINDED_OFTEN = _reason(910884, "reminded_often", "its members were reminded often enough", "later")
# bots from 910890
UNKNOWN_QUESTION = _reason(910890, "unknown_question", "no such thing was asked of this bot lately", "never")
WRONG_ANSWER = _reason(910891, "wrong_answer", "what was asked is not answered in this way", "never")
ANSWER_TOO_LATE = _reason(910892, "answer_too_late", "it is too late to answer this", "never")
ANSWERED = _reason(910893, "answered", "this has been answered", "never")
STREAM_TOO_OLD = _reason(910894, "stream_too_old", "the answer has gone on for too long", "never")
UNKNOWN_CARD = _reason(910895, "unknown_card", "nothing of a bot is there that could be acted on so", "never")


# 9109: a limit of the API
CORP_CALLS = _reason(910901, "corp_calls", "the enterprise has called this path too often", "later")
APP_CALLS = _reason(910902, "app_calls", "the app has called this path too often", "later")
ADDRESS_CALLS = _reason(910903, "address_calls", "this address has called this path too often", "later")
WRONG_SECRETS = _reason(910904, "wrong_secrets", "this address has tried too many wrong secrets", "later")
CONCURRENT_CALLS = _reason(910905, "concurrent_calls", "too many calls of this path are under way", "later")
WRITE_CONFLICT = _reason(910906, "write_conflict", "another call is writing the same record just now", "later")
UNTRUSTED_ADDRESS = _reason(910907, "untrusted_address", "the app does not trust this address", "change")
OUTSIDE_RANGE = _reason(910908, "outside_range", "outside what the app may see", "change")
NO_ABILITY = _reason(910909, "no_ability", "this secret does not have the ability that the path needs", "change")
FAULT = _reason(910910, "fault", "a fault that was ordered through control", "change")
RESERVED_ID = _reason(910911, "reserved_id", "an id that always fails", "never")


_BY_CODE = {reason.code: reason for reason in REASONS.values()}


class Close(IntEnum):
    """Why a link was closed, and what its client should do: resume, log in again, or stop.

    1000–1015 are RFC 6455's; 4400–4499 are ours and follow HTTP's meaning.
    """

    BYE = 1000
    PROTOCOL = 1002
    WRONG_TYPE = 1003
    BAD_UTF8 = 1007
    TOO_BIG = 1009
    INTERNAL = 1011
    RESTART = 1012
    TRY_LATER = 1013
    BAD_FRAME = 4400
    NOT_AUTHENTICATED = 4401
    FORBIDDEN = 4403
    DEADLINE = 4408
    REPLACED = 4409
    FLOOD = 4430


class Closing(NamedTuple):
    """What a close code says: what the client should do, and why it was closed."""

    advice: CloseAdvice
    text: str


CLOSINGS: Final[dict[Close, Closing]] = {
    Close.BYE: Closing("stop", "the client asked"),
    Close.PROTOCOL: Closing("stop", "WebSocket itself was broken"),
    Close.WRONG_TYPE: Closing("stop", "text on a binary link, or the reverse"),
    Close.BAD_UTF8: Closing("stop", "a text frame that is not UTF-8"),
    Close.TOO_BIG: Closing("stop", "more bytes than a frame may have"),
    Close.INTERNAL: Closing("resume later", "a defect of the gateway"),
    Close.RESTART: Closing("resume", "the gateway restarts, or the world was reset"),
    Close.TRY_LATER: Closing("resume later", "too many sockets"),
    Close.BAD_FRAME: Closing("stop", "the frame could not be read, or not now"),
    Close.NOT_AUTHENTICATED: Closing("log in again", "the token is unknown, expired or revoked"),
    Close.FORBIDDEN: Closing("stop", "the person or the enterprise is gone"),
    Close.DEADLINE: Closing("resume", "no hello in time"),
    Close.REPLACED: Closing("stop", "the same device opened another link"),
    Close.FLOOD: Closing("resume later", "too many control frames, or fragments without end"),
}

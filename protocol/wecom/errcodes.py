"""WeCom's numbers for no: what each means, and which of them says which of our reasons.

Rules of the file:
- Texts are ours; numbers are the vendor's (DOC 90313).
- A reason is said by the number of its family of paths, or by the general one; what neither knows is -1, try again.
"""

from typing import Final, Literal

from protocol import errors
from protocol.errors import Reason

OK: Final = 0
BUSY: Final = -1

TEXTS: Final[dict[int, str]] = {
    -1: "system busy, try again",
    0: "ok",
    6000: "the record was changed by another call, try again",
    40001: "invalid secret",
    40004: "invalid type of media",
    40005: "invalid type of file",
    40006: "invalid size of file",
    40007: "invalid media_id",
    40008: "invalid msgtype",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40050: "invalid chat_id",
    40056: "invalid agentid",
    40058: "invalid parameter",
    40063: "empty parameter",
    40091: "the secret is another enterprise's",
    40096: "no such external contact",
    40098: "the member's real name is not verified",
    40206: "the body is too large",
    41001: "access_token missing",
    41002: "corpid missing",
    41004: "corpsecret missing",
    41037: "type missing",
    41038: "scene missing",
    41039: "invalid type",
    41040: "invalid scene",
    41041: "too many members, or too few",
    41042: "invalid style",
    41043: "config_id missing",
    41044: "invalid config_id",
    41045: "too many contact ways and join ways",
    41046: "msgid missing",
    41047: "invalid msgid",
    41048: "nobody to send to",
    41049: "welcome_code missing",
    41050: "invalid or expired welcome_code",
    41051: "the customer was welcomed already, or the chat has begun",
    41054: "the member is not activated",
    41063: "the mass message is still being dispatched",
    41064: "too many attachments",
    41065: "invalid type of attachment",
    41072: "invalid scene of the attachment",
    41080: "the attachment is too large",
    41081: "the picture has too many pixels",
    41082: "the film is too long",
    41090: "the film must be MP4",
    41093: "the mass message was cancelled",
    41094: "too many reminders",
    42001: "access_token expired",
    42052: "too late to recall the message",
    45001: "the file is too large",
    45002: "content too long",
    45009: "called too often",
    45033: "too many calls at a time",
    45035: "another call is writing the same record",
    48002: "this API may not be called",
    49008: "the group is dismissed",
    50100: "invalid cursor",
    60011: "no right on this member, department or tag",
    60020: "this address is not trusted",
    60021: "the member is out of the app's sight",
    60111: "no such userid",
    60123: "no such department",
    81013: "no member, department or tag of these is valid",
    81017: "too many members: name the owners",
    82001: "no member, department or tag is named",
    84061: "the two do not know each other",
    90511: "invalid opengid",
    301016: "the voice file is too long",
    301017: "a voice file must be AMR",
    830002: "a file of more than 20 MB is fetched by ranges",
}

Family = Literal["", "mass", "way", "welcome"]
"""A group of paths that say the same reason by the same number; the empty one is general."""

ERRCODES: Final[dict[tuple[Family, Reason], int]] = {
    ("", errors.UNAVAILABLE): -1,
    ("", errors.INTERNAL): -1,
    ("", errors.TOO_MANY): -1,
    ("", errors.MEDIA_FULL): -1,
    ("", errors.UNKNOWN_MEDIA): 40007,
    ("", errors.APP_QUOTA): 45009,
    ("", errors.UNKNOWN_MESSAGE): 40058,
    ("", errors.RECALL_TOO_LATE): 42052,
    ("", errors.MALFORMED): 40058,
    ("", errors.SENDER_FREQUENCY): 45009,
    ("", errors.CONVERSATION_FREQUENCY): 45009,
    ("", errors.RECIPIENT_FREQUENCY): 45009,
    ("", errors.CORP_FREQUENCY): 45009,
    ("", errors.CORP_CALLS): 45009,
    ("", errors.APP_CALLS): 45009,
    ("", errors.ADDRESS_CALLS): 45009,
    ("", errors.WRONG_SECRETS): 45009,
    ("", errors.CONCURRENT_CALLS): 45033,
    ("", errors.WRITE_CONFLICT): 45035,
    ("", errors.UNTRUSTED_ADDRESS): 60020,
    ("", errors.OUTSIDE_RANGE): 60011,
    ("", errors.NO_ABILITY): 48002,
    ("", errors.UNKNOWN_PERSON): 60111,
    ("way", errors.UNKNOWN_CODE): 41044,
    ("way", errors.WAY_MEMBERS): 41041,
    ("way", errors.TOO_MANY): 41045,
    ("way", errors.NOT_ACTIVATED): 41054,
    ("way", errors.NOT_REAL_NAME): 40098,
    ("way", errors.DEPARTED): 60111,
    ("way", errors.UNKNOWN_DEPARTMENT): 60123,
    ("welcome", errors.UNKNOWN_WELCOME): 41050,
    ("welcome", errors.WELCOMED): 41051,
    ("welcome", errors.NOT_RELATED): 84061,
    ("welcome", errors.BLOCKED): 84061,
    ("welcome", errors.TEXT_TOO_LONG): 45002,
    ("welcome", errors.BODY_TOO_LARGE): 45002,
    ("mass", errors.UNKNOWN_TASK): 41047,
    ("mass", errors.NOBODY): 41048,
    ("mass", errors.DISPATCHING): 41063,
    ("mass", errors.MASS_CANCELLED): 41093,
    ("mass", errors.REMINDED_OFTEN): 41094,
    ("mass", errors.TEXT_TOO_LONG): 45002,
    ("mass", errors.BODY_TOO_LARGE): 45002,
}


def errcode_of(family: Family, reason: Reason) -> int:
    """Give the vendor's number for a reason of ours."""
    general = ERRCODES.get(("", reason), BUSY)
    return ERRCODES.get((family, reason), general)

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
    40013: "invalid corpid",
    40014: "invalid access_token",
    40056: "invalid agentid",
    40058: "invalid parameter",
    40063: "empty parameter",
    40068: "invalid tag id",
    40071: "the tag name exists",
    40091: "the secret is another enterprise's",
    40096: "invalid external_userid",
    40126: "the enterprise has as many tags as it may have",
    40144: "the customer has as many tags as one may have",
    40206: "the body is too large",
    41001: "access_token missing",
    41002: "corpid missing",
    41004: "corpsecret missing",
    41035: "external_userid missing",
    41110: "neither a tag to add nor one to remove",
    42001: "access_token expired",
    45001: "the file is too large",
    45009: "called too often",
    45033: "too many calls at a time",
    45035: "another call is writing the same record",
    48002: "this API may not be called",
    50100: "invalid cursor",
    60011: "no right on this member, department or tag",
    60020: "this address is not trusted",
    60111: "no such userid",
    84061: "not a customer of this member",
    301002: "no right on this app or tag",
    301017: "a voice file must be AMR",
    610014: "invalid unionid",
    830002: "a file of more than 20 MB is fetched by ranges",
}

Family = Literal[""]
"""A group of paths that say the same reason by the same number; the empty one is general."""

ERRCODES: Final[dict[tuple[Family, Reason], int]] = {
    ("", errors.UNAVAILABLE): -1,
    ("", errors.INTERNAL): -1,
    ("", errors.TOO_MANY): -1,
    ("", errors.MEDIA_FULL): -1,
    ("", errors.PICTURES_USED_UP): 45009,
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
    ("", errors.UNKNOWN_CUSTOMER): 40096,
    ("", errors.NOT_RELATED): 84061,
    ("", errors.PENDING): 84061,
    ("", errors.UNKNOWN_TAG): 40068,
    ("", errors.TAG_NAME_TAKEN): 40071,
    ("", errors.TAGS_FULL): 40126,
    ("", errors.CUSTOMER_TAGS_FULL): 40144,
    ("", errors.NOT_MAKER): 301002,
}


def errcode_of(family: Family, reason: Reason) -> int:
    """Give the vendor's number for a reason of ours."""
    general = ERRCODES.get(("", reason), BUSY)
    return ERRCODES.get((family, reason), general)

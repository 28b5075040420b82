"""The catalogue of errors: what a number means, what to do about it, and which of our reasons it says.

Made from the tables of `protocol/errors.py` and `protocol/wecom/errcodes.py`; pages and documents are made from it.
"""

from typing import Final, NamedTuple

from protocol.errors import POLICIES, REASONS, Advice, Reason
from protocol.wecom.errcodes import ERRCODES, TEXTS

_DO: Final[dict[int, str]] = {
    -1: "Try again, at most three times, each time later (DOC 90313).",
    0: "Nothing: the call was made.",
    6000: "Read the record again, and repeat the change.",
    40001: "Compare the secret with the app's: hutong env prints it. Too many wrong ones shut an address out.",
    40014: "Fetch an access_token with gettoken, and repeat the call once.",
    41096: "Repeat the call: the other one may yet fail; when it has not, this one hears 41051.",
    42001: "Fetch a new access_token with gettoken, and repeat the call once.",
    45009: "Wait until the moment in X-Hutong-Retry-At, or move the clock; X-Hutong-Rule says which limit it was.",
    45033: "Make fewer calls of this path at a time.",
    45035: "Repeat the call when the other one has ended.",
    48002: "Use the secret of an app that has the ability, or give it to this one; asked with secret_by_ability only.",
    60011: "Put the member or department into the app's range; asked with app_range only.",
    60020: "Add the address to the app's trusted_ips; asked with trusted_ip only.",
    60021: "Put the member into the app's range; asked with app_range only.",
    846604: "It is too late to answer: speak with aibot_send_msg.",
    846605: "Answer with the req_id of the callback, to the letter; what is no answer has a cmd of its own.",
    846606: "A message has one answer, or one stream: say more with aibot_send_msg.",
    846607: "Wait until the moment that the text names, or move the clock; nobody is written to who never wrote.",
    846608: "End a stream in time, with `finish`; go on with aibot_send_msg.",
    846609: "Send aibot_subscribe first; of two connections of a bot the newer one counts.",
    846611: "Begin the upload again with aibot_upload_media_init.",
    846616: "Send the chunks that are missing, then finish again.",
    853000: "Compare both with the bot's: hutong env prints them. Too many wrong ones shut an address out.",
}
_BY_KIND: Final[tuple[tuple[range, str], ...]] = (
    (range(40_000, 41_000), "Correct what the text names, then call again."),
    (range(41_000, 42_000), "Add or correct what the text names, then call again."),
    (range(42_000, 43_000), "It has expired: get a new one."),
    (range(45_000, 46_000), "Ask for less: smaller, fewer, or later."),
    (range(48_000, 49_000), "Change what the app may do, or use another app."),
)
_ADVICE: Final[dict[Advice, str]] = {
    "never": "Nothing helps but asking for something else.",
    "later": "Wait: the refusal says until when, if that is known.",
    "change": "Something else must change first: a setting, a relation, a right.",
}


class Entry(NamedTuple):
    """One page. `kind` says whose number it is; `see` are the numbers on the other side, each with its text."""

    code: int
    kind: str
    means: str
    do: str
    see: list[tuple[int, str]]


def entries() -> list[Entry]:
    """Give every entry: the vendor's numbers, then our reasons."""
    return [*map(_of_vendor, sorted(TEXTS)), *map(_of_reason, REASONS.values())]


def entry_of(code: int) -> Entry | None:
    """Give the entry of a number, the vendor's or ours; None where nobody says it."""
    if code in TEXTS:
        return _of_vendor(code)
    return next((_of_reason(reason) for reason in REASONS.values() if reason.code == code), None)


def _of_vendor(errcode: int) -> Entry:
    do = _DO.get(errcode) or next(
        (text for codes, text in _BY_KIND if errcode in codes), "Correct what the text names."
    )
    saying = {
        reason.code: f"{reason.name}: {reason.text}" for reason in REASONS.values() if errcode in _numbers(reason)
    }
    return Entry(errcode, "a number of the vendor's", TEXTS[errcode], do, sorted(saying.items()))


def _of_reason(reason: Reason) -> Entry:
    said = sorted((errcode, TEXTS.get(errcode, "")) for errcode in _numbers(reason))
    means = f"{reason.name}: {reason.text} ({POLICIES[reason.code // 100]})"
    return Entry(reason.code, "a reason of Hutong's", means, _ADVICE[reason.advice], said)


def _numbers(reason: Reason) -> set[int]:
    """Give the vendor's numbers that say a reason, under one family of paths or another."""
    return {errcode for (_, said), errcode in ERRCODES.items() if said is reason}


def table() -> str:
    """Write the vendor's numbers as rows of Markdown."""
    head = "| errcode | means | what to do | said for |\n|---|---|---|---|"
    rows = (f"| {one.code} | {one.means} | {one.do} | {_names(one)} |" for one in map(_of_vendor, sorted(TEXTS)))
    return "\n".join([head, *rows])


def _names(entry: Entry) -> str:
    return ", ".join(f"`{text.partition(':')[0]}`" for _, text in entry.see)

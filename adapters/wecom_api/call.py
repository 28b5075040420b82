"""One call of the vendor's API: a function whose annotations are its contract, and the door through which it asks.

Rules of the file:
- A call takes the door, the caller and what was asked, a struct; it returns a reply, or raises `No`.
- Reads go through `Door.look`, writes through `Door.ask`: both answer when what they tell is durable.
- The status is 200 whatever the answer is; the number in it says what went wrong (DOC 90313).
"""

import re
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, get_type_hints

import msgspec
from aiohttp import web
from msgspec import Struct

from adapters.media import Uploads
from adapters.strict import explained
from adapters.wecom_api.access import AccessTokens, Caller
from adapters.wecom_api.gate import Gate
from adapters.wecom_api.misses import Misses
from gateway.commands import Command
from gateway.events import AnyEvent
from gateway.refusal import Refusal
from gateway.router import Router
from gateway.writer import Query
from protocol.wecom.errcodes import Family, errcode_of
from protocol.wecom.reply import Asked, Reply

BODY_BYTES_MAX: Final = 2 * 1024 * 1024  # 10,000 ids of a mass message are a quarter of it


class No(Exception):
    """Ends a call with one of the vendor's numbers. `detail` says more than the number; `refusal` is ours.

    `malformed` says that the body was no JSON.
    """

    def __init__(
        self, errcode: int, detail: str = "", refusal: Refusal | None = None, *, malformed: bool = False
    ) -> None:
        super().__init__(errcode, detail)
        self.errcode = errcode
        self.detail = detail
        self.refusal = refusal
        self.malformed = malformed


def refusing(refusal: Refusal, family: Family = "") -> No:
    """Put a refusal of ours into the number that a family of paths has for it."""
    return No(errcode_of(family, refusal.reason), refusal.rule, refusal)


@dataclass(frozen=True)
class Door:
    """What the calls work with; `asker` is the app that one of them is made for."""

    router: Router
    tokens: AccessTokens
    base_url: Callable[[], str]
    media: Uploads
    gate: Gate = field(default_factory=Gate)
    misses: Misses = field(default_factory=Misses)
    asker: str = ""

    async def look(self, query: Query, family: Family = "") -> Any:
        """Look at the state; a refusal, or a `No` that the look gives back, ends the call."""
        return _answered(await self.router.query(query), family)

    async def ask(self, command: Command, family: Family = "") -> list[AnyEvent]:
        """Have a command decided; a refusal ends the call with the number that its family of paths has for it."""
        events: list[AnyEvent] = _answered(await self.router.ask(command, self.asker), family)
        return events


def _answered(answer: Any, family: Family) -> Any:
    if isinstance(answer, Refusal):
        raise refusing(answer, family)
    if isinstance(answer, No):
        raise answer
    return answer


Handler = Callable[[Door, Caller, Any], Awaitable[Reply | web.StreamResponse]]


class Call(NamedTuple):
    """A call and its contract. `missing` has the numbers for keys that must be there; `open` needs no access token.

    A call that takes `web.Request` reads its body itself. `writes` names the record that a call changes, where the
    vendor lets no two calls change it at a time: 45035, or the number that its `family` has for it. A call that is
    `exempt` counts only when it fails. `partial` says what the vendor's has and this one has not; `limits` names the
    rules of the profile that it obeys, and bounds of its own with where they come from (`20 s: documented`).
    `query` names what a call that takes `web.Request` reads from the address.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    summary: str
    asked: type[Any]
    answer: type[Any]
    missing: Mapping[str, int]
    open: bool
    decode: Callable[[bytes], Any]
    writes: Callable[[Any], Hashable] | None = None
    exempt: bool = False
    partial: str = ""
    limits: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    family: Family = ""

    def read(self, text: Mapping[str, str], body: bytes) -> Struct:
        """Make the struct of what was asked, from the address and from the body; `No` says what it lacks."""
        asked: Struct
        if self.method == "POST" and body:
            try:
                _look_at_text(body)
                asked = self.decode(body)  # nearly always: the other way is for what is null, or wrong
            except (msgspec.MsgspecError, ValueError, RecursionError):
                asked = self._convert(object_of(body))
            suspicious = _LONG_NUMBER.search(body) is not None
        else:
            values = {key: value for key, value in text.items() if value and key != "access_token"}
            asked = self._convert(values)
            suspicious = _LONG_TEXT.search("&".join(values.values())) is not None
        if suspicious and is_huge(asked):
            raise No(40058, "a number of more than 64 bits")
        return asked

    def _convert(self, values: dict[str, Any]) -> Any:
        try:
            return msgspec.convert(values, self.asked, strict=False)
        except msgspec.ValidationError as why:
            raise No(self._errcode(str(why)), explained(str(why), self.asked)) from why
        except RecursionError as why:
            raise No(40058, "too deep", malformed=True) from why

    def _errcode(self, complaint: str) -> int:
        """Give the number of a missing or empty key, where it has one of its own."""
        for key, errcode in self.missing.items():
            if f"required field `{key}`" in complaint or (
                complaint.endswith(f"- at `$.{key}`") and "length >= 1" in complaint
            ):
                return errcode
        return 40058


def _look_at_text(body: bytes) -> None:
    """Raise `UnicodeDecodeError` for what is no UTF-8: msgspec looks at what it keeps, and at nothing else."""
    if not body.isascii():
        str(body, "utf-8")


def object_of(body: bytes) -> dict[str, Any]:
    """Read a JSON object; what is null counts as absent."""
    try:
        _look_at_text(body)
        pruned = _without_nulls(msgspec.json.decode(body))
    except (msgspec.MsgspecError, ValueError, RecursionError) as why:
        raise No(40058, str(why), malformed=True) from why
    if not isinstance(pruned, dict):
        raise No(40058, "the body is not an object", malformed=True)
    return pruned


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_nulls(one) if isinstance(one, dict | list) else one for one in value]
    return value


_LONG_NUMBER: Final = re.compile(rb"\d{19}")  # as many digits as the largest number of 64 bits has
_LONG_TEXT: Final = re.compile(r"\d{19}")


def is_huge(value: Any) -> bool:
    """Tell whether a number in a request is larger than a record can hold."""
    if isinstance(value, Struct):
        return any(is_huge(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, dict):
        return any(map(is_huge, value.values()))
    if isinstance(value, list | tuple):
        return any(map(is_huge, value))
    return isinstance(value, int) and not -(2**63) <= value < 2**63


def _unread(_body: bytes) -> Any:
    raise AssertionError("a call that takes the request reads its body itself")


CALLS: Final[dict[str, Call]] = {}


def call(
    method: Literal["GET", "POST"],
    path: str,
    *,
    missing: Mapping[str, int] | None = None,
    open: bool = False,  # noqa: A002 - the word of the table
    aliases: tuple[str, ...] = (),
    writes: Callable[[Any], Hashable] | None = None,
    exempt: bool = False,
    partial: str = "",
    limits: tuple[str, ...] = (),
    query: tuple[str, ...] = (),
    family: Family = "",
) -> Callable[[Handler], Handler]:
    """Make a function the call of a path below `/cgi-bin/`; its docstring's first sentence is the summary."""

    def register(handler: Handler) -> Handler:
        hints = get_type_hints(handler)
        summary = (handler.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        asked = hints.get("asked") or hints.get("_asked", Asked)
        decode = _unread if asked is web.Request else msgspec.json.Decoder(asked, strict=False).decode
        made = Call(
            method, path, handler, summary, asked, hints["return"], missing or {}, open, decode, writes, exempt,
            partial, limits, query, family,
        )  # fmt: skip
        for name in (path, *aliases):
            assert name not in CALLS, name
            CALLS[name] = made
        return handler

    return register


__all__ = ["CALLS", "Asked", "Call", "Caller", "Door", "No", "call"]

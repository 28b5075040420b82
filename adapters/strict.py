"""Reads what people wrote: typed and strict, with a suggestion for a misspelt key.

`Unreadable` is not the syntax asked for; `Wrong` is, and says something that it must not say.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

T = TypeVar("T")

_UNKNOWN: Final = re.compile(r"^Object contains unknown field `(?P<key>.*)`", re.DOTALL)


class Unreadable(ValueError):
    """The bytes are not what they say they are; the text says where."""


class Wrong(ValueError):
    """A key or a value that is not taken; the text names its place."""


def from_json(data: bytes, kind: type[T]) -> T:
    """Read JSON; nothing at all counts as an empty object."""
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except msgspec.ValidationError as why:
        raise Wrong(explained(str(why), kind)) from why
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise Unreadable(f"the body is not JSON: {why}") from why


def from_text(values: dict[str, str], kind: type[T]) -> T:
    """Read parts of an address, where a number is text that spells one."""
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as why:
        raise Wrong(explained(str(why), kind)) from why


def explained(text: str, kind: Any) -> str:
    """Put a complaint of msgspec's into plain words: the place without `$`, and the key that was probably meant."""
    said, _, place = text.partition(" - at `")
    place = place.rstrip("`").removeprefix("$").removeprefix(".")
    unknown = _UNKNOWN.match(said)
    if unknown:
        known = sorted(set(_keys(kind, set())))
        near = get_close_matches(unknown["key"], known, 1)
        said = f"unknown key {unknown['key']}" + (f", did you mean {near[0]}?" if near else "")
    elif said.startswith("Invalid enum value"):
        said += f": it takes {', '.join(map(str, get_args(_kind_at(kind, place))))}"
    elif "matching regex" in said and "{43}" in said:
        said = "a callback_aes_key has 43 letters and digits"
    elif "matching regex" in said and "{0,63}" in said:
        said = "a name begins with a letter or a digit; behind it also . _ and -, at most 64 in all"
    elif "matching regex" in said:
        said = (
            "an id has no slash and no control characters, a corpid only letters, digits, - and _, a userid no # first"
        )
    return f"{said} (at {place})" if place else said


def _kind_at(kind: Any, place: str) -> Any:
    """Find the literal that stands at a place such as `corp[0].certification`."""
    for name in re.sub(r"\[[^]]*\]", "", place).split("."):
        structs = (part for part in _parts(kind) if isinstance(part, type) and issubclass(part, Struct))
        fields = (field for struct in structs for field in msgspec.structs.fields(struct) if field.encode_name == name)
        kind = next((field.type for field in fields), None)
    return next((part for part in _parts(kind) if get_origin(part) is Literal), None)


def _parts(kind: Any) -> Iterator[Any]:
    """List a type and those it is made of."""
    yield kind
    if get_origin(kind) is not Literal:
        for part in get_args(kind):
            yield from _parts(part)


def _keys(kind: Any, seen: set[Any]) -> Iterator[str]:
    """List every key that a type knows, at any depth."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        if kind in seen:
            return
        seen.add(kind)
        for field in msgspec.structs.fields(kind):
            yield field.encode_name
            yield from _keys(field.type, seen)
    for part in get_args(kind):
        yield from _keys(part, seen)

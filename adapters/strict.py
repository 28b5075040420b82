"""Reads what people wrote: typed and strict, with a suggestion for a misspelt key.

`Unreadable` is not the syntax asked for; `Wrong` is, and says something that it must not say.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final, TypeVar, get_args

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
    elif "matching regex" in said:
        said = "a corpid has letters, digits, - and _; other ids no slash, no control characters; a userid no # first"
    return f"{said} (at {place})" if place else said


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

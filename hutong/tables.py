"""TOML tables that people write, checked key by key: an error names the place, and says what was meant or wanted.

A struct describes a table: its fields are the keys, and the description of each finishes the sentence 'it takes …'.
"""

import difflib
import re
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import msgspec
from cyclopts import CycloptsError

_LOGIN = re.compile(r"(?<=['\"]).*@", re.DOTALL)  # of an address: it may hold a password, and any letter in it


def read(file: Path, what: str) -> dict[str, Any]:
    """Read a TOML file; raise CycloptsError in one line if it is none. `what` names the file's use."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CycloptsError(msg=f"cannot read the {what} {file}: {reason}.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CycloptsError(msg=f"{file} is not TOML: {error}.") from error


def check_keys(keys: Iterable[str], known: Collection[str], place: str) -> None:
    """Raise CycloptsError at the first key that is not known."""
    for key in keys:
        if key not in known:
            raise unknown("key", key, known, place)


def checked(kind: Any, value: object, place: str, strict: bool = True) -> Any:
    """Convert a value to a field's type, or say what the place takes; not `strict`, text counts as what it spells."""
    try:
        return msgspec.convert(value, kind, strict=strict)
    except ValueError as error:  # msgspec's own is one
        raise wrong(kind, value, place) from error


def wrong(kind: Any, value: object, place: str) -> CycloptsError:
    """Make the error of a value that a place does not take."""
    shown = _LOGIN.sub("***@", repr(value))
    return CycloptsError(msg=f"{place} is {shown}: it takes {description(kind)}.")


def unknown(what: str, name: str, known: Collection[str], place: str, prefix: str = "") -> CycloptsError:
    """Suggest the nearest known name; a prefix that all share would make all of them near."""
    near = difflib.get_close_matches(name.removeprefix(prefix), [one.removeprefix(prefix) for one in known], n=1)
    advice = f"Did you mean {prefix}{near[0]}?" if near else f"Known are {', '.join(sorted(known))}."
    return CycloptsError(msg=f"unknown {what} {name} in {place}. {advice}")


def description(kind: Any) -> str:
    """Find what a type says of itself, also inside `… | None`."""
    for part in (kind, *getattr(kind, "__args__", ())):
        for meta in getattr(part, "__metadata__", ()):
            if meta.description is not None:
                return str(meta.description)
    raise AssertionError("every field describes what it takes")

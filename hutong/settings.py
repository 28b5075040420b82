"""What `serve` is told, from four places: option, environment, TOML file, default.

Rules of the file:
- A name that is not known is an error, and the nearest known one is suggested.
- A value is checked alike wherever it came from, and an error names that place.
- A variable that is set to nothing counts as not set.
"""

import difflib
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec
from cyclopts import CycloptsError
from msgspec import Meta, Struct

PREFIX = "HUTONG_"
_SWITCH = "(trusted_ip|app_range|secret_by_ability|verified_callback)"
CONFIG = "HUTONG_CONFIG"
OTHERS = frozenset({"HUTONG_URL"})  # read by the commands that speak to a running server, inherited by one they start


class Settings(Struct, frozen=True):
    """Every setting of `serve`, checked. The descriptions finish the sentence 'it takes …'."""

    # None: nobody said; the server knows what a journal without a world, or a world without a profile, gets.
    world: Annotated[str, Meta(min_length=1, description="a TOML file, or demo")] | None = None
    data: Annotated[str, Meta(min_length=1, description="a folder")] = "./hutong-data"
    port: Annotated[int, Meta(ge=0, le=65535, description="a number from 0 to 65535")] = 8480
    profile: Annotated[str, Meta(min_length=1, description="the name of a profile")] | None = None
    mqtt: Annotated[
        str,
        Meta(
            pattern=r"^(off|demo|mqtts?://[^\s/]+/?)$",
            description="off, demo or mqtt://HOST:PORT, the port from 1 to 65535",
        ),
    ] = "off"
    mqtt_trusted: Annotated[str, Meta(description="corpids with commas between")] | None = None
    durability: Annotated[Literal["disk", "memory"], Meta(description="disk or memory")] = "disk"
    json: Annotated[bool, Meta(description="true or false")] = False
    strict: (
        Annotated[
            str,
            Meta(
                pattern=rf"^({_SWITCH}(,{_SWITCH})*)$",
                description="trusted_ip, app_range, secret_by_ability and verified_callback, with commas between",
            ),
        ]
        | None
    ) = None


FIELDS = {field.name: field for field in msgspec.structs.fields(Settings)}


class Said(NamedTuple):
    """One setting as somebody gave it."""

    name: str
    place: str
    value: object


def settle(flags: Mapping[str, object], environment: Mapping[str, str], config: Path | None) -> Settings:
    """Settle every setting by the first place that names it; raise CycloptsError in one line if one cannot be."""
    variables = {name: value for name, value in environment.items() if name.startswith(PREFIX) and value}
    config = config or (Path(variables[CONFIG]) if CONFIG in variables else None)
    said = [*(_from_file(config) if config else ()), *_from_environment(variables), *_from_flags(flags)]
    return Settings(**{one.name: _checked(one) for one in said})


def _from_flags(flags: Mapping[str, object]) -> Iterator[Said]:
    for name, value in flags.items():
        if value is not None:
            yield Said(name, f"--{name}", value)


def _from_environment(variables: Mapping[str, str]) -> Iterator[Said]:
    known = {PREFIX + name.upper(): name for name in FIELDS}
    for variable, value in variables.items():
        if variable in known:
            yield Said(known[variable], variable, value)
        elif variable != CONFIG and variable not in OTHERS:
            raise _unknown("variable", variable, {*known, CONFIG}, "the environment", PREFIX)


def _from_file(file: Path) -> Iterator[Said]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CycloptsError(msg=f"cannot read the configuration {file}: {reason}.") from error
    except tomllib.TOMLDecodeError as error:
        raise CycloptsError(msg=f"{file} is not TOML: {error}.") from error
    for key, value in table.items():
        if key not in FIELDS:
            raise _unknown("key", key, FIELDS, str(file))
        yield Said(key, f"{key} in {file}", value)


def _checked(said: Said) -> Any:
    """Convert the value to the field's type; text counts as what it spells, since a variable can hold nothing else."""
    kind = FIELDS[said.name].type
    try:
        value = msgspec.convert(said.value, kind, strict=not said.place.startswith(PREFIX))
        if said.name == "mqtt":
            _check_port(value)
    except ValueError as error:  # msgspec's own is one; so is a port that is none
        raise CycloptsError(msg=f"{said.place} is {said.value!r}: it takes {_description(kind)}.") from error
    return value


def _check_port(url: str) -> None:
    if urlsplit(url).port == 0:
        raise ValueError("nobody listens on port 0")


def _description(kind: Any) -> str:
    """Find what a type says of itself, also inside `… | None`."""
    for part in (kind, *getattr(kind, "__args__", ())):
        for meta in getattr(part, "__metadata__", ()):
            return str(meta.description)
    raise AssertionError("every setting describes what it takes")


def _unknown(what: str, name: str, known: Collection[str], place: str, prefix: str = "") -> CycloptsError:
    """Suggest the nearest known name; a prefix that all share would make all of them near."""
    near = difflib.get_close_matches(name.removeprefix(prefix), [one.removeprefix(prefix) for one in known], n=1)
    advice = f"Did you mean {prefix}{near[0]}?" if near else f"Known are {', '.join(sorted(known))}."
    return CycloptsError(msg=f"unknown {what} {name} in {place}. {advice}")

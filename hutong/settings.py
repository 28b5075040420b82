"""What `serve` is told, from four places: option, environment, TOML file, default.

Rules of the file:
- A name that is not known is an error, and the nearest known one is suggested.
- A value is checked alike wherever it came from, and an error names that place.
- A variable that is set to nothing counts as not set.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from hutong import tables

PREFIX = "HUTONG_"
_SWITCH = "(trusted_ip|app_range|secret_by_ability|verified_callback)"
CONFIG = "HUTONG_CONFIG"
OTHERS = frozenset({"HUTONG_URL"})  # read by the commands that speak to a running server, inherited by one they start


class Settings(Struct, frozen=True):
    """Every setting of `serve`, checked. The descriptions finish the sentence 'it takes …'."""

    # None: nobody said; the server knows what a journal without a world, or a world without a profile, gets.
    world: Annotated[str, Meta(min_length=1, description="a TOML file, or demo")] | None = None
    snapshot: Annotated[str, Meta(min_length=1, description="the file or the name of a snapshot")] | None = None
    data: Annotated[str, Meta(min_length=1, description="a folder")] = "./hutong-data"
    port: Annotated[int, Meta(ge=0, le=65535, description="a number from 0 to 65535")] = 8480
    tls: Annotated[bool, Meta(description="true or false")] = False
    proxy: Annotated[bool, Meta(description="true or false")] = False
    profile: Annotated[str, Meta(min_length=1, description="the name of a profile")] | None = None
    mqtt: Annotated[
        str,
        Meta(
            pattern=r"^(off|demo|mqtts?://[^\s/]+/?)$",
            description="off, demo or mqtt://HOST:PORT, the port from 1 to 65535",
        ),
    ] = "off"
    mqtt_trusted: Annotated[str, Meta(description="corpids with commas between")] | None = None
    callbacks_anywhere: Annotated[bool, Meta(description="true or false")] = False
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
            raise tables.unknown("variable", variable, {*known, CONFIG}, "the environment", PREFIX)


def _from_file(file: Path) -> Iterator[Said]:
    table = tables.read(file, "configuration")
    tables.check_keys(table, FIELDS, str(file))
    for key, value in table.items():
        yield Said(key, f"{key} in {file}", value)


def _checked(said: Said) -> Any:
    """Convert the value to the field's type; text counts as what it spells, since a variable can hold nothing else."""
    kind = FIELDS[said.name].type
    value = tables.checked(kind, said.value, said.place, strict=not said.place.startswith(PREFIX))
    if said.name == "mqtt" and not _has_port(value):
        raise tables.wrong(kind, said.value, said.place)
    return value


def _has_port(url: str) -> bool:
    """Tell whether an address names a port that one can listen on, or none."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False

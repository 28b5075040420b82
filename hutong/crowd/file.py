"""A crowd file: who is in the crowd, how many of each, and how they behave.

Rules of the file:
- A key or value that means nothing is an error that names its place; so is a key that could have no effect.
- Everything that grows is bounded here: people, and what they can say in the time there is.
"""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from cyclopts import CycloptsError
from msgspec import Meta, Struct

from hutong import tables

DEMO: Final = "demo"
VERSION: Final = 1
PEOPLE_MAX: Final = 50_000
SAID_MAX: Final = 2_000_000  # texts of one run: the books remember each

_Positive = Annotated[float, Meta(gt=0, le=86_400)]
_Seconds = Annotated[float, Meta(ge=0, le=86_400)]


class Persona(Struct, frozen=True, kw_only=True):
    """People who behave alike. The descriptions finish the sentence 'it takes …'."""

    name: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,29}\Z", description="a word of at most 30 letters, digits, - and _"),
    ]
    side: Annotated[Literal["member", "consumer"], Meta(description="member or consumer")]
    count: Annotated[int, Meta(ge=1, le=PEOPLE_MAX, description=f"a number from 1 to {PEOPLE_MAX}")]

    answers: Annotated[float, Meta(ge=0, le=1, description="a share from 0 to 1")] = 0.0
    after_s: Annotated[tuple[_Seconds, _Seconds], Meta(description="two numbers of seconds, [least, most]")] = (1, 20)

    deletes_after: Annotated[int, Meta(ge=1, le=10_000, description="a number of messages from 1 to 10000")] | None = (
        None
    )
    within_s: Annotated[_Positive, Meta(description="a number of seconds above 0")] = 3600.0

    reads: Annotated[bool, Meta(description="true or false")] = True

    rate_per_s: Annotated[float, Meta(ge=0, le=10_000, description="a number from 0 to 10000")] = 0.0
    floods: Annotated[bool, Meta(description="true or false")] = False


class Crowd(Struct, frozen=True, kw_only=True):
    """A crowd file, checked."""

    version: Annotated[Literal[1], Meta(description="1, the version that this Hutong reads")]
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1, description="a number from 0")] = 0
    seconds: Annotated[_Positive, Meta(description="a number of seconds above 0")] = 60.0
    idle_s: Annotated[float, Meta(ge=1, le=86_400, description="a number of seconds from 1")] = 10.0
    persona: tuple[Persona, ...]

    @property
    def corpid(self) -> str:
        """Name the enterprise in which they meet: another for each file, the same for the same file."""
        return f"wwcrowd{blake2b(msgspec.json.encode(self), digest_size=6).hexdigest()}"

    @property
    def people(self) -> int:
        return sum(persona.count for persona in self.persona)


_PERSONA: Final = {field.name: field for field in msgspec.structs.fields(Persona)}
_CROWD: Final = {field.name: field for field in msgspec.structs.fields(Crowd)}
_NEEDS: Final = {"after_s": "answers", "within_s": "deletes_after"}  # a key that says nothing without another


def named(name: str) -> Crowd:
    """Read the crowd that a name means: a TOML file, or the one that comes with Hutong; CycloptsError in one line."""
    file = Path(__file__).with_name("demo.toml") if name == DEMO else Path(name)
    return checked(tables.read(file, "crowd"), str(file))


def checked(table: dict[str, Any], place: str) -> Crowd:
    """Check a crowd file's table; raise CycloptsError at the first thing that cannot be."""
    tables.check_keys(table, _CROWD, place)
    rows = table.get("persona")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise CycloptsError(msg=f"{place} describes nobody: begin each kind of people with a line [[persona]].")
    plain = {key: value for key, value in table.items() if key != "persona"}
    crowd = Crowd(
        **_fields(_CROWD, plain, place),
        persona=tuple(_persona(row, number, place) for number, row in enumerate(rows, 1)),
    )
    for problem in _problems(crowd):
        raise CycloptsError(msg=f"{place}: {problem}")
    return crowd


def _persona(row: dict[str, Any], number: int, place: str) -> Persona:
    name = row.get("name")
    where = f"persona {name if isinstance(name, str) and name.isprintable() else number} of {place}"
    tables.check_keys(row, _PERSONA, where)
    persona = Persona(**_fields(_PERSONA, row, where))
    for problem in _contradictions(persona, row):
        raise CycloptsError(msg=f"{where}: {problem}")
    return persona


def _fields(fields: dict[str, msgspec.structs.FieldInfo], table: dict[str, Any], place: str) -> dict[str, Any]:
    """Convert each key by its field; one that is missing and has no default is named with what it takes."""
    for name, field in fields.items():
        if field.required and name not in table and name != "persona":
            raise CycloptsError(msg=f"{place} lacks {name}: it takes {tables.description(field.type)}.")
    return {name: tables.checked(fields[name].type, value, f"{name} in {place}") for name, value in table.items()}


def _contradictions(persona: Persona, row: dict[str, Any]) -> Iterator[str]:
    """Say what one persona cannot be."""
    for key, other in _NEEDS.items():
        if key in row and other not in row:
            yield f"{key} has no effect without {other}."
    if persona.after_s[0] > persona.after_s[1]:
        yield f"after_s is {list(persona.after_s)}: the least comes first."
    if not persona.reads and (persona.answers or persona.deletes_after):
        yield "who reads nothing neither answers nor deletes: leave out reads = false, or the others."
    if persona.floods and persona.rate_per_s:
        yield "floods waits for each answer and rate_per_s for none: choose one."


def _problems(crowd: Crowd) -> Iterator[str]:
    """Say what the personas cannot be together."""
    names = [persona.name for persona in crowd.persona]
    for name in names:
        if names.count(name) > 1:
            yield f"two personas are named {name}."
    for side in ("member", "consumer"):
        if all(persona.side != side for persona in crowd.persona):
            yield f"no persona is on the side {side}: there is nobody to talk to."
    if crowd.people > PEOPLE_MAX:
        yield f"{crowd.people} people: at most {PEOPLE_MAX} have room in one crowd."
    said = crowd.seconds * sum(persona.count * persona.rate_per_s for persona in crowd.persona)
    if said > SAID_MAX:
        yield f"{said:.0f} texts in {crowd.seconds:g} s: at most {SAID_MAX} have room in one run."

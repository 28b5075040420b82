"""A profile: every number of every rule, as it was at one date; read from profiles/*.toml.

Rules of the file:
- A number stands in TOML as `{ value, source, published }`; one that nobody published is a setting and says so.
- 0 where a maximum is meant says that there is none.
"""

import tomllib
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from gateway.windows import WindowName, days_of

DEFAULT_PROFILE: Final = "wecom-2026-08"

Certification = Literal["unverified", "verified", "certified"]
RANK: Final[dict[str, int]] = {"unverified": 0, "verified": 1, "certified": 2}


# Whose messages a rule counts; of mass messages the enterprise's, the members' own, or both together.
RuleSide = Literal["member", "consumer", "app", "app_group", "bot", "corp_mass", "own_mass", "mass"]
Per = Literal["sender", "conversation", "recipient", "corp"]
Limit = int | Literal["month_days"]


class Frequency(Struct, array_like=True, frozen=True, gc=False):
    """At most `limit` messages from this side in each aligned window, counted per sender, conversation, recipient or
    enterprise; `month_days` is as many as the month has days.

    Mass messages are decided for many recipients at once, so their rules count per conversation or recipient only.
    """

    side: RuleSide
    per: Per
    window: WindowName
    limit: Limit

    def most(self, month: int) -> int:
        """Give the limit in a month, by its number."""
        return days_of(month) if self.limit == "month_days" else self.limit


class CallLimit(Struct, array_like=True, frozen=True, gc=False):
    """At most `limit` calls of one path of the API in each aligned window, counted per enterprise, app or address.

    An empty path means every path, each counted by itself.
    """

    per: Literal["corp", "app", "address"]
    window: WindowName
    limit: int
    path: str = ""


class Profile(Struct, array_like=True, frozen=True, gc=False):
    """The numbers, without their sources: what the rules read and what the journal keeps."""

    name: str
    text_bytes_max: int
    body_bytes_max: int
    real_name_required: bool
    unverified_chat: Literal["own", "customers"]
    app_certification_min: Certification
    member_contacts_max: int
    customers_unverified_max: int
    customers_verified_max: int
    customers_certified_max: int
    group_size_max: int
    group_scan_max: int
    group_create_certification_min: Certification
    group_admins_max: int
    frequency: tuple[Frequency, ...]
    calls: tuple[CallLimit, ...] = ()
    concurrent_calls_max: int = 0
    wrong_secrets_max: int = 0
    mass_needs_reply: bool = False
    tags_max: int = 10_000
    customer_tags_max: int = 3_000
    members_unverified_max: int = 0
    members_verified_max: int = 0
    members_certified_max: int = 0
    app_messages_per_member: int = 0


class Number(Struct, frozen=True, forbid_unknown_fields=True):
    """One number of a profile, with what is known of where it comes from."""

    value: int | bool | str
    source: str
    published: bool = True


class FrequencyRow(Struct, frozen=True, forbid_unknown_fields=True):
    side: RuleSide
    per: Per
    window: WindowName
    limit: Limit
    source: str
    published: bool = True


class CallRow(Struct, frozen=True, forbid_unknown_fields=True):
    per: Literal["corp", "app", "address"]
    window: WindowName
    limit: int
    source: str
    path: str = ""
    published: bool = True


class UnknownProfile(ValueError):
    """There is no such profile; the text says which there are."""


_FOLDER: Final = resources.files("gateway") / "profiles"


def names() -> tuple[str, ...]:
    """List the profiles that come with Hutong."""
    return tuple(sorted(file.name.removesuffix(".toml") for file in _FOLDER.iterdir() if file.name.endswith(".toml")))


@cache
def table(name: str) -> dict[str, Any]:
    """Read a profile with its sources, for whoever explains it."""
    if name not in names():
        near = get_close_matches(name, names(), 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names())}"
        raise UnknownProfile(f"no profile {name!r}; {hint}")
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8"))


def read(name: str) -> Profile:
    """Read the numbers of a profile; `UnknownProfile` if there is none of that name."""
    rows = dict(table(name))
    rows.pop("about")
    frequency = msgspec.convert(rows.pop("frequency", []), tuple[FrequencyRow, ...])
    calls = msgspec.convert(rows.pop("calls", []), tuple[CallRow, ...])
    numbers = msgspec.convert(rows, dict[str, Number])
    values = {key: number.value for key, number in numbers.items()}
    limits = tuple((row.side, row.per, row.window, row.limit) for row in frequency)
    paths = tuple((row.per, row.window, row.limit, row.path) for row in calls)
    known = {"name": name, "frequency": limits, "calls": paths, **values}
    return msgspec.convert([known[field] for field in Profile.__struct_fields__], Profile)

"""Calls about the numbers of the rules: which hold, where they come from, and others to hold instead."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from adapters.control.endpoint import Body, Door, endpoint
from adapters.control.problems import plain
from gateway import profile
from gateway.commands import SetProfile
from gateway.profile import CallRow, FrequencyRow, Number, Profile, UnknownProfile


class ProfileName(Struct, frozen=True):
    name: str
    about: str


class ProfilesAnswer(Struct, frozen=True):
    profiles: list[ProfileName]


class ProfileAnswer(Struct, frozen=True):
    """The numbers in force. `published` false marks a setting: nobody has said what the real number is."""

    name: str
    about: str
    numbers: dict[str, Number]
    frequency: list[FrequencyRow]
    calls: list[CallRow]


class ProfileBody(Body, frozen=True):
    name: Annotated[str, Meta(min_length=1, max_length=64)]


@endpoint("GET", "/profiles")
async def list_profiles(_door: Door) -> ProfilesAnswer:
    """List the profiles that come with Hutong."""
    return ProfilesAnswer([ProfileName(name, profile.table(name)["about"]) for name in profile.names()])


@endpoint("GET", "/profile")
async def get_profile(door: Door) -> ProfileAnswer:
    """Tell the numbers in force, each with its source."""
    return _told(await door.look(lambda state, _now_ms: state.profile))


def _told(now: Profile) -> ProfileAnswer:
    """Join the numbers, which are the journal's, with their sources, which are the file's as it is today."""
    try:
        table = profile.table(now.name)
    except UnknownProfile:
        table = {"about": "of another version of Hutong"}
    numbers = {
        name: Number(getattr(now, name), _source(table.get(name)), _published(table.get(name)))
        for name in Profile.__struct_fields__
        if name not in ("name", "frequency", "calls")
    }
    rows = {(row["side"], row["per"], row["window"]): row for row in table.get("frequency", ())}
    frequency = [
        FrequencyRow(rule.side, rule.per, rule.window, rule.limit, _source(row), _published(row))
        for rule in now.frequency
        for row in [rows.get((rule.side, rule.per, rule.window))]
    ]
    paths = {(row.get("path", ""), row["per"], row["window"]): row for row in table.get("calls", ())}
    calls = [
        CallRow(limit.per, limit.window, limit.limit, _source(row), limit.path, _published(row))
        for limit in now.calls
        for row in [paths.get((limit.path, limit.per, limit.window))]
    ]
    return ProfileAnswer(now.name, table["about"], numbers, frequency, calls)


def _source(row: dict[str, Any] | None) -> str:
    return str(row["source"]) if row is not None else ""


def _published(row: dict[str, Any] | None) -> bool:
    return bool(row.get("published", True)) if row is not None else False


@endpoint("PUT", "/profile")
async def set_profile(door: Door, body: ProfileBody) -> ProfileAnswer:
    """Let other numbers hold from the next command on; counters and clock stay."""
    try:
        numbers = profile.read(body.name)
    except UnknownProfile as why:
        raise plain(404, str(why)) from why
    await door.ask(SetProfile(numbers))
    return _told(numbers)

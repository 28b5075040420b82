"""Calls that look at the switches of strictness, and turn them."""

from msgspec import Struct

from adapters.control.endpoint import Body, Door, endpoint
from gateway.commands.strictness import SetStrictness
from gateway.rights import SWITCHES, Switch


class StrictnessAnswer(Struct, frozen=True):
    """The switches that are on, of those that there are."""

    switches: tuple[Switch, ...]
    known: tuple[str, ...] = SWITCHES


class StrictnessBody(Body, frozen=True):
    """All switches that are to be on; the others are off."""

    switches: tuple[Switch, ...] = ()


@endpoint("GET", "/strictness")
async def get_strictness(door: Door) -> StrictnessAnswer:
    """Tell which switches of the vendor's API are on."""
    return StrictnessAnswer(await door.look(lambda state, _now_ms: state.strict))


@endpoint("PUT", "/strictness")
async def set_strictness(door: Door, body: StrictnessBody) -> StrictnessAnswer:
    """Turn the switches of the vendor's API: from the next call on it asks for what they name."""
    await door.ask(SetStrictness(body.switches))
    return StrictnessAnswer(await door.look(lambda state, _now_ms: state.strict))

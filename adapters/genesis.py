"""The beginning of a world: every record of it thought out at once, so that it is appended whole or not at all."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from adapters import world as worlds
from adapters.world import SEED, BrokenWorld, Names, World
from gateway import commands, decide, events, profile
from gateway.commands.strictness import SetStrictness
from gateway.refusal import Refusal
from gateway.rights import Switch
from gateway.state import State


class Genesis(NamedTuple):
    """A world just made: what is remembered of it, and the records that make it."""

    state: State
    records: list[bytes]


def begin(
    state: State,
    read: Callable[[], World] | None,
    profile_name: str | None,
    real_ms: int,
    strict: Sequence[Switch] | None = None,
) -> Genesis:
    """Make a world in an empty state; `BrokenWorld` or `UnknownProfile` if it cannot be made.

    A profile asked for wins over the world's own, and so do switches.
    """
    world = read() if read is not None else World(1)
    if strict is not None:
        world.strict = list(strict)
    worlds.check(world, Names())
    numbers = profile.read(profile_name or world.profile or profile.DEFAULT_PROFILE)
    records: list[bytes] = []
    now_ms = state.clock.at(real_ms)
    first = commands.ResetWorld(world.seed or SEED), commands.SetProfile(numbers), SetStrictness(tuple(world.strict))
    for command in (*first, *worlds.asks(world)):
        decided = decide.by_service(state, now_ms, real_ms, command)
        if isinstance(decided, Refusal):
            raise BrokenWorld(f"{command}: {decided.reason.text} ({decided.rule})")
        assert isinstance(decided, list)
        for event in decided:
            records.append(events.encode(event))
            state.apply(event)
    return Genesis(state, records)

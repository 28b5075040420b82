"""Whatever has happened: a world file written from the world begins one that writes the same file, byte for byte."""

import random
from difflib import unified_diff
from typing import Any, Final

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from adapters import world as worlds
from adapters.genesis import begin
from gateway import commands
from gateway.state import State
from tests.property.lives import Step, steps
from tests.property.test_every_command import ASKED, SELDOM, World
from tests.property.test_replay import ALL, Survivor

# What the doors let through of the fields that a file bounds, where a draw from their types alone knows no bounds.
LET_THROUGH: Final[dict[str, tuple[Any, ...]]] = {
    "callback_aes_key": ("", "k" * 43),
    "added_by": (0, 1, 2, 10_000),
    "style": (0, 1, 2),
    "base_id": (1, 2, 7),
    "trusted_ips": ((), ("127.0.0.1",), ("::1", "127.0.0.1")),
}
NAMES: Final = ("agent_id", "secret", "name", "group_name", "corpid")  # never empty
OF_FILES: Final = (commands.PutTags,)  # asked by world files alone, which are checked


class Visited(World):
    """A world of which only that is asked that comes through a door."""

    def serve(self, command: commands.Command) -> str:
        if isinstance(command, commands.PutContactWay):
            command = msgspec.structs.replace(command, brought=False)
        if isinstance(command, commands.PutMember) and command.details is not None:
            leads = tuple(one for one in command.details.leads if one in (command.departments or (1,)))
            command = msgspec.structs.replace(command, details=msgspec.structs.replace(command.details, leads=leads))
        return super().serve(command) if getattr(command, "contents", True) else "empty"

    def _value(self, kind: inspect.Type, name: str, pools: dict[str, list[Any]]) -> Any:
        if name in LET_THROUGH:
            return self.dice.choice(LET_THROUGH[name])
        value = super()._value(kind, name, pools)
        return "x" if value == "" and name in NAMES else value


def comes_back(state: State, now_ms: int) -> None:
    first = worlds.write(worlds.export(state))
    begun = begin(State(), lambda: worlds.read(first), None, now_ms)
    second = worlds.write(worlds.export(begun.state))
    differences = unified_diff(first.decode().splitlines(), second.decode().splitlines(), lineterm="")
    assert first == second, "\n".join(differences)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=6, deadline=None)
def test_whatever_was_asked(seed: int) -> None:
    world = Visited(seed)
    for number in range(600):
        kind = world.dice.choice(ASKED)
        if kind not in OF_FILES and (kind not in SELDOM or world.dice.random() < 0.05):
            world.ask(kind)
        if world.dice.random() < 0.3:
            world.work()
        if number % 60 == 59:
            comes_back(world.state, world.now_ms)


@given(steps(ALL, 120))
@settings(max_examples=40, deadline=None)
def test_however_was_lived(lived: list[Step]) -> None:
    survivor = Survivor()
    for step in lived:
        survivor.live(step)
    comes_back(survivor.life.state, survivor.life.now_ms)


def test_a_long_life() -> None:
    dice, survivor = random.Random(20261126), Survivor()
    for _ in range(1_500):
        survivor.live((dice.choice(ALL), *(dice.randrange(12) for _ in range(3))))  # type: ignore[arg-type]
    comes_back(survivor.life.state, survivor.life.now_ms)

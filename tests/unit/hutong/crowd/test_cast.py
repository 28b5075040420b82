"""Who is in the crowd, and who knows whom: the same for the same seed, dealt evenly."""

import tomllib
from collections import Counter
from typing import Any

import pytest

from hutong.client import Person
from hutong.crowd.cast import Cast, online
from hutong.crowd.file import Crowd, Persona

PERSONAS = (
    Persona(name="clerk", side="member", count=3),
    Persona(name="patient", side="consumer", count=20),
    Persona(name="touchy", side="consumer", count=10),
)


def world(seed: int) -> dict[str, Any]:
    return tomllib.loads(Cast(Crowd(version=1, seed=seed, persona=PERSONAS)).world())


def pairs(seed: int) -> list[tuple[str, str]]:
    return [
        (row["member"], row["consumer"].partition("-")[2]) for corp in world(seed)["corp"] for row in corp["relation"]
    ]


def test_everybody_is_in_the_world_and_every_consumer_has_a_member() -> None:
    made = world(7)
    (corp,) = made["corp"]
    assert [row["userid"] for row in corp["member"]] == ["clerk-1", "clerk-2", "clerk-3"]
    assert len(made["consumer"]) == len(corp["relation"]) == 30
    assert {row["id"] for row in made["consumer"]} == {row["consumer"] for row in corp["relation"]}
    assert Counter(member for member, _ in pairs(7)) == {"clerk-1": 10, "clerk-2": 10, "clerk-3": 10}


def test_the_dice_deal_the_same_for_the_same_seed_and_mix_the_personas() -> None:
    assert pairs(7) == pairs(7) != pairs(8)
    kinds = Counter((member, consumer.rpartition("-")[0]) for member, consumer in pairs(7))
    assert len(kinds) == 6


async def test_a_gateway_that_takes_no_more_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(self: Person) -> None:
        if self._token == "refused":
            raise TimeoutError
        self.person = self._token

    monkeypatch.setattr(Person, "connect", connect)
    cast = Cast(Crowd(version=1, persona=PERSONAS))
    with pytest.raises(TimeoutError, match="20 of 33 people came online"):
        async with online("http://127.0.0.1:1", cast, ["amy"] * 20 + ["refused"] * 13, lambda *_: None):
            pass

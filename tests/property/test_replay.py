"""A restart forgets nothing: replaying the journal gives the state that lived, from the beginning or from any dump."""

import random
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import commands, events
from gateway.decide import messages
from gateway.events import Origin
from gateway.state import State
from protocol import content, frames
from tests.property.lives import BEGIN_MS, CONSUMERS, CORPS, MEMBERS, VERBS, Step, steps
from tests.property.naive import Naive
from tests.property.test_naive import Twins

RARE = (
    "reset", "reset_all", "store", "work", "work", "rate", "revoke", "ack", "ask_for", "mass", "confirm", "own_mass",
    "change_mass",
)  # fmt: skip
ALL = (*VERBS, *RARE)


class Survivor(Twins):
    """A life with everything in it: resets, jobs, acknowledgements, another rate of the clock."""

    def live(self, step: Step) -> None:
        verb, a, b, c = step
        life, corp = self.life, CORPS[a % 2]
        match verb:
            case "reset_all":
                life.serve(commands.ResetWorld(f"seed {a}"))
                life.restart()
                self.naive = Naive("tiny", BEGIN_MS)
                for name in CORPS:
                    self.found(name)
            case "store":
                life.serve(self.told(corp, "app", "till", "store", "7", c))
            case "ask_for":
                (consumer,) = life.names(corp, [CONSUMERS[b % 5]])[1]
                life.serve(self.told(corp, "member", MEMBERS[a % 3].partition("/")[2], "consumer", consumer, c))
            case "work":
                life.work()
            case "rate":
                life.serve(commands.SetClock(0, float(b)))
            case "revoke":
                life.serve(commands.RevokeToken(f"jti {a}", life.now_ms // 1000 + b))
            case "ack":
                person = life.state.people[(*MEMBERS, *CONSUMERS)[a % 8]]
                upto = tuple((name, c) for name in person.conversations)
                life.take(messages.delivered(life.state, life.now_ms, person, upto))
            case "mass" | "change_mass" | "confirm" | "own_mass":
                self.about_mass(verb, a, b, c)
            case _:
                self.step(verb, a, b, c)

    def about_mass(self, verb: str, a: int, b: int, c: int) -> None:
        life, corp, member = self.life, CORPS[a % 2], MEMBERS[a % 3]
        if verb in {"mass", "change_mass"}:
            life.serve(self.mass(corp, b, c) if verb == "mass" else self.changed_mass(corp, b, c))
        else:
            life.client(member, self.own_mass(member, c) if verb == "own_mass" else self.confirmed(member, b))

    def mass(self, corp: str, b: int, c: int) -> commands.MakeMass:
        """Ask for a mass message to named customers, to all of a member, or to a member's groups."""
        sender = next(key for key in MEMBERS if key.startswith(f"{corp}/")).partition("/")[2]
        contents = (content.Text("open at nine"), content.Image("media"))[: 1 + c % 2]
        _, named = self.life.names(corp, list(CONSUMERS[: b % 5]))
        chat_type: Literal["single", "group"] = "group" if c % 3 == 0 else "single"
        return commands.MakeMass(corp, chat_type, contents, sender if c % 3 < 2 else "", named)

    def changed_mass(self, corp: str, b: int, c: int) -> commands.RemindMass | commands.CancelMass:
        return (commands.CancelMass if c % 3 == 0 else commands.RemindMass)(corp, self.task(corp, b))

    def task(self, corp: str, number: int) -> str:
        """Name one of the mass messages there are, the newest ones first."""
        made = list(self.life.state.corps[corp].mass.messages)
        return made[-1 - number % min(3, len(made))] if made else "msg-of-nobody"

    def confirmed(self, member: str, number: int) -> frames.Confirm:
        return frames.Confirm(self.life.number(member), self.task(member.partition("/")[0], number))

    def own_mass(self, member: str, c: int) -> frames.SendMass:
        chats = tuple(self.life.state.people[member].contacts.values())
        named = chats[: c % 4] or tuple(self.life.groups[:1])
        return frames.SendMass(self.life.number(member), (content.Text("hello"),), named)

    @staticmethod
    def told(corp: str, kind: str, sender: str, target_kind: str, target: str, number: int) -> commands.SendFor:
        origin, text = Origin("till", f"order {number}"), content.Text("open at nine")
        return commands.SendFor(corp, origin, kind, sender, target_kind, target, text)  # type: ignore[arg-type]


def replayed(records: list[bytes], dump: bytes | None = None) -> State:
    state = State() if dump is None else State.load(dump)
    for record in records:
        state.apply(events.decode(record))
    return state


def survive(some: list[Step], stop: int) -> None:
    twins = Survivor()
    dumps = [(len(twins.life.records), twins.life.state.dump())]
    for number, step in enumerate(some):
        if number == stop % (len(some) + 1):
            dumps.append((len(twins.life.records), twins.life.state.dump()))
        twins.live(step)
    lived = twins.life.state.digest()
    assert twins.life.state.position == len(twins.life.records)
    assert replayed(twins.life.records).digest() == lived, "from the beginning"
    for position, dump in dumps:
        assert replayed(twins.life.records[position:], dump).digest() == lived, f"from a dump at {position}"
    loaded = State.load(twins.life.state.dump())
    assert loaded.digest() == lived, "dumped and loaded"
    assert tables_of(loaded) == tables_of(twins.life.state), "what follows from the rest is there again, in its order"


def tables_of(state: State) -> list[object]:
    """Give the people and the conversations with the order of their tables, which lists are read by."""
    places = [[*one.conversations.items(), *one.contacts.items()] for one in state.people.values()]
    return [[*state.people.items()], [*state.conversations.items()], places]


@given(steps(ALL, 60), st.integers(0, 60))
@settings(max_examples=60)
def test_replay_equals_life(some: list[Step], stop: int) -> None:
    survive(some, stop)


@pytest.mark.parametrize("seed", range(20))
def test_replay_equals_a_long_life(seed: int) -> None:
    dice = random.Random(seed)
    some = [(dice.choice(ALL), dice.randrange(12), dice.randrange(12), dice.randrange(12)) for _ in range(200)]
    survive(some, dice.randrange(200))


def test_deciding_changes_nothing() -> None:
    """Decisions only read: asked again, undone or not, the state is the same."""
    twins = Survivor()
    dice = random.Random(7)
    for _ in range(300):
        life, before = twins.life, twins.life.state.digest()
        life.dry = True
        step = (dice.choice(VERBS), dice.randrange(12), dice.randrange(12), dice.randrange(12))
        position = life.state.position
        if step[0] not in {"clock", "create"}:
            naive, twins.naive = twins.naive, Naive("tiny", BEGIN_MS)
            for name in CORPS:
                twins.found(name)
            twins.naive.groups = naive.groups
            twins.step(*step)
            assert (life.state.position, life.state.digest()) == (position, before)
            twins.naive = naive
        life.dry = False
        twins.live(step)

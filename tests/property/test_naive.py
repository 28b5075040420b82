"""Every decision is the one that a naive model of the rules makes too, and every sequence stands where it says."""

import random

import pytest
from hypothesis import given, settings

from gateway import commands, profile
from protocol import frames
from tests.property.lives import BEGIN_MS, CONSUMERS, CORPS, LEAPS_MS, MEMBERS, PROFILES, VERBS, Life, Step, steps
from tests.property.naive import Naive, of

TEXTS = ("", "hello", "x" * 40, "x" * 41, "好" * 14)


class Twins:
    """The gateway's rules and the naive ones, asked the same."""

    def __init__(self) -> None:
        self.life = Life()
        self.naive = Naive("tiny", BEGIN_MS)
        for corp in CORPS:
            self.found(corp)
        for member, consumer in (("silk/zhang", "amy"), ("silk/zhang", "bo"), ("silk/li", "amy"), ("straw/wu", "amy")):
            self.step("scan", MEMBERS.index(member), CONSUMERS.index(consumer), 0)

    def found(self, corp: str) -> None:
        self.naive.certification[corp] = "certified" if corp == "silk" else "unverified"
        for key in MEMBERS:
            if of(key) == corp:
                self.naive.members[key] = {"activated": True, "real": True, "departed": False}

    def step(self, verb: str, a: int, b: int, c: int) -> tuple[str, str]:
        """Do one thing in both worlds; give what each says."""
        life, naive = self.life, self.naive
        member, consumer, corp = MEMBERS[a % 3], CONSUMERS[b % 5], CORPS[a % 2]
        text = TEXTS[c] if c < len(TEXTS) else "hello"
        match verb:
            case "say":
                return life.say(member, life.chat(member, consumer), text), naive.say(member, consumer, text)
            case "reply":
                return life.say(consumer, life.chat(consumer, member), text), naive.say(consumer, member, text)
            case "sell":
                return life.sell(corp, consumer, text), naive.sell(corp, consumer, text)
            case "scan":
                frame = frames.Scan(life.number(consumer), f"{'ask' if c % 2 else 'open'} {member.partition('/')[2]}")
                return life.client(consumer, frame), naive.scan(consumer, member, bool(c % 2))
            case "accept" | "refuse":
                kind = frames.Accept if verb == "accept" else frames.Refuse
                frame_ = kind(life.number(member), life.chat(member, consumer))
                return life.client(member, frame_), naive.change(member, consumer, verb)
            case "delete" | "block" | "unblock":
                who, other = (member, consumer) if c % 2 else (consumer, member)
                return self.change(verb, who, other), naive.change(who, other, verb)
            case "mute":
                known = life.state.consumer(consumer).known.get(corp)
                frame__ = frames.Mute(life.number(consumer), known.own if known else "cv-nowhere", bool(c % 2))
                return life.client(consumer, frame__), naive.mute(consumer, corp, bool(c % 2))
            case "repeat":
                return self.repeat()
            case _:
                return self.rule(verb, a, b) or self.in_groups(verb, member, consumer, b, c)

    def rule(self, verb: str, a: int, b: int) -> tuple[str, str] | None:
        """Change what the rules look at: time, certification, people, profile; or reset an enterprise."""
        life, naive, corp, member = self.life, self.naive, CORPS[a % 2], MEMBERS[a % 3]
        match verb:
            case "clock":
                naive.now_ms += LEAPS_MS[a % 6]
                return life.advance(LEAPS_MS[a % 6]), "accepted"
            case "member":
                flags = {"activated": b != 0, "real": b != 1, "departed": b == 2}
                naive.members[member] = flags
                return life.member(member, **flags), "accepted"
            case "corp":
                level = ("unverified", "verified", "certified", "certified")[b % 4]
                naive.certification[corp] = level
                put = commands.PutCorp(corp, corp, corp, level)  # type: ignore[arg-type]
                return life.serve(put), "accepted"
            case "profile":
                naive.profile = PROFILES[a % 2]
                return life.serve(commands.SetProfile(profile.read(PROFILES[a % 2]))), "accepted"
            case "reset":
                naive.reset(corp)
                told = life.serve(commands.ResetCorp(corp))
                life.found(corp)
                self.found(corp)
                life.last = None
                return told, "accepted"
            case _:
                return None

    def change(self, verb: str, who: str, other: str) -> str:
        life = self.life
        number, chat = life.number(who), life.chat(who, other)
        frame = frames.Delete(number, chat) if verb == "delete" else frames.Block(number, chat, verb == "block")
        return life.client(who, frame)

    def repeat(self) -> tuple[str, str]:
        """Ask the last thing again: it is answered as before, or decided again if it was refused."""
        life = self.life
        if life.last is None or life.number(life.last[0]) <= life.last[1].number:
            return "", ""
        return life.client(*life.last), "repeated"

    def in_groups(self, verb: str, member: str, consumer: str, b: int, c: int) -> tuple[str, str]:
        life, naive = self.life, self.naive
        corp = of(member)
        colleagues = [key for key in MEMBERS if of(key) == corp and key != member]
        guests = [*colleagues[: c % 2], *CONSUMERS[: b % 6]]
        if verb == "create":
            members, consumers = life.names(corp, guests)
            made = life.client(member, frames.Create(life.number(member), "tea", members, consumers))
            if made == "accepted":
                life.groups.append(list(life.state.corps[corp].chats.values())[-1])
                life.serve(commands.PutCode(corp, chat_id=life.group(life.groups[-1]).chat_id, code=life.groups[-1]))
            return made, naive.create(member, guests)
        here = [number for number, at in enumerate(naive.groups) if at["corp"] == corp]
        if not here:
            return "", ""
        number = here[-1 - c % min(2, len(here))]
        return self.in_group(verb, number, member, consumer, guests, b)

    def in_group(
        self, verb: str, number: int, member: str, consumer: str, guests: list[str], b: int
    ) -> tuple[str, str]:  # fmt: skip
        life, naive = self.life, self.naive
        group = life.groups[number]
        anybody = (member, consumer)[b % 2]
        members, consumers = life.names(of(member), guests)
        match verb:
            case "tell":
                return life.say(anybody, group, "hello"), naive.tell(anybody, number, "hello")
            case "join":
                told = life.client(consumer, frames.Join(life.number(consumer), group))
                return told, naive.join(consumer, number)
            case "invite":
                told = life.client(member, frames.Invite(life.number(member), group, members, consumers))
                return told, naive.invite(member, number, guests)
            case "remove":
                others = life.names(of(member), [anybody])
                told = life.client(member, frames.Remove(life.number(member), group, *others))
                return told, naive.remove(member, number, anybody)
            case "dismiss":
                told = life.client(member, frames.Dismiss(life.number(member), group))
                return told, naive.dismiss(member, number)
            case "leave":
                return life.client(anybody, frames.Leave(life.number(anybody), group)), naive.leave(anybody, number)
            case _:
                other = next((key for key in MEMBERS if of(key) == of(member) and key != member), member)
                userid = other.partition("/")[2]
                told = life.client(member, frames.Appoint(life.number(member), group, userid, b % 3 != 0))
                return told, naive.appoint(member, number, other, b % 3 != 0)

    def agree(self) -> None:
        """Hold both worlds against each other, whole."""
        state, naive = self.life.state, self.naive
        for (member, consumer), at in naive.relations.items():
            relation = state.relation(self.life.chat(member, consumer))
            status = {"removed by bm": "removed_by_member", "removed by bc": "removed_by_consumer"}
            assert relation.status == status.get(at["status"], at["status"])
            assert (relation.blocked_by_member, relation.blocked_by_consumer) == (at["bm"], at["bc"])
            head = state.conversations[self.life.chat(member, consumer)].head
            assert head == naive.heads["single", member, consumer]
        for number, group in enumerate(naive.groups):
            if group["corp"] != "gone":
                found = state.group(self.life.groups[number])
                assert list(found.seats) == group["seats"]
                assert (found.owner, list(found.admins)) == (group["owner"], group["admins"])
                assert state.conversations[self.life.groups[number]].head == naive.heads["group", str(number)]
        for corp in CORPS:
            assert state.corps[corp].customers == len(naive.customers(corp))
            for who in [*MEMBERS, *CONSUMERS]:
                if (corp, who) in naive.known or of(who) == corp:
                    own = state.own_of(corp, who)
                    assert state.conversations[own].head == naive.heads["own", corp, who], (corp, who)
        for member in MEMBERS:
            assert state.member(member).live_contacts == naive.contacts(member)


def live(steps_: list[Step]) -> None:
    twins = Twins()
    for step in steps_:
        told, expected = twins.step(*step)
        assert told == expected, step
        twins.agree()


@given(steps((*VERBS, "reset"), 40))
@settings(max_examples=150)
def test_a_naive_model_decides_the_same(some: list[Step]) -> None:
    live(some)


@pytest.mark.parametrize("seed", range(50))
def test_a_naive_model_decides_the_same_in_a_long_life(seed: int) -> None:
    dice = random.Random(seed)
    verbs = (*VERBS, "reset") if seed % 3 == 0 else VERBS
    live([(dice.choice(verbs), dice.randrange(12), dice.randrange(12), dice.randrange(12)) for _ in range(200)])

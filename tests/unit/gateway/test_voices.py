"""Who may speak is remembered while nothing but messages happens; real time may pass meanwhile, and counts anew."""

import pytest

from gateway import commands, decide, events, profile
from gateway.commands.book import PutBookTag
from gateway.events import AnyEvent
from gateway.refusal import Refusal
from gateway.state import State
from protocol.content import Text
from protocol.frames import Send

NOON_MS = 1_795_320_000_000
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
MEMBERS = ("zhang", "li", "wang", "zhao", "sun")


class Town:
    """Five members under `tiny`, each with a customer of their own, and what is journaled of them."""

    def __init__(self) -> None:
        self.state = State()
        self.records: list[bytes] = []
        self.numbers = dict.fromkeys(MEMBERS, 0)
        for command in (
            commands.ResetWorld("voices"),
            commands.SetProfile(profile.read("tiny")),
            commands.PutCorp("silk", "Silk Ltd", "Silk", "certified"),
            *(commands.PutConsumer(f"{name}s-customer") for name in MEMBERS),
            *(commands.PutMember("silk", name, name) for name in MEMBERS),
            *(commands.PutRelation("silk", name, f"{name}s-customer") for name in MEMBERS),
        ):
            happened = decide.by_service(self.state, NOON_MS, NOON_MS, command)
            assert isinstance(happened, list)
            self.apply(*happened)

    def apply(self, *happened: AnyEvent) -> None:
        for event in happened:
            self.records.append(events.encode(event))
            self.state.apply(event)

    def says(self, name: str, now_ms: int) -> str:
        """Have a member write to the customer; give the reason of the refusal, or nothing."""
        member = self.state.member(f"silk/{name}")
        self.numbers[name] += 1
        send = Send(self.numbers[name], member.contacts[f"{name}s-customer"], Text("hi"))
        decided = decide.by_client(self.state, now_ms, member, "phone", send)
        if isinstance(decided, Refusal):
            return decided.reason.name
        assert isinstance(decided, events.Posted)
        self.apply(decided)
        return ""


@pytest.fixture
def town() -> Town:
    return Town()


def test_a_new_minute_counts_from_nothing(town: Town) -> None:
    assert [town.says("zhang", NOON_MS) for _ in range(4)] == ["", "", "", "conversation_frequency"]
    # The day has room for six to one recipient, and of two rules the longer one is named.
    assert [town.says("zhang", NOON_MS + MINUTE_MS) for _ in range(4)] == ["", "", "", "recipient_frequency"]


def test_a_new_hour_used_up_by_others_is_used_up(town: Town) -> None:
    assert town.says("zhang", NOON_MS) == ""
    later_ms = NOON_MS + HOUR_MS
    assert [town.says(name, later_ms) for name in ("li", "wang", "zhao", "sun") for _ in range(3)] == [""] * 12
    assert town.says("zhang", later_ms) == "corp_frequency"


def test_replay_counts_the_same(town: Town) -> None:
    for minute in (0, 1, 61):
        for name in MEMBERS:
            town.says(name, NOON_MS + minute * MINUTE_MS)
    again = State()
    for record in town.records:
        again.apply(events.decode(record))
    assert again.dump() == town.state.dump()


def test_what_no_rule_of_speaking_asks_about_leaves_voices_alone(town: Town) -> None:
    assert town.says("zhang", NOON_MS) == ""
    (voice,) = town.state.voices.values()
    for command in (
        commands.PutCode("silk", "zhang"),
        commands.PutTags("silk", commands.NewTag("level"), (commands.NewTag("gold"),)),
        PutBookTag("silk", 1, "east"),
    ):
        happened = decide.by_service(town.state, NOON_MS, NOON_MS, command)
        assert isinstance(happened, list)
        town.apply(*happened)
    assert list(town.state.voices.values()) == [voice]

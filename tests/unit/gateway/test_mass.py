"""Mass messages: whom tags choose, what is kept when there are too many, what a defect ends, what a job leaves."""

from typing import Literal

import pytest

from gateway import commands, deadlines, decide, events, profile
from gateway.commands import MakeMass
from gateway.decide import jobs
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state import mass as kept
from gateway.state.mass import Mass, MassMessage, Part
from protocol import frames
from protocol.codec import decode_message
from protocol.content import Image, Notice, Sendable, Text
from protocol.errors import NOBODY, TOO_MANY, UNKNOWN_PERSON, WRONG_KIND

NOW_MS = 1_786_323_540_000
ZHANG = "silk/zhang"


class Shop:
    """An enterprise with a member and customers, and what is decided there applied."""

    def __init__(self, *customers: str) -> None:
        self.state = State()
        self.ask(commands.ResetWorld("seed"))
        self.ask(commands.SetProfile(profile.read("bench")))
        self.ask(commands.PutCorp("silk", "Silk Ltd", "Silk", "certified"))
        self.ask(commands.PutMember("silk", "zhang", "Zhang"))
        tags = tuple(commands.NewTag(name, id=name) for name in ("gold", "silver", "tea", "coffee"))
        self.ask(commands.PutTags("silk", commands.NewTag("all", id="all"), tags))
        for handle in customers:
            self.ask(commands.PutConsumer(handle))
            self.ask(commands.PutRelation("silk", "zhang", handle, external_userid=f"wm{handle}"))

    def ask(self, command: commands.Command) -> list[events.AnyEvent] | Refusal:
        decided = decide.by_service(self.state, NOW_MS, NOW_MS, command)
        assert not isinstance(decided, commands.Repeated)
        return decided if isinstance(decided, Refusal) else self.take(decided)

    def take(self, happened: list[events.AnyEvent]) -> list[events.AnyEvent]:
        for event in happened:
            self.state.apply(events.decode(events.encode(event)))
        return happened

    def client(self, frame: frames.ClientCommand) -> list[events.AnyEvent] | Refusal:
        decided = decide.by_client(self.state, NOW_MS, self.state.people[ZHANG], "phone", frame)
        assert isinstance(decided, list | Refusal)
        return decided if isinstance(decided, Refusal) else self.take(decided)

    def make(self, *tag_groups: tuple[str, ...], sender: str = "", contents: int = 1) -> str:
        said: tuple[Sendable, ...] = (Text("sale"), *[Image("m")] * (contents - 1))
        made = self.ask(MakeMass("silk", "single", said, sender, (), tag_groups))
        assert isinstance(made, list), made
        self.work()
        return list(self.mass.messages)[-1]

    @property
    def mass(self) -> Mass:
        return self.state.corps["silk"].mass

    def work(self) -> list[events.AnyEvent]:
        """Turn until no job is left; give everything that happened."""
        happened: list[events.AnyEvent] = []
        while self.state.jobs:
            for command in deadlines.slices(self.state):
                happened += self.take(jobs.slice_job(self.state, NOW_MS, command))
        return happened

    def tag(self, handle: str, *tag_ids: str) -> None:
        name = self.state.consumer(handle).contacts[ZHANG]
        stands = self.state.relation(name)
        self.take([
            events.RelationPut(
                "silk", ZHANG, handle, name, stands.status, 1, "", "", (), False, False, NOW_MS, tag_ids=tag_ids
            )
        ])  # fmt: skip

    def chosen(self, *tag_groups: tuple[str, ...], sender: str = "") -> set[str]:
        made = self.make(*tag_groups, sender=sender)
        recipients = self.mass.messages[made].parts["zhang"].recipients
        return {self.state.relation(name).consumer for name in recipients}


def test_of_a_group_of_tags_one_is_enough_and_of_all_groups_there_must_be_one() -> None:
    shop = Shop("amy", "bo", "cai", "dan")
    shop.tag("amy", "gold", "tea")
    shop.tag("bo", "silver", "tea")
    shop.tag("cai", "gold")
    assert shop.chosen(("gold", "silver")) == {"amy", "bo", "cai"}
    assert shop.chosen(("gold", "silver"), ("tea",)) == {"amy", "bo"}
    assert shop.chosen(("gold",), ("tea", "coffee"), sender="zhang") == {"amy"}
    assert shop.ask(MakeMass("silk", "single", (Text("x"),), "", (), (("gold",), ("silver",)))) == Refusal(NOBODY)
    shop.ask(commands.DeleteTags("silk", "", ("gold",)))
    assert shop.chosen(("gold", "silver")) == {"bo"}


def test_explicit_customers_are_asked_for_without_a_look_at_tags() -> None:
    shop = Shop("amy", "bo")
    made = shop.ask(MakeMass("silk", "single", (Text("x"),), "", ("wmbo",), (("gold",),)))
    assert isinstance(made, list)
    assert isinstance(made[0], events.MassMade)
    assert made[0].parts == {"zhang": (shop.state.consumer("bo").contacts[ZHANG],)}


def test_a_slice_is_so_many_messages_and_leaves_one_event_of_what_became(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "SLICES_MAX", 4)
    shop = Shop(*(f"c{number}" for number in range(10)))
    for contents, per_slice in ((1, [4, 4, 2]), (2, [2, 2, 2, 2, 2]), (5, [1] * 10)):
        made = shop.make(contents=contents)
        shop.client(frames.Confirm(contents, made))
        happened = shop.work()
        sliced = [len(event.results) for event in happened if isinstance(event, events.MassSliced)]
        posted = [event for event in happened if isinstance(event, events.Posted)]
        assert (sliced, len(posted)) == (per_slice, 10 * contents)
        assert shop.mass.messages[made].parts["zhang"].results == bytes([1] * 10)
    chat = shop.state.conversations[shop.state.consumer("c0").contacts[ZHANG]]
    assert chat.head == 1 + 2 + 5


def test_what_is_delivered_looks_like_what_the_member_says_and_is_chained() -> None:
    shop = Shop("amy")
    made = shop.make(contents=2)
    shop.client(frames.Confirm(1, made))
    first, second = (event for event in shop.work() if isinstance(event, events.Posted))
    said = decode_message(second.frame)
    assert (said.side, said.sender, said.sequence, said.content) == ("member", "zhang", 2, Image("m"))
    assert said.badge is not None
    assert second.previous == first.previous + shop.state.position - 2  # the first stands two before the slice's event
    assert events.previous_of(events.encode(second)) == second.previous


def test_a_members_notice_names_the_task() -> None:
    shop = Shop("amy")
    happened = shop.ask(MakeMass("silk", "single", (Text("sale"),), "zhang"))
    assert isinstance(happened, list)
    told = [event for event in shop.work() if isinstance(event, events.Posted)]
    assert [decode_message(event.frame).content for event in told] == [
        Notice("mass_task", text="sale", task=next(iter(shop.mass.messages)))
    ]


def test_a_defect_ends_one_recipient_and_no_more() -> None:
    shop = Shop("amy", "bo")
    made = shop.make()
    shop.client(frames.Confirm(1, made))
    (command,) = deadlines.slices(shop.state)
    shop.take(jobs.slice_failed(shop.state, NOW_MS, command))
    assert shop.mass.messages[made].parts["zhang"].results == bytes([kept.NOT_A_FRIEND])
    shop.work()
    assert shop.mass.messages[made].parts["zhang"].results == bytes([kept.NOT_A_FRIEND, kept.SENT])
    assert shop.ask(MakeMass("silk", "single", (Text("x"),), "zhang")) is not None
    (command,) = deadlines.slices(shop.state)
    shop.take(jobs.slice_failed(shop.state, NOW_MS, command))
    assert not shop.state.jobs, "the member who could not be told is passed over"


def test_what_was_dropped_while_its_members_were_told_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MESSAGES_MAX", 1)
    shop = Shop("amy")
    first = shop.make()
    shop.ask(commands.CancelMass("silk", first))
    newer = shop.make()
    assert (list(shop.mass.messages), shop.state.jobs) == ([newer], {})


def test_one_message_is_bounded_however_many_customers_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.decide.mass.RECIPIENTS_MAX", 1)
    assert Shop("amy").make()
    assert Shop("amy", "bo").ask(MakeMass("silk", "single", (Text("x"),))) == Refusal(TOO_MANY, "mass recipients")


@pytest.mark.parametrize("chat_type", ["single", "group"])
def test_a_sender_who_has_left_is_nobody(chat_type: Literal["single", "group"]) -> None:
    shop = Shop("amy")
    shop.ask(commands.PutGroup("silk", "tea", "zhang"))
    shop.ask(commands.PutMember("silk", "zhang", "Zhang", departed=True))
    assert shop.ask(MakeMass("silk", chat_type, (Text("x"),), "zhang")) == Refusal(UNKNOWN_PERSON, "sender")


def test_a_member_writes_to_chats_or_to_groups_and_to_somebody() -> None:
    shop = Shop("amy")
    own = shop.state.member(ZHANG).own
    refused = shop.client(frames.SendMass(1, (Text("x"),), (own,)))
    assert isinstance(refused, Refusal)
    assert refused.reason == WRONG_KIND
    assert Shop().client(frames.SendMass(1, (Text("x"),))) == Refusal(NOBODY)


def message(name: str, people: int, *, done: bool) -> MassMessage:
    part = Part(tuple(map(str, range(people))), NOW_MS, bytes([1] * people) if done else b"")
    return MassMessage(name, "single", (Text("x"),), "", NOW_MS, False, {"zhang": part})


def test_each_recipient_has_the_second_of_their_own_slice() -> None:
    part = Part(tuple("abcdef"))
    for results, time_ms in ((b"\1", 9_000), (b"\1\2", 9_999), (b"\1", 10_000)):
        part.take(results, time_ms)
    assert [part.second_of(place) for place in range(4)] == [9, 9, 9, 10]
    assert part.sent_s == [(3, 9), (4, 10)]
    assert not part.done


def test_the_oldest_finished_ones_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "RECIPIENTS_MAX", 10)
    monkeypatch.setattr(kept, "MESSAGES_MAX", 3)
    mass = Mass()
    for name, people, done in (("a", 1, False), ("b", 4, True), ("c", 4, True)):
        mass.keep(message(name, people, done=done))
    assert mass.has_room(9)
    assert not mass.has_room(10), "a is not finished"
    mass.keep(message("d", 3, done=True))
    assert list(mass.messages) == ["a", "c", "d"]
    mass.keep(message("e", 9, done=False))
    assert list(mass.messages) == ["a", "e"]
    assert (mass.recipients, mass.made) == (10, 5)
    assert not mass.has_room(1)


def test_without_room_no_more_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop("amy", "bo")
    monkeypatch.setattr(kept, "RECIPIENTS_MAX", 3)
    made = shop.make()
    refused = shop.ask(MakeMass("silk", "single", (Text("x"),), "zhang"))
    assert isinstance(refused, Refusal)
    assert refused.reason == TOO_MANY
    shop.ask(commands.CancelMass("silk", made))
    shop.work()
    assert shop.make() != made


def test_a_reset_ends_what_is_under_way() -> None:
    shop = Shop("amy")
    shop.client(frames.Confirm(1, shop.make()))
    assert shop.state.jobs
    ended = shop.ask(commands.ResetCorp("silk"))
    assert isinstance(ended, list)
    assert [type(event) for event in ended] == [events.CorpReset], "nobody asked over MQTT"
    assert not shop.state.jobs


@pytest.mark.parametrize("frame", [frames.Confirm(1, "msg"), frames.SendMass(1, (Text("x"),))])
def test_customers_have_no_part_in_it(frame: frames.ClientCommand) -> None:
    shop = Shop("amy")
    answer = decide.by_service(shop.state, NOW_MS, NOW_MS, commands.Act("amy", frame))
    assert isinstance(answer, Refusal)
    assert answer.reason.name == "wrong_side"

"""Laws of what bots say, whatever is asked: each question has one answer, a stream is one, and no rate is passed.

The journal's records are read by themselves here; none of the rules is asked.
"""

import random
from collections import Counter
from typing import Any, Final

import pytest

from gateway import commands, events
from gateway.events import BotSaid, CallbackDue, Posted
from gateway.state import State
from protocol import content, frames
from protocol.codec import decode_message
from tests.property.lives import Life

VERBS: Final = (
    *["enter"] * 3, *["say"] * 4, *["answer"] * 6, *["stream"] * 8, *["end"] * 3, *["card"] * 4, *["click"] * 6,
    "welcome", "update", "push", "judge", "mute", "seat", "unseat", "call", "wait", "wait", "reset",
)  # fmt: skip
PEOPLE: Final = ("amy", "bo", "silk/zhang", "silk/li")
BOT: Final = "bot"
PER_MINUTE: Final = 3  # of `tiny`
WAITS_MS: Final = (1_000, 4_000, 5_000, 60_000, 360_000, 3_600_000, 86_400_000)


class Bots(Life):
    """A life in which people talk to one bot, alone and in a group."""

    def found(self, corp: str) -> None:
        super().found(corp)
        if corp == "silk":
            self.serve(commands.PutApp("silk", BOT, "Bot", "secret", bot=True))
            self.serve(commands.PutConsumer("amy"))
            self.serve(commands.PutRelation("silk", "zhang", "amy"))
            self.serve(
                commands.PutGroup("silk", "tea", "zhang", "tea", members=("li",), consumers=("amy",), bots=(BOT,))
            )

    def play(self, verb: str, one: int, two: int, three: int) -> None:
        getattr(self, f"do_{verb}")(PEOPLE[one % 4], two, three)

    def question(self, back: int) -> int:
        bot = self.state.corps["silk"].apps[BOT].bot
        assert bot is not None
        return ([1, *bot.asked])[-1 - back % (len(bot.asked) + 1)]

    def answer(self, to: Any, back: int, said: Any) -> None:
        self.serve(commands.AnswerAsBot("silk", BOT, self.question(back % 4), to, said))

    def tea(self) -> str:
        return self.state.corps["silk"].chats["tea"]

    def talk(self, who: str) -> str:
        return self.state.corps["silk"].apps[BOT].conversations.get(who, "cv-nowhere")

    def person(self, who: str, make: Any) -> None:
        self.client(who, make(self.number(who)))

    def do_enter(self, who: str, _two: int, _three: int) -> None:
        self.person(who, lambda number: frames.Enter(number, BOT))

    def do_say(self, who: str, _two: int, _three: int) -> None:
        self.say(who, self.talk(who), "hello")

    def do_call(self, who: str, two: int, _three: int) -> None:
        self.say(who, self.tea(), "@Bot hello" if two % 2 else "hello")

    def do_answer(self, _who: str, two: int, _three: int) -> None:
        self.answer("message", two, content.Markdown("yes"))

    def do_stream(self, _who: str, two: int, three: int) -> None:
        self.answer("message", two, content.Stream(f"s{two % 2}", "word " * (three % 5), feedback="f"))

    def do_end(self, _who: str, two: int, three: int) -> None:
        self.answer("message", two, content.Stream(f"s{two % 2}", "word " * (three % 5), finished=True))

    def do_card(self, _who: str, two: int, _three: int) -> None:
        self.answer("message", two, CARD)

    def do_welcome(self, _who: str, two: int, _three: int) -> None:
        self.answer("enter", two, CARD if two % 2 else content.Text("hello"))

    def do_update(self, _who: str, two: int, _three: int) -> None:
        self.answer("card", two, CARD)

    def do_push(self, who: str, two: int, _three: int) -> None:
        to = "tea" if two % 3 == 0 else self.names("silk", [who])[0 if "/" in who else 1][0]
        self.serve(commands.PushAsBot("silk", BOT, to, content.Markdown("news")))

    def do_click(self, who: str, two: int, _three: int) -> None:
        self.person(who, lambda number: frames.Click(number, self.talk(who), two + 1, "ok"))

    def do_judge(self, who: str, two: int, _three: int) -> None:
        self.person(who, lambda number: frames.Feedback(number, self.talk(who), two + 1, 1))

    def do_mute(self, _who: str, two: int, _three: int) -> None:
        own = self.state.own_of("silk", "amy")
        self.person("amy", lambda number: frames.Mute(number, own, bool(two % 2)))

    def do_seat(self, _who: str, _two: int, _three: int) -> None:
        self.person("silk/zhang", lambda number: frames.Invite(number, self.tea(), bots=(BOT,)))

    def do_unseat(self, _who: str, _two: int, _three: int) -> None:
        self.person("silk/zhang", lambda number: frames.Remove(number, self.tea(), bots=(BOT,)))

    def do_wait(self, _who: str, two: int, _three: int) -> None:
        self.advance(WAITS_MS[two % len(WAITS_MS)])

    def do_reset(self, _who: str, two: int, _three: int) -> None:
        if two == 0:
            self.serve(commands.ResetCorp("silk"))
            self.found("silk")


CARD: Final = content.TemplateCard("button_interaction", {"task_id": "t", "button_list": [{"key": "ok"}]})


def check(records: list[bytes]) -> None:
    """Read the journal by itself: what was asked, what was answered, and how often the bot spoke."""
    asked: set[int] = set()
    plain: set[int] = set()
    streams: dict[int, tuple[str, int, bool]] = {}
    counted: Counter[tuple[str, int]] = Counter()
    posted: Posted | None = None
    for position, event in enumerate(map(events.decode, records), 1):
        if isinstance(event, events.CorpReset):
            asked, plain, streams, counted = set(), set(), {}, Counter()
        elif isinstance(event, CallbackDue) and BOT in event.agent_ids:
            asked.add(position)
        elif isinstance(event, Posted):
            posted = event
            frame = decode_message(event.frame)
            if frame.side in ("member", "consumer"):
                asked.add(position)
            if frame.sender == BOT and event.sender:
                counted[event.conversation, event.time_ms // 60_000] += 1
        elif isinstance(event, BotSaid) and event.answers:
            assert posted is not None and event.answers in asked
            said = decode_message(posted.frame).content
            if not isinstance(said, content.Stream):
                assert event.answers not in plain and event.answers not in streams
                plain.add(event.answers)
                continue
            assert event.answers not in plain
            name, first, is_over = streams.get(event.answers, (said.id, posted.sequence, False))
            assert not is_over and name == said.id and said.updates == (first if first != posted.sequence else 0)
            streams[event.answers] = name, first, said.finished
    assert not counted or max(counted.values()) <= PER_MINUTE


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_asked_a_bot_answers_once_within_its_rates_and_is_replayed(seed: int) -> None:
    world, dice = Bots(), random.Random(seed)
    for _ in range(400):
        world.play(dice.choice(VERBS), *(dice.randrange(12) for _ in range(3)))
    check(world.records)
    replayed = State()
    for record in world.records:
        replayed.apply(events.decode(record))
    assert replayed.digest() == world.state.digest() == State.load(world.state.dump()).digest()
    assert State.load(world.state.dump()).bots == world.state.bots

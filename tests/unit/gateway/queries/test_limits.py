"""Explanations: of any two in a world, and what they say is what a send would hear."""

from itertools import product
from typing import get_args

import pytest

from gateway import commands, decide
from gateway.commands import (
    PutApp,
    PutConsumer,
    PutCorp,
    PutGroup,
    PutKnown,
    PutMember,
    PutRelation,
)
from gateway.events import Posted, RelationStatus
from gateway.queries import limits
from gateway.queries.limits import Explanation
from gateway.refusal import Refusal
from gateway.state import State
from protocol.content import Text
from protocol.frames import Enter, Send

NOW_MS = 1_795_000_000_000


def tell(state: State, *asked: commands.Command) -> None:
    for command in asked:
        decided = decide.by_service(state, NOW_MS, NOW_MS, command)
        assert isinstance(decided, list), (command, decided)
        for event in decided:
            state.apply(event)


@pytest.fixture
def state() -> State:
    """Make two enterprises, and consumers in every way of being known or unknown."""
    state = State()
    tell(state, commands.ResetWorld("s"))
    for corpid in ("ww1", "ww2"):
        tell(
            state, PutCorp(corpid, corpid, corpid, "certified"), PutApp(corpid, "7", "Bot", "s"),
            PutApp(corpid, f"bot-{corpid}", "Bot", "s", bot=True), PutMember(corpid, "lin", "Lin"),
            PutMember(corpid, "gone", "Gone", departed=True),
        )  # fmt: skip
    for handle in (*get_args(RelationStatus), "guest", "known", "stranger"):
        tell(state, PutConsumer(handle))
    for handle in get_args(RelationStatus):
        tell(state, PutRelation("ww1", "lin", handle, status=handle))
    tell(state, PutKnown("ww1", "known"), PutGroup("ww1", "g", "lin", "wrG", consumers=("guest",)))
    for person, bot in (("ww1/lin", "bot-ww1"), ("ww2/lin", "bot-ww2"), ("guest", "bot-ww1"), ("known", "bot-ww2")):
        decided = decide.by_client(state, NOW_MS, state.people[person], "tablet", Enter(1, bot))
        assert isinstance(decided, list)
        for event in decided:
            state.apply(event)
    return state


def test_any_two_are_explained(state: State) -> None:
    apps = ["ww1/#7", "ww2/#7", "ww1/#bot-ww1"]
    senders, others = [*state.people, *apps], [*state.people, *state.conversations, *apps, "wrG", "nobody", ""]
    for sender, to in product(senders, others):
        told = limits.explain(state, NOW_MS, sender, to, Text("hello"))
        if isinstance(told, Refusal):
            assert told.reason.name.startswith("unknown_"), (sender, to)
            assert to not in state.people
            continue
        refusing = [line for line in told.lines if not line.allows]
        assert told.allowed == (not refusing) == (told.refusal is None), (sender, to)
        assert told.refusal is None or told.refusal.rule == refusing[0].rule


def test_explanation_says_what_a_send_would_hear(state: State) -> None:
    pairs = [(one, name) for one in state.people.values() for name in one.conversations]
    for person, name in pairs:
        told = limits.explain(state, NOW_MS, person.key, name, Text("hello"))
        assert isinstance(told, Explanation)
        heard = decide.by_client(state, NOW_MS, person, "phone", Send(1, name, Text("hello")))
        if isinstance(heard, Refusal):
            assert told.refusal is not None
            assert (told.refusal.code, told.refusal.rule) == (heard.reason.code, heard.rule)
        else:
            assert isinstance(heard, Posted) and told.allowed


def test_conversation_of_others_is_nobody_s_business(state: State) -> None:
    for person in state.people.values():
        for name in state.conversations.keys() - person.conversations.keys():
            told = limits.explain(state, NOW_MS, person.key, name, Text("hello"))
            assert isinstance(told, Refusal) and told.reason.name == "unknown_conversation"


def test_strangers_are_refused_by_the_relation_and_other_rules_speak_too(state: State) -> None:
    told = limits.explain(state, NOW_MS, "ww1/lin", "stranger", Text(""))
    assert isinstance(told, Explanation) and told.refusal is not None
    assert (told.conversation, told.refusal.reason) == ("", "not_related")
    assert [line.policy for line in told.lines if not line.allows] == ["relation", "content"]
    assert "frequency" in {line.policy for line in told.lines}

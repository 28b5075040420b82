"""Messages of apps: taken back halfway, remembered within bounds, and gone on with after a restart."""

from typing import Final

import pytest

from adapters.genesis import begin
from adapters.world import demo
from gateway import commands, deadlines, events
from gateway.commands.app_messages import Recall, SpeakFor
from gateway.decide import by_service, jobs
from gateway.state import State
from gateway.state.app_messages import REMEMBERED_MS, AppMessage, AppMessages
from protocol.codec import decode_message
from protocol.content import Notice, Text

NOW_MS: Final = 1_790_000_000_000
STORE: Final = "wwlanhe"
AGENT: Final = "1000002"


@pytest.fixture
def state() -> State:
    return begin(State(), read=demo, profile_name=None, real_ms=NOW_MS).state


def do(state: State, command: commands.Command) -> list[events.AnyEvent]:
    decided = by_service(state, NOW_MS, NOW_MS, command)
    assert isinstance(decided, list), decided
    return live(state, decided)


def live(state: State, happened: list[events.AnyEvent]) -> list[events.AnyEvent]:
    """Apply events as they come back from the journal."""
    happened = [events.decode(events.encode(event)) for event in happened]
    for event in happened:
        state.apply(event)
    return happened


def work(state: State, slices: int) -> list[events.AnyEvent]:
    happened = []
    for command in deadlines.slices(state)[:slices]:
        happened += live(state, jobs.slice_job(state, NOW_MS, command))
    return happened


def speak(state: State) -> str:
    staff = tuple(state.corps[STORE].members.values())
    (spoke,) = do(state, SpeakFor(STORE, AGENT, staff, Text("开会")))
    assert isinstance(spoke, events.AppSpoke)
    return spoke.msgid


def test_a_message_taken_back_halfway_reaches_nobody_else(state: State) -> None:
    msgid = speak(state)
    said = [event.conversation for event in work(state, 5) if isinstance(event, events.Posted) and event.sender]
    assert len(said) == 5
    do(state, Recall(STORE, AGENT, msgid))
    told = [event for event in work(state, 100) if isinstance(event, events.Posted)]
    assert [event.conversation for event in told] == said
    assert [decode_message(event.frame).content for event in told] == [Notice("recalled", sequence=1)] * 5
    assert all(state.conversations[name].recalled == (1,) for name in said)
    assert state.jobs == {}
    assert len(state.corps[STORE].apps[AGENT].conversations) == 5


def test_a_restart_goes_on_with_the_next_recipient(state: State) -> None:
    msgid = speak(state)
    work(state, 5)
    again = State.load(state.dump())
    work(again, 100)
    staff = len(again.corps[STORE].members)
    assert len(again.corps[STORE].messages.kept[msgid].places) == staff
    work(state, 100)
    assert again.digest() == state.digest()


@pytest.mark.parametrize("reset", [commands.ResetCorp(STORE), commands.ResetWorld("seed")])
def test_a_reset_refuses_no_command_for_it_since_there_was_none(state: State, reset: commands.Command) -> None:
    speak(state)
    assert not [event for event in do(state, reset) if isinstance(event, events.CommandRefused)]
    assert state.jobs == {}


def message(number: int, time_ms: int = NOW_MS, recipients: int = 1) -> AppMessage:
    return AppMessage(f"msg{number}", AGENT, time_ms, "", "", recipients)


def test_the_oldest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.state.app_messages.MESSAGES_MAX", 3)
    monkeypatch.setattr("gateway.state.app_messages.RECIPIENTS_MAX", 100)
    told = AppMessages()
    for number in range(5):
        told.keep(message(number))
    assert list(told.kept) == ["msg2", "msg3", "msg4"]
    told.keep(message(5, recipients=99))
    assert (list(told.kept), told.recipients) == (["msg4", "msg5"], 100)
    told.keep(message(6, recipients=500))
    assert list(told.kept) == ["msg6"], "the newest is kept whatever its size"
    told.keep(message(7, NOW_MS + REMEMBERED_MS))
    assert (list(told.kept), told.recipients, told.made) == (["msg7"], 1, 8)

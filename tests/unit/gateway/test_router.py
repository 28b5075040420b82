"""The router's promises one by one, on simulated sockets and a journal that can be held back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any

import pytest

from gateway import commands, deadlines, events, policy, router
from gateway.config import Config
from gateway.decide import messages
from gateway.events import Origin
from gateway.policy import Attempt
from gateway.queries import recent
from gateway.queries.recent import DecisionFilter
from gateway.refusal import Refusal
from gateway.session import Phase, Session
from gateway.state import State
from protocol import content, frames
from protocol.errors import INTERNAL, UNAVAILABLE, UNKNOWN_PERSON, Close
from tests.property.simulated import CORP, WORLD, Device, Simulation, lived

history = cache(lived)
Open = Callable[..., Simulation]


@pytest.fixture
async def open_simulation() -> AsyncIterator[Open]:
    opened: list[Simulation] = []

    def make(talk: int = 0, **bounds: Any) -> Simulation:
        opened.append(Simulation(history(talk), Config(**bounds)))
        return opened[-1]

    yield make
    for simulation in opened:
        await simulation.stop()


def device(simulation: Simulation, person: str, name: str = "phone") -> Device:
    return next(one for one in simulation.devices if (one.person.rpartition("/")[2], one.name) == (person, name))


def session(one: Device) -> Session:
    assert one.pipe is not None
    assert one.pipe.session is not None
    return one.pipe.session


def chat(simulation: Simulation, member: str, consumer: str) -> str:
    return simulation.router.state.people[f"{CORP}/{member}"].contacts[consumer]


async def test_welcome_comes_first_also_when_the_turn_is_still_being_appended(open_simulation: Open) -> None:
    simulation = open_simulation(talk=70)
    zhang, amy = device(simulation, "zhang"), device(simulation, "amy")
    zhang.connect(True, 0)
    await simulation.settle()
    simulation.journal.hold()
    amy.connect(True, 0)
    zhang.send(chat(simulation, "zhang", "bo"), "hello")
    await simulation.settle()
    assert amy.link_phase == "new"
    simulation.journal.let()
    await simulation.settle()
    assert amy.link_phase == "synced"


async def test_a_link_that_drains_while_it_is_read_for_is_read_for_once(open_simulation: Open) -> None:
    simulation = open_simulation(talk=130)
    amy = device(simulation, "amy")
    amy.connect(True, 0)
    assert amy.pipe is not None
    amy.pipe.stalled = True
    for _ in range(3):
        await simulation.settle()
        amy.pipe.drain()
        amy.pipe.stalled = True
    amy.pipe.drain()
    await simulation.settle()
    assert len([key for key in amy.stored if key[0] == chat(simulation, "zhang", "amy")]) == 130


async def test_a_stalled_reader_keeps_nobody_from_catching_up(open_simulation: Open) -> None:
    simulation = open_simulation(talk=70, catching_up_max=1)
    amy, zhang = device(simulation, "amy"), device(simulation, "zhang")
    amy.connect(True, 0)
    assert amy.pipe is not None
    amy.pipe.stalled = True
    await simulation.settle()
    zhang.connect(True, 0)
    await simulation.settle()
    assert zhang.link_phase == "synced"


async def test_cursors_without_a_good_token_hide_nothing(open_simulation: Open) -> None:
    simulation = open_simulation(talk=70)
    amy = device(simulation, "amy")
    amy.cursors = {chat(simulation, "zhang", "amy"): 70}  # of another life of the world, say
    amy.connect(True, 256)
    await simulation.settle()
    assert len([key for key in amy.stored if key[0] == chat(simulation, "zhang", "amy")]) == 70


async def test_who_left_a_busy_group_still_catches_up(open_simulation: Open) -> None:
    simulation = open_simulation(rejoin_records_max=0)
    zhang, amy = device(simulation, "zhang"), device(simulation, "amy")
    tea = simulation.router.state.corps[CORP].chats["chat-tea"]
    for one in (zhang, amy):
        one.connect(True, 0)
    await simulation.settle()
    amy.command(lambda number: frames.Leave(number, tea))
    await simulation.settle()
    amy.connect(False, 0)
    for number in range(60):  # a message for every turn
        zhang.send(tea, f"{number}")
        await asyncio.sleep(0)
    assert session(amy).phase is Phase.LIVE


async def test_own_affairs_tell_of_a_group_before_its_first_message(open_simulation: Open) -> None:
    simulation = open_simulation()
    zhang, bo = device(simulation, "zhang"), device(simulation, "bo")
    bo.connect(True, 0)
    zhang.connect(True, 0)
    await simulation.settle()
    tea = simulation.router.state.corps[CORP].chats["chat-tea"]
    order = list(bo.stored)
    put = commands.PutGroup(CORP, "tea", "zhang", "chat-tea", consumers=("bo",))
    more = commands.PutGroup(CORP, "tea", "zhang", "chat-tea", consumers=("cai",))
    await simulation.ask(put, more)
    await simulation.settle()
    new = [key[0] for key in bo.stored if key not in order]
    assert new[0] != tea
    assert new.count(tea) == 2


async def reset(simulation: Simulation) -> None:
    await simulation.ask(commands.ResetCorp(CORP), *WORLD)


async def test_a_reset_enterprise_forgets_what_it_refused(open_simulation: Open) -> None:
    simulation = open_simulation()
    zhang = device(simulation, "zhang")
    zhang.connect(True, 0)
    await simulation.settle()
    zhang.send(chat(simulation, "zhang", "amy"), "")
    await simulation.settle()
    assert simulation.router.statistics.refused["empty"] == 1
    await reset(simulation)
    zhang.number = 0
    zhang.connect(True, 0)
    await simulation.settle()
    zhang.send(chat(simulation, "zhang", "amy"), "hello")
    await simulation.settle()
    assert 1 in zhang.accepted


async def test_a_reset_leaves_no_hole_on_a_slow_link(open_simulation: Open) -> None:
    simulation = open_simulation(outbox_bytes_max=100)
    amy = device(simulation, "amy")
    amy.connect(True, 0)
    await simulation.settle()
    assert amy.pipe is not None
    amy.pipe.stalled = True
    amy.pipe.write(b"\x82\x00"[:0])
    simulation.router._sync_later()
    session(amy).pushed = True
    simulation.router._sync_all()  # something waits in the socket
    await reset(simulation)
    amy.pipe.drain()
    await simulation.settle()
    assert set(amy.stored) == set(simulation.mail.boxes["amy"])


async def test_many_tokens_are_sent_in_portions(open_simulation: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "SYNCED_AT_ONCE", 1)
    simulation = open_simulation()
    devices = [device(simulation, name) for name in ("amy", "zhang")]
    for one in devices:
        one.connect(True, 0)
    await simulation.settle()
    for one in devices:
        session(one).pushed = True
    simulation.router._sync_all()
    assert [session(one).pushed for one in devices].count(True) == 1
    await simulation.settle()
    assert not any(session(one).pushed for one in devices)


async def test_a_reset_while_catching_up_brings_nothing_of_the_former_life(open_simulation: Open) -> None:
    simulation = open_simulation(talk=130)
    amy = device(simulation, "amy")
    amy.connect(True, 0)
    assert amy.pipe is not None
    amy.pipe.stalled = True
    await simulation.settle()
    await reset(simulation)
    for _ in range(5):
        amy.pipe.drain()
        await simulation.settle()
    assert set(amy.stored) == set(simulation.mail.boxes["amy"])


async def test_a_cursor_of_the_former_life_hides_nothing(open_simulation: Open) -> None:
    simulation = open_simulation(talk=10)
    amy, zhang = device(simulation, "amy"), device(simulation, "zhang")
    amy.connect(True, 0)
    await simulation.settle()
    amy.disconnect()
    await reset(simulation)
    zhang.connect(True, 0)
    await simulation.settle()
    for number in range(12):
        zhang.send(chat(simulation, "zhang", "amy"), f"{number}")
    await simulation.settle()
    amy.connect(True, 256)
    await simulation.settle()
    assert set(amy.stored) == set(simulation.mail.boxes["amy"])


async def test_a_closed_link_is_told_nothing_more(open_simulation: Open) -> None:
    simulation = open_simulation()
    amy = device(simulation, "amy")
    amy.connect(True, 0)
    await simulation.settle()
    amy.send(chat(simulation, "zhang", "amy"), "hello")
    await simulation.ask(commands.RevokeToken("jti", 2**40))
    assert amy.pipe is not None
    assert amy.pipe.closed_with == Close.NOT_AUTHENTICATED


async def test_a_link_is_closed_only_after_what_closes_it_is_durable(open_simulation: Open) -> None:
    simulation = open_simulation()
    zhang = device(simulation, "zhang")
    zhang.connect(True, 0)
    await simulation.settle()
    simulation.journal.hold()
    asked = asyncio.ensure_future(simulation.ask(commands.ResetCorp(CORP)))
    await asyncio.sleep(0)
    zhang.say(frames.Ack(()))
    await simulation.settle()
    assert zhang.pipe is not None
    assert not zhang.faults
    simulation.journal.let()
    await asked
    assert zhang.faults == [Close.FORBIDDEN]


async def test_a_full_disk_does_not_keep_the_loop_spinning_nor_from_stopping(
    open_simulation: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = open_simulation()
    monkeypatch.setattr(deadlines, "SLICES_MAX", 1)
    staff = [commands.PutMember(CORP, name, name, (7,)) for name in ("zhang", "li")]
    store, till = commands.PutDepartment(CORP, 7, "store", store=True), commands.PutApp(CORP, "till", "Till", "secret")
    await simulation.ask(store, till, *staff)
    simulation.journal.hold()
    told = commands.SendFor(CORP, Origin("till", "1"), "app", "till", "store", "7", content.Text("open at nine"))
    asked = asyncio.ensure_future(simulation.ask(told))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    monkeypatch.setattr(simulation.journal, "room", lambda: False)
    simulation.journal.let()
    await asked
    await simulation.settle()
    assert simulation.router.state.jobs
    simulation.router.stop()
    await asyncio.wait_for(simulation.turning, 5)


async def test_a_service_command_is_one_decision_with_its_true_outcome(open_simulation: Open) -> None:
    simulation = open_simulation()
    store, office = commands.PutDepartment(CORP, 7, "store", store=True), commands.PutDepartment(CORP, 8, "office")
    till = commands.PutApp(CORP, "till", "Till", "secret")
    await simulation.ask(store, office, till, commands.PutMember(CORP, "wang", "Wang", (7, 8)))
    before = len(simulation.router.recent_decisions)

    def told(origin: str, sender: str, kind: Any, target: str) -> commands.SendFor:
        return commands.SendFor(CORP, Origin("till", origin), "app", sender, kind, target, content.Text("hello"))

    await simulation.ask(
        told("1", "till", "member", "wang"),
        told("2", "pos", "member", "wang"),
        told("3", "till", "member", "nobody"),
        told("4", "till", "store", "8"),
        told("4", "till", "store", "8"),
        told("5", "pos", "store", "7"),
    )
    lines = list(simulation.router.recent_decisions)[before:]
    assert {(line.person, line.what) for line in lines} == {(CORP, "SendFor")}
    assert [(line.refusal and (line.refusal.reason.name, line.refusal.rule), line.repeated) for line in lines] == [
        (None, False),
        (("unknown_app", "from"), False),
        (("unknown_person", "to"), False),
        (("unknown_department", "to"), False),
        (None, True),
        (("unknown_app", "from"), False),
    ]
    views = list(recent.decisions(reversed(lines), simulation.router.durable_position, DecisionFilter(), 0))
    assert [(view.accepted, view.repeated) for view in reversed(views)] == [
        (True, False), (False, False), (False, False), (False, False), (False, True), (False, False)
    ]  # fmt: skip


async def test_an_acknowledgement_that_names_a_conversation_twice_delivers_once(open_simulation: Open) -> None:
    simulation = open_simulation()
    amy = device(simulation, "amy")
    amy.connect(True, 0)
    await simulation.settle()
    known = {handle: name for name, handle in simulation.router.state.corps[CORP].consumers.items()}
    send = commands.SendFor(CORP, Origin("till", "1"), "member", "zhang", "consumer", known["amy"], content.Text("x"))
    await simulation.router.ask(send)
    before = simulation.journal.position
    single = chat(simulation, "zhang", "amy")
    amy.say(frames.Ack(((single, 1), (single, 1))))
    await simulation.settle()
    assert simulation.journal.position == before + 1


async def test_a_revoked_token_stays_revoked_when_the_world_is_reset(open_simulation: Open) -> None:
    simulation = open_simulation()
    await simulation.router.ask(commands.RevokeToken("jti", 2**40))
    await simulation.router.ask(commands.ResetWorld("seed"))
    assert "jti" in simulation.router.state.revoked


async def test_codes_made_after_a_reset_are_new(open_simulation: Open) -> None:
    simulation = open_simulation()
    ask = simulation.router.ask
    await ask(commands.PutCorp("jade", "Jade", "jade"))
    await ask(commands.PutMember("jade", "qian", "Qian"))
    await ask(commands.PutCode("jade", userid="qian"))
    for name in ("zhang", "li"):
        await ask(commands.PutCode(CORP, userid=name))
    await ask(commands.ResetCorp("jade"))
    await ask(commands.PutCode(CORP, userid="zhang"))
    assert len(simulation.router.state.codes) == 2 + 3


async def test_a_device_may_speak_right_after_its_hello(open_simulation: Open) -> None:
    simulation = open_simulation()
    amy = device(simulation, "amy")
    amy.connect(True, 0)
    one = session(amy)
    send = frames.Send(1, chat(simulation, "zhang", "amy"), content.Text("hello"))
    amy.sent[1] = send
    one.receive(one.codec.encode(send))
    await simulation.settle()
    assert 1 in amy.accepted


async def test_forget_stands_before_the_answers_of_the_next_life(open_simulation: Open) -> None:
    simulation = open_simulation()
    amy = device(simulation, "amy")
    amy.connect(True, 0)
    await simulation.settle()
    amy.send(chat(simulation, "zhang", "amy"), "into the next life, the id being the same")
    await simulation.ask(commands.ResetCorp(CORP), *WORLD)
    await simulation.settle()
    assert 1 in amy.accepted
    assert set(amy.stored) == set(simulation.mail.boxes["amy"])


async def test_a_reset_leaves_nothing_in_an_outbox_that_is_held_back(open_simulation: Open) -> None:
    simulation = open_simulation(talk=10)
    amy, zhang = device(simulation, "amy"), device(simulation, "zhang")
    zhang.connect(True, 0)
    amy.connect(True, 0)
    assert amy.pipe is not None
    amy.pipe.stalled = True
    await simulation.settle()
    zhang.send(chat(simulation, "zhang", "amy"), "missed")
    await simulation.settle()
    for _ in range(20):  # until what was missed meanwhile is all that is left to read
        if session(amy).outbox.held:
            break
        amy.pipe.drain()
        amy.pipe.stalled = True
        await simulation.settle()
    assert session(amy).outbox.held
    zhang.send(chat(simulation, "zhang", "amy"), "held back")
    await simulation.settle()
    await reset(simulation)
    amy.pipe.drain()
    await simulation.settle()
    assert set(amy.stored) == set(simulation.mail.boxes["amy"])


async def test_what_was_accepted_is_answered_after_a_clash_and_on_a_full_disk(
    open_simulation: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = open_simulation()
    zhang, told = device(simulation, "zhang"), list[str]()
    zhang.connect(True, 0)
    await simulation.settle()
    name = chat(simulation, "zhang", "amy")
    zhang.send(name, "hello")
    await simulation.settle()
    monkeypatch.setattr(zhang, "_accepted", lambda frame: told.append("accepted"), raising=False)
    monkeypatch.setattr(zhang, "_refused", lambda frame: told.append(frame["reason"]), raising=False)
    zhang.say(frames.Send(zhang.number, name, content.Text("another body")))
    zhang.repeat()
    await simulation.settle()
    assert told == ["reused_number", "accepted"]
    monkeypatch.setattr(simulation.journal, "room", lambda: False)
    zhang.repeat()
    zhang.send(name, "no room for this")
    await simulation.settle()
    assert told[2:] == ["accepted", "unavailable"]


async def test_what_was_refused_is_refused_alike_on_a_full_disk(
    open_simulation: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = open_simulation()
    zhang, told = device(simulation, "zhang"), list[str]()
    zhang.connect(True, 0)
    await simulation.settle()
    monkeypatch.setattr(zhang, "_refused", lambda frame: told.append(frame["reason"]), raising=False)
    zhang.send("nowhere", "hello")
    await simulation.settle()
    monkeypatch.setattr(simulation.journal, "room", lambda: False)
    zhang.repeat()
    zhang.say(frames.Send(zhang.number, "nowhere", content.Text("another body")))
    zhang.send("nowhere", "no room for this")
    await simulation.settle()
    assert told == ["unknown_conversation", "unknown_conversation", "reused_number", "unavailable"]


async def test_a_service_is_told_on_a_full_disk_what_needs_no_room(
    open_simulation: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = open_simulation()
    ask, known = simulation.router.ask, simulation.router.state.corps[CORP].consumers

    def told(origin: str) -> commands.SendFor:
        amy = next(name for name, handle in known.items() if handle == "amy")
        return commands.SendFor(CORP, Origin("till", origin), "member", "zhang", "consumer", amy, content.Text("x"))

    await ask(told("1"))
    before = simulation.journal.position
    monkeypatch.setattr(simulation.journal, "room", lambda: False)
    assert await ask(told("1")) == commands.Repeated(simulation.router.state.epoch, before)
    assert await ask(told("2")) == Refusal(UNAVAILABLE, "disk reserve")
    assert await ask(commands.Act("nobody", frames.Scan(1, "code"))) == Refusal(UNKNOWN_PERSON)
    assert simulation.journal.position == before


async def test_a_token_tells_of_nothing_that_is_still_being_appended(open_simulation: Open) -> None:
    simulation = open_simulation()
    amy, zhang = device(simulation, "amy"), device(simulation, "zhang")
    amy.connect(True, 0)
    zhang.connect(True, 0)
    await simulation.settle()
    before = simulation.journal.position
    zhang.send(chat(simulation, "zhang", "amy"), "one")
    await simulation.settle()
    simulation.journal.hold()
    zhang.send(chat(simulation, "zhang", "amy"), "two")
    await simulation.settle()
    simulation.router._sync_all()  # as the timer does, whenever it is due
    assert amy.token == f"1 {before + 1} amy"


async def test_a_message_is_told_delivered_once(open_simulation: Open) -> None:
    simulation = open_simulation()
    phone, desk = device(simulation, "amy"), device(simulation, "amy", "desk")
    for one in (phone, desk):
        one.connect(True, 0)
    await simulation.settle()
    known = {handle: name for name, handle in simulation.router.state.corps[CORP].consumers.items()}
    text = content.Text("x")
    for number in range(3):
        origin = Origin("till", f"{number}")
        await simulation.ask(commands.SendFor(CORP, origin, "member", "zhang", "consumer", known["amy"], text))
    single, before = chat(simulation, "zhang", "amy"), simulation.journal.position
    for one, upto, told in ((phone, 2, 2), (desk, 2, 2), (desk, 1, 2), (phone, 3, 3), (desk, 3, 3)):
        one.say(frames.Ack(((single, upto),)))
        await simulation.settle()
        assert simulation.journal.position == before + told


async def test_a_defect_in_deciding_refuses_one_recipient_and_ends_nothing(
    open_simulation: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = open_simulation()
    staff = [commands.PutMember(CORP, name, name, (7,)) for name in ("zhang", "li")]
    store, till = commands.PutDepartment(CORP, 7, "store", store=True), commands.PutApp(CORP, "till", "Till", "secret")
    await simulation.ask(store, till, *staff)
    check = policy.check

    def poisoned(state: State, attempt: Attempt) -> Refusal | None:
        assert attempt.conversation.people != (f"{CORP}/zhang",), "poison"
        return check(state, attempt)

    monkeypatch.setattr(policy, "check", poisoned)
    text = content.Text("open at nine")
    await simulation.ask(commands.SendFor(CORP, Origin("till", "1"), "app", "till", "store", "7", text))
    for _ in range(5):
        await simulation.router.query(lambda state, now_ms: None)
    assert simulation.router.statistics.defects == len(simulation.defects) == 1
    happened = [events.decode(record) for _, record in simulation.journal.replay(0)]
    refused = [event for event in happened if isinstance(event, events.CommandRefused)]
    assert [(event.recipient, event.code) for event in refused] == [(f"{CORP}/zhang", INTERNAL.code)]
    assert [event.sender for event in happened if isinstance(event, events.Posted) and event.origin] == [
        f"{CORP}/#till"
    ]
    simulation.defects.clear()


async def test_a_defect_in_an_acknowledgement_ends_nothing(
    open_simulation: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = open_simulation()
    amy = device(simulation, "amy")
    amy.connect(True, 0)
    await simulation.settle()
    monkeypatch.setattr(messages, "delivered", lambda *_: 1 // 0)
    amy.say(frames.Ack(()))
    amy.send(chat(simulation, "zhang", "amy"), "hello")
    while 1 not in amy.accepted:
        await asyncio.sleep(0)
        assert not simulation.turning.done()
    assert [type(defect) for defect in simulation.defects] == [ZeroDivisionError]
    simulation.defects.clear()


async def test_two_moves_of_the_clock_in_one_turn_add_up(open_simulation: Open) -> None:
    simulation = open_simulation()
    before = simulation.router.now_ms()
    day_ms = 86_400_000
    freeze, move = commands.SetClock(rate=0), commands.SetClock(advance_ms=day_ms)
    await simulation.ask(freeze, move, move)
    moved = simulation.router.now_ms() - before
    assert 2 * day_ms <= moved < 2 * day_ms + 60_000


async def test_a_reset_enterprise_leaves_no_recent_messages(open_simulation: Open) -> None:
    simulation = open_simulation()
    amy = device(simulation, "amy")
    amy.connect(True, 0)
    await simulation.settle()
    amy.send(chat(simulation, "zhang", "amy"), "of a former life")
    await simulation.settle()
    assert any(posted.sender == "amy" for _, posted in simulation.router.recent_messages)
    await simulation.ask(commands.ResetCorp(CORP))
    assert not any(posted.sender == "amy" for _, posted in simulation.router.recent_messages)

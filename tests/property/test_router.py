"""Whatever links do, every device ends up with exactly what it may read, and nothing is said before it is durable."""

import asyncio
import random
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import commands
from gateway.config import Config
from protocol import content, frames
from tests.property.simulated import CORP, WORLD, Device, Simulation, lived

NARROW = Config(
    turn_commands_max=5,
    turn_bytes_max=2_000,
    link_share_max=2,
    inbox_frames_max=4,
    outbox_bytes_max=300,
    catching_up_max=1,
    sync_interval_ms=0,
)
WIDE = Config(sync_interval_ms=0)

history = cache(lived)
Doing = Callable[[Device, int], None]


def conversations(device: Device) -> list[str]:
    """Name what this person's screen would offer to write in."""
    mail = device.simulation.mail
    return sorted(name for name, people in mail.inside.items() if device.person in people) or ["cv-nowhere"]


def pick(device: Device, choice: int) -> str:
    mine = conversations(device)
    return mine[choice % len(mine)]


def tea(device: Device) -> str:
    return device.simulation.router.state.corps[CORP].chats.get("chat-tea", "cv-gone")


def guest(device: Device, choice: int) -> str:
    """Name a consumer as the enterprise does."""
    known = device.simulation.router.state.corps[CORP].consumers
    return next((name for name, handle in known.items() if handle == ("bo", "amy")[choice % 2]), "wm-nobody")


def said(device: Device, choice: int) -> None:
    device.send(pick(device, choice), f"{device.person} {device.number}" * (1 + choice * 4))


def asked(make: Callable[[Device, int, int], frames.ClientCommand]) -> Doing:
    return lambda device, choice: device.command(lambda number: make(device, choice, number))


def stalled(device: Device, choice: int) -> None:
    assert device.pipe is not None
    device.pipe.stalled = True


def drained(device: Device, choice: int) -> None:
    assert device.pipe is not None
    device.pipe.drain()


ALWAYS: dict[str, Doing] = {
    "connect": lambda device, choice: device.connect(True, (256, 0, 1, 2)[choice]),
    "afresh": lambda device, choice: device.connect(False, 0),
    "drop": lambda device, choice: device.disconnect(),
}
LINKED: dict[str, Doing] = {
    "stall": stalled,
    "drain": drained,
    "send": said,
    "repeat": lambda device, choice: device.repeat(),
    "ack": lambda device, choice: device.say(frames.Ack(tuple(device.cursors.items())[:256])),
    "join": asked(lambda device, choice, number: frames.Join(number, "q-tea")),
    "leave": asked(lambda device, choice, number: frames.Leave(number, tea(device))),
    "remove": asked(
        lambda device, choice, number: frames.Remove(number, tea(device), consumers=(guest(device, choice),))
    ),
    "invite": asked(
        lambda device, choice, number: frames.Invite(number, tea(device), consumers=(guest(device, choice),))
    ),
    "scan": asked(lambda device, choice, number: frames.Scan(number, "q-li")),
    "delete": asked(lambda device, choice, number: frames.Delete(number, pick(device, choice))),
}
WORLDLY = ("hold", "let", "settle", "settle", "tick")
VERBS = (*ALWAYS, "connect", *LINKED, "send", "send", *WORLDLY)
Step = tuple[str, int, int]


async def happen(simulation: Simulation, verb: str, choice: int) -> None:
    """Let something happen to the gateway itself."""
    match verb:
        case "hold":
            simulation.journal.hold()
        case "let":
            simulation.journal.let()
        case "settle":
            await simulation.settle()
        case "reset":
            simulation.journal.let()
            await simulation.ask(commands.ResetCorp(CORP), *WORLD)
        case _:
            for _ in range(choice):
                await asyncio.sleep(0)


async def play(steps: list[Step], talk: int, config: Config) -> None:
    simulation = Simulation(history(talk), config)
    for verb, who, choice in steps:
        device = simulation.devices[who]
        if verb in ALWAYS:
            ALWAYS[verb](device, choice)
        elif verb not in LINKED:
            await happen(simulation, verb, choice)
        elif device.linked:
            LINKED[verb](device, choice)
    await simulation.finish()
    for device in simulation.devices:
        assert set(device.stored) == set(simulation.mail.boxes.get(device.person, {})), f"{device.person} {device.name}"
        for number, key in device.accepted.items():
            assert simulation.mail.accepted[device.person, device.name, number] == key
    await simulation.stop()


steps = st.tuples(st.sampled_from(VERBS), st.integers(0, 9), st.integers(0, 3))


@given(st.lists(steps, max_size=40), st.sampled_from((0, 70)), st.sampled_from((NARROW, WIDE)))
@settings(max_examples=60)
def test_every_device_gets_what_it_may_read(played: list[Step], talk: int, config: Config) -> None:
    asyncio.run(play(played, talk, config))


@pytest.mark.parametrize("seed", range(100))
def test_every_device_gets_what_it_may_read_in_a_long_life(seed: int) -> None:
    dice = random.Random(seed)
    verbs = (*VERBS, "reset") if seed % 2 else VERBS
    played = [(dice.choice(verbs), dice.randrange(10), dice.randrange(4)) for _ in range(dice.choice((60, 200)))]
    asyncio.run(play(played, dice.choice((0, 70, 130)), dice.choice((NARROW, WIDE))))


@pytest.mark.parametrize("reset", [commands.ResetCorp(CORP), commands.ResetWorld("seed")])
@pytest.mark.parametrize("greeted", [True, False])
async def test_what_waits_is_not_asked_of_whoever_comes_in_the_place_of_who_is_gone(
    reset: commands.Command, greeted: bool
) -> None:
    """Also where the new enterprise, with the same people, is made in the same turn; and behind a hello that waits."""
    simulation = Simulation(history(0), WIDE)
    simulation.journal.grew = lambda: None  # the records are looked at, not the mailboxes
    zhang = simulation.devices[0]
    zhang.connect(True, 256)
    if greeted:
        await simulation.settle()
    chat, turns = simulation.router.state.member(zhang.person).contacts["amy"], simulation.router.statistics.turns
    session = zhang.pipe.session if zhang.pipe is not None else None
    assert session is not None
    session.receive(session.codec.encode(frames.Send(1000, chat, content.Text("to the old one"))))
    simulation.router.ready(session)
    await simulation.ask(reset, *WORLD)
    assert simulation.router.statistics.turns == turns + 1
    assert simulation.router.state.member(zhang.person).contacts["amy"] == chat
    await simulation.settle()
    records = [simulation.journal.record(position + 1) for position in range(simulation.journal.position)]
    assert not [record for record in records if b"to the old one" in record]
    await simulation.stop()


async def test_what_waits_on_a_link_is_not_asked_with_a_token_that_is_revoked() -> None:
    simulation = Simulation(history(0), WIDE)
    zhang = simulation.devices[0]
    zhang.connect(True, 256)
    await simulation.settle()
    chat = simulation.router.state.member(zhang.person).contacts["amy"]
    session = zhang.pipe.session if zhang.pipe is not None else None
    assert session is not None
    session.receive(session.codec.encode(frames.Send(1000, chat, content.Text("by a token of before"))))
    simulation.router.ready(session)
    await simulation.ask(commands.RevokeToken(session.token_id, 2**40))
    await simulation.settle()
    records = [simulation.journal.record(position + 1) for position in range(simulation.journal.position)]
    assert not [record for record in records if b"by a token of before" in record]
    await simulation.stop()

"""Two hundred people want the last seat of a group at the same moment: exactly one gets it."""

import asyncio
from typing import Any

from adapters import consumer
from adapters.journal_memory import MemoryJournal
from gateway import commands, profile
from gateway.router import Router
from gateway.session import Session
from gateway.state import State
from protocol import frames
from protocol.codec import MSGPACK
from tests.property.simulated import PlainTokens, StillClock, decoded

GUESTS = 200


class Ear:
    """A pipe that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        self.told += decoded(data)

    def buffered(self) -> int:
        return 0

    async def writable(self) -> None:
        return

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading

    def close(self, code: int, reason: str) -> None:
        raise AssertionError(reason)


async def test_one_of_two_hundred_gets_the_last_seat() -> None:
    def defect(what: str, why: BaseException) -> None:
        raise AssertionError(what) from why

    router = Router(State(), MemoryJournal(), StillClock(), PlainTokens(), defect)
    turning = asyncio.create_task(router.run())
    await router.ask(commands.ResetWorld("seed"))
    await router.ask(commands.SetProfile(profile.read("wecom-2019-12")))
    await router.ask(commands.PutCorp("silk", "Silk", "silk", "certified"))
    await router.ask(commands.PutMember("silk", "zhang", "Zhang"))
    everyone = [f"guest{number}" for number in range(GUESTS + 98)]
    for name in everyone:
        await router.ask(commands.PutConsumer(name))
    sitting = tuple(everyone[GUESTS:])
    await router.ask(commands.PutGroup("silk", "tea", "zhang", "chat-tea", consumers=sitting))
    await router.ask(commands.PutCode("silk", chat_id="chat-tea", code="q-tea"))
    ears = []
    for name in everyone[:GUESTS]:
        ears.append(ear := Ear())
        session = Session(ear, MSGPACK, consumer.AUDIENCE, consumer.COMMANDS, name, "phone", "jti")
        router.open(session)
        session.receive(MSGPACK.encode(frames.Hello()))
        session.receive(MSGPACK.encode(frames.Join(1, "q-tea")))
        router.ready(session)
    await router.query(lambda state, now_ms: None)  # answered after all that stood before it
    answers = [frame for ear in ears for frame in ear.told if frame["type"] in {"accepted", "refused"}]
    assert sorted(answer.get("reason", "accepted") for answer in answers) == ["accepted", *["group_full"] * 199]
    group = router.state.group(router.state.corps["silk"].chats["chat-tea"])
    assert len(group.seats) == router.state.profile.group_size_max == 100
    router.stop()
    await turning

"""The stage: what scripts decide is done on the links, and counted from when it was meant, whoever keeps it waiting."""

import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest

from hutong.client import Conversation, Message, Refused
from hutong.crowd.books import Books
from hutong.crowd.cast import Cast
from hutong.crowd.file import Crowd, Persona
from hutong.crowd.stage import Stage

REFUSED = {"number": 1, "code": 910405, "reason": "not_related", "text": "", "advice": "change"}


class Phone:
    """A link in the place of a real one: answers when it may, and tells whoever waits how often it was asked."""

    def __init__(self, chats: list[str], corp: str) -> None:
        self.conversations = {name: Conversation(name, "single", corp, (), "") for name in chats}
        self.said: list[tuple[str, str]] = []
        self.deleted: list[str] = []
        self.reads = True
        self.answers = asyncio.Event()
        self.answers.set()
        self.refuses = False
        self._grown = asyncio.Condition()

    async def say(self, conversation: str, text: str) -> None:
        self.said.append((conversation, text))
        async with self._grown:
            self._grown.notify_all()
        await self.answers.wait()
        if self.refuses:
            raise Refused(REFUSED)

    async def delete(self, conversation: str) -> None:
        self.deleted.append(conversation)
        async with self._grown:
            self._grown.notify_all()

    def stop_reading(self) -> None:
        self.reads = False

    def read_on(self) -> None:
        self.reads = True

    async def has_said(self, times: int) -> None:
        async with self._grown:
            await self._grown.wait_for(lambda: len(self.said) >= times)

    async def has_deleted(self) -> None:
        async with self._grown:
            await self._grown.wait_for(lambda: self.deleted)


class Play:
    """A member with two customers, on phones; time is what the test says it is."""

    def __init__(self, clerk: dict[str, Any], customer: dict[str, Any]) -> None:
        personas = (
            Persona(name="clerk", side="member", count=1, **clerk),
            Persona(name="patient", side="consumer", count=2, **customer),
        )
        self.now_s = 100.0
        self.cast = Cast(Crowd(version=1, seed=7, persona=personas))
        self.books = Books(personas, 100)
        self.stage = Stage(self.cast, self.books, lambda: self.now_s)
        self.phones = [Phone(chats, self.cast.crowd.corpid) for chats in (["cv1", "cv2"], ["cv1"], ["cv2"])]
        for actor, phone in zip(self.cast.actors, self.phones, strict=True):
            actor.person = phone  # type: ignore[assignment]
        self.cast.learn_chats()

    def hears(self, who: int, conversation: str, text: str, side: str = "member") -> None:
        message = Message(self.cast.crowd.corpid, conversation, 1, 0, side, "x", {"kind": "text", "text": text})
        self.stage.heard(self.cast.actors[who], message)

    def deliver(self) -> None:
        """Have the other side hear all that was said."""
        for conversation, text in self.phones[0].said:
            self.hears(1 if conversation == "cv1" else 2, conversation, text)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what never comes be given up soon."""
    monkeypatch.setattr("hutong.crowd.stage.SETTLE_S", 0.01)


async def test_latency_counts_from_the_meaning_not_from_when_one_got_to_speak(soon: None) -> None:
    play = Play({"rate_per_s": 1000}, {})

    async def stalled() -> None:
        await play.phones[0].has_said(1)
        play.now_s += 60  # everything stood still, and what was meant meanwhile is said only now
        await play.phones[0].has_said(50)
        play.deliver()

    await play.stage.act(stalled())
    (tally,) = play.books.tallies()
    assert tally.heard >= 50
    assert tally.p50_ms is not None and tally.p50_ms > 59_000
    assert 59 < play.books.late_s < 61  # and that it was not the gateway is told


async def test_who_answers_does_so_in_the_same_conversation(soon: None) -> None:
    play = Play({}, {"answers": 1, "after_s": (0, 0)})

    async def asked() -> None:
        play.hears(1, "cv1", "hello")  # by somebody from outside
        await play.phones[1].has_said(1)

    assert not await play.stage.act(asked())  # nobody has heard the answer
    assert play.phones[1].said == [("cv1", "patient 0")]
    assert play.phones[2].said == []
    assert play.books.missing == 1


@pytest.mark.parametrize("side", ["consumer", "system"])
async def test_ones_own_words_that_come_back_and_notices_are_not_heard(side: str) -> None:
    play = Play({}, {"rate_per_s": 1000, "answers": 1, "deletes_after": 1})

    async def link_breaks() -> None:
        await play.phones[1].has_said(3)
        for conversation, text in play.phones[1].said[:3]:
            play.hears(0, conversation, text, "consumer")
            play.hears(1, conversation, text, side)

    play.books.even = AsyncMock(return_value=True)  # type: ignore[method-assign]
    assert await play.stage.act(link_breaks())
    assert play.books.duplicated == 0
    assert play.phones[1].deleted == []


async def test_who_is_written_to_too_often_deletes() -> None:
    play = Play({}, {"deletes_after": 2})

    async def pestered() -> None:
        for _ in range(2):
            play.hears(2, "cv2", "buy this")
        await play.phones[2].has_deleted()

    assert await play.stage.act(pestered())
    assert play.phones[2].deleted == ["cv2"]
    assert [row.deleted for row in play.books.rows] == [0, 1]


async def test_who_floods_goes_on_whatever_the_answer_is() -> None:
    play = Play({"floods": True}, {})
    play.phones[0].refuses = True
    assert await play.stage.act(play.phones[0].has_said(50))
    (tally,) = play.books.tallies()
    assert tally.sent == tally.refused >= 50
    assert {conversation for conversation, _ in play.phones[0].said} == {"cv1", "cv2"}


async def test_a_flood_ends_when_the_books_are_full() -> None:
    play = Play({"floods": True}, {})
    play.phones[0].refuses = True
    assert await play.stage.act(play.phones[0].has_said(100))
    assert len(play.phones[0].said) == 100


async def test_who_reads_nothing_does_so_until_the_end() -> None:
    play = Play({}, {"reads": False})
    during: list[bool] = []

    async def look() -> None:
        during.extend(phone.reads for phone in play.phones)

    assert await play.stage.act(look())
    assert during == [True, False, False]
    assert all(phone.reads for phone in play.phones)


async def test_nobody_acts_once_it_is_over_and_what_is_not_answered_has_an_end(soon: None) -> None:
    play = Play({"floods": True}, {"answers": 1, "after_s": (0, 0)})
    play.phones[0].answers.clear()
    assert not await play.stage.act(play.phones[0].has_said(1))
    assert play.books.unanswered == 1
    play.hears(1, "cv1", "hello")
    assert play.phones[1].said == []

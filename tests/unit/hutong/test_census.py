"""The demo's books: they must see what is lost, heard twice or overheard, or its last line means nothing."""

from typing import Any

import pytest

from hutong.client import Message, Refused
from hutong.demo.cast import Cast
from hutong.demo.census import Census
from hutong.demo.report import lines, verdict


class Speaker:
    """Says what it is told, and is refused if it is to be."""

    person = "ww1/zhangsan"

    def __init__(self, refused: bool = False) -> None:
        self.refused = refused

    async def say(self, conversation: str, text: str) -> str:
        if self.refused:
            told = {"code": 910601, "reason": "sender_frequency", "text": "used up", "advice": "later"}
            raise Refused({"number": 1, "rule": "frequency/x", "retry_at_ms": 1_795_303_996_830, **told})
        return "accepted"


def message(text: str, side: str = "member") -> Message:
    return Message("ww1", "cv1", 1, 0, side, "zhangsan", {"kind": "text", "text": text})


async def said(census: Census, *due: str, refused: bool = False) -> None:
    speaker: Any = Speaker(refused)
    await census.say("chat", speaker, "amy", "cv1", "hello", due)


@pytest.fixture
def census() -> Census:
    return Census()


async def test_what_everybody_heard_is_clean(census: Census) -> None:
    await said(census, "amy", "bob")
    census.hears("amy")(message("hello (1)"))
    census.hears("bob")(message("hello (1)"))
    await census.settle()
    assert verdict(census, Cast()) == (0, 0, 0)
    assert census.tally("chat")[:6] == ("chat", 1, 1, 0, 2, 2)
    assert census.tally("chat").p50_ms is not None


async def test_what_somebody_did_not_hear_is_lost(census: Census) -> None:
    await said(census, "amy", "bob")
    census.hears("amy")(message("hello (1)"))
    assert verdict(census, Cast()) == (1, 0, 0)


async def test_what_somebody_heard_twice_is_duplicated(census: Census) -> None:
    await said(census, "amy")
    for _ in range(2):
        census.hears("amy")(message("hello (1)"))
    assert verdict(census, Cast()) == (0, 1, 0)


async def test_what_somebody_heard_who_should_not_is_counted(census: Census) -> None:
    await said(census, "amy", refused=True)
    census.hears("amy")(message("hello (1)"))
    assert verdict(census, Cast())[1] == 1


async def test_no_text_is_said_twice(census: Census) -> None:
    assert [census.text("hello"), census.text("hello"), census.text("bye")] == ["hello (1)", "hello (2)", "bye (1)"]


async def test_a_refusal_is_shown_with_its_rule_and_when_to_try_again(census: Census) -> None:
    await said(census, "amy", refused=True)
    shown = "\n".join(lines(census, Cast()))
    assert "frequency/x" in shown
    assert "2026-11-22 07:33:16" in shown
    assert "0 lost, 0 duplicated, 0 out of order" in shown

"""The crowd's books: what is lost, heard twice or by the wrong one is seen, and latency counts from the meaning."""

import pytest

from hutong.client import Refused
from hutong.crowd.books import Books
from hutong.crowd.file import Persona

REFUSED = Refused(
    {"number": 1, "code": 910601, "reason": "sender_frequency", "text": "", "advice": "later", "rule": "frequency/x"}
)
AMY, BOB = 0, 1


@pytest.fixture
def books() -> Books:
    return Books((Persona(name="clerk", side="member", count=2), Persona(name="bot", side="member", count=1)), 10)


async def test_what_was_heard_is_even_whichever_comes_first(books: Books) -> None:
    first, second = books.begin(0, AMY, 1.0, 1.0), books.begin(0, BOB, 1.5, 1.5)
    books.accept(first)
    assert not await books.even(0)
    books.hear(first, AMY, 3.0)
    books.hear(second, BOB, 2.0)
    books.accept(second)
    assert await books.even(0)
    (tally,) = books.tallies()
    assert tally[:6] == ("clerk", 2, 2, 0, 2, 2)
    assert list(tally[6:]) == pytest.approx([1250, 1985])
    assert (books.missing, books.duplicated, books.unanswered) == (0, 0, 0)


async def test_what_nobody_heard_is_missing(books: Books) -> None:
    books.accept(books.begin(0, AMY, 1.0, 1.0))
    assert books.missing == 1 and not await books.even(0)


async def test_what_is_heard_twice_or_by_somebody_else_or_was_refused_is_duplicated(books: Books) -> None:
    for listeners in ([AMY, AMY], [BOB]):
        number = books.begin(0, AMY, 1.0, 1.0)
        for listener in listeners:
            books.hear(number, listener, 2.0)
    refused_first, heard_first = books.begin(1, AMY, 1.0, 1.0), books.begin(1, AMY, 1.0, 1.0)
    books.refuse(refused_first, REFUSED)
    books.hear(refused_first, AMY, 2.0)
    books.hear(heard_first, AMY, 2.0)
    books.refuse(heard_first, REFUSED)
    assert books.duplicated == 4


async def test_refusals_are_counted_by_persona_and_rule(books: Books) -> None:
    for persona in (0, 1, 1):
        books.refuse(books.begin(persona, AMY, 1.0, 1.0), REFUSED)
    told = [(one.persona, one.rule, one.advice, one.times) for one in books.refusals.values()]
    assert told == [("clerk", "frequency/x", "later", 1), ("bot", "frequency/x", "later", 2)]
    assert [tally[:6] for tally in books.tallies()] == [("clerk", 1, 0, 1, 0, 0), ("bot", 2, 0, 2, 0, 0)]


async def test_who_reads_late_is_counted_and_not_timed(books: Books) -> None:
    number = books.begin(0, AMY, 1.0, 1.0)
    books.accept(number)
    books.hear(number, AMY, 60.0, timed=False)
    (tally,) = books.tallies()
    assert (tally.heard, tally.p50_ms) == (1, None)


async def test_a_text_is_known_by_its_words_and_a_strangers_is_not(books: Books) -> None:
    numbers = [books.begin(persona, AMY, 1.0, 1.0) for persona in (0, 1)]
    assert [books.text(number) for number in numbers] == ["clerk 0", "bot 1"]
    assert [books.number(text) for text in ("clerk 0", "bot 1")] == [0, 1]
    for text in ("hello", "clerk 1", "clerk 2", "clerk ²", "clerk -1", "", "clerk 00"):
        assert books.number(text) is None


async def test_what_was_not_answered_is_told_and_full_books_take_no_more(books: Books) -> None:
    for _ in range(10):
        assert not books.full
        books.begin(0, AMY, 1.0, 1.0)
    assert books.full and books.unanswered == 10

"""Looking back: nothing is told before it is durable, and a cursor leaves nothing out and repeats nothing."""

from collections import deque

from gateway.events import Posted
from gateway.queries import recent
from gateway.queries.recent import DecisionFilter, MessageFilter
from gateway.refusal import Refusal
from gateway.state import State
from gateway.writer import Decision
from protocol.codec import MSGPACK
from protocol.content import AnyContent, Link, Stream, Text
from protocol.errors import BLOCKED
from protocol.frames import Message


def posted(place: int, content: AnyContent, conversation: str = "cv1") -> tuple[int, Posted]:
    frame = MSGPACK.encode(Message("ww1", conversation, place, 1000 + place, "member", "lin", content))
    return place, Posted(conversation, place, 0, 1000 + place, "ww1/lin", frame)


RING = deque(
    [
        posted(1, Text("one")),
        posted(2, Text("two"), "cv2"),
        posted(3, Link("a title", "https://example.com")),
        posted(4, Text("four")),
    ]
)


def places(wanted: MessageFilter, durable: int = 9, after: int = 0) -> list[int]:
    return [view.position for view in recent.messages(State(), reversed(RING), durable, wanted, after)]


def test_messages_wanted_come_newest_first() -> None:
    assert places(MessageFilter()) == [4, 3, 2, 1]
    assert places(MessageFilter(conversation="cv2")) == [2]
    assert places(MessageFilter(contains="title")) == [3]
    assert places(MessageFilter(contains="o")) == [4, 3, 2, 1]
    assert places(MessageFilter(person="ww1/lin")) == [4, 3, 2, 1]
    assert places(MessageFilter(person="nobody")) == []


def test_what_an_app_changes_of_its_words_is_the_app_s() -> None:
    frame = MSGPACK.encode(Message("ww1", "cv1", 2, 1, "app", "aib", Stream("s", "more", updates=1)))
    (view,) = recent.messages(State(), [(2, Posted("cv1", 2, 1, 1, "", frame))], 2, MessageFilter(), 0)
    assert view.person == "ww1/#aib"


def test_message_is_not_told_before_it_is_durable() -> None:
    assert places(MessageFilter(), durable=2) == [2, 1]


def test_cursor_leaves_out_what_was_looked_at() -> None:
    assert places(MessageFilter(), after=2) == [4, 3]
    assert places(MessageFilter(), after=4) == []


def test_decisions_are_told_when_what_they_are_about_is_durable() -> None:
    ring = [
        Decision(1, 5, 1000, "amy", "Scan", "cv1", 1, None),
        Decision(2, 5, 1001, "amy", "Send", "cv1", 2, Refusal(BLOCKED, "consent/blocked")),
        Decision(3, 8, 1002, "", "PutCorp", "", 0, None),
    ]

    def ordinals(wanted: DecisionFilter, durable: int = 9, after: int = 0) -> list[int]:
        return [view.ordinal for view in recent.decisions(reversed(ring), durable, wanted, after)]

    assert ordinals(DecisionFilter()) == [3, 2, 1]
    assert ordinals(DecisionFilter(), durable=5) == [2, 1]
    assert ordinals(DecisionFilter(person="amy"), after=1) == [2]
    assert ordinals(DecisionFilter(reason="blocked")) == [2]
    assert ordinals(DecisionFilter(reason="muted")) == []

"""Views of what happened lately: messages as they were accepted, and decisions, refusals among them.

Rules of the file:
- Nothing is told before it is durable, although a turn notes it a little earlier.
- A cursor is the place in the journal of a message, the ordinal of a decision: all up to there has been looked at.
"""

from collections.abc import Iterable, Iterator
from itertools import takewhile

import msgspec
from msgspec import Struct

from gateway.events import Posted
from gateway.state import State
from gateway.writer import Decision
from protocol.codec import decode_message
from protocol.content import AnyContent, Text
from protocol.frames import Badge, Message, Side
from protocol.ids import app_key


class MessageView(Struct, frozen=True, omit_defaults=True):
    """A message. `person` said it (empty for the system), `sender` is how the enterprise names them."""

    position: int
    corpid: str
    conversation: str
    sequence: int
    time_ms: int
    side: Side
    sender: str
    person: str
    content: AnyContent
    badge: Badge | None = None


class DecisionView(Struct, frozen=True, omit_defaults=True):
    """A decision: `what` was asked by `person`, and the refusal if it was refused.

    `person` is empty where control asked, an app where it called the vendor's API, the corpid where a service asked
    over MQTT (`SendFor`), and the recipient whom a message to a store could not reach (`SliceJob`). `repeated` is a
    command heard before: its first outcome stands, and nothing is accepted anew.
    """

    ordinal: int
    time_ms: int
    what: str
    accepted: bool
    person: str = ""
    conversation: str = ""
    number: int = 0
    reason: str = ""
    code: int = 0
    rule: str = ""
    retry_at_ms: int = 0
    repeated: bool = False


class MessageFilter(Struct, frozen=True):
    """Which messages: of a conversation, that a person may read, that hold a text."""

    conversation: str = ""
    person: str = ""
    contains: str = ""


class DecisionFilter(Struct, frozen=True):
    person: str = ""
    reason: str = ""


def messages(
    state: State, recent: Iterable[tuple[int, Posted]], durable: int, wanted: MessageFilter, after: int
) -> Iterator[MessageView]:
    """Give those wanted above `after`, newest first. `recent` comes newest first too."""
    for position, posted in takewhile(lambda placed: placed[0] > after, recent):
        if position <= durable and _wants_place(state, posted, wanted):
            view = _message(state, position, posted)
            if wanted.contains in _text_of(view.content):
                yield view


def _wants_place(state: State, posted: Posted, wanted: MessageFilter) -> bool:
    if wanted.conversation and posted.conversation != wanted.conversation:
        return False
    if not wanted.person or posted.sender == wanted.person:
        return True
    person = state.people.get(wanted.person)
    return person is not None and person.may_read(posted.conversation, posted.sequence)


def _message(state: State, position: int, posted: Posted) -> MessageView:
    frame = decode_message(posted.frame)
    return MessageView(
        position, frame.corp, frame.conversation, frame.sequence, frame.time_ms, frame.side, frame.sender,
        posted.sender or _whose(state, frame), frame.content, frame.badge,
    )  # fmt: skip


def _whose(state: State, frame: Message) -> str:
    """Tell whose words they are where the record names nobody, since nothing counts them: an app goes on, say."""
    if frame.side == "app":
        return app_key(frame.corp, frame.sender)
    corp = state.corps.get(frame.corp)
    return corp.members.get(frame.sender, "") if corp is not None and frame.side == "member" else ""


def _text_of(content: AnyContent) -> str:
    """Give what a message says, as one text to search in."""
    return content.text if isinstance(content, Text) else "\n".join(map(str, msgspec.structs.astuple(content)))


def decisions(
    recent: Iterable[Decision], durable: int, wanted: DecisionFilter, after: int
) -> Iterator[DecisionView]:  # fmt: skip
    """Give those wanted above `after`, newest first. `recent` comes newest first too."""
    for decision in takewhile(lambda one: one.ordinal > after, recent):
        reason = decision.refusal.reason.name if decision.refusal is not None else ""
        if decision.position > durable or wanted.person not in ("", decision.person):
            continue
        if wanted.reason in ("", reason):
            yield _decision(decision)


def _decision(one: Decision) -> DecisionView:
    said = one.refusal
    reason, code = (said.reason.name, said.reason.code) if said is not None else ("", 0)
    rule, retry_at_ms = (said.rule, said.retry_at_ms) if said is not None else ("", 0)
    accepted = said is None and not one.repeated
    return DecisionView(
        one.ordinal, one.time_ms, one.what, accepted, one.person, one.conversation, one.number, reason, code,
        rule, retry_at_ms, one.repeated,
    )  # fmt: skip

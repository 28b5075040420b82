"""Views of an enterprise's mass messages: which there are, their members' parts, what became of each recipient."""

from collections.abc import Iterator

from msgspec import Struct

from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.mass import NOT_SENT, SENT, MassMessage, Part
from protocol.errors import DISPATCHING, UNKNOWN_TASK


class Received(Struct, frozen=True, gc=False):
    """What became of one recipient, a customer (external_userid) or a group (chat_id)."""

    userid: str
    external_userid: str
    chat_id: str
    status: int
    sent_s: int  # 0 where it was not


def find(state: State, corpid: str, name: str) -> MassMessage | Refusal:
    """Give a mass message whose parts may be looked at."""
    message = state.corps[corpid].mass.messages.get(name)
    if message is None:
        return Refusal(UNKNOWN_TASK)
    return message if message.dispatch not in state.jobs else Refusal(DISPATCHING)


def made(state: State, corpid: str, since_ms: int, until_ms: int, after: int) -> Iterator[MassMessage]:
    """Give those made from one moment up to another, the oldest first; none up to the number `after`."""
    for message in state.corps[corpid].mass.messages.values():
        if since_ms <= message.made_ms <= until_ms and message.number > after:
            yield message


def received(state: State, message: MassMessage, userids: tuple[str, ...], skip: int, count: int) -> list[Received]:
    """Give what became of the recipients of these members' parts, in order."""
    rows: list[Received] = []
    for userid in userids:
        part = message.parts[userid]
        places = range(len(part.recipients))[skip : skip + count - len(rows)]
        rows += [_received(state, userid, part, place) for place in places]
        skip = max(0, skip - len(part.recipients))
    return rows


def _received(state: State, userid: str, part: Part, place: int) -> Received:
    status = part.results[place] if place < len(part.results) else NOT_SENT
    chat = state.conversations[part.recipients[place]]
    customer = state.name_of(chat.corpid, chat.relation.consumer) if chat.relation is not None else ""
    chat_id = chat.group.chat_id if chat.group is not None else ""
    return Received(userid, customer, chat_id, status, part.second_of(place) if status == SENT else 0)

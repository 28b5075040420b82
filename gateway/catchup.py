"""What a link has missed: compare heads with where the device stands, and name what is to be read.

A plan is a list of chunks. A chunk is read by walking the journal back from `position` for at most 64 records; the
person's own affairs come first, since they tell of conversations that are new.
"""

from msgspec import Struct

from gateway.state import State
from gateway.state.conversations import STRIDE, Conversation
from gateway.state.people import AnyPerson


class Chunk(Struct, frozen=True, gc=False):
    """Records of one conversation to be sent: those of `first` to `last` that stand above `after`."""

    conversation: Conversation
    position: int
    count: int
    first: int
    last: int
    after: int


def plan(state: State, person: AnyPerson, after: int, cursors: dict[str, int]) -> list[Chunk]:
    """List what stands above position `after`, and above the cursor of each conversation, and may be read."""
    chunks: list[Chunk] = []
    missed = [
        conversation
        for name in person.conversations
        if (conversation := state.conversations[name]).head_position > after
    ]
    missed.sort(key=lambda conversation: conversation.kind != "own")
    for conversation in missed:
        first = max(conversation.sequence_after(after), cursors.get(conversation.id, 0) + 1)
        ends = person.conversations[conversation.id] or (1,)
        for start, end in zip(ends[::2], (*ends[1::2], conversation.head), strict=False):
            chunks += _chunks(conversation, max(first, start), min(end, conversation.head), after)
    return chunks


def _chunks(conversation: Conversation, first: int, last: int, after: int) -> list[Chunk]:
    """Cut an interval of sequences at the marks, oldest first."""
    chunks = []
    while first <= last:
        top = (first + STRIDE - 1) // STRIDE * STRIDE  # the mark at or above `first`
        position, top = conversation.position_of_chunk(first), min(top, conversation.head)
        chunks.append(Chunk(conversation, position, top - first + 1, first, min(top, last), after))
        first = top + 1
    return chunks

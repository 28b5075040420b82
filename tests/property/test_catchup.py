"""What a plan reads from a journal is what a naive walk over all events says: no gap, nothing beyond membership."""

from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.journal_memory import MemoryJournal
from gateway import catchup, events
from gateway.events import AnyEvent, Posted
from gateway.state import State

CORP = "silk"
WHO = "amy"
OTHER = "bo"
GROUPS = ("tea", "rice")


class Told(NamedTuple):
    """A record that amy may read."""

    conversation: str
    sequence: int
    position: int


class History:
    """Two groups that amy joins and leaves, and her own affairs; with the naive list of what she may read."""

    def __init__(self) -> None:
        self.state = State()
        self.journal = MemoryJournal()
        self.readable: list[Told] = []
        self.inside: set[str] = {"own"}
        begin: tuple[AnyEvent, ...] = (
            events.WorldReset(1, "seed", 1),
            events.CorpPut(CORP, "", "", "certified", 0, 1),
            events.MemberPut(CORP, "li", "Li", (), True, True, own="own of li"),
            events.ConsumerPut(WHO, "", ""),
            events.ConsumerPut(OTHER, "", ""),
            events.ConsumerKnown(WHO, CORP, "wm-amy", "own"),
            events.ConsumerKnown(OTHER, CORP, "wm-bo", "own of bo"),
            *(events.GroupPut(CORP, name, name, name, f"{CORP}/li", (), "", 1) for name in GROUPS),
        )
        for event in begin:
            self.add(event)

    def add(self, event: AnyEvent) -> None:
        self.state.apply(event)
        self.journal._records.append(events.encode(event))
        if isinstance(event, Posted) and event.conversation in self.inside:
            self.readable.append(Told(event.conversation, event.sequence, self.state.position))

    def post(self, name: str) -> None:
        at = self.state.conversations[name]
        self.add(Posted(name, at.head + 1, at.head_position, 1, "", b""))

    def turn(self, name: str) -> None:
        """Let amy join a group, or leave it; both records are hers."""
        head = self.state.conversations[name].head
        if name in self.inside:
            self.post(name)
            self.add(events.Left(name, WHO, head + 1, "left", 1))
            self.inside.discard(name)
        else:
            self.add(events.Joined(name, WHO, head + 1, "scanned", 1))
            self.inside.add(name)
            self.post(name)

    async def read(self, after: int, cursors: dict[str, int]) -> list[Told]:
        """Read a plan, as the router does."""
        found = []
        for chunk in catchup.plan(self.state, self.state.people[WHO], after, cursors):
            for position, record in await self.journal.walk(chunk.position, chunk.count, chunk.after):
                post = events.decode(record)
                assert isinstance(post, Posted)
                assert chunk.count <= 64
                if chunk.first <= post.sequence <= chunk.last:
                    found.append(Told(post.conversation, post.sequence, position))
        return found


def lived(steps: list[tuple[str, int]]) -> History:
    history = History()
    for what, count in steps:
        if what.startswith("turn"):
            history.turn(what.partition(" ")[2])
        else:
            for _ in range(count):
                history.post(what)
    return history


steps = st.lists(
    st.tuples(st.sampled_from(("tea", "rice", "own", "own of bo", "turn tea", "turn rice")), st.integers(1, 70)),
    max_size=14,
)
AROUND_MARKS = [("turn tea", 1), ("tea", 62), ("turn tea", 1), ("tea", 64), ("turn tea", 1), ("tea", 63)]


@given(steps, st.integers(0, 10**6), st.dictionaries(st.sampled_from(("tea", "rice", "own")), st.integers(0, 200)))
@settings(max_examples=300)
@example(AROUND_MARKS, 0, {})
@example(AROUND_MARKS, 75, {"tea": 64})
@example([("turn tea", 1), ("tea", 127), ("own", 64)], 73, {"own": 63})
async def test_a_plan_reads_exactly_what_was_missed(
    some: list[tuple[str, int]], after: int, cursors: dict[str, int]
) -> None:
    history = lived(some)
    after %= history.state.position + 1
    found = await history.read(after, cursors)
    missed = [
        one for one in history.readable if one.position > after and one.sequence > cursors.get(one.conversation, 0)
    ]
    assert len(found) == len(set(found)), "nothing twice"
    assert set(found) == set(missed)
    for name in ("own", *GROUPS):
        sequences = [one.sequence for one in found if one.conversation == name]
        assert sequences == sorted(sequences), "in order"
    kinds = [one.conversation == "own" for one in found]
    assert kinds == sorted(kinds, reverse=True), "own affairs first"


@given(steps)
@settings(max_examples=100)
async def test_whoever_stands_at_the_head_has_missed_nothing(some: list[tuple[str, int]]) -> None:
    history = lived(some)
    person = history.state.people[WHO]
    assert catchup.plan(history.state, person, history.state.position, {}) == []
    heads = {name: history.state.conversations[name].head for name in person.conversations}
    assert catchup.plan(history.state, person, 0, heads) == []


@given(steps)
@settings(max_examples=100)
def test_what_may_be_read_is_what_was_said_while_inside(some: list[tuple[str, int]]) -> None:
    history = lived(some)
    person = history.state.people[WHO]
    readable = {(one.conversation, one.sequence) for one in history.readable}
    for name in ("own", "own of bo", *GROUPS):
        for sequence in range(1, history.state.conversations[name].head + 1):
            assert person.may_read(name, sequence) == ((name, sequence) in readable)

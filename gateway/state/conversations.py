"""Conversations: where the log of each stands, and what each is about.

The log itself is in the journal. A conversation keeps the position of its newest record and of every 64th, so that
writing needs no index and reading forward from anywhere is at most 63 steps back.

There may be millions: what is rare takes no room until it is there, and since nothing here leads back to itself, the
garbage collector need not know of it (`gc=False`).
"""

from bisect import bisect_right
from typing import Final, Literal

from msgspec import Struct, field

from gateway.events import JoinScene, RelationStatus

STRIDE: Final = 64
CONVERSATIONS_MAX: Final = 5_000_000  # of the whole world

Kind = Literal["single", "group", "app", "own", "app_group"]


class RelationDetails(Struct, array_like=True, frozen=True, gc=False):
    """What few relations have: the state of a code, and what the member has noted."""

    state: str = ""
    remark: str = ""
    tags: tuple[str, ...] = ()
    description: str = ""
    company: str = ""
    mobiles: tuple[str, ...] = ()
    picture: str = ""  # media_id
    tag_ids: tuple[str, ...] = ()  # the enterprise's tags; `tags` are the member's own


NOTHING_NOTED: Final = RelationDetails()


class Relation(Struct, array_like=True, gc=False):
    """What a single chat is about: where its member and consumer stand.

    The chat was at `began` when the two last came together.
    """

    member: str
    consumer: str
    status: RelationStatus
    added_by: int = 0
    blocked_by_member: bool = False
    blocked_by_consumer: bool = False
    since_ms: int = 0
    made_ms: int = 0
    began: int = 0
    replied: bool = False  # whether the consumer has ever said something here
    confirmed: bool = False  # a customer toward the vendor's API, also while deleted by the consumer (DOC 90313: 84061)
    details: RelationDetails | None = None  # None costs a million relations nothing

    @property
    def noted(self) -> RelationDetails:
        return self.details or NOTHING_NOTED

    @property
    def live(self) -> bool:
        return self.status in ("half", "mutual")


class Arrival(Struct, array_like=True, frozen=True, gc=False, omit_defaults=True):
    """How those came who joined with one record: at what time, invited by whom, by a code with which state."""

    time_ms: int
    scene: JoinScene
    by: str = ""
    state: str = ""


class Group(Struct, array_like=True, gc=False):
    """What a group's conversation is about. `seats` maps to the sequence of the joining, and `arrivals` tells of it.

    `version` is the sequence of the newest joining or leaving.
    """

    chat_id: str
    name: str
    owner: str
    admins: tuple[str, ...] = ()
    notice: str = ""
    seats: dict[str, int] = field(default_factory=dict)
    version: int = 0
    made_ms: int = 0
    arrivals: dict[int, Arrival] = field(default_factory=dict)
    dismissed: bool = False
    bots: dict[str, bool] = field(default_factory=dict)  # agent_id → whether anybody here has called it


class AppChat(Struct, array_like=True, gc=False):
    """What an app's conversation with a person is about; with a bot, when it was entered last, and if it was used."""

    agent_id: str
    person: str
    entered_day: int = -1  # days as windows number them; -1: never
    written: bool = False


class Awaited(Struct, array_like=True, frozen=True, gc=False):
    """An MQTT command wants to hear when a person first acknowledges past its message."""

    sequence: int
    person: str
    source: str
    id: str


class Conversation(Struct, array_like=True, gc=False):
    """A dense sequence of records. `person` is set on somebody's own affairs, one of the others elsewhere."""

    id: str
    kind: Kind
    corpid: str
    head: int = 0
    head_position: int = 0
    marks: list[int] | None = None  # None until there is one, as in most conversations
    person: str = ""
    relation: Relation | None = None
    group: Group | None = None
    app: AppChat | None = None
    awaited: tuple[Awaited, ...] = ()
    recalled: tuple[int, ...] = ()  # sequences of what was taken back

    def advance(self, position: int) -> None:
        """Take in that one more record stands at this position."""
        self.head += 1
        self.head_position = position
        if self.head % STRIDE == 0:
            self.marks = self.marks or []
            self.marks.append(position)

    def position_of_chunk(self, sequence: int) -> int:
        """Give a position from which walking back reaches `sequence`: the next mark at or above it, or the head."""
        chunk, marks = (sequence + STRIDE - 1) // STRIDE, self.marks or ()
        return marks[chunk - 1] if chunk <= len(marks) else self.head_position

    def sequence_after(self, position: int) -> int:
        """Give a sequence at or below the first one that stands above `position`, at most 63 too low."""
        return bisect_right(self.marks or (), position) * STRIDE + 1

    @property
    def people(self) -> tuple[str, ...]:
        """Name those who are in now."""
        if self.relation is not None:
            return (self.relation.member, self.relation.consumer)
        if self.group is not None:
            return tuple(self.group.seats)
        return (self.app.person,) if self.app is not None else (self.person,)

"""Mass messages: what is to be said to many, by which members, and what became of each recipient.

An enterprise's are bounded in number and in recipients: when there are too many, the oldest finished ones are dropped.
"""

from typing import Final, Literal

from msgspec import Struct, field

from protocol.content import Sendable

MESSAGES_MAX: Final = 10_000  # kept of one enterprise
RECIPIENTS_MAX: Final = 1_000_000  # of all that are kept of one enterprise

ChatType = Literal["single", "group"]

NOT_SENT: Final = 0  # what became of a recipient, as the vendor numbers it (DOC 93338)
SENT: Final = 1
NOT_A_FRIEND: Final = 2
HAD_OTHERS: Final = 3  # has received as many mass messages as the rules allow


class Part(Struct, array_like=True):
    """One member's part: whom it is for, by conversation, and a byte for each who has an outcome so far.

    `sent_s` says up to how many of them had theirs in which second.
    """

    recipients: tuple[str, ...]
    sent_ms: int = 0  # when the member confirmed it
    results: bytes = b""
    sent_s: list[tuple[int, int]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return len(self.results) == len(self.recipients)

    def take(self, results: bytes, time_ms: int) -> None:
        """Take in what became of the next recipients."""
        self.results += results
        if self.sent_s and self.sent_s[-1][1] == time_ms // 1000:
            self.sent_s.pop()
        self.sent_s.append((len(self.results), time_ms // 1000))

    def second_of(self, place: int) -> int:
        """Tell in which second a recipient had an outcome."""
        return next(second for upto, second in self.sent_s if place < upto)


class MassMessage(Struct, array_like=True):
    """A message to many. `creator` is the member who made it, empty where the enterprise did through its API."""

    id: str
    chat_type: ChatType
    contents: tuple[Sendable, ...]
    creator: str
    made_ms: int
    allow_select: bool
    parts: dict[str, Part]  # by userid
    dispatch: int = 0  # the job that tells the members of it; until it is gone the parts are not shown
    cancelled: bool = False
    reminded_ms: list[int] = field(default_factory=list)
    number: int = 0  # of those that the enterprise ever had, from 1

    @property
    def counted(self) -> Literal["corp_mass", "own_mass"]:
        """Name the side whose frequency rules count it."""
        return "own_mass" if self.creator else "corp_mass"

    @property
    def finished(self) -> bool:
        """Tell whether nobody will receive it any more."""
        return all(part.done or (self.cancelled and not part.sent_ms) for part in self.parts.values())

    @property
    def size(self) -> int:
        return sum(len(part.recipients) for part in self.parts.values())


class Mass(Struct, array_like=True):
    """The mass messages of one enterprise, in the order they were made."""

    made: int = 0
    recipients: int = 0
    messages: dict[str, MassMessage] = field(default_factory=dict)

    def is_over(self, more: int) -> bool:
        """Tell whether one more message to so many would be too much beside what is kept."""
        return len(self.messages) >= MESSAGES_MAX or self.recipients + more > RECIPIENTS_MAX

    def has_room(self, more: int) -> bool:
        """Tell whether one more message to so many fits, once those that are finished are dropped."""
        if not self.is_over(more):
            return True
        going = [message for message in self.messages.values() if not message.finished]
        return len(going) < MESSAGES_MAX and sum(message.size for message in going) + more <= RECIPIENTS_MAX

    def keep(self, message: MassMessage) -> None:
        """Keep one more, in place of the oldest finished ones if there are too many."""
        size = message.size
        while self.is_over(size):
            oldest = next(known for known in self.messages.values() if known.finished)
            self.recipients -= oldest.size
            del self.messages[oldest.id]
        self.made += 1
        message.number = self.made
        self.recipients += size
        self.messages[message.id] = message

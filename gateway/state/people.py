"""Who there is: members, consumers, and the devices that speak for them."""

from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct, field

from gateway.state.corps import ROOT
from protocol.ids import member_key
from protocol.wecom.members import NO_DETAILS, MemberDetails

ANSWERS_MAX: Final = 64  # acceptances a device keeps, so that a repeat gets its first answer
DEVICES_MAX: Final = 16  # devices of one person that may send


class Answer(Struct, array_like=True, frozen=True, gc=False):
    """What a device was told about one of its numbers. `digest` is a checksum of the body it came with."""

    number: int
    digest: int
    conversation: str
    sequence: int
    time_ms: int


class Device(Struct, array_like=True, gc=False):
    """The last number accepted, and the last answers as a ring."""

    last_number: int = 0
    answered: int = 0
    answers: list[Answer] = field(default_factory=list)

    def keep(self, answer: Answer) -> None:
        """Remember an acceptance, in place of the oldest once the ring is full."""
        self.last_number = answer.number
        if self.answered < ANSWERS_MAX:
            self.answers.append(answer)
        else:
            self.answers[self.answered % ANSWERS_MAX] = answer
        self.answered += 1

    def find(self, number: int) -> Answer | None:
        """Give the first answer to this number, if it is still known."""
        return next((answer for answer in self.answers if answer.number == number), None)


@lru_cache(maxsize=1024)
def stay_since(sequence: int) -> tuple[int, ...]:
    """Give the interval that begins here: one tuple for all who came with one record."""
    return (sequence,)


class Person(Struct, array_like=True, tag=True, gc=False):
    """What members and consumers share.

    `conversations` maps to intervals of sequence, flat: (first, last, first, last, …, first) with both ends readable,
    an open end while the person is in; empty where all of it is theirs.
    """

    key: str
    conversations: dict[str, tuple[int, ...]] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    contacts: dict[str, str] = field(default_factory=dict)  # the other side's key → conversation

    def may_read(self, conversation: str, sequence: int) -> bool:
        """Tell whether this message was there while the person was."""
        ends = self.conversations.get(conversation)
        if not ends:
            return ends is not None
        firsts, lasts = ends[::2], (*ends[1::2], sequence)
        return any(first <= sequence <= last for first, last in zip(firsts, lasts, strict=False))


class Member(Person, tag="m"):
    """A person of an enterprise. `own` is the conversation of the member's own affairs."""

    corpid: str = ""
    userid: str = ""
    name: str = ""
    departments: tuple[int, ...] = ()
    activated: bool = True
    real_name_verified: bool = True
    departed: bool = False
    own: str = ""
    live_contacts: int = 0
    details: MemberDetails | None = None  # None costs a million members nothing

    @property
    def noted(self) -> MemberDetails:
        return self.details or NO_DETAILS

    @property
    def active(self) -> bool:
        """Tell whether the member is there and logs in: has joined, is not disabled, has not left."""
        return self.activated and not self.departed and self.noted.enabled

    @property
    def placed(self) -> tuple[int, ...]:
        """Give the departments; who is in none is in the root."""
        return self.departments or (ROOT,)

    @property
    def side(self) -> Literal["member"]:
        return "member"


class Known(Struct, array_like=True, gc=False):
    """A consumer as one enterprise knows them: its id for them, their affairs there, and their own switch."""

    external_userid: str
    own: str
    muted: bool = False
    ties: int = 0  # live relations and seats: a customer of the enterprise while above 0


class Consumer(Person, tag="c"):
    """A person on WeChat."""

    nickname: str = ""
    unionid: str = ""
    known: dict[str, Known] = field(default_factory=dict)  # corpid → as known there
    forgotten: dict[str, int] = field(default_factory=dict)  # corpid → position of the reset that made it unknown

    @property
    def side(self) -> Literal["consumer"]:
        return "consumer"


AnyPerson = Member | Consumer

__all__ = ["ANSWERS_MAX", "DEVICES_MAX", "Answer", "AnyPerson", "Consumer", "Device", "Known", "Member", "member_key"]

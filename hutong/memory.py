"""What a device stores of its conversations, and the ledger that tells whether the gateway kept its promises.

Rules of the file:
- A conversation is stored up to a sequence without holes, and beyond it in pieces; a hole below what was pushed that
  is still open when the gateway says `synced` is a loss.
- A repeat while catching up is allowed and dropped; a repeat of somebody else's words on a live link is a defect.
- A group starts with the record of one's joining. Whoever left and came back has a hole there, rightly.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

CURSORS_MAX = 256  # pairs that one hello may carry
OWN_MAX = 256  # own sends remembered: a link that was cut over gets them again as records


class Message(NamedTuple):
    """One record of a conversation, as this device received it."""

    corp: str
    conversation: str
    sequence: int
    time_ms: int
    side: str
    sender: str
    content: dict[str, Any]
    badge: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """Show the words, where there are any."""
        return str(self.content.get("text", ""))

    @property
    def affair(self) -> str:
        """Name what a notice of the system is about; empty for what people say."""
        return str(self.content.get("affair", ""))


class Conversation(NamedTuple):
    """A conversation as the notice told it that opened it: the other side by the enterprise's ids."""

    id: str
    kind: str
    corp: str
    who: tuple[str, ...]
    name: str


@dataclass(slots=True)
class Ledger:
    """Plain counts of one device's life; the last five must be zero in any honest run."""

    received: int = 0
    repeated: int = 0
    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    reconnects: int = 0
    reloads: int = 0
    unread_dropped: int = 0
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0

    @property
    def clean(self) -> bool:
        """Tell whether nothing was lost, seen twice or out of order."""
        return not (self.lost or self.duplicated or self.out_of_order)

    def __iadd__(self, other: "Ledger") -> Self:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


@dataclass(slots=True)
class Shelf:
    """How far one conversation is stored."""

    upto: int = 0
    beyond: set[int] = field(default_factory=set)
    pushed: int = 0  # the highest sequence that came as a message, against which order is judged
    parted: bool = False  # whether the last record told that somebody left

    def has(self, sequence: int) -> bool:
        return sequence <= self.upto or sequence in self.beyond

    def put(self, sequence: int) -> None:
        self.beyond.add(sequence)
        while self.upto + 1 in self.beyond:
            self.upto += 1
            self.beyond.discard(self.upto)

    def settle(self) -> int:
        """Give up on the holes below what was pushed, and tell how many records they were.

        A hole below an own send is not one yet: its answer may come before what others said before it.
        """
        missing = [sequence for sequence in range(self.upto + 1, self.pushed) if sequence not in self.beyond]
        for sequence in missing:
            self.put(sequence)
        return len(missing)


class Memory:
    """Everything a device keeps over a restart: hand it to the next client and it goes on where this one stopped."""

    def __init__(self) -> None:
        self.token = ""
        self.last_number = 0
        self.unanswered: dict[int, dict[str, Any]] = {}
        self.conversations: dict[str, Conversation] = {}
        self.shelves: dict[str, Shelf] = {}
        self.corps: dict[str, str] = {}  # the enterprise of each conversation
        self.tasks: dict[str, str] = {}  # mass messages that wait for this member's yes: what each says
        self.ledger = Ledger()
        self._fresh: dict[str, None] = {}  # conversations that grew since the token, the latest last
        self._own: dict[tuple[str, int], None] = {}

    def number(self) -> int:
        """Give the next send number."""
        self.last_number += 1
        return self.last_number

    def cursors(self) -> list[list[Any]]:
        """List how far the conversations are stored that grew since the token, the latest first."""
        latest = list(self._fresh)[: -CURSORS_MAX - 1 : -1]
        return [[name, self.shelves[name].upto] for name in latest if self.shelves[name].upto]

    def upto(self, conversation: str) -> int:
        """Tell up to which sequence a conversation is stored without a hole."""
        shelf = self.shelves.get(conversation)
        return shelf.upto if shelf is not None else 0

    def skip(self, conversation: str, upto: int) -> None:
        """Pass over what a conversation holds up to here, as if it had been stored."""
        self.shelves[conversation] = Shelf(upto)
        self._grow(conversation)

    def _grow(self, conversation: str) -> None:
        self._fresh.pop(conversation, None)
        self._fresh[conversation] = None

    def take(self, message: Message, live: bool) -> bool:
        """Store a record, and tell whether it is new."""
        name, sequence, affair = message.conversation, message.sequence, message.affair
        shelf = self.shelves.get(name)
        if shelf is None:
            shelf = self.shelves[name] = Shelf(sequence - 1 if affair == "joined" else 0)
            self.corps[name] = message.corp
        elif shelf.parted and affair == "joined" and sequence > shelf.upto and not shelf.beyond:
            shelf.upto = sequence - 1
        if shelf.has(sequence):
            self.ledger.repeated += 1
            self.ledger.duplicated += live and (name, sequence) not in self._own
            return False
        self.ledger.received += 1
        self.ledger.out_of_order += sequence < shelf.pushed
        shelf.pushed = max(shelf.pushed, sequence)
        shelf.parted = affair in ("left", "removed", "dismissed")
        shelf.put(sequence)
        self._grow(name)
        if message.content.get("opens"):
            self._learn(message)
        if message.content.get("task"):
            self._note_task(message)
        return True

    def _note_task(self, message: Message) -> None:
        if message.affair == "mass_cancelled":
            self.tasks.pop(message.content["task"], None)
        else:
            self.tasks[message.content["task"]] = message.text

    def _learn(self, message: Message) -> None:
        opened = message.content
        name = opened["conversation"]
        who = tuple(opened.get("who", ()))
        self.conversations[name] = Conversation(name, opened["opens"], message.corp, who, message.text)

    def said(self, conversation: str, sequence: int) -> None:
        """Store the place of an own send that was accepted."""
        self._own[conversation, sequence] = None
        if len(self._own) > OWN_MAX:
            del self._own[next(iter(self._own))]
        shelf = self.shelves.setdefault(conversation, Shelf())
        if not shelf.has(sequence):
            shelf.put(sequence)
            shelf.parted = False
            self._grow(conversation)

    def synced(self, token: str) -> None:
        """Store a resume token: everything up to it stands before it, so what is missing now is lost."""
        self.ledger.lost += sum(self.shelves[name].settle() for name in self._fresh)
        self._fresh.clear()
        self.token = token

    def forget(self, corp: str) -> None:
        """Drop everything of an enterprise that was reset."""
        gone = [name for name, at in self.corps.items() if at == corp]
        for name in gone:
            del self.corps[name]
            self.shelves.pop(name, None)
            self._fresh.pop(name, None)
        self.conversations = {name: known for name, known in self.conversations.items() if known.corp != corp}

    def forget_all(self) -> None:
        """Drop everything but the numbering: the gateway knows no more where this device stood, and sends all again."""
        self.ledger.reloads += 1
        self.token = ""
        for kept in (self.shelves, self.corps, self.tasks, self.conversations, self._fresh, self._own):
            kept.clear()

    def named(self, name: str) -> Iterator[Conversation]:
        """Find the conversations that a name may mean: an id, the other side of a single chat or app, or a title."""
        if name in self.conversations:
            yield self.conversations[name]
            return
        plain = name.rpartition("/")[2].removeprefix("#")
        for conversation in self.conversations.values():
            if name == conversation.name or (conversation.kind != "group" and plain in conversation.who):
                yield conversation

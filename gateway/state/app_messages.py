"""What apps have said to members of late: where each message stands, so that it can be taken back.

Rules of the file:
- A message is remembered for as long as its card can be answered, 72 h (DOC 90236); recalling needs it for 24 h.
- What is remembered is bounded by messages and by recipients; the oldest gives way.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

from gateway import windows

REMEMBERED_MS: Final = 3 * windows.DAY_MS
MESSAGES_MAX: Final = 10_000
RECIPIENTS_MAX: Final = 200_000


class AppMessage(Struct, array_like=True):
    """A message of an app; `places` maps conversations to the sequence it has there."""

    msgid: str
    agent_id: str
    time_ms: int
    digest: str
    code: str
    recipients: int
    places: dict[str, int] = field(default_factory=dict)
    dropped: int = 0
    recalled: bool = False


class Sent(Struct, array_like=True):
    """How many person-times an app has sent on a day, and on the one before."""

    day: int = 0
    today: int = 0
    yesterday: int = 0

    def on(self, day: int) -> "Sent":
        """Give the same as seen on a day."""
        if day == self.day:
            return self
        return Sent(day, 0, self.today if day == self.day + 1 else 0)


class AppMessages(Struct, array_like=True):
    """An enterprise's messages of apps, oldest first."""

    kept: dict[str, AppMessage] = field(default_factory=dict)
    recipients: int = 0
    made: int = 0
    sent: dict[str, Sent] = field(default_factory=dict)  # agent_id → person-times

    def keep(self, message: AppMessage) -> None:
        """Remember a message, in place of those that are too old or too many."""
        self.made += 1
        self.recipients += message.recipients
        self.kept[message.msgid] = message
        while self._is_full(message.time_ms):
            oldest = self.kept.pop(next(iter(self.kept)))
            self.recipients -= oldest.recipients
        day = windows.indexes(message.time_ms)[windows.WINDOWS.index("day")]
        sent = self.sent_by(message.agent_id, day)
        self.sent[message.agent_id] = Sent(day, sent.today + message.recipients, sent.yesterday)

    def _is_full(self, now_ms: int) -> bool:
        oldest = next(iter(self.kept.values()))
        if now_ms - oldest.time_ms >= REMEMBERED_MS:
            return True
        return len(self.kept) > 1 and (len(self.kept) > MESSAGES_MAX or self.recipients > RECIPIENTS_MAX)

    def sent_by(self, agent_id: str, day: int) -> Sent:
        return self.sent.get(agent_id, Sent()).on(day)

    def of(self, agent_id: str) -> Iterator[AppMessage]:
        """Give an app's messages, newest first."""
        return (message for message in reversed(self.kept.values()) if message.agent_id == agent_id)

"""What apps say to members through the vendor's API, and take back; tags from 81."""

from msgspec import Raw

from gateway.events.event import Event


class AppSpoke(Event, tag=81):
    """An app was asked to say something to these members (keys); a job says it to one after the other.

    `digest` tells a repeat, `code` is the response code of a card that can be answered.
    """

    corpid: str
    agent_id: str
    msgid: str
    job: int
    recipients: tuple[str, ...]
    content: Raw
    digest: str
    code: str
    time_ms: int


class AppSaid(Event, tag=82):
    """So many recipients of an app's job have their outcome: the last of them a record, or a refusal told to nobody."""

    corpid: str
    msgid: str
    job: int
    done: int
    recipient: str
    conversation: str
    sequence: int
    refused: int
    rule: str
    retry_at_ms: int
    time_ms: int


class AppRecalled(Event, tag=83):
    """An app took a message back: its records are tombstones from here on, and a job tells those who are online."""

    corpid: str
    msgid: str
    job: int
    time_ms: int


class CardUpdated(Event, tag=85):
    """A card that can be answered shows something else in these conversations; a job tells of it in each."""

    corpid: str
    msgid: str
    job: int
    conversations: tuple[str, ...]
    content: Raw
    time_ms: int

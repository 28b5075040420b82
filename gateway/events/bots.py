"""What bots say, and where they sit; tags from 150. What they hear are `Posted` and `CallbackDue`."""

from msgspec import Struct

from gateway.events.event import Event


class Shown(Struct, array_like=True, frozen=True, gc=False, omit_defaults=True):
    """What can be acted on: a card's buttons by their keys, or words that want to be judged under a name."""

    card_type: str = ""
    task_id: str = ""
    keys: tuple[str, ...] = ()
    feedback: str = ""


class BotSaid(Event, tag=150):
    """What the record before it means to a bot. `sequence` is that of the first part of a stream, of the first card.

    `answers` is the position of what it answers, 0 where it answers nothing; `stream` is the bot's name for an answer
    that goes on, `digest` tells its parts apart.
    """

    corpid: str
    agent_id: str
    conversation: str
    sequence: int
    answers: int
    time_ms: int
    stream: str = ""
    digest: bytes = b""
    finished: bool = True
    shown: Shown | None = None


class BotsSeated(Event, tag=151):
    """Which bots are in a group from here on."""

    conversation: str
    bots: tuple[str, ...]

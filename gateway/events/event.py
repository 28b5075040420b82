"""What every event is made of."""

from msgspec import Struct


class Event(Struct, array_like=True, frozen=True, gc=False, omit_defaults=True):
    """The parent of every event; never journaled itself."""


class Origin(Struct, array_like=True, frozen=True, gc=False):
    """The MQTT command that asked for something: CloudEvents' source and id, and where an answer is wanted."""

    source: str
    id: str
    reply_to: str = ""

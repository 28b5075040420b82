"""What happens to mass messages; tags from 120. People are named by userid, recipients by conversation."""

from typing import Literal

from gateway.events.event import Event
from protocol.content import Sendable


class MassMade(Event, tag=120):
    """A mass message was made: by the enterprise's API, or by a member (`creator`).

    `failed` are the ids asked for that nobody can send to; they are told once, and not kept.
    """

    corpid: str
    id: str
    chat_type: Literal["single", "group"]
    contents: tuple[Sendable, ...]
    creator: str
    allow_select: bool
    parts: dict[str, tuple[str, ...]]
    time_ms: int
    failed: tuple[str, ...] = ()


class MassAnnounced(Event, tag=121):
    """A job begins that tells members of a mass message: that it waits for them, still waits, or does no more."""

    corpid: str
    id: str
    job: int
    affair: Literal["mass_task", "mass_reminded", "mass_cancelled"]
    members: tuple[str, ...]
    time_ms: int


class MassConfirmed(Event, tag=122):
    """A member let their part be sent; a job begins that delivers it."""

    corpid: str
    id: str
    userid: str
    job: int
    time_ms: int


class MassSliced(Event, tag=123):
    """So many more recipients of a part have their outcome: a byte each. At the last one the job is gone."""

    corpid: str
    id: str
    userid: str
    job: int
    results: bytes
    time_ms: int


class MassCancelled(Event, tag=124):
    """Who has not confirmed cannot any more."""

    corpid: str
    id: str
    time_ms: int

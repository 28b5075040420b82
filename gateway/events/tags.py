"""The enterprise's tags; tags of events from 90."""

from msgspec import Struct

from gateway.events.event import Event


class Tag(Struct, array_like=True, frozen=True, gc=False):
    """A tag, or a group of them. `maker` is the app that made it, empty for the admin's console."""

    id: str
    name: str
    order: int
    made_ms: int
    maker: str = ""


class TagsPut(Event, tag=90):
    """A group of tags as it stands, and those of its tags that were made or changed."""

    corpid: str
    group: Tag
    tags: tuple[Tag, ...]
    time_ms: int


class TagsDeleted(Event, tag=91):
    """These tags are gone, and the groups that they left empty. Whoever wears one is not told: see `state/tags.py`."""

    corpid: str
    ids: tuple[str, ...]
    time_ms: int

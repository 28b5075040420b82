"""What the vendor's API, the admin's console and a world file ask for about tags.

`agent_id` is the app that asks, and may only change what it made itself (DOC 92117); empty is the console, which may
change everything, and of whose changes the apps are told.
"""

from msgspec import Struct

from gateway.commands.command import Command


class NewTag(Struct, array_like=True, frozen=True):
    """A tag to be made; a world may bring its id, its maker and its age."""

    name: str
    order: int = 0
    id: str = ""
    maker: str = ""
    made_ms: int = 0


class MakeTags(Command):
    """Make tags, in a group that is there or in a new one."""

    corpid: str
    agent_id: str
    group_id: str
    group_name: str
    group_order: int
    tags: tuple[NewTag, ...]


class ChangeTag(Command):
    """Change name or order of a tag, or of a group; what is `None` stays."""

    corpid: str
    agent_id: str
    id: str
    name: str | None = None
    order: int | None = None


class DeleteTags(Command):
    """Delete tags, and groups with all that is in them."""

    corpid: str
    agent_id: str
    tag_ids: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()


class PutTags(Command):
    """Set a group of tags as a world has it, past every rule; those already in it stay."""

    corpid: str
    group: NewTag
    tags: tuple[NewTag, ...]

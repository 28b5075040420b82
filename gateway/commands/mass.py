"""Commands of the enterprise about its mass messages; members confirm theirs by a frame."""

from typing import Literal

from gateway.commands.command import Command
from protocol.content import Sendable


class MakeMass(Command):
    """Have members send something to many. Ids are the enterprise's own; customers are chosen by the first of these
    that is given: `external_userids`, `tag_groups` (one of each group), or all that `sender` has."""

    corpid: str
    chat_type: Literal["single", "group"]
    contents: tuple[Sendable, ...]
    sender: str = ""
    external_userids: tuple[str, ...] = ()
    tag_groups: tuple[tuple[str, ...], ...] = ()
    chat_ids: tuple[str, ...] = ()
    allow_select: bool = False


class RemindMass(Command):
    """Tell those once more who have not confirmed."""

    corpid: str
    id: str


class CancelMass(Command):
    """Let nobody confirm any more; what is on its way goes on."""

    corpid: str
    id: str

"""What is asked of contact ways, join ways, welcome codes and templates."""

from typing import Literal

from msgspec import UNSET, UnsetType

from gateway.commands.command import Command
from protocol.content import Sendable


class PutContactWay(Command):
    """Make a code of several members, in turn; without a code one is derived.

    One that a world has brought is past every rule: its members may be gone by now.
    """

    corpid: str
    type: Literal[1, 2]
    scene: Literal[1, 2]
    users: tuple[str, ...] = ()
    parties: tuple[int, ...] = ()
    style: int = 0
    remark: str = ""
    skip_verify: bool = True
    state: str = ""
    is_exclusive: bool = False
    mark_source: bool = True
    expires_s: int = 0
    chat_expires_s: int = 0
    unionid: str = ""
    conclusions: bytes = b""
    code: str = ""
    brought: bool = False


class ChangeContactWay(Command):
    """Change what is given of a contact way; its type and its scene stay as they are (DOC 92228)."""

    corpid: str
    code: str
    users: tuple[str, ...] | UnsetType = UNSET
    parties: tuple[int, ...] | UnsetType = UNSET
    style: int | UnsetType = UNSET
    remark: str | UnsetType = UNSET
    skip_verify: bool | UnsetType = UNSET
    state: str | UnsetType = UNSET
    mark_source: bool | UnsetType = UNSET
    expires_s: int | UnsetType = UNSET
    chat_expires_s: int | UnsetType = UNSET
    unionid: str | UnsetType = UNSET
    conclusions: bytes | UnsetType = UNSET


class PutJoinWay(Command):
    """Make a code of several groups; without a code one is derived."""

    corpid: str
    scene: Literal[1, 2]
    chat_ids: tuple[str, ...]
    remark: str = ""
    state: str = ""
    auto_create: bool = True
    base_name: str = ""
    base_id: int = 1
    mark_source: bool = True
    code: str = ""
    rooms: int = 0


class ChangeJoinWay(PutJoinWay):
    """Change all of a join way (DOC 92229)."""


class DropWay(Command):
    """Let a contact way or a join way be no more; what came by it stays."""

    corpid: str
    code: str
    kind: Literal["contact", "join"]


class SendWelcome(Command):
    """Have the member say these to the customer whom the welcome code is for, each as a message of its own."""

    corpid: str
    code: str
    contents: tuple[Sendable, ...]


class PutTemplate(Command):
    """Make a welcome for groups, or with an id change the app's own."""

    corpid: str
    agent_id: str
    body: bytes
    id: str = ""


class DropTemplate(Command):
    corpid: str
    agent_id: str
    id: str

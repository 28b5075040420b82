"""What is asked of contact ways and welcome codes."""

from typing import Literal

from msgspec import UNSET, UnsetType

from gateway.commands.command import Command
from protocol.content import Sendable


class PutContactWay(Command):
    """Make a code of several members, in turn; without a code one is derived."""

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

"""How customers come and are welcomed, and how a group ends; tags 100–119.

A contact way or a join way is a QR code with more to it: it stands in that code's `CodePut`.
"""

from typing import Literal

from msgspec import Struct

from gateway.events.event import Event


class Way(Struct, array_like=True, frozen=True, gc=False, omit_defaults=True, tag_field="way"):
    """The parent of what an app of the enterprise has made a code for; fields are only added at the end."""


class ContactWay(Way, tag="contact"):
    """One code of several members, in turn (DOC 92228). `parties` are expanded when somebody scans.

    A temporary one has `expires_s` above 0, and is scanned once.
    """

    type: Literal[1, 2]  # of one member, of many
    scene: Literal[1, 2]  # a button in a mini program, a QR code
    users: tuple[str, ...] = ()  # userids
    parties: tuple[int, ...] = ()
    style: int = 0
    remark: str = ""
    is_exclusive: bool = False
    mark_source: bool = True
    expires_s: int = 0
    chat_expires_s: int = 0
    unionid: str = ""
    conclusions: bytes = b""  # JSON, as it was asked for


class JoinWay(Way, tag="join"):
    """One code of several groups, named by conversation: the first with room takes whoever joins (DOC 92229).

    Where none has room and `auto_create` is set, a new group takes their place, and `rooms` counts these.
    """

    scene: Literal[1, 2]  # a button in a mini program, a QR code
    chats: tuple[str, ...]
    remark: str = ""
    auto_create: bool = True
    base_name: str = ""
    base_id: int = 1
    mark_source: bool = True
    rooms: int = 0


class CodeDropped(Event, tag=100):
    corpid: str
    code: str


class CodeScanned(Event, tag=101):
    """A code whose scans are counted has brought somebody to a member: so many times by now."""

    corpid: str
    code: str
    scans: int


class WelcomeGiven(Event, tag=102):
    """For 20 s, whoever knows this code may have the member welcome the customer of this single chat."""

    corpid: str
    code: str
    conversation: str
    time_ms: int


class WelcomeSpent(Event, tag=103):
    corpid: str
    code: str


class Dismissed(Event, tag=104):
    """A group is no more: every seat ends with this record of its log."""

    conversation: str
    sequence: int
    time_ms: int


class TemplatePut(Event, tag=105):
    """What a group may welcome newcomers with; `body` is the vendor's own JSON."""

    corpid: str
    id: str
    agent_id: str
    body: bytes


class TemplateDropped(Event, tag=106):
    corpid: str
    id: str

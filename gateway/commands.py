"""Commands that have no frame: what is asked by a service or an operator instead of a person on a link."""

from typing import Literal

from msgspec import Struct

from gateway.events import Origin
from protocol.content import Sendable


class SendFor(Struct, frozen=True):
    """A service asks that a member or an app says something; `origin` names the MQTT command.

    `sender` is a userid or an agent id, `target` an external_userid, a userid, a department's number (in decimal) or a
    chat_id: the enterprise's own names, none of them looked up yet.
    """

    corpid: str
    origin: Origin
    sender_kind: Literal["member", "app"]
    sender: str
    target_kind: Literal["consumer", "member", "store", "group"]
    target: str
    content: Sendable


class Repeated(Struct, frozen=True):
    """Answer to a command heard before: where its first outcome stands, and the epoch it belongs to."""

    epoch: int
    position: int

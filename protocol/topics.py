"""MQTT topics and payloads: what other services may ask, and what they are told.

Rules of the file:
- A payload is one CloudEvents 1.0 object in structured mode, as JSON. Unknown attributes are ignored; `data` is strict.
- What cannot be read as a command raises `Unreadable`, and nothing else, whatever the bytes were.
- Size is bounded before any parser runs, and so is every text that an error repeats.
- No topic is ever made from text that was not checked here: a broker hangs up on a bad one.
"""

import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta, Raw, Struct, field

from protocol.content import Sendable
from protocol.errors import MALFORMED, REASONS, Reason

PAYLOAD_BYTES_MAX: Final = 64 * 1024
WHY_MAX: Final = 300  # characters of an error's text

COMMANDS_FILTER: Final = "hutong/v1/+/cmd/#"
ERRORS_TOPIC: Final = "hutong/v1/errors"
STATE_TOPIC: Final = "hutong/v1/state/gateway"

# What every MQTT broker takes as a level: nats-server closes the connection on a space, `*` or `>`.
CORP_PATTERN: Final = r"[A-Za-z0-9_-]{1,64}"
_command_topic = re.compile(rf"hutong/v1/({CORP_PATTERN})/cmd/(.*)", re.DOTALL)
_corp = re.compile(CORP_PATTERN)
_reply_rest = re.compile(r"(?:/[A-Za-z0-9_:@~=-]+)+")

Name = Annotated[str, Meta(min_length=1, max_length=256)]
Id = Annotated[str, Meta(max_length=128)]
Ordinal = Annotated[int, Meta(ge=1, le=2**53 - 1)]


class Unreadable(ValueError):
    """This is no command; the text says why. `corp` is what its topic names, `id` and `source` if they were legible."""

    def __init__(self, corp: str | None, why: str, reason: Reason = MALFORMED) -> None:
        super().__init__(why[:WHY_MAX])
        self.corp = corp
        self.reason = reason
        self.id = ""
        self.source = ""


# Commands


def _only(choice: Struct) -> tuple[str, str]:
    """Give the one field that is set and its value; ValueError unless it is exactly one."""
    named = [(name, str(value)) for name in choice.__struct_fields__ if (value := getattr(choice, name))]
    if len(named) != 1:
        raise ValueError("name exactly one of " + ", ".join(choice.__struct_fields__))
    return named[0]


class Sender(Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """Who speaks: a member by userid, or an app by agent id."""

    member: Id = ""
    app: Id | Ordinal = ""

    def __post_init__(self) -> None:
        _only(self)

    def chosen(self) -> tuple[str, str]:
        """Give kind and name."""
        return _only(self)


class Target(Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """To whom: a consumer by external_userid, a member by userid, a department as a store, or a group by chat_id."""

    consumer: Id = ""
    member: Id = ""
    store: Annotated[int, Meta(ge=0, le=2**53 - 1)] = 0
    group: Id = ""

    def __post_init__(self) -> None:
        _only(self)

    def chosen(self) -> tuple[str, str]:
        """Give kind and name; a store's number as decimal text."""
        return _only(self)


class MessageSend(Struct, forbid_unknown_fields=True, frozen=True):
    """Say something for a member or an app of the enterprise to a consumer, a member, a store or a group."""

    sender: Sender = field(name="from")
    to: Target
    content: Sendable


class Command(NamedTuple):
    """A command as it was read; `reply_to` is empty or a topic that may be published to."""

    corp: str
    id: str
    source: str
    reply_to: str
    data: MessageSend


class CommandEnvelope(Struct):
    """CloudEvents' attributes that a command must or may carry."""

    specversion: Literal["1.0"]
    id: Name
    source: Name
    type: Name
    data: Raw
    datacontenttype: Literal["application/json", "application/json; charset=utf-8"] = "application/json"
    replyto: str = ""


class _Legible(Struct):
    id: str = ""
    source: str = ""


_decode_envelope = msgspec.json.Decoder(CommandEnvelope).decode
_decode_legible = msgspec.json.Decoder(_Legible).decode
COMMANDS: Final = {"message/send": msgspec.json.Decoder(MessageSend)}
_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read_command(topic: str, payload: bytes, response_topic: str = "") -> Command:
    """Read a command; raise `Unreadable` with whatever could be made out if it is none.

    `response_topic` is MQTT 5's; the payload's own `replyto` goes before it.
    """
    try:
        return _read_command(topic, payload, response_topic)
    except Unreadable as fault:
        fault.id, fault.source = _legible(payload)
        raise


def _read_command(topic: str, payload: bytes, response_topic: str) -> Command:
    named = _command_topic.fullmatch(topic)
    if named is None:
        raise Unreadable(None, "the topic is not hutong/v1/{corp}/cmd/{area}/{verb}")
    corp, path = named.groups()
    if path not in COMMANDS:
        raise Unreadable(corp, f"there is no command {path[:100]!r}; there are: {', '.join(COMMANDS)}")
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise Unreadable(corp, f"the payload has {len(payload)} bytes, more than {PAYLOAD_BYTES_MAX}")
    try:
        str(payload, "utf-8")  # msgspec looks at what it keeps, and at nothing that it passes over
        envelope = _decode_envelope(payload)
        expected = f"hutong.{path.replace('/', '.')}.v1"
        if envelope.type != expected:
            raise Unreadable(corp, f"the type is {envelope.type[:100]!r}, but on this topic it must be {expected!r}")
        reply_to = _checked_reply(corp, envelope.replyto or response_topic)
        return Command(corp, envelope.id, envelope.source, reply_to, COMMANDS[path].decode(envelope.data))
    except _UNDECODABLE as why:
        raise Unreadable(corp, f"the payload is no CloudEvents object of this command: {why}") from why


def _checked_reply(corp: str, topic: str) -> str:
    prefix = f"hutong/v1/{corp}/reply"
    if topic and not (len(topic) <= 256 and topic.startswith(prefix) and _reply_rest.fullmatch(topic, len(prefix))):
        raise Unreadable(corp, f"replyto must lie under {prefix}/, its levels of letters, digits and _:@~=-")
    return topic


def _legible(payload: bytes) -> tuple[str, str]:
    """Make out id and source of a command that could not be read, so that its sender recognises it."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        return "", ""
    try:
        legible = _decode_legible(payload)
    except _UNDECODABLE:
        return "", ""
    return legible.id[:256], legible.source[:256]


# Events


class Party(Struct, omit_defaults=True, frozen=True):
    """Somebody or a group by the enterprise's own name; one field is set."""

    member: str = ""
    consumer: str = ""
    app: str = ""
    group: str = ""


class MessageAccepted(Struct, omit_defaults=True):
    """A command's message is durable: its place, who said it, and to whom."""

    conversation: str
    sequence: int
    sender: Party | None = field(name="from", default=None)
    to: Party | None = None


class MessageRefused(Struct, omit_defaults=True):
    """A command was refused and nothing was said.

    `retry_at_ms` stands where waiting until then helps; `to` where one of many recipients was refused.
    """

    code: int
    reason: str
    text: str
    advice: str
    rule: str = ""
    retry_at_ms: int = 0
    to: Party | None = None


class MessageDelivered(Struct, omit_defaults=True):
    """A first device of the recipient has acknowledged a command's message."""

    conversation: str
    sequence: int
    to: Party | None = None


class RelationChanged(Struct):
    """Where a member and a consumer stand now; whole, not the difference.

    `tags` are the member's own words, `tag_ids` tags of the enterprise.
    """

    member: str
    consumer: str
    conversation: str
    status: str
    added_by: int
    state: str
    remark: str
    tags: tuple[str, ...]
    blocked_by_member: bool
    blocked_by_consumer: bool
    description: str
    company: str
    mobiles: tuple[str, ...]
    tag_ids: tuple[str, ...]


class GroupJoined(Struct):
    """Somebody took a seat in a group; `sequence` is the first one they read, `scene` how they came."""

    group: str
    conversation: str
    person: Party
    sequence: int
    scene: str


class GroupLeft(Struct):
    """Somebody lost a seat in a group; `sequence` is the last one they read, `scene` why they went."""

    group: str
    conversation: str
    person: Party
    sequence: int
    scene: str


class GroupDismissed(Struct):
    """A group is no more, and nobody has a seat in it; `sequence` is the last one that anybody reads."""

    group: str
    conversation: str
    sequence: int


class GroupChanged(Struct):
    """What a group is called, who runs it, and its notice; whole, not the difference."""

    group: str
    conversation: str
    name: str
    owner: str
    admins: tuple[str, ...]
    notice: str


class Fault(Struct):
    """What was published, where, and why it is no command."""

    topic: str
    code: int
    reason: str
    text: str


Told = (
    MessageAccepted | MessageRefused | MessageDelivered | RelationChanged | GroupJoined | GroupLeft | GroupDismissed
    | GroupChanged
)  # fmt: skip
EVENTS: Final[dict[type[Any], str]] = {
    MessageAccepted: "message/accepted",
    MessageRefused: "message/refused",
    MessageDelivered: "message/delivered",
    RelationChanged: "relation/changed",
    GroupJoined: "group/joined",
    GroupLeft: "group/left",
    GroupDismissed: "group/dismissed",
    GroupChanged: "group/changed",
}


class EventEnvelope(Struct, omit_defaults=True):
    """CloudEvents' attributes of what we tell; `commandid` and `commandsource` repeat the command's id and source."""

    id: str
    source: str
    type: str
    time: str
    data: Told | Fault
    commandid: str = ""
    commandsource: str = ""
    # Fields that are the same in every event still have to travel, and omit_defaults drops defaults.
    specversion: str = field(default_factory=lambda: "1.0")
    datacontenttype: str = field(default_factory=lambda: "application/json")


class Publication(NamedTuple):
    topic: str
    payload: bytes


_encode = msgspec.json.Encoder().encode
_reasons = {reason.code: reason for reason in REASONS.values()}


def may_be_named(corp: str) -> bool:
    """Tell whether topics can carry this enterprise's id."""
    return _corp.fullmatch(corp) is not None


def told(  # one call names every attribute
    corp: str, event_id: str, time_ms: int, data: Told, command_id: str = "", command_source: str = ""
) -> Publication:
    """Make the publication of an event; `event_id` must be the same whenever the same event is told again."""
    path = EVENTS[type(data)]
    envelope = EventEnvelope(
        event_id, f"/hutong/v1/{corp}", f"hutong.{path.replace('/', '.')}.v1", _rfc3339(time_ms), data,
        command_id, command_source,
    )  # fmt: skip
    return Publication(f"hutong/v1/{corp}/evt/{path}", _encode(envelope))


def refused(code: int, rule: str, retry_at_ms: int, to: Party | None) -> MessageRefused:
    """Spell a refusal out: the number's name, text and advice stand in protocol's one table."""
    reason = _reasons[code]
    return MessageRefused(code, reason.name, reason.text, reason.advice, rule, retry_at_ms, to)


def faulty(fault: Unreadable, topic: str, payload: bytes, time_ms: int) -> Publication:
    """Make the error event of something that is no command; the same publication always has the same id.

    It goes to the error topic of `fault.corp`, or to the common one where that is None: not named, or unknown.
    """
    digest = hashlib.sha256(topic.encode(errors="replace") + b"\0" + payload).hexdigest()[:32]
    source = f"/hutong/v1/{fault.corp}" if fault.corp else "/hutong/v1"
    envelope = EventEnvelope(
        f"error-{digest}", source, "hutong.error.v1", _rfc3339(time_ms),
        Fault(topic[:WHY_MAX], fault.reason.code, fault.reason.name, str(fault)), fault.id, fault.source,
    )  # fmt: skip
    return Publication(f"hutong/v1/{fault.corp}/evt/error" if fault.corp else ERRORS_TOPIC, _encode(envelope))


def gateway_state(online: bool) -> Publication:
    """Make the retained word on whether anybody is listening; the last will says offline."""
    return Publication(STATE_TOPIC, _encode({"state": "online" if online else "offline"}))


def _rfc3339(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

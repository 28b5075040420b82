"""From a journaled event to what MQTT readers are told of it, in the enterprise's own names.

Rules of the file:
- A consumer is named by the enterprise's external_userid, never by the handle.
- Journal and state may disagree: the state is at the end, the reader anywhere. Who is no longer known (a reset) is
  left out; an event about nobody else is not told.
- The id is made from epoch and position, so that a repeat carries the same one.
"""

from typing import NamedTuple, Protocol

from gateway.events import (
    AnyEvent,
    CommandRefused,
    Delivered,
    Dismissed,
    GroupPut,
    Joined,
    Left,
    Origin,
    Posted,
    RelationPut,
)
from protocol.codec import decode_message
from protocol.topics import (
    GroupChanged,
    GroupDismissed,
    GroupJoined,
    GroupLeft,
    MessageAccepted,
    MessageDelivered,
    Party,
    Publication,
    RelationChanged,
    Told,
    may_be_named,
    refused,
    told,
)  # fmt: skip


class Names(Protocol):
    """What the state knows of names; for what is not known (any more) a method raises KeyError, or gives no text."""

    def name_of(self, corpid: str, person: str) -> str:
        """Give the enterprise's name of a person: userid, foreign member's id or external_userid."""
        ...

    def group_of(self, conversation: str) -> tuple[str, str]:
        """Give corpid and chat_id of a group; KeyError also for a conversation that is none."""
        ...

    def other_of(self, conversation: str, person: str) -> str:
        """Give the other person's key in a conversation of two."""
        ...


class Telling(NamedTuple):
    """One event told, and the command that it answers (accepted or refused), if any."""

    publication: Publication
    answers: Origin | None = None


def telling(event_id: str, event: AnyEvent, names: Names) -> Telling | None:
    """Give what to tell of an event, or None: most events concern no MQTT reader."""
    match event:
        case Posted(origin=Origin()) | CommandRefused() | Delivered():
            return _outcome(event_id, event, names)
        case RelationPut() | GroupPut() | Joined() | Left() | Dismissed():
            try:
                corp, data = _change(event, names)
            except KeyError:
                return None
            return Telling(told(corp, event_id, event.time_ms, data)) if may_be_named(corp) else None
        case _:
            return None


def _outcome(event_id: str, event: Posted | CommandRefused | Delivered, names: Names) -> Telling | None:
    assert event.origin is not None
    data: Told
    if isinstance(event, Posted):
        corp = decode_message(event.frame).corp
        sender = _party(corp, event.sender, names)
        data = MessageAccepted(event.conversation, event.sequence, sender, _recipient(corp, event, names))
    elif isinstance(event, CommandRefused):
        corp = event.corpid
        data = refused(event.code, event.rule, event.retry_at_ms, _party(corp, event.recipient, names))
    else:
        corp = event.corpid
        data = MessageDelivered(event.conversation, event.sequence, _party(corp, event.person, names))
    if not may_be_named(corp):
        return None
    publication = told(corp, event_id, event.time_ms, data, event.origin.id, event.origin.source)
    return Telling(publication, None if isinstance(event, Delivered) else event.origin)


def _change(event: RelationPut | GroupPut | Joined | Left | Dismissed, names: Names) -> tuple[str, Told]:
    """Give enterprise and data; KeyError where a name is not known any more."""
    if isinstance(event, RelationPut):
        return event.corpid, RelationChanged(
            _name(event.corpid, event.member, names), _name(event.corpid, event.consumer, names), event.conversation,
            event.status, event.added_by, event.state, event.remark, event.tags, event.blocked_by_member,
            event.blocked_by_consumer, event.description, event.company, event.mobiles, event.tag_ids,
        )  # fmt: skip
    if isinstance(event, GroupPut):
        owner, *admins = (_name(event.corpid, person, names) for person in (event.owner, *event.admins))
        return event.corpid, GroupChanged(
            event.chat_id, event.conversation, event.name, owner, tuple(admins), event.notice
        )
    corp, chat_id = names.group_of(event.conversation)
    if isinstance(event, Dismissed):
        return corp, GroupDismissed(chat_id, event.conversation, event.sequence)
    person = _party(corp, event.person, names)
    if person is None:
        raise KeyError(event.person)
    made = GroupJoined if isinstance(event, Joined) else GroupLeft
    return corp, made(chat_id, event.conversation, person, event.sequence, event.scene)


def _name(corp: str, person: str, names: Names) -> str:
    """Name a person; KeyError if they are not known any more."""
    given = names.name_of(corp, person)
    if not given:
        raise KeyError(person)
    return given


def _recipient(corp: str, event: Posted, names: Names) -> Party | None:
    try:
        return Party(group=names.group_of(event.conversation)[1])
    except KeyError:
        pass
    try:
        return _party(corp, names.other_of(event.conversation, event.sender), names)
    except KeyError:
        return None


def _party(corp: str, person: str, names: Names) -> Party | None:
    """Name a person by what its key is: `corpid/#agent_id`, `corpid/userid` or a handle; None if not known."""
    _home, slash, name = person.partition("/")
    if name.startswith("#"):
        return Party(app=name[1:])
    try:
        given = _name(corp, person, names)
    except KeyError:
        return None
    return Party(member=given) if slash else Party(consumer=given)

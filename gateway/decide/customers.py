"""What the vendor's API does with a member's customer: note something, mark with tags. No callback tells of it.

Rules of the file:
- A customer is whom the member has accepted and not deleted since; to all others the API says 84061. That is also who
  only scanned a code that needs no leave (a half contact); not who has deleted the member (DOC 90313: 84061).
"""

from collections.abc import Callable
from typing import Any, Final

from gateway.commands import MarkCustomer, NoteCustomer
from gateway.decide.contacts import put, standing, wearable
from gateway.events import AnyEvent
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.conversations import Conversation, Relation
from protocol.errors import NOT_RELATED, UNKNOWN_CORP, UNKNOWN_CUSTOMER, UNKNOWN_MEDIA, UNKNOWN_PERSON, UNKNOWN_TAG

Decided = list[AnyEvent] | Refusal


def customer_of(
    state: State, corpid: str, userid: str, external_userid: str
) -> tuple[Conversation, Relation] | Refusal:
    """Find the single chat of a member with a customer."""
    corp = state.corps.get(corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    if userid not in corp.members or state.member(corp.members[userid]).departed:
        return Refusal(UNKNOWN_PERSON, "userid")
    handle = corp.consumers.get(external_userid)
    if handle is None:
        return Refusal(UNKNOWN_CUSTOMER, "external_userid")
    conversation = state.conversations.get(state.member(corp.members[userid]).contacts.get(handle, ""))
    if conversation is None or conversation.relation is None:
        return Refusal(NOT_RELATED, "relation/none")
    relation = conversation.relation
    return (conversation, relation) if relation.confirmed else Refusal(NOT_RELATED, f"relation/{relation.status}")


def _changed(conversation: Conversation, relation: Relation, now_ms: int, changed: dict[str, Any]) -> Decided:
    if standing(relation) | changed == standing(relation):
        return []
    return [put(conversation.corpid, conversation.id, relation, now_ms, **changed)]


def note(state: State, now_ms: int, command: NoteCustomer) -> Decided:
    """Note something of a customer."""
    found = customer_of(state, command.corpid, command.userid, command.external_userid)
    if isinstance(found, Refusal):
        return found
    shelf = state.corps[command.corpid].media
    if command.picture is not None and shelf.find(command.picture, now_ms) is None:
        return Refusal(UNKNOWN_MEDIA, "remark_pic_mediaid")
    noted = ("remark", "description", "company", "mobiles", "picture")
    changed = {name: getattr(command, name) for name in noted if getattr(command, name) is not None}
    return _changed(*found, now_ms, changed)


def mark(state: State, now_ms: int, command: MarkCustomer) -> Decided:
    """Mark a customer with tags, then take others off."""
    found = customer_of(state, command.corpid, command.userid, command.external_userid)
    if isinstance(found, Refusal):
        return found
    _, relation = found
    library = state.corps[command.corpid].tags
    off = set(command.remove)
    all_worn = dict.fromkeys((*library.alive(relation.noted.tag_ids), *command.add))
    worn = tuple(id_ for id_ in all_worn if id_ not in off)
    if off - library.group_of.keys():
        return Refusal(UNKNOWN_TAG, "tags/id")
    refusal = wearable(state, command.corpid, worn)
    return refusal or _changed(*found, now_ms, {"tag_ids": worn})


HANDLERS: Final[dict[type, Callable[[State, int, Any], Decided]]] = {NoteCustomer: note, MarkCustomer: mark}

"""Relations: scan, accept, refuse, delete, block, mute, remark. A relation opens its single chat when it is first made.

`pending` waits for the member; `half` is a customer whom the member has not yet confirmed, and who may already chat;
`mutual` is confirmed. A side that deletes leaves the other one behind, as in WeCom (DOC 90313, 84061).
"""

from operator import attrgetter
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import asdict

from gateway.decide import ways, welcome
from gateway.decide.draft import Draft
from gateway.events import CodePut, CodeScanned, ConsumerMuted, RelationPut, RelationStatus
from gateway.policy import badge, speak
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.conversations import Conversation, Relation
from gateway.state.people import AnyPerson, Consumer, Member
from protocol import frames
from protocol.content import Affair, Notice
from protocol.errors import (
    ALREADY,
    BLOCKED,
    CUSTOMER_TAGS_FULL,
    NOT_RELATED,
    UNKNOWN_CODE,
    UNKNOWN_CONVERSATION,
    UNKNOWN_TAG,
    WRONG_KIND,
    WRONG_SIDE,
)
from protocol.wecom.changes import (
    AnyChange,
    ContactAdded,
    ContactDeleted,
    ContactEdited,
    FollowerDeleted,
    HalfContactAdded,
)

AFFAIRS: Final[dict[RelationStatus, Affair]] = {
    "pending": "relation_requested",
    "half": "relation_made",
    "mutual": "relation_made",
    "refused": "relation_refused",
    "removed_by_member": "relation_removed",
    "removed_by_consumer": "relation_removed",
}
ADDED_BY_SCAN = 1  # DOC 92114: add_way 1 is a scanned QR code


def scan(state: State, now_ms: int, person: AnyPerson, frame: frames.Scan) -> Draft | Refusal:
    """Let a consumer scan a code of members: whoever's turn it is gets the consumer, or the next who may.

    Who knows one of them already, meets nobody new.
    """
    code = ways.code_of(state, frame.code)
    if code is None or not isinstance(person, Consumer) or not ways.admits(state, now_ms, code, person):
        return Refusal(UNKNOWN_CODE)
    refusal = Refusal(UNKNOWN_CODE)
    members = ways.in_turn(state, code)
    for member in [*(one for one in members if _is_known(state, person, one)), *members]:
        found = _meet(state, now_ms, person, code, member)
        if isinstance(found, Draft):
            if ways.counts_scans(code):
                scans = state.corps[code.corpid].ways.scans.get(code.code, 0)
                found.add(CodeScanned(code.corpid, code.code, scans + 1))
            return found
        if found.reason is ALREADY:
            return found
        refusal = refusal if refusal.reason is not UNKNOWN_CODE else found
    return refusal


def _relation(state: State, consumer: Consumer, member: Member) -> Relation | None:
    known = state.conversations.get(consumer.contacts.get(member.key, ""))
    return known.relation if known is not None else None


def _is_known(state: State, consumer: Consumer, member: Member) -> bool:
    relation = _relation(state, consumer, member)
    return relation is not None and (relation.live or relation.status == "pending")


def _meet(state: State, now_ms: int, person: Consumer, code: CodePut, member: Member) -> Draft | Refusal:
    """Bring a consumer to a member: a request, or at once a half contact where the code needs no leave."""
    corp = state.corps[code.corpid]
    relation = _relation(state, person, member)
    if relation is not None and relation.live:
        return Refusal(ALREADY, "relation/live")
    if relation is not None and relation.status == "pending" and not code.skip_verify:
        return Refusal(ALREADY, "relation/pending")
    if relation is not None and relation.blocked_by_member:
        return Refusal(BLOCKED, "consent/blocked")
    refusal = speak.refusal_of(state, member) or badge.check_new_contact(state, corp, member, person, now_ms)
    if refusal is not None:
        return refusal
    draft = Draft(state, now_ms)
    own = draft.know(person.key, corp.corpid)
    status: RelationStatus = "half" if code.skip_verify else "pending"
    conversation = person.contacts.get(member.key) or draft.new_id("cv", corp.corpid)
    stands = relation or Relation(member.key, person.key, status)
    draft.add(
        put(
            corp.corpid, conversation, stands, now_ms, status=status, added_by=ADDED_BY_SCAN, state=code.state,
            blocked_by_member=False, blocked_by_consumer=False, made_ms=now_ms,
        )
    )  # fmt: skip
    affair: Affair = "relation_made" if code.skip_verify else "relation_requested"
    tell(draft, corp.corpid, affair, conversation, member, person.key, own, code.state)
    report(draft, corp.corpid, conversation, stands, relation.status if relation else None, status, code.state)
    draft.conversation = conversation
    return draft


def report(
    draft: Draft,
    corpid: str,
    conversation: str,
    relation: Relation,
    was: RelationStatus | None,
    status: RelationStatus,
    state: str,
) -> None:
    """Have the enterprise told what has become of a contact (DOC 92130). A request is none yet, nor is its end."""
    names = draft.state.member(relation.member).userid, draft.name_of(corpid, relation.consumer)
    change: AnyChange
    if status == "half":
        change = HalfContactAdded(*names, state, welcome.give(draft, corpid, conversation))
    elif status == "mutual":
        change = ContactAdded(*names, state, welcome.give(draft, corpid, conversation))
    elif status == "removed_by_member" and (was in ("half", "mutual") or relation.confirmed):
        change = ContactDeleted(*names)
    elif was not in ("half", "mutual"):
        return
    elif status == "removed_by_consumer":
        change = FollowerDeleted(*names)
    else:
        return
    draft.call_back(corpid, change)


def tell(
    draft: Draft, corpid: str, affair: Affair, conversation: str, member: Member, consumer: str, own: str, state: str
) -> None:
    """Tell both sides in their own affairs; the QR code's state is the enterprise's business."""
    name = draft.name_of(corpid, consumer)
    draft.post(corpid, member.own, Notice(affair, conversation, "single", (name,), state=state))
    draft.post(corpid, own, Notice(affair, conversation, "single", (member.userid,), member.name))


def _single(state: State, person: AnyPerson, name: str) -> tuple[Conversation, Relation] | Refusal:
    conversation = state.conversations.get(name)
    if conversation is None or name not in person.conversations:
        return Refusal(UNKNOWN_CONVERSATION)
    return (conversation, conversation.relation) if conversation.relation is not None else Refusal(WRONG_KIND)


_OWN: Final = ("since_ms", "began", "replied", "details")  # what a relation keeps, and nobody says
_STANDS: Final = tuple(name for name in Relation.__struct_fields__ if name not in _OWN)
_stands: Final = attrgetter(*_STANDS)


def standing(relation: Relation) -> dict[str, Any]:
    """Tell how a relation stands, in the words of `RelationPut`."""
    return dict(zip(_STANDS, _stands(relation), strict=True)) | asdict(relation.noted)


def put(corpid: str, conversation: str, relation: Relation, now_ms: int, **changed: Any) -> RelationPut:
    """Say how a relation stands now: as it stood, but for what has changed.

    The member has confirmed the customer from `mutual` on, until the member deletes or refuses them.
    """
    stands = standing(relation) | changed
    lost = stands["status"] in ("removed_by_member", "refused")
    stands["confirmed"] = stands["status"] == "mutual" or (stands["confirmed"] and not lost)
    if stands["confirmed"] and not relation.confirmed:
        stands["made_ms"] = changed.get("made_ms", now_ms)
    return RelationPut(corpid=corpid, conversation=conversation, time_ms=now_ms, **stands)


def confirmed_by(status: RelationStatus) -> bool:
    """Tell whether the member has confirmed the customer, as far as the status says it."""
    return status in ("mutual", "removed_by_consumer")


def _change(
    state: State,
    now_ms: int,
    person: AnyPerson,
    name: str,
    affair: Affair | None,
    allowed: tuple[RelationStatus, ...],
    **changed: Any,
) -> Draft | Refusal:
    """Change a relation that stands in one of the allowed ways, and tell both sides if there is something to tell."""
    found = _single(state, person, name)
    if isinstance(found, Refusal):
        return found
    conversation, relation = found
    if standing(relation) | changed == standing(relation):
        return Refusal(ALREADY)
    if relation.status not in allowed:
        return Refusal(NOT_RELATED, f"relation/{relation.status}")
    draft = Draft(state, now_ms)
    draft.conversation = name
    draft.add(put(conversation.corpid, name, relation, now_ms, **changed))
    if affair is not None:
        member = state.member(relation.member)
        own = state.own_of(conversation.corpid, relation.consumer)
        tell(draft, conversation.corpid, affair, name, member, relation.consumer, own, "")
        status = changed["status"]
        report(draft, conversation.corpid, name, relation, relation.status, status, relation.noted.state)
    return draft


def accept(state: State, now_ms: int, person: AnyPerson, frame: frames.Accept) -> Draft | Refusal:
    """Let a member accept a request, or confirm a half contact."""
    found = _single(state, person, frame.conversation)
    if isinstance(found, Refusal):
        return found
    conversation, relation = found
    if not isinstance(person, Member):
        return Refusal(WRONG_SIDE)
    refusal = speak.refusal_of(state, person)
    if refusal is None and relation.status == "pending":
        corp, consumer = state.corps[conversation.corpid], state.consumer(relation.consumer)
        refusal = badge.check_new_contact(state, corp, person, consumer, now_ms)
    if refusal is not None:
        return refusal
    return _change(state, now_ms, person, frame.conversation, "relation_made", ("pending", "half"), status="mutual")


def refuse(state: State, now_ms: int, person: AnyPerson, frame: frames.Refuse) -> Draft | Refusal:
    """Let a member refuse a request."""
    return _change(state, now_ms, person, frame.conversation, "relation_refused", ("pending",), status="refused")


def delete(state: State, now_ms: int, person: AnyPerson, frame: frames.Delete) -> Draft | Refusal:
    """Let either side end the relation; a member can also let go of a customer who deleted them."""
    allowed: tuple[RelationStatus, ...] = ("pending", "half", "mutual")
    if isinstance(person, Member):
        allowed, status = (*allowed, "removed_by_consumer"), "removed_by_member"
    else:
        status = "removed_by_consumer"
    return _change(state, now_ms, person, frame.conversation, "relation_removed", allowed, status=status)


def block(state: State, now_ms: int, person: AnyPerson, frame: frames.Block) -> Draft | Refusal:
    """Let either side block the other, or unblock; the other side is not told."""
    side = "blocked_by_member" if isinstance(person, Member) else "blocked_by_consumer"
    allowed: tuple[RelationStatus, ...] = ("half", "mutual", "removed_by_member", "removed_by_consumer")
    return _change(state, now_ms, person, frame.conversation, None, allowed, **{side: frame.on})


def mute(state: State, now_ms: int, person: AnyPerson, frame: frames.Mute) -> Draft | Refusal:
    """Let a consumer mute, or hear again, the marketing of the enterprise that a conversation belongs to."""
    conversation = state.conversations.get(frame.conversation)
    if conversation is None or frame.conversation not in person.conversations:
        return Refusal(UNKNOWN_CONVERSATION)
    if not isinstance(person, Consumer):
        return Refusal(WRONG_SIDE)
    if person.known[conversation.corpid].muted == frame.on:
        return Refusal(ALREADY)
    draft = Draft(state, now_ms)
    draft.conversation = frame.conversation
    draft.add(ConsumerMuted(person.key, conversation.corpid, frame.on))
    return draft


def remark(state: State, now_ms: int, person: AnyPerson, frame: frames.Remark) -> Draft | Refusal:
    """Let a member note something of a customer, which the customer never sees."""
    noted = ("remark", "tags", "description", "company", "mobiles", "tag_ids")
    changed = {name: getattr(frame, name) for name in noted if getattr(frame, name) is not UNSET}
    if "tag_ids" in changed:
        changed["tag_ids"] = tuple(dict.fromkeys(changed["tag_ids"]))
    if isinstance(person, Member) and (refusal := wearable(state, person.corpid, changed.get("tag_ids", ()))):
        return refusal
    allowed: tuple[RelationStatus, ...] = ("half", "mutual", "removed_by_consumer")
    draft = _change(state, now_ms, person, frame.conversation, None, allowed, **changed)
    if isinstance(draft, Draft):
        tell_edited(draft, state.conversations[frame.conversation], changed)
    return draft


def tell_edited(draft: Draft, conversation: Conversation, changed: dict[str, Any]) -> None:
    """Have the apps told if a customer's remark, numbers or tags are edited (DOC 92130)."""
    relation = draft.state.relation(conversation.id)
    edited = (name for name in ("remark", "mobiles", "tags", "tag_ids") if name in changed)
    if relation.confirmed and any(getattr(relation.noted, name) != changed[name] for name in edited):
        corpid = conversation.corpid
        userid, external_userid = (draft.state.name_of(corpid, key) for key in (relation.member, relation.consumer))
        draft.call_back(corpid, ContactEdited(userid, external_userid))


def wearable(state: State, corpid: str, tag_ids: tuple[str, ...]) -> Refusal | None:
    """Tell why a customer may not wear just these of the enterprise's tags, or None."""
    library = state.corps[corpid].tags
    if any(id_ not in library.group_of for id_ in tag_ids):
        return Refusal(UNKNOWN_TAG, "tags/id")
    if len(tag_ids) > state.profile.customer_tags_max:
        return Refusal(CUSTOMER_TAGS_FULL, "customer_tags_max")
    return None

"""Joining by a code: of one group, or of a join way's groups, which may make the next one (DOC 92229)."""

from typing import Final

from msgspec.structs import replace

from gateway.decide import ways
from gateway.decide.draft import Draft
from gateway.decide.groups import make, may_make
from gateway.decide.seats import seat
from gateway.events import CodePut, GroupPut, JoinWay
from gateway.policy import badge, group_size, speak
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.conversations import Group
from gateway.state.people import AnyPerson, Consumer
from protocol import frames
from protocol.errors import ALREADY, DISMISSED, GROUP_FULL, QR_CLOSED, TOO_MANY, UNKNOWN_CODE

STAYS_MAX: Final = 100  # times that one person may join one group by its code


def join(state: State, now_ms: int, person: AnyPerson, frame: frames.Join) -> Draft | Refusal:
    """Let a consumer take a seat by a code of groups: in the first that has room, or in a new one if none has.

    Who sits in one of them already, gets no second seat.
    """
    code = ways.code_of(state, frame.code)
    if code is None or not isinstance(person, Consumer):
        return Refusal(UNKNOWN_CODE)
    chats = code.way.chats if isinstance(code.way, JoinWay) else (code.conversation,)
    groups = [(chat, state.group(chat)) for chat in chats if chat]
    if not groups:
        return Refusal(UNKNOWN_CODE)
    if any(person.key in group.seats for _, group in groups):
        return Refusal(ALREADY, "relation/seat")
    refusal = badge.check_new_customer(state, state.corps[code.corpid], person, now_ms)
    if refusal is not None:
        return refusal
    refusals = []
    for chat, group in groups:
        refusal = _closed(state, person, chat, group)
        if refusal is None:
            draft = Draft(state, now_ms)
            draft.conversation = chat
            _scanned(draft, code, (code.corpid, group.chat_id, group.name), person)
            return draft
        refusals.append(refusal)
    is_full = any(refusal.reason in (GROUP_FULL, QR_CLOSED) for refusal in refusals)
    if is_full and isinstance(code.way, JoinWay) and code.way.auto_create:
        return _join_new(state, now_ms, code, code.way, person)
    return refusals[0]


def _closed(state: State, person: Consumer, chat: str, group: Group) -> Refusal | None:
    """Tell why a consumer may not come into this group by its code, or None."""
    if group.dismissed:
        return Refusal(DISMISSED, "group/dismissed")
    if len(person.conversations.get(chat, ())) >= 2 * STAYS_MAX:
        return Refusal(TOO_MANY, "group/stays")
    return group_size.check(state, group, 1, scanned=True)


def _scanned(draft: Draft, code: CodePut, chat: tuple[str, str, str], person: Consumer) -> None:
    seat(draft, draft.conversation, chat, (person.key,), "scanned", state=code.state)


def _join_new(state: State, now_ms: int, code: CodePut, way: JoinWay, person: Consumer) -> Draft | Refusal:
    """Make the next group of a join way, of the newest one's owner, and let the consumer in (DOC 92229)."""
    newest = state.group(way.chats[-1])
    owner, corp = state.member(newest.owner), state.corps[code.corpid]
    refusal = speak.refusal_of(state, owner) or may_make(state, corp, now_ms)
    if refusal is not None:
        return refusal
    name = f"{way.base_name or newest.name}{way.base_id + way.rooms}"
    draft = make(Draft(state, now_ms), owner, name, (owner.key,))
    if isinstance(draft, Draft):
        put = next(event for event in draft.events if isinstance(event, GroupPut))
        _scanned(draft, code, (code.corpid, put.chat_id, name), person)
        chats = (*way.chats, put.conversation)[-ways.GROUPS_MAX :]
        draft.add(replace(code, way=replace(way, chats=chats, rooms=way.rooms + 1)))
    return draft

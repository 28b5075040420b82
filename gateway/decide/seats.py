"""Seats of a group, given and taken: the records of it, and what the enterprise is told (DOC 92130).

A join stands before the record that tells of it and a leave after it, so both ends of a membership can be read. That
record's sequence is the group's version from then on.
"""

from typing import Final

from msgspec.structs import replace

from gateway.decide.draft import Draft
from gateway.events import BotsSeated, Dismissed, Joined, JoinScene, LeaveScene, Left
from gateway.state.conversations import Conversation
from gateway.state.people import Consumer
from protocol.content import Affair, Notice
from protocol.ids import derive_version
from protocol.wecom.changes import ChatDetail, ChatDismissed, ChatUpdated

BOTS_MAX: Final = 20  # in one group, a setting: the vendor publishes no bound
JOIN_SCENES: Final[dict[JoinScene, int]] = {"created": 0, "invited": 0, "scanned": 3}  # DOC 92130: 0 invited, 3 QR code
QUIT_SCENES: Final[dict[LeaveScene, int]] = {"left": 0, "removed": 1}  # DOC 92130
_DETAILS: Final[dict[Affair, ChatDetail]] = {
    "renamed": "change_name",
    "announced": "change_notice",
    "owner_changed": "change_owner",
}


def seat(
    draft: Draft, conversation: str, chat: tuple[str, str, str], people: tuple[str, ...], scene: JoinScene,
    by: str = "", state: str = "",
) -> None:  # fmt: skip
    """Give people seats: open the group to each in their own affairs, then tell the group once, and the enterprise.

    `chat` is the enterprise, the chat_id and the name of a group. Of one that is only about to be made nothing is told:
    who makes it tells of that.
    """
    _, chat_id, _ = chat
    sequence = draft.next_sequence(conversation)
    who = give(draft, conversation, chat, people, scene, by, state)
    known = draft.state.conversations.get(conversation)
    if known is not None:
        _tell_members(draft, known, who, sequence, ChatUpdated(chat_id, "add_member", join_scene=JOIN_SCENES[scene]))


def give(
    draft: Draft, conversation: str, chat: tuple[str, str, str], people: tuple[str, ...], scene: JoinScene,
    by: str = "", state: str = "",
) -> tuple[str, ...]:  # fmt: skip
    """Give people seats, and tell nobody but them and the group; name them."""
    corpid, _, name = chat
    sequence = draft.next_sequence(conversation)
    owns = [
        draft.know(key, corpid) if isinstance(draft.state.people[key], Consumer) else draft.state.own_of(corpid, key)
        for key in people
    ]
    for key in people:
        draft.add(Joined(conversation, key, sequence, scene, draft.now_ms, by, state))
    for own in owns:
        draft.post(corpid, own, Notice("group_opened", conversation, "group", (), name))
    who = tuple(draft.name_of(corpid, key) for key in people)
    draft.post(corpid, conversation, Notice("joined", who=who))
    return who


def take(
    draft: Draft, conversation: Conversation, people: tuple[str, ...], scene: LeaveScene
) -> tuple[str, ...]:  # fmt: skip
    """Tell the group who goes, then take their seats: that record is the last one they get; name them."""
    who = tuple(draft.name_of(conversation.corpid, key) for key in people)
    sequence = draft.next_sequence(conversation.id)
    draft.post(conversation.corpid, conversation.id, Notice(scene, who=who))
    for key in people:
        draft.add(Left(conversation.id, key, sequence, scene, draft.now_ms))
    return who


def unseat(draft: Draft, conversation: Conversation, people: tuple[str, ...], scene: LeaveScene) -> None:
    """Take people's seats, and tell the enterprise."""
    sequence = draft.next_sequence(conversation.id)
    who = take(draft, conversation, people, scene)
    chat_id = draft.state.group(conversation.id).chat_id
    _tell_members(draft, conversation, who, sequence, ChatUpdated(chat_id, "del_member", quit_scene=QUIT_SCENES[scene]))


def _tell_members(
    draft: Draft, conversation: Conversation, who: tuple[str, ...], version: int, change: ChatUpdated
) -> None:
    group = draft.state.group(conversation.id)
    last, current = (
        derive_version(draft.state.seed, conversation.corpid, group.chat_id, number)
        for number in (group.version, version)
    )
    told = replace(change, members=who, last_version=last, current_version=current)
    draft.call_back(conversation.corpid, told)


def seat_bots(draft: Draft, corpid: str, conversation: str, bots: tuple[str, ...], notice: Notice) -> None:
    """Let these bots be in a group, and tell it; the enterprise is told of people only."""
    draft.add(BotsSeated(conversation, bots))
    draft.post(corpid, conversation, notice)


def tell(draft: Draft, conversation: Conversation, notice: Notice) -> None:
    """Tell a group what has changed of it, and the enterprise, where it is told of such a change."""
    draft.post(conversation.corpid, conversation.id, notice)
    detail = _DETAILS.get(notice.affair)
    if detail is not None:
        draft.call_back(conversation.corpid, ChatUpdated(draft.state.group(conversation.id).chat_id, detail))


def dismiss(draft: Draft, conversation: Conversation) -> None:
    """End a group: everybody's seat ends with the record that tells of it."""
    sequence = draft.next_sequence(conversation.id)
    draft.post(conversation.corpid, conversation.id, Notice("dismissed"))
    draft.add(Dismissed(conversation.id, sequence, draft.now_ms))
    draft.call_back(conversation.corpid, ChatDismissed(draft.state.group(conversation.id).chat_id))

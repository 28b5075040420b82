"""Mass messages: who is to send what to whom, and a member's yes that lets it be delivered, one chat after the other.

Rules of the file:
- The enterprise's call only makes parts for members; each confirms their own (DOC 92135).
- Where several members know a customer, the one whose chat was last active gets the part.
- Every message passes the policies like any other, but counts by rules of its own, once with all its attachments.
- Who does not know the member (any more) or blocked them is no friend; who had enough had others' messages (DOC 93338).
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from gateway import commands, policy
from gateway.decide.draft import Draft
from gateway.events import (
    AnyEvent,
    JobSliced,
    MassAnnounced,
    MassCancelled,
    MassConfirmed,
    MassMade,
    MassSliced,
    Posted,
)
from gateway.policy import content, speak
from gateway.policy.attempt import Attempt
from gateway.policy.badge import badge_of
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.corps import Corp
from gateway.state.jobs import JOBS_MAX, Job
from gateway.state.mass import HAD_OTHERS, NOT_A_FRIEND, SENT, MassMessage
from gateway.state.people import AnyPerson, Member
from gateway.windows import DAY_MS
from protocol import frames
from protocol.codec import MSGPACK
from protocol.content import Notice, Sendable, Text
from protocol.errors import (
    ALREADY,
    DISPATCHING,
    MASS_CANCELLED,
    NOBODY,
    NOT_OWNER,
    POLICIES,
    REMINDED_OFTEN,
    TOO_MANY,
    UNKNOWN_CONVERSATION,
    UNKNOWN_CORP,
    UNKNOWN_PERSON,
    UNKNOWN_TASK,
    WRONG_KIND,
    WRONG_SIDE,
)
from protocol.ids import derive_free

RECIPIENTS_MAX: Final = 100_000  # of one message that names nobody: setting, since one record holds them all
REMINDERS_MAX: Final = 3  # in 24 hours (DOC 90313, 41094)
_FREQUENCY: Final = next(hundred for hundred, name in POLICIES.items() if name == "frequency")

Parts = dict[str, list[str]]  # userid → conversations
Decided = list[AnyEvent] | Refusal

_encode = MSGPACK.encode


def make(state: State, now_ms: int, command: commands.MakeMass) -> Decided:
    """Make the enterprise's mass message, and begin to tell its members."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    if command.sender and state.present(corp.corpid, command.sender) is None:
        return Refusal(UNKNOWN_PERSON, "sender")
    group = command.chat_type == "group"
    parts, failed = _groups_of(state, corp, command) if group else _customers_of(state, corp, command)
    if not parts:
        return Refusal(NOBODY)
    made = _made(state, now_ms, corp, command.chat_type, command.contents, parts, allow_select=command.allow_select)
    if isinstance(made, Refusal):
        return made
    members = tuple(corp.members[userid] for userid in parts)
    told = MassAnnounced(corp.corpid, made.id, state.jobs_made + 1, "mass_task", members, now_ms)
    return [msgspec.structs.replace(made, failed=failed), told]


def _made(
    state: State, now_ms: int, corp: Corp, chat_type: Any, contents: tuple[Sendable, ...], parts: Parts,
    creator: str = "", *, allow_select: bool = False,
) -> MassMade | Refusal:  # fmt: skip
    """Name a mass message, if its content is within bounds and there is room for it."""
    checked = (content.check_body(state.profile, one, len(_encode(one))) for one in contents)
    refusal = next((refusal for refusal in checked if refusal is not None), None)
    if refusal is not None:
        return refusal
    size = sum(map(len, parts.values()))
    if size > RECIPIENTS_MAX:
        return Refusal(TOO_MANY, "mass recipients")
    if not corp.mass.has_room(size) or len(state.jobs) >= JOBS_MAX:
        return Refusal(TOO_MANY, "mass messages")
    name = derive_free(corp.mass.messages, "msg", state.seed, corp.corpid, corp.mass.made + 1)
    fixed = {userid: tuple(to) for userid, to in parts.items()}
    return MassMade(corp.corpid, name, chat_type, contents, creator, allow_select, fixed, now_ms)


def _groups_of(state: State, corp: Corp, command: commands.MakeMass) -> tuple[Parts, tuple[str, ...]]:
    """Find the groups that the sender owns: all, or those named."""
    owner = corp.members.get(command.sender, "")
    groups = ((name, chat, state.group(chat)) for name, chat in corp.chats.items())
    owned = {name: chat for name, chat, group in groups if group.owner == owner and not group.dismissed}
    wanted = list(dict.fromkeys(command.chat_ids)) or list(owned)
    to = [owned[name] for name in wanted if name in owned]
    return ({command.sender: to} if to else {}), tuple(name for name in wanted if name not in owned)


def _customers_of(state: State, corp: Corp, command: commands.MakeMass) -> tuple[Parts, tuple[str, ...]]:
    """Find for each customer the member who is to write to them; name those for whom there is none."""
    sender = corp.members.get(command.sender, "")
    named = list(dict.fromkeys(command.external_userids))
    tag_groups = () if named else tuple(frozenset(corp.tags.alive(group)) for group in command.tag_groups)
    handles: Iterable[str] = state.member(sender).contacts if sender else corp.consumers.values()
    if named:
        handles = [corp.consumers.get(name, "") for name in named]
    among: Iterable[str] = (sender,) if sender else corp.members.values()
    mute = {key for key in among if speak.refusal_of(state, state.member(key)) is not None}
    parts: Parts = {}
    failed = []
    for place, handle in enumerate(handles):
        chat = _chat_of(state, corp, handle, sender, tag_groups, mute) if handle else ""
        if chat:
            parts.setdefault(state.member(state.relation(chat).member).userid, []).append(chat)
        elif named:
            failed.append(named[place])
    return parts, tuple(failed)


def _chat_of(
    state: State, corp: Corp, handle: str, sender: str, tag_groups: tuple[frozenset[str], ...], mute: set[str]
) -> str:  # fmt: skip
    """Find the chat in which a customer is to be written to: of those that will do, the one last active."""
    contacts = state.consumer(handle).contacts
    members = (sender,) if sender else contacts
    found, newest = "", -1
    for member in members:
        chat = state.conversations.get(contacts.get(member, ""))
        if chat is None or chat.relation is None or chat.corpid != corp.corpid or member in mute:
            continue
        relation = chat.relation
        is_reached = relation.live and (relation.replied or not state.profile.mass_needs_reply)
        if not is_reached or any(group.isdisjoint(relation.noted.tag_ids) for group in tag_groups):
            continue
        if chat.head_position > newest:
            found, newest = chat.id, chat.head_position
    return found


def send_own(state: State, now_ms: int, person: AnyPerson, frame: frames.SendMass) -> Draft | Refusal:
    """Let a member say the same in many conversations of their own; that is their yes, too."""
    if not isinstance(person, Member):
        return Refusal(WRONG_SIDE)
    refusal = speak.refusal_of(state, person)
    if refusal is not None:
        return refusal
    to = _own_conversations(state, person, frame.conversations)
    if isinstance(to, Refusal):
        return to
    corp = state.corps[person.corpid]
    chat_type = state.conversations[to[0]].kind
    made = _made(state, now_ms, corp, chat_type, frame.contents, {person.userid: to}, person.userid)
    if isinstance(made, Refusal):
        return made
    draft = Draft(state, now_ms)
    draft.add(made)
    draft.add(MassConfirmed(corp.corpid, made.id, person.userid, state.jobs_made + 1, now_ms))
    return draft


def _own_conversations(state: State, member: Member, named: tuple[str, ...]) -> list[str] | Refusal:
    """Find the chats that a member means, all of one kind; customers who must have replied first are passed over."""
    if any(name not in member.conversations for name in named):
        return Refusal(UNKNOWN_CONVERSATION)
    chats = [state.conversations[name] for name in dict.fromkeys(named or member.contacts.values())]
    kinds = {chat.kind for chat in chats}
    if kinds - {"single", "group"} or len(kinds) > 1:
        return Refusal(WRONG_KIND)
    if any(chat.group is not None and chat.group.owner != member.key for chat in chats):
        return Refusal(NOT_OWNER)
    silent = state.profile.mass_needs_reply
    to = [
        chat.id for chat in chats
        if chat.relation is None or (chat.relation.live and (chat.relation.replied or not silent))
    ]  # fmt: skip
    if len(to) > frames.MASS_RECIPIENTS_MAX:
        return Refusal(TOO_MANY, "mass recipients")
    return to or Refusal(NOBODY)


def confirm(state: State, now_ms: int, person: AnyPerson, frame: frames.Confirm) -> Draft | Refusal:
    """Let a member's part be delivered."""
    if not isinstance(person, Member):
        return Refusal(WRONG_SIDE)
    message = state.corps[person.corpid].mass.messages.get(frame.task)
    part = message.parts.get(person.userid) if message is not None else None
    if message is None or part is None:
        return Refusal(UNKNOWN_TASK)
    if message.dispatch in state.jobs:
        return Refusal(DISPATCHING)
    if part.sent_ms:
        return Refusal(ALREADY, "mass/sent")
    if message.cancelled:
        return Refusal(MASS_CANCELLED)
    if len(state.jobs) >= JOBS_MAX:
        return Refusal(TOO_MANY, "jobs")
    refusal = speak.refusal_of(state, person)
    if refusal is not None:
        return refusal
    draft = Draft(state, now_ms)
    draft.add(MassConfirmed(person.corpid, message.id, person.userid, state.jobs_made + 1, now_ms))
    return draft


def remind(state: State, now_ms: int, command: commands.RemindMass) -> Decided:
    """Tell those who have not confirmed once more."""
    message = _pending(state, command.corpid, command.id)
    if isinstance(message, Refusal):
        return message
    recent = [at_ms for at_ms in message.reminded_ms if now_ms - at_ms < DAY_MS]
    if len(recent) >= REMINDERS_MAX:
        return Refusal(REMINDED_OFTEN, "mass/reminders", recent[0] + DAY_MS, len(recent), REMINDERS_MAX)
    return [_announced(state, now_ms, command, message, "mass_reminded")]


def cancel(state: State, now_ms: int, command: commands.CancelMass) -> Decided:
    """Let nobody confirm any more, and tell those who had not."""
    message = _pending(state, command.corpid, command.id)
    if isinstance(message, Refusal):
        return message
    told = _announced(state, now_ms, command, message, "mass_cancelled")
    return [MassCancelled(command.corpid, command.id, now_ms), *([told] if told.members else ())]


def _pending(state: State, corpid: str, name: str) -> MassMessage | Refusal:
    """Find a mass message that the enterprise made and that still goes on."""
    corp = state.corps.get(corpid)
    message = corp.mass.messages.get(name) if corp is not None else None
    if message is None or message.creator:
        return Refusal(UNKNOWN_TASK)
    if message.dispatch in state.jobs:
        return Refusal(DISPATCHING)
    if message.cancelled:
        return Refusal(MASS_CANCELLED)
    return message if len(state.jobs) < JOBS_MAX else Refusal(TOO_MANY, "jobs")


def _announced(
    state: State, now_ms: int, command: commands.RemindMass | commands.CancelMass, message: MassMessage, affair: Any
) -> MassAnnounced:  # fmt: skip
    waiting = (userid for userid, part in message.parts.items() if not part.sent_ms)
    members = tuple(state.corps[command.corpid].members[userid] for userid in waiting)
    return MassAnnounced(command.corpid, message.id, state.jobs_made + 1, affair, members, now_ms)


# Slices of jobs.


def slice_job(state: State, now_ms: int, job: Job, most: int) -> list[AnyEvent]:
    """Tell the next members of a mass message, or deliver it to its next recipients."""
    message = state.corps[job.corpid].mass.messages.get(job.mass)
    if message is None:  # it was finished, and dropped for newer ones: there is nothing left to tell of it
        return [JobSliced(job.id, len(job.recipients))]
    return _tell(state, now_ms, job, message, most) if job.affair else _deliver(state, now_ms, job, message, most)


def _tell(state: State, now_ms: int, job: Job, message: MassMessage, most: int) -> list[AnyEvent]:
    draft = Draft(state, now_ms)
    text = next((one.text for one in message.contents if isinstance(one, Text)), "")
    affair: Any = job.affair
    members = job.recipients[job.done : job.done + most]
    for key in members:
        draft.post(job.corpid, state.member(key).own, Notice(affair, text=text, task=message.id))
    return [*draft.events, JobSliced(job.id, job.done + len(members))]


def _deliver(state: State, now_ms: int, job: Job, message: MassMessage, most: int) -> list[AnyEvent]:
    """Say it to the next recipients, so many that the messages are at most `most`; one event keeps what became of them.

    What is shared is encoded once: the contents are raw bytes in each frame. No recipient is in a part twice, so none
    of them needs to see another's charge.
    """
    corp, member = state.corps[job.corpid], state.member(job.sender)
    badge = badge_of(member, corp, now_ms)
    contents: list[Any] = [msgspec.Raw(_encode(one)) for one in message.contents]
    first, size = message.contents[0], len(contents[0])
    events: list[AnyEvent] = []
    results = bytearray()
    for name in job.recipients[job.done : job.done + max(1, most // len(contents))]:
        chat = state.conversations[name]
        attempt = Attempt(
            now_ms, corp, chat, "member", member.key, first, size, member, mass=message.counted
        )  # fmt: skip
        refusal = policy.check(state, attempt)
        results.append(SENT if refusal is None else result_of(refusal))
        if refusal is not None:
            continue
        sequence, previous = chat.head, chat.head_position
        for raw in contents:
            sequence += 1
            said = frames.Message(corp.corpid, name, sequence, now_ms, "member", member.userid, raw, badge)
            events.append(Posted(name, sequence, previous, now_ms, "", _encode(said)))
            previous = state.position + len(events)
    return [*events, MassSliced(corp.corpid, message.id, member.userid, job.id, bytes(results), now_ms)]


def result_of(refusal: Refusal) -> int:
    """Give the vendor's word for a recipient who was not reached: they have words for two reasons only."""
    return HAD_OTHERS if refusal.reason.code // 100 == _FREQUENCY else NOT_A_FRIEND


def slice_failed(state: State, now_ms: int, job: Job) -> list[AnyEvent]:
    """End one recipient of a slice on which deciding failed."""
    if job.affair:
        return [JobSliced(job.id, job.done + 1)]
    userid = state.member(job.sender).userid
    return [MassSliced(job.corpid, job.mass, userid, job.id, bytes([NOT_A_FRIEND]), now_ms)]


HANDLERS: Final[dict[type, Any]] = {
    commands.MakeMass: make,
    commands.RemindMass: remind,
    commands.CancelMass: cancel,
}

"""Messages of apps to members, as the vendor's API has them: one request, many recipients, taken back on demand.

Rules of the file:
- A message is a job: each recipient has it in the app's own conversation, through the same policies as everything.
- Who is passed over (too much in a minute or an hour, gone meanwhile) is told to nobody (DOC 90236), and stands among
  the recent decisions.
- What was said may be taken back for 24 h (DOC 90236).
"""

from hashlib import blake2b
from typing import Final

import msgspec
from msgspec.structs import replace

from gateway import windows
from gateway.commands import SendFor
from gateway.commands.app_messages import Recall, SpeakFor, UpdateCard
from gateway.decide import media, messages
from gateway.decide.directory import Handler
from gateway.decide.draft import Draft
from gateway.events import AnyEvent, Posted
from gateway.events.app_messages import AppRecalled, AppSaid, AppSpoke, CardUpdated
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.app_messages import REMEMBERED_MS, AppMessage, AppMessages
from gateway.state.corps import Corp
from gateway.state.jobs import JOBS_MAX, Job
from protocol.codec import MSGPACK
from protocol.content import AppContent, Notice, TemplateCard
from protocol.errors import (
    APP_QUOTA,
    INTERNAL,
    RECALL_TOO_LATE,
    TOO_MANY,
    UNKNOWN_APP,
    UNKNOWN_CORP,
    UNKNOWN_MESSAGE,
    UNKNOWN_PERSON,
)
from protocol.ids import derive

DAY: Final = windows.WINDOWS.index("day")
RECALL_MS: Final = windows.DAY_MS

_encode = MSGPACK.encode
_decode_content = msgspec.msgpack.Decoder(AppContent).decode
_decode_card = msgspec.msgpack.Decoder(TemplateCard).decode


def speak(state: State, now_ms: int, command: SpeakFor) -> list[AnyEvent] | Refusal:
    """Begin to say something to members; nothing happens if the app has just said the same to the same."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    if command.agent_id not in corp.apps:
        return Refusal(UNKNOWN_APP)
    if said_lately(corp.messages, now_ms, command) is not None:
        return []
    refusal = media.check(corp.media, now_ms, command.content)
    if not command.recipients:
        refusal = Refusal(UNKNOWN_PERSON)
    elif len(command.recipients) > messages.JOB_RECIPIENTS_MAX or len(state.jobs) >= JOBS_MAX:
        refusal = Refusal(TOO_MANY, "jobs")
    refusal = refusal or _check_quota(state, corp, now_ms, command)
    if refusal is not None:
        return refusal
    number, job = corp.messages.made + 1, state.jobs_made + 1
    msgid = derive("msg", state.seed, corp.corpid, "app", number)
    code = derive("rc", state.seed, corp.corpid, "app", number) if command.answerable else ""
    content = msgspec.Raw(_encode(command.content))
    return [
        AppSpoke(
            corp.corpid, command.agent_id, msgid, job, command.recipients, content, _digest(command), code, now_ms
        )
    ]  # fmt: skip


def _check_quota(state: State, corp: Corp, now_ms: int, command: SpeakFor) -> Refusal | None:
    """Count person-times of a day: for each member that the enterprise may have, so many (DOC 90312)."""
    limit = corp.members_max(state.profile, now_ms) * state.profile.app_messages_per_member
    used = corp.messages.sent_by(command.agent_id, windows.indexes(now_ms)[DAY]).today
    if limit == 0 or used + len(command.recipients) <= limit:
        return None
    resets_at_ms = windows.resets_at_ms("day", now_ms)
    return Refusal(APP_QUOTA, "app_messages/app_messages_per_member", resets_at_ms, used, limit)


def said_lately(told: AppMessages, now_ms: int, command: SpeakFor) -> AppMessage | None:
    """Find the same message to the same people, where the app asked not to repeat itself."""
    digest = _digest(command) if command.unless_within_ms else ""
    for message in told.of(command.agent_id):
        if now_ms - message.time_ms >= command.unless_within_ms:
            return None
        if message.digest == digest:
            return message
    return None


def _digest(command: SpeakFor) -> str:
    return blake2b(_encode((command.recipients, command.content)), digest_size=12).hexdigest()


def slice_job(state: State, now_ms: int, job: Job) -> list[AnyEvent]:
    """Say it to the next recipient, or tell the next conversation what became of it."""
    if job.affair:
        return _tell(state, now_ms, job, state.corps[job.corpid].messages.kept.get(job.msgid))
    recipient, agent_id = job.recipients[job.done], job.sender.partition("#")[2]
    content, userid = _decode_content(job.content), state.name_of(job.corpid, recipient)
    said = messages.say(
        state, now_ms, SendFor(job.corpid, job.origin, "app", agent_id, "member", userid, content), None
    )  # fmt: skip
    if isinstance(said, Refusal):
        return [_said(job, now_ms, recipient, refusal=said)]
    posted = said[-1]
    assert isinstance(posted, Posted)
    return [*said, _said(job, now_ms, recipient, posted)]


def _said(
    job: Job, now_ms: int, recipient: str, posted: Posted | None = None, refusal: Refusal | None = None
) -> AppSaid:  # fmt: skip
    conversation, sequence = (posted.conversation, posted.sequence) if posted is not None else ("", 0)
    refused, rule, retry_at_ms = (refusal.reason.code, refusal.rule, refusal.retry_at_ms) if refusal else (0, "", 0)
    return AppSaid(
        job.corpid, job.msgid, job.id, job.done + 1, recipient, conversation, sequence, refused, rule, retry_at_ms,
        now_ms,
    )  # fmt: skip


def _tell(state: State, now_ms: int, job: Job, message: AppMessage | None) -> list[AnyEvent]:
    """Tell the next conversation what became of its message, if that is still remembered."""
    draft, conversation = Draft(state, now_ms), job.recipients[job.done]
    sequence = message.places.get(conversation, 0) if message is not None else 0
    if sequence and job.affair == "recalled":
        draft.post(job.corpid, conversation, Notice("recalled", sequence=sequence))
    elif sequence:
        card = replace(_decode_card(job.content), updates=sequence)
        draft.post_as(job.sender.partition("#")[2], job.corpid, conversation, card)
    return [*draft.events, _said(job, now_ms, "")]


def slice_failed(now_ms: int, job: Job) -> list[AnyEvent]:
    """End a recipient on whom deciding failed."""
    return [_said(job, now_ms, job.recipients[job.done], refusal=Refusal(INTERNAL))]


def recall(state: State, now_ms: int, command: Recall) -> list[AnyEvent] | Refusal:
    """Take a message back; once is enough."""
    corp = state.corps.get(command.corpid)
    message = corp.messages.kept.get(command.msgid) if corp is not None else None
    if message is None or message.agent_id != command.agent_id:
        return Refusal(UNKNOWN_MESSAGE)
    if now_ms - message.time_ms >= RECALL_MS:
        return Refusal(RECALL_TOO_LATE, "app_messages/recall_ms")
    if message.recalled:
        return []
    if message.places and len(state.jobs) >= JOBS_MAX:
        return Refusal(TOO_MANY, "jobs")
    return [AppRecalled(command.corpid, command.msgid, state.jobs_made + 1, now_ms)]


def update_card(state: State, now_ms: int, command: UpdateCard) -> list[AnyEvent] | Refusal:
    """Show something else on a card, to those of the named who have it; the code of a card is good for once."""
    corp = state.corps.get(command.corpid)
    app = corp.apps.get(command.agent_id) if corp is not None else None
    if corp is None or app is None:
        return Refusal(UNKNOWN_APP)
    known = (message for message in corp.messages.of(command.agent_id) if message.code == command.code)
    message = next(known, None)
    if message is None or message.recalled or now_ms - message.time_ms >= REMEMBERED_MS:
        return Refusal(UNKNOWN_MESSAGE)
    named = tuple(app.conversations.get(key, "") for key in command.recipients) or tuple(message.places)
    conversations = tuple(name for name in named if name in message.places)
    if not conversations or len(state.jobs) >= JOBS_MAX:
        return Refusal(TOO_MANY, "jobs") if conversations else Refusal(UNKNOWN_PERSON)
    content, job = msgspec.Raw(_encode(command.card)), state.jobs_made + 1
    return [CardUpdated(command.corpid, message.msgid, job, conversations, content, now_ms)]


HANDLERS: Final[dict[type, Handler]] = {SpeakFor: speak, Recall: recall, UpdateCard: update_card}

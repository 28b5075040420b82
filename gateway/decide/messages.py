"""Messages: may this be said here, and if so, the one record it becomes."""

from typing import Final, Literal

import msgspec

from gateway import policy
from gateway.commands import Repeated, SendFor
from gateway.decide.draft import Draft
from gateway.events import AnyEvent, AppOpened, CommandRefused, Delivered, JobSliced, JobStarted, Origin, Posted
from gateway.policy import content, frequency
from gateway.policy.attempt import Attempt
from gateway.policy.badge import badge_of
from gateway.refusal import Refusal
from gateway.state import State, Voice
from gateway.state.conversations import AppChat, Conversation
from gateway.state.corps import App
from gateway.state.jobs import JOBS_MAX, Job, recall
from gateway.state.people import AnyPerson, Member
from gateway.windows import MINUTE_MS
from protocol.codec import MSGPACK
from protocol.content import Notice, Sendable, Text
from protocol.errors import (
    INTERNAL,
    TOO_MANY,
    UNKNOWN_APP,
    UNKNOWN_CONVERSATION,
    UNKNOWN_CORP,
    UNKNOWN_DEPARTMENT,
    UNKNOWN_PERSON,
    WRONG_KIND,
    Reason,
)
from protocol.frames import Send
from protocol.ids import app_key, derive, member_key
from protocol.mould import Mould

JOB_RECIPIENTS_MAX: Final = 10_000  # as one call of the vendor's mass message (DOC 92135)
VOICES_MAX: Final = 200_000  # people who may speak, remembered

_FROM: Final = "from"  # the field of an MQTT command that names nobody
_TO: Final = "to"

_decode_content = msgspec.msgpack.Decoder(Sendable).decode
_encode = MSGPACK.encode


def send(
    state: State, now_ms: int, person: AnyPerson, device: str, frame: Send, body: bytes, digest: int
) -> Posted | Refusal:
    """Decide a client's send. `body` is the frame's content as encoded, `digest` its checksum.

    Who has just spoken and may still, is asked only what differs from message to message: content and frequency.
    """
    voice = state.voices.get((person.key, frame.conversation))
    if voice is None:
        found = _voice(state, now_ms, person, frame, len(body))
        if isinstance(found, Refusal):
            return found
        voice = found
    else:
        said, refusal = frame.content, None
        if type(said) is not Text or not 0 < len(said.text) <= voice.characters_max:
            refusal = content.check_body(state.profile, said, len(body))
        doubtful = now_ms // MINUTE_MS != voice.minute  # in a new window, only the rules themselves can tell
        for cell, limit in voice.cells:
            if cell[0] >= limit:
                doubtful = True
        if refusal is None and doubtful:
            refusal = frequency.check_subjects(state, voice.meter, voice.subjects, now_ms)
        if refusal is not None:
            return refusal
    conversation = voice.conversation
    sequence = conversation.head + 1
    return Posted(
        conversation.id, sequence, conversation.head_position, now_ms, person.key,
        voice.mould.cast(sequence, now_ms, body), device, frame.number, digest,
    )  # fmt: skip


def _voice(state: State, now_ms: int, person: AnyPerson, frame: Send, body_bytes: int) -> Voice | Refusal:
    """Ask every policy about a send, and remember what does not change from message to message."""
    conversation = state.conversations.get(frame.conversation)
    if conversation is None or frame.conversation not in person.conversations:
        return Refusal(UNKNOWN_CONVERSATION)
    corp = state.corps[conversation.corpid]
    attempt = Attempt(now_ms, corp, conversation, person.side, person.key, frame.content, body_bytes, person)
    refusal = policy.check(state, attempt)
    if refusal is not None:
        return refusal
    badge = badge_of(person, corp, now_ms) if isinstance(person, Member) else None
    sender = state.name_of(corp.corpid, person.key)
    subjects = state.subjects(conversation, person.key)
    meter = state.meters[person.side]
    mould = Mould(corp.corpid, conversation.id, person.side, sender, badge)
    voice = Voice(conversation, person.devices, mould, meter, subjects, content.characters_max(state.profile))
    if len(state.voices) >= VOICES_MAX:
        state.voices.clear()
    state.voices[person.key, conversation.id] = voice
    return voice


def send_for(state: State, now_ms: int, command: SendFor) -> list[AnyEvent] | Refusal | Repeated:
    """Decide an MQTT command; every readable one of a known enterprise ends as an event, refusals included."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    outcome = recall(corp.outcomes, command.origin, now_ms)
    if outcome is not None:
        return Repeated(outcome.epoch, outcome.position)
    if command.target_kind == "store":
        return _start_job(state, now_ms, command)
    events = say(state, now_ms, command, command.origin)
    return [_refused(command, now_ms, events)] if isinstance(events, Refusal) else events


def _refused(command: SendFor, now_ms: int, refusal: Refusal, recipient: str = "") -> CommandRefused:
    return CommandRefused(
        command.corpid, command.origin, recipient, refusal.reason.code, refusal.rule, refusal.retry_at_ms, now_ms
    )


def _start_job(state: State, now_ms: int, command: SendFor) -> list[AnyEvent]:
    """Begin a message to every activated member of a store."""
    corp = state.corps[command.corpid]
    sender = _sender(state, command)
    reason: Reason | None = None
    department = int(command.target) if command.target.isdecimal() else -1
    if isinstance(sender, Refusal):
        return [_refused(command, now_ms, sender)]
    if department not in corp.departments or not corp.departments[department].store:
        reason = UNKNOWN_DEPARTMENT
    staff = [state.member(key) for key in corp.members.values()]
    recipients = tuple(member.key for member in staff if department in member.departments and member.active)
    if len(state.jobs) >= JOBS_MAX or len(recipients) > JOB_RECIPIENTS_MAX:
        reason = TOO_MANY
    elif not reason and not recipients:
        reason = UNKNOWN_PERSON
    if reason is not None:
        return [_refused(command, now_ms, Refusal(reason, "" if reason is TOO_MANY else _TO))]
    is_app = command.sender_kind == "app"
    key = (app_key if is_app else member_key)(command.corpid, command.sender)
    body = msgspec.Raw(_encode(command.content))
    job = state.jobs_made + 1
    return [JobStarted(job, command.corpid, is_app, key, recipients, body, command.origin, now_ms)]


def slice_job(state: State, now_ms: int, job: Job) -> list[AnyEvent]:
    """Give a job its next recipient, who has an outcome of their own; quotas see each before the next."""
    recipient = job.recipients[job.done]
    kind: Literal["app", "member"] = "app" if job.by_app else "member"
    sender, userid = state.name_of(job.corpid, job.sender), state.name_of(job.corpid, recipient)
    one = SendFor(job.corpid, job.origin, kind, sender, "member", userid, _decode_content(job.content))
    said = say(state, now_ms, one, one.origin)
    events = [_refused(one, now_ms, said, recipient)] if isinstance(said, Refusal) else said
    return [*events, JobSliced(job.id, job.done + 1)]


def slice_failed(now_ms: int, job: Job) -> list[AnyEvent]:
    """End a recipient on whom deciding failed."""
    recipient, done = job.recipients[job.done], JobSliced(job.id, job.done + 1)
    return [CommandRefused(job.corpid, job.origin, recipient, INTERNAL.code, "", 0, now_ms), done]


def _sender(state: State, command: SendFor) -> AnyPerson | App | Refusal:
    corp = state.corps[command.corpid]
    if command.sender_kind == "app":
        return corp.apps.get(command.sender) or Refusal(UNKNOWN_APP, _FROM)
    key = corp.members.get(command.sender)
    return state.people[key] if key is not None else Refusal(UNKNOWN_PERSON, _FROM)


def say(state: State, now_ms: int, command: SendFor, origin: Origin | None) -> list[AnyEvent] | Refusal:
    """Say something for a member or an app: find or open the conversation, ask the policies, make the record.

    Where it has an origin, who asked over MQTT is told of it.
    """
    corp = state.corps[command.corpid]
    sender = _sender(state, command)
    if isinstance(sender, Refusal):
        return sender
    conversation = _target(state, command, sender)
    if isinstance(conversation, Refusal):
        return conversation
    body_bytes = len(_encode(command.content))
    if isinstance(sender, App):
        key = app_key(corp.corpid, sender.agent_id)
        attempt = Attempt(now_ms, corp, conversation, "app", key, command.content, body_bytes, app=sender)
        badge = None
    else:
        attempt = Attempt(now_ms, corp, conversation, "member", sender.key, command.content, body_bytes, sender)
        badge = badge_of(state.member(sender.key), corp, now_ms)
    refusal = policy.check(state, attempt)
    if refusal is not None:
        return refusal
    draft = Draft(state, now_ms)
    if conversation.id not in state.conversations:
        assert conversation.app is not None
        own = state.own_of(corp.corpid, conversation.app.person)
        open_app_chat(draft, conversation, command.sender, own)
    draft.say(attempt, command.sender, badge, origin)
    return draft.events


def _target(state: State, command: SendFor, sender: AnyPerson | App) -> Conversation | Refusal:
    """Find the conversation that a command means; an app's first one with a person is only thought of so far."""
    corp = state.corps[command.corpid]
    if command.target_kind == "group":
        name = corp.chats.get(command.target)
        return state.conversations[name] if name is not None else Refusal(UNKNOWN_CONVERSATION, _TO)
    people = corp.consumers if command.target_kind == "consumer" else corp.members
    person = people.get(command.target)
    if person is None:
        return Refusal(UNKNOWN_PERSON, _TO)
    if isinstance(sender, App):
        name = sender.conversations.get(person)
        if name is not None:
            return state.conversations[name]
        new = derive("cv", state.seed, corp.corpid, corp.made + 1)
        return Conversation(new, "app", corp.corpid, app=AppChat(sender.agent_id, person))
    if command.target_kind == "member":
        return Refusal(WRONG_KIND, "relation/colleagues")  # colleagues' chats stay inside WeCom, off the bridge
    name = sender.contacts.get(person)
    return state.conversations[name] if name is not None else Refusal(UNKNOWN_CONVERSATION, _TO)


def open_app_chat(draft: Draft, conversation: Conversation, agent_id: str, own: str) -> None:
    """Open the first conversation of an app and a person, and tell the person, whose own conversation is named."""
    assert conversation.app is not None
    draft.add(AppOpened(conversation.corpid, agent_id, conversation.app.person, conversation.id))
    name = draft.state.corps[conversation.corpid].apps[agent_id].name
    draft.post(conversation.corpid, own, Notice("app_opened", conversation.id, "app", (agent_id,), name))


def delivered(state: State, now_ms: int, person: AnyPerson, upto: tuple[tuple[str, int], ...]) -> list[AnyEvent]:
    """Tell which MQTT commands' messages a person's device has now acknowledged for the first time."""
    events: list[AnyEvent] = []
    for name, sequence in dict(sorted(upto)).items():  # each conversation once, at its highest
        conversation = state.conversations.get(name)
        if conversation is None or not conversation.awaited or name not in person.conversations:
            continue
        events += [
            Delivered(
                conversation.corpid, name, awaited.sequence, person.key, Origin(awaited.source, awaited.id), now_ms
            )
            for awaited in conversation.awaited
            if awaited.person == person.key and awaited.sequence <= sequence
        ]
    return events

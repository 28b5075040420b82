"""From state, command and time to events: one file a subject. Reads, never writes (`State.voices` is derived).

Two doors, one answer. `by_client` decides a numbered frame of a device; `by_service` a command without a frame. Both
give the events to come, or a refusal, which changes nothing.
"""

from collections.abc import Callable
from typing import Any, Final, get_args
from zlib import crc32

import msgspec

from gateway import commands
from gateway.decide import (
    app_chats,
    app_groups,
    app_messages,
    apps,
    book_tags,
    bots,
    callbacks,
    contacts,
    customers,
    departments,
    directory,
    groups,
    jobs,
    joining,
    logins,
    mass,
    media,
    members,
    messages,
    tags,
    templates,
    time,
    ways,
    welcome,
)
from gateway.decide.draft import Draft
from gateway.events import Answered, AnyEvent, Posted
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.people import DEVICES_MAX, Answer, AnyPerson, Device
from protocol import frames
from protocol.codec import MSGPACK
from protocol.errors import REUSED_NUMBER, STALE_NUMBER, TOO_MANY, UNKNOWN_PERSON, WRONG_SIDE

ClientHandler = Callable[[State, int, AnyPerson, Any], Draft | Refusal]
CLIENT_HANDLERS: Final[dict[type, ClientHandler]] = {
    frames.Scan: contacts.scan,
    frames.Accept: contacts.accept,
    frames.Refuse: contacts.refuse,
    frames.Delete: contacts.delete,
    frames.Block: contacts.block,
    frames.Mute: contacts.mute,
    frames.Remark: contacts.remark,
    frames.Create: groups.create,
    frames.Join: joining.join,
    frames.Invite: groups.invite,
    frames.Remove: groups.remove,
    frames.Leave: groups.leave,
    frames.Rename: groups.rename,
    frames.Announce: groups.announce,
    frames.HandOver: groups.hand_over,
    frames.Appoint: groups.appoint,
    frames.Confirm: mass.confirm,
    frames.SendMass: mass.send_own,
    frames.Dismiss: groups.dismiss,
    frames.Enter: app_chats.enter,
    frames.Click: app_chats.click,
    frames.Feedback: app_chats.judge,
}
COMMANDS_OF: Final = {"member": get_args(frames.MemberCommand), "consumer": get_args(frames.ConsumerCommand)}
CONTROL: Final = "control"  # the device of what control does for a person
SERVICE_HANDLERS: Final[dict[type, Callable[[State, int, Any], list[AnyEvent] | Refusal | commands.Repeated]]] = {
    **callbacks.HANDLERS,
    **bots.HANDLERS,
    **apps.HANDLERS,
    **book_tags.HANDLERS,
    **departments.HANDLERS,
    **directory.HANDLERS,
    **media.HANDLERS,
    **ways.HANDLERS,
    **welcome.HANDLERS,
    **templates.HANDLERS,
    **mass.HANDLERS,
    **app_messages.HANDLERS,
    **app_groups.HANDLERS,
    **customers.HANDLERS,
    **tags.HANDLERS,
    **logins.HANDLERS,
    **members.HANDLERS,
    commands.SendFor: messages.send_for,
    commands.SliceJob: jobs.slice_job,
}

_encode = MSGPACK.encode


def _body_of(frame: frames.ClientCommand) -> bytes:
    """Encode what a repeat must repeat: all of a command, or a send's content; its place is compared apart."""
    return _encode(frame.content if type(frame) is frames.Send else frame)


def digest_of(frame: frames.ClientCommand) -> int:
    """Make the checksum that tells a repeat from another body under the same number."""
    return crc32(_body_of(frame))


def by_client(
    state: State, now_ms: int, person: AnyPerson, device: str, frame: frames.ClientCommand
) -> Posted | list[AnyEvent] | Answer | Refusal:
    """Decide a device's numbered command: what it becomes, its first answer if it is a repeat, or why not.

    The last event of a list is the `Answered` that keeps the number.
    """
    is_send = type(frame) is frames.Send
    body = _encode(frame.content) if is_send else _encode(frame)  # type: ignore[union-attr]
    digest = crc32(body)
    known = person.devices.get(device)
    if known is None:
        if len(person.devices) >= DEVICES_MAX:
            return Refusal(TOO_MANY, "devices")
    elif frame.number <= known.last_number:
        return _first_answer(known, frame, digest)
    if is_send:
        return messages.send(state, now_ms, person, device, frame, body, digest)  # type: ignore[arg-type]
    draft = CLIENT_HANDLERS[type(frame)](state, now_ms, person, frame)
    if isinstance(draft, Refusal):
        return draft
    draft.add(Answered(person.key, device, frame.number, digest, draft.conversation, 0, now_ms))
    return draft.events


def is_answered(person: AnyPerson, device: str, number: int) -> bool:
    """Tell whether a number belongs to what was accepted before: its answer needs no deciding, and no disk."""
    known = person.devices.get(device)
    return known is not None and number <= known.last_number


def _first_answer(device: Device, frame: frames.ClientCommand, digest: int) -> Answer | Refusal:
    """Give a repeated number its first answer, if it comes with the same body."""
    answer = device.find(frame.number)
    if answer is None:
        return Refusal(STALE_NUMBER)
    elsewhere = type(frame) is frames.Send and frame.conversation != answer.conversation
    return Refusal(REUSED_NUMBER) if elsewhere or answer.digest != digest else answer


def by_service(
    state: State, now_ms: int, real_ms: int, command: commands.Command
) -> list[AnyEvent] | Refusal | commands.Repeated:
    """Decide a command that has no frame."""
    if isinstance(command, commands.Act):
        return _act(state, now_ms, command)
    handler = SERVICE_HANDLERS.get(type(command))
    return handler(state, now_ms, command) if handler is not None else time.decide(state, now_ms, real_ms, command)


def _act(state: State, now_ms: int, command: commands.Act) -> list[AnyEvent] | Refusal:
    """Decide what a person is made to do, as if one of their clients had asked for it."""
    person = state.people.get(state.key_of(command.person))
    if person is None:
        return Refusal(UNKNOWN_PERSON)
    if not isinstance(command.frame, COMMANDS_OF[person.side]):
        return Refusal(WRONG_SIDE)
    known = person.devices.get(CONTROL)
    frame = msgspec.structs.replace(command.frame, number=known.last_number + 1 if known is not None else 1)
    decided = by_client(state, now_ms, person, CONTROL, frame)
    assert not isinstance(decided, Answer), "the number is new"
    return [decided] if isinstance(decided, Posted) else decided

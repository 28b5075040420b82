"""Calls that do as a person what one of their clients could ask for: for tests in languages without a client."""

from typing import Any

import msgspec
from msgspec import Struct

from adapters.control.endpoint import Door, endpoint
from adapters.names import ConsumerPath, MemberPath
from adapters.strict import Wrong, explained
from gateway.commands import Act
from gateway.events import Answered, Posted
from protocol.frames import ClientCommand
from protocol.ids import member_key


class ActAnswer(Struct, frozen=True):
    """What was accepted: of a message its place, of everything else the conversation that it opened, if any."""

    conversation: str
    sequence: int
    time_ms: int


async def _act(door: Door, person: str, body: dict[str, Any]) -> ActAnswer:
    try:
        frame = msgspec.convert({**body, "number": 1}, ClientCommand)
    except msgspec.ValidationError as why:
        raise Wrong(explained(str(why), ClientCommand)) from why
    last = (await door.ask(Act(person, frame)))[-1]
    assert isinstance(last, Posted | Answered), "a numbered command ends with its answer"
    return ActAnswer(last.conversation, last.sequence, last.time_ms)


@endpoint("POST", "/people/{handle}/acts")
async def act_as_consumer(door: Door, path: ConsumerPath, body: dict[str, Any]) -> ActAnswer:
    """Do as a consumer what a frame of the link asks for, without its `number`: `scan`, `send`, `delete` and so on."""
    return await _act(door, path.handle, body)


@endpoint("POST", "/people/{corpid}/{userid}/acts")
async def act_as_member(door: Door, path: MemberPath, body: dict[str, Any]) -> ActAnswer:
    """Do as a member what a frame of the link asks for, without its `number`: `accept`, `send`, `create` and so on."""
    return await _act(door, member_key(path.corpid, path.userid), body)

"""Calls about callbacks: what was tried, trying once more, and the check of a receiver's address."""

from collections.abc import Iterator
from itertools import takewhile
from typing import Annotated

from msgspec import Meta, Struct

from adapters.callback_lines import CallbackLine, CallbackView, Outcome
from adapters.callback_receivers import Called
from adapters.control.directory import AppPath
from adapters.control.endpoint import Body, Door, endpoint
from adapters.control.problems import plain
from adapters.control.recent import LookBack, upto, waited
from adapters.names import AgentId, Corpid
from gateway.state import State


class CallbacksQuery(LookBack, frozen=True):
    """`event` is a change type or a kind of message, as `add_external_contact` or `text`."""

    corpid: Corpid | None = None
    agent_id: AgentId | None = None
    event: Annotated[str, Meta(max_length=64)] = ""
    outcome: Outcome | None = None
    position: Annotated[int, Meta(ge=0)] | None = None


class CallbacksAnswer(Struct, frozen=True):
    """Attempts, oldest first: the first ones above `after`, or without it the last ones."""

    callbacks: list[CallbackView]
    next_after: int


@endpoint("GET", "/callbacks")
async def list_callbacks(door: Door, query: CallbacksQuery) -> CallbacksAnswer:
    """List recent attempts to call apps back, or wait for one."""
    lines = door.receivers.lines

    def look(after: int) -> Iterator[CallbackView]:
        newer = takewhile(lambda line: line.ordinal > after, lines.newest_first())
        return (_view(line) for line in newer if _wants(query, line))

    found = await waited(door, lines, look, query, lambda: lines.newest)
    return CallbacksAnswer(found, upto(query, [line.ordinal for line in found], lines.newest))


def _wants(query: CallbacksQuery, line: CallbackLine) -> bool:
    return (
        query.corpid in (None, line.corpid)
        and query.agent_id in (None, line.agent_id)
        and query.event in ("", line.event)
        and query.outcome in (None, line.outcome)
        and query.position in (None, line.position)
    )


def _view(line: CallbackLine) -> CallbackView:
    return CallbackView(**{name: getattr(line, name) for name in CallbackView.__struct_fields__})


class ReplayBody(Body, frozen=True):
    """`position` is a record's place in the journal, as an attempt or a message has it."""

    position: Annotated[int, Meta(ge=1)]


@endpoint("POST", "/corps/{corpid}/apps/{agent_id}/callback/replay")
async def replay_callback(door: Door, path: AppPath, body: ReplayBody) -> CallbackView:
    """Call an app back about a record once more, in one attempt."""
    await _check_app(door, path)
    line = await door.receivers.call(Called(path.corpid, path.agent_id), body.position, 1, replayed=True)
    if line is None:
        raise plain(404, f"the record at {body.position} is nothing that this app is called back about")
    return _view(line)


class VerifyAnswer(Struct, frozen=True):
    """`problem` says what is wrong; without one the app is remembered as verified."""

    verified: bool
    problem: str
    status: int
    duration_us: int
    answer: str


@endpoint("POST", "/corps/{corpid}/apps/{agent_id}/callback/verify")
async def verify_callback(door: Door, path: AppPath) -> VerifyAnswer:
    """Check an app's callback_url as the vendor's console does when it is saved: its receiver decrypts a number."""
    await _check_app(door, path)
    problem, answer = await door.receivers.check(Called(path.corpid, path.agent_id))
    told = answer.body[:200].decode(errors="replace")
    return VerifyAnswer(not problem, problem, answer.status, answer.duration_us, told)


async def _check_app(door: Door, path: AppPath) -> None:
    def look(state: State, _now_ms: int) -> bool:
        corp = state.corps.get(path.corpid)
        return corp is not None and path.agent_id in corp.apps

    if not await door.look(look):
        raise plain(404, f"there is no app {path.agent_id} in an enterprise {path.corpid}")

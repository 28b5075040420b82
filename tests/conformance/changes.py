"""What the tests of callbacks share: changes that apps are told of, and what became of telling them."""

import asyncio
from typing import Any

from gateway.commands import Command
from gateway.decide.draft import Draft
from gateway.events import AnyEvent
from gateway.state import State
from protocol.wecom.changes import AnyChange, TagMade
from tests.conformance.receiver import Call
from tests.conformance.wecom import STORE, Wecom

FAST: dict[str, Any] = {"callback_spacing_ms": 0, "callback_drain_ms": 0}


class Change(Command, frozen=True):
    """Let something happen that apps are told of."""

    corpid: str
    changes: tuple[AnyChange, ...]


def change(state: State, now_ms: int, command: Change) -> list[AnyEvent]:
    draft = Draft(state, now_ms)
    for one in command.changes:
        draft.call_back(command.corpid, one)
    return draft.events


async def happens(wecom: Wecom, *names: str, corpid: str = STORE) -> None:
    """Let tags of these ids be made, in one turn."""
    await wecom.gateway.router.ask(Change(corpid, tuple(TagMade(name, "tag") for name in names)))


async def attempts(wecom: Wecom, count: int, **wanted: object) -> list[dict[str, Any]]:
    """Wait until so many attempts of a kind are over; give them, oldest first."""
    query = "&".join(f"{key}={value}" for key, value in wanted.items())
    found: list[dict[str, Any]] = []
    after = 0
    async with asyncio.timeout(20):
        while len(found) < count:
            told = await wecom.control("GET", f"/callbacks?after={after}&wait_s=10&{query}")
            found += told["callbacks"]
            after = told["next_after"]
    return found


def ids(calls: list[Call]) -> list[str]:
    return [call.message.tag_id for call in calls]

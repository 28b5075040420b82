"""Calls that look back on what happened lately, or wait until it happens."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Annotated, Protocol, TypeVar

from msgspec import Meta, Struct

from adapters.control.endpoint import Body, Door, endpoint
from adapters.control.problems import plain
from adapters.names import Id, Key, Limit
from gateway.queries import recent
from gateway.queries.recent import DecisionFilter, DecisionView, MessageFilter, MessageView

T = TypeVar("T")


class LookBack(Body, frozen=True):
    """`after` is `next_after` of an earlier answer; `wait_s` waits so long for something that is wanted."""

    after: Annotated[int, Meta(ge=0)] | None = None
    limit: Limit = 100
    wait_s: Annotated[float, Meta(ge=0, le=60)] = 0


class MessagesQuery(LookBack, frozen=True):
    conversation: Id = ""
    person: Key | None = None
    contains: Annotated[str, Meta(max_length=256)] = ""


class MessagesAnswer(Struct, frozen=True):
    """Messages, oldest first: the first ones above `after`, or without it the last ones."""

    messages: list[MessageView]
    next_after: int


class DecisionsQuery(LookBack, frozen=True):
    person: Key | None = None
    reason: Annotated[str, Meta(max_length=64)] = ""


class DecisionsAnswer(Struct, frozen=True):
    """Decisions, oldest first; an accepted send is no line here, it is a message."""

    decisions: list[DecisionView]
    next_after: int


@endpoint("GET", "/messages")
async def list_messages(door: Door, query: MessagesQuery) -> MessagesAnswer:
    """List recent messages, or wait for one."""
    router = door.router
    wanted = MessageFilter(query.conversation, query.person or "", query.contains)

    def look(after: int) -> Iterator[MessageView]:
        newest_first = reversed(router.recent_messages)
        return recent.messages(router.state, newest_first, router.durable_position, wanted, after)

    found = await waited(door, router, look, query, lambda: router.durable_position)
    return MessagesAnswer(found, upto(query, [message.position for message in found], router.durable_position))


@endpoint("GET", "/decisions")
async def list_decisions(door: Door, query: DecisionsQuery) -> DecisionsAnswer:
    """List recent decisions, refusals among them, or wait for one."""
    router = door.router
    wanted = DecisionFilter(query.person or "", query.reason)

    def newest() -> int:
        lines = reversed(router.recent_decisions)
        return next((line.ordinal for line in lines if line.position <= router.durable_position), query.after or 0)

    def look(after: int) -> Iterator[DecisionView]:
        return recent.decisions(reversed(router.recent_decisions), router.durable_position, wanted, after)

    found = await waited(door, router, look, query, newest)
    return DecisionsAnswer(found, upto(query, [decision.ordinal for decision in found], newest()))


class Watched(Protocol):
    """Where something happens that can be waited for."""

    def watch(self) -> asyncio.Event: ...

    def unwatch(self, grown: asyncio.Event, /) -> None: ...


async def waited(
    door: Door, watched: Watched, look: Callable[[int], Iterator[T]], query: LookBack, newest: Callable[[], int]
) -> list[T]:
    """Look, and look again whenever something has happened until there is something or time is up."""
    after, limit = query.after, query.limit
    found = _picked(look(after or 0), after, limit)
    if found or not query.wait_s:
        return found
    if door.waiting.locked():
        raise plain(503, "too many requests wait already", {"Retry-After": "1"})
    async with door.waiting:
        grown = watched.watch()
        try:
            async with asyncio.timeout(query.wait_s):
                while not found:
                    seen = newest()
                    await grown.wait()
                    grown.clear()
                    found = _picked(look(seen), after, limit)
        except TimeoutError:
            pass
        finally:
            watched.unwatch(grown)
    return found


def upto(query: LookBack, found: list[int], newest: int) -> int:
    """Give the cursor to read on from: there may be more after a page that is full."""
    return found[-1] if len(found) == query.limit and query.after is not None else newest


def _picked(newest_first: Iterator[T], after: int | None, limit: int) -> list[T]:
    """Put them in the order of time: the first ones for whoever reads on from a cursor, the last ones otherwise."""
    if after is None:
        return list(islice(newest_first, limit))[::-1]
    return list(newest_first)[::-1][:limit]

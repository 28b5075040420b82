"""Calls that read and move the clock that rules and deadlines follow."""

from typing import Annotated

from msgspec import Meta, Struct

from adapters.control.endpoint import Body, Door, endpoint
from adapters.log import text_of
from adapters.strict import Wrong
from gateway.commands import SetClock
from gateway.decide.time import ADVANCE_MS_MAX, RATE_MAX
from gateway.events import AnyEvent, ClockSet, CorpPut
from gateway.state import State


class ClockAnswer(Struct, frozen=True):
    """`now_ms` is what the rules see, `now` the same as text; `rate` 0 stands still, 1 runs as the real one."""

    now_ms: int
    now: str
    real_ms: int
    rate: float


class ClockBody(Body, frozen=True):
    """Move the clock forward, let it run at another rate (0 freezes), or both. It never goes back."""

    advance_ms: Annotated[int, Meta(ge=0, le=ADVANCE_MS_MAX)] | None = None
    rate: Annotated[float, Meta(ge=0, le=RATE_MAX)] | None = None


class Fired(Struct, frozen=True):
    """A deadline that was passed on the way."""

    at_ms: int
    what: str
    corpid: str


class MovedAnswer(Struct, frozen=True):
    now_ms: int
    fired: list[Fired]


@endpoint("GET", "/clock")
async def get_clock(door: Door) -> ClockAnswer:
    """Read the movable clock."""

    def look(state: State, now_ms: int) -> tuple[int, float]:
        return now_ms, state.clock.rate

    now_ms, rate = await door.look(look)
    return ClockAnswer(now_ms, text_of(now_ms), door.clock.real_ms(), rate)


@endpoint("POST", "/clock")
async def move_clock(door: Door, body: ClockBody) -> MovedAnswer:
    """Move the clock; deadlines on the way fire at their own times."""
    if body.advance_ms is None and body.rate is None:
        raise Wrong("say advance_ms, or rate, or both")
    happened = await door.ask(SetClock(body.advance_ms or 0, body.rate))
    return MovedAnswer(*_told(happened))


def _told(happened: list[AnyEvent]) -> tuple[int, list[Fired]]:
    now_ms, fired = 0, []
    for event in happened:
        if isinstance(event, ClockSet):
            now_ms = event.shown_ms
        elif isinstance(event, CorpPut):
            fired.append(Fired(event.time_ms, "certification_ended", event.corpid))
    return now_ms, fired

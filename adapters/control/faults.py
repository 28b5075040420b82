"""Calls that order faults of the vendor's API: calls of a path fail, wait, or are cut off."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from adapters.aibot.commands import COMMANDS, PING, SUBSCRIBE
from adapters.control.endpoint import Body, Door, endpoint
from adapters.control.problems import plain
from adapters.names import Corpid
from adapters.strict import Wrong
from adapters.wecom_api import CALLS
from adapters.wecom_api.faults import DELAY_MS_MAX, FAULTS_MAX, RESERVED, Fault

BOTS: Final = frozenset(f"aibot/{cmd}" for cmd in (SUBSCRIBE, PING, *COMMANDS))
Errcode = Annotated[int, Meta(ge=-9_999_999, le=9_999_999)]


class FaultBody(Body, frozen=True):
    """Calls of `path` (below /cgi-bin/) answer `errcode`, wait `delay_ms` of real time, or are cut off (`drop`).

    Frames of bots have the path `aibot/` and their `cmd`; to be cut off costs a bot its connection.
    `times` 0 strikes every call, N the first N of them; without a corpid, those of every enterprise.
    """

    path: Annotated[str, Meta(min_length=1, max_length=200)]
    corpid: Corpid | None = None
    errcode: Errcode = 0
    delay_ms: Annotated[int, Meta(ge=0, le=DELAY_MS_MAX)] = 0
    drop: bool = False
    times: Annotated[int, Meta(ge=0, le=1_000_000)] = 1


class FaultsQuery(Body, frozen=True):
    """Those on one enterprise only."""

    corpid: Corpid | None = None


class FaultPath(Struct, frozen=True):
    id: Annotated[int, Meta(ge=1)]


class FaultsAnswer(Struct, frozen=True):
    """The faults in force, oldest first: the first that fits strikes. An id that begins with `reserved` and a number,
    as in hutong-fail-45009, always fails with it."""

    faults: list[Fault]
    reserved: str = RESERVED


class ClearedAnswer(Struct, frozen=True):
    cleared: int


@endpoint("POST", "/faults")
async def order_fault(door: Door, body: FaultBody) -> Fault:
    """Order a fault of the vendor's API."""
    path = body.path.removeprefix("/").removeprefix("cgi-bin/")
    if path not in CALLS and path not in BOTS:
        raise plain(404, f"the API has no path {path!r}")
    if not (body.errcode or body.delay_ms or body.drop):
        raise Wrong("say errcode, or delay_ms, or drop")
    fault = door.gate.faults.order(path, body.corpid or "", body.errcode, body.delay_ms, body.drop, body.times)
    if fault is None:
        raise plain(503, f"there are {FAULTS_MAX} faults already")
    return fault


@endpoint("GET", "/faults")
async def list_faults(door: Door) -> FaultsAnswer:
    """List the faults that are in force."""
    return FaultsAnswer(door.gate.faults.all())


@endpoint("DELETE", "/faults")
async def clear_faults(door: Door, query: FaultsQuery) -> ClearedAnswer:
    """Take every fault back; calls that wait because of one go on."""
    return ClearedAnswer(door.gate.faults.clear(query.corpid or ""))


@endpoint("DELETE", "/faults/{id}")
async def clear_fault(door: Door, path: FaultPath) -> ClearedAnswer:
    """Take one fault back."""
    if not door.gate.faults.take_back(path.id):
        raise plain(404, f"there is no fault {path.id}")
    return ClearedAnswer(1)

"""Calls that look back on what was asked of the vendor's API, and tell what of it is here."""

from collections.abc import Iterator
from itertools import takewhile
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from adapters.control.endpoint import Body, Door, endpoint
from adapters.control.recent import LookBack, upto, waited
from adapters.wecom_api import openapi
from adapters.wecom_api.calls import CallLine
from adapters.wecom_api.paths import CoveredPath, covered

Path = Annotated[str, Meta(max_length=200)]


class CallsQuery(LookBack, frozen=True):
    """`path` is below `/cgi-bin/`; `contains` is looked for in what was asked and answered."""

    path: Path = ""
    corpid: Annotated[str, Meta(max_length=64)] = ""
    errcode: int | None = None
    contains: Annotated[str, Meta(max_length=256)] = ""


class CallView(Struct, frozen=True, omit_defaults=True):
    """A call. `time_ms` is of the movable clock; `query` is without the token; `body` is the beginning of what came.

    `reason` and `rule` are ours, where the gateway refused; `client` is what the caller says of itself (User-Agent).
    """

    ordinal: int
    real_ms: int
    time_ms: int
    method: str
    path: str
    errcode: int
    errmsg: str
    duration_us: int
    address: str
    corpid: str = ""
    agent_id: str = ""
    client: str = ""
    query: dict[str, str] = {}
    body: str = ""
    reason: str = ""
    rule: str = ""


class CallsAnswer(Struct, frozen=True):
    """Calls, oldest first: the first ones above `after`, or without it the last ones."""

    calls: list[CallView]
    next_after: int


@endpoint("GET", "/calls")
async def list_calls(door: Door, query: CallsQuery) -> CallsAnswer:
    """List recent calls of the vendor's API, or wait for one."""
    calls = door.calls

    def look(after: int) -> Iterator[CallView]:
        lines = takewhile(lambda line: line.ordinal > after, calls.newest_first())
        views = (_view(line) for line in lines if _wants(query, line))
        return (view for view in views if query.contains in f"{view.query} {view.body} {view.errmsg}")

    found = await waited(door, calls, look, query, lambda: calls.newest)
    return CallsAnswer(found, upto(query, [call.ordinal for call in found], calls.newest))


def _wants(query: CallsQuery, line: CallLine) -> bool:
    return (
        query.path in ("", line.path)
        and query.corpid in ("", line.corpid)
        and query.errcode in (None, line.errcode)
    )  # fmt: skip


def _view(line: CallLine) -> CallView:
    reason, rule = (line.refusal.reason.name, line.refusal.rule) if line.refusal is not None else ("", "")
    errmsg = line.said if isinstance(line.said, str) else msgspec.json.decode(line.said)["errmsg"]
    query = {_readable(key): _readable(value) for key, value in line.query.items()}
    return CallView(
        line.ordinal, line.real_ns // 1_000_000, line.time_ms, line.method, _readable(line.path), line.errcode, errmsg,
        line.duration_ns // 1000, line.address, line.corpid, line.agent_id, _readable(line.client), query,
        line.body.decode(errors="replace"), reason, rule,
    )  # fmt: skip


def _readable(text: str) -> str:
    """Leave out what came as bytes that are no text, and cannot be told as such."""
    return text.encode(errors="replace").decode()


class CoverageQuery(Body, frozen=True):
    path: Path = ""


class CoverageRow(CoveredPath, frozen=True):
    """`asked` counts the calls of a path that is not there."""

    asked: int


class CoverageAnswer(Struct, frozen=True):
    """`unknown` counts the calls of paths that nobody knows."""

    paths: list[CoverageRow]
    unknown: int


@endpoint("GET", "/wecom/coverage")
async def get_coverage(door: Door, query: CoverageQuery) -> CoverageAnswer:
    """Tell how much of the vendor's API is here, and what was asked for in vain."""
    calls = door.calls
    rows = (row for row in covered() if query.path in ("", row.path))
    told = [CoverageRow(**msgspec.structs.asdict(row), asked=calls.unsimulated[row.path]) for row in rows]
    return CoverageAnswer(told, calls.unknown)


@endpoint("GET", "/wecom/openapi.json")
async def get_wecom_openapi(_door: Door) -> Raw:
    """Give the description of the vendor's API, as far as it is here."""
    return Raw(openapi.encoded())

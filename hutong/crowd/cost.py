"""What a run costs the gateway and the crowd: processor time and memory, as each process counts its own.

The gateway's stand in its /metrics, the crowd's are read in the same way. A system that tells none has none here.
"""

import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from hutong.control import Control, NotRunning

CPU: Final = "process_cpu_seconds_total"
MEMORY: Final = "process_resident_memory_bytes"


class Spent(NamedTuple):
    """What one process has spent until now."""

    cpu_s: float
    resident_bytes: float


class Mark(NamedTuple):
    """A moment of a run, and what both have spent until then; None where a system does not tell."""

    at_s: float
    gateway: Spent | None
    crowd: Spent | None


class Cost(NamedTuple):
    """The bill of one process. An idle link is one that nobody says anything on; pings are part of it."""

    before_mib: float
    link_kib: float
    connect_us: float
    idle_us_per_s: float
    acting_cores: float


async def mark(control: Control) -> Mark:
    """Look at both."""
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    own = read(generate_latest(registry).decode())
    try:
        theirs = read(await control.metrics())
    except NotRunning:  # it may have ended in the middle: the books are still worth reading
        theirs = None
    return Mark(time.monotonic(), theirs, own)


def read(exposition: str) -> Spent | None:
    """Find a process's own numbers among its metrics."""
    from prometheus_client.parser import text_string_to_metric_families

    told = {
        sample.name: sample.value for family in text_string_to_metric_families(exposition) for sample in family.samples
    }
    return Spent(told[CPU], told[MEMORY]) if CPU in told and MEMORY in told else None


def bill(marks: Mapping[str, Mark], whose: str, links: int) -> Cost | None:
    """Work out what one process has spent on what, from the marks `before`, `linked`, `idled` and `acted`."""
    spent = {name: found for name, mark in marks.items() if (found := getattr(mark, whose)) is not None}
    if not {"before", "linked", "idled", "acted"} <= spent.keys():
        return None
    before, linked, idled, acted = (spent[name] for name in ("before", "linked", "idled", "acted"))
    idle_s, acted_s = marks["idled"].at_s - marks["linked"].at_s, marks["acted"].at_s - marks["idled"].at_s
    return Cost(
        before.resident_bytes / 2**20,
        (idled.resident_bytes - before.resident_bytes) / 2**10 / links,
        (linked.cpu_s - before.cpu_s) * 1e6 / links,
        (idled.cpu_s - linked.cpu_s) * 1e6 / links / idle_s,
        (acted.cpu_s - idled.cpu_s) / acted_s,
    )

"""Which loads and systems answer which goal."""

import math
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from benchmarks import api, instructions, ladder, mass, memory, start, storms
from benchmarks.core import decided_us
from benchmarks.generator import LoadFailed
from benchmarks.goals import BY_NUMBER, Finding, ratios
from benchmarks.rows import (
    BARE,
    EJABBERD,
    GATEWAY,
    GATEWAY_MEMORY,
    GATEWAY_UNRULED,
    PEERS,
    QUICK,
    SHARE_OF_MAXIMUM,
    Patience,
    Row,
    System,
    closed_rows,
    idle_link_kib,
    open_row,
    say,
)
from benchmarks.workload import FIVE_HUNDREDS, HUNDREDS, ONE_TO_ONE, TENS, WORKLOADS, Workload

BESIDE_PEERS = {
    1: (ONE_TO_ONE, "messages_s"),
    2: (TENS, "deliveries_s"),
    3: (HUNDREDS, "deliveries_s"),
    4: (FIVE_HUNDREDS, "deliveries_s"),
}
AT_SHARE = {6: (ONE_TO_ONE, "ack_p99_ms"), 7: (FIVE_HUNDREDS, "delivery_p99_ms")}
BARE_GOAL = 5
MASS_GOALS = {16: "slowest_s", 17: "moved_ms"}
COST_OF = {"messages_s": "server_us_message", "deliveries_s": "server_us_delivery"}


@dataclass
class Found:
    """What a run of the suite found: the rows, and a finding a goal."""

    rows: list[Row] = field(default_factory=list)
    requests: list[api.Row] = field(default_factory=list)
    masses: list[mass.Run] = field(default_factory=list)
    rungs_us: dict[str, float] = field(default_factory=dict)
    goals: dict[int, Finding] = field(default_factory=dict)

    def served_us(self) -> float:
        """Give what a one-to-one message cost the loaded gateway; not a number where it was not loaded."""
        loaded = [row for row in self.rows if row.workload is ONE_TO_ONE and row.system is GATEWAY and not row.rate]
        return loaded[0].median("server_us_message") if loaded else math.nan

    @property
    def failures(self) -> list[str]:
        """Tell of every run that was none, and of every goal that could not be measured."""
        broken = [f"{row.system.name} {row.workload.name}: {why}" for row in self.rows for why in row.failures]
        return broken + [f"goal {number}: {one.failure}" for number, one in self.goals.items() if one.failure]


def measure(goals: set[int], patience: Patience, floors: dict[str, Any]) -> Found:
    """Load everything that the goals need."""
    found = Found()
    for workload in WORKLOADS:
        _measure_load(workload, goals, patience, floors["fdatasync_ms"]["p99"], found)
    for goal, measured in ALONE.items():
        if goal in goals:
            _measure_one(goal, found, partial(measured, patience, found))
    if goals & MASS_GOALS.keys():
        _measure_mass(patience, found)
    return found


def _measure_one(goal: int, found: Found, measured: Callable[[], Finding]) -> None:
    """Measure a goal; a failure is told beside it."""
    try:
        found.goals[goal] = measured()
    except (LoadFailed, RuntimeError, OSError, subprocess.SubprocessError) as why:
        found.goals[goal] = Finding(failure=str(why))
        say(f"  failed: {why}")


def _measure_load(workload: Workload, goals: set[int], patience: Patience, sync_ms: float, found: Found) -> None:
    peers = [goal for goal, (load, _) in BESIDE_PEERS.items() if goal in goals and load is workload]
    shares = [goal for goal, (load, _) in AT_SHARE.items() if goal in goals and load is workload]
    bare = BARE_GOAL in goals and workload is ONE_TO_ONE
    systems = systems_for(workload, patience, bool(peers), bare, bool(shares))
    if not systems:
        return
    rows = closed_rows(systems, workload, patience)
    found.rows += rows
    by_system = {row.system.name: row for row in rows}
    for goal in peers:
        found.goals[goal] = compared(goal, rows[0], by_system, BESIDE_PEERS[goal][1])
    if bare:
        found.goals[BARE_GOAL] = compared(BARE_GOAL, rows[0], by_system, "messages_s")
    for goal in shares:
        row = open_row(rows[0], patience)
        found.rows.append(row)
        above = [value - sync_ms for value in row.values(AT_SHARE[goal][1])]
        found.goals[goal] = Finding(above, disturbed=row.disturbed, failure=_failure_of(row))


def compared(goal: int, ours: Row, by_system: dict[str, Row], figure: str) -> Finding:
    """Hold our runs against those that stood beside them."""
    finding = Finding(ours.values(figure), disturbed=ours.disturbed, failure=_failure_of(ours))
    for bound in BY_NUMBER[goal].bounds:
        theirs = by_system.get(bound.against)
        if theirs is not None:
            finding.ratios[bound.against] = ratios(ours, theirs, figure)
            finding.by_cpu[bound.against] = ratios(theirs, ours, COST_OF[figure])
            finding.disturbed |= theirs.disturbed
    return finding


def _failure_of(row: Row) -> str:
    return "" if row.runs and not row.failures else "; ".join(row.failures) or "no run"


def systems_for(workload: Workload, patience: Patience, peers: bool, bare: bool, share: bool) -> list[System]:
    """List who is loaded side by side, the gateway first; ejabberd's large rooms open too slowly for a quick run."""
    systems = [GATEWAY] if peers or bare or share else []
    if peers:
        slow = patience is QUICK and workload is FIVE_HUNDREDS
        systems += [peer for peer in PEERS if not (slow and peer is EJABBERD)]
    return [*systems, GATEWAY_MEMORY, GATEWAY_UNRULED, BARE] if bare else systems


def _decided(patience: Patience, found: Found) -> Finding:
    """Time deciding, and the rungs before and after it."""
    found.rungs_us = ladder.rungs_us()
    return Finding(decided_us(patience.repeats))


def _scaled(patience: Patience, found: Found) -> Finding:
    """Count once: the same commands cost the same instructions each time. A quick run's large world is smaller."""
    large = instructions.LARGE if patience is not QUICK else instructions.QUICK_LARGE
    small = instructions.count(instructions.SMALL).message
    return Finding([(instructions.count(large).message / small - 1) * 100])


def _remembered(patience: Patience, found: Found) -> Finding:
    told = memory.measured()
    of_each = {"a relation": "relation", "a further seat in a group": "seat", "a group of two members": "group"}
    return Finding([told["relation"]], {against: [told[name]] for against, name in of_each.items()})


def _started(patience: Patience, found: Found) -> Finding:
    on_nothing, on_much = BY_NUMBER[12].bounds
    times = start.empty_s(patience.repeats)
    told = {on_nothing.against: times}
    if patience is not QUICK:
        told[on_much.against] = start.large_s(patience.repeats)
    return Finding(times, told)


def _stormed(patience: Patience, found: Found) -> Finding:
    told = storms.storms(patience)
    back, others = BY_NUMBER[13].bounds
    seconds = [storm.seconds for storm in told]
    return Finding(seconds, {back.against: seconds, others.against: [storm.others_p99_ms for storm in told]})


def _stalled(patience: Patience, found: Found) -> Finding:
    """Load at the share of the maximum that the rows before found, or that a run of its own finds."""
    known = [row for row in found.rows if row.workload is FIVE_HUNDREDS and row.system is GATEWAY and not row.rate]
    (most,) = known or closed_rows([GATEWAY], FIVE_HUNDREDS, patience)
    if not most.runs:
        raise RuntimeError(_failure_of(most))
    return Finding(storms.stalled_ratios(SHARE_OF_MAXIMUM * most.median("messages_s"), patience))


def _requests(patience: Patience, found: Found) -> Finding:
    """Compare reads and writes of the vendor's API with a bare handler; the worse of the two counts."""
    if api.wrk_program() is None:
        raise RuntimeError("wrk is not installed (scripts/install-test-servers bench)")
    found.requests = api.measure(patience)
    pairs = zip(found.requests[::2], found.requests[1::2], strict=True)
    ours, theirs = min(pairs, key=lambda pair: api.ratio(pair[0], pair[1], "requests_s"))
    (bound,) = BY_NUMBER[15].bounds
    return Finding(
        ours.values("requests_s"),
        {bound.against: api.ratios(ours, theirs, "requests_s")},
        {bound.against: api.ratios(theirs, ours, "server_us")},
    )


ALONE: Final[dict[int, Callable[[Patience, Found], Finding]]] = {
    8: lambda patience, _: Finding([idle_link_kib(GATEWAY) for _ in range(patience.repeats)]),
    9: _decided,
    10: _scaled,
    11: _remembered,
    12: _started,
    13: _stormed,
    14: _stalled,
    15: _requests,
}  # the goals that no peer is loaded beside


def _measure_mass(patience: Patience, found: Found) -> None:
    try:
        found.masses = mass.measure(patience)
    except (LoadFailed, RuntimeError, OSError) as why:
        found.goals |= {goal: Finding(failure=str(why)) for goal in MASS_GOALS}
        return
    disturbed = any(run.disturbed for run in found.masses)
    for goal, figure in MASS_GOALS.items():
        found.goals[goal] = Finding([getattr(run, figure) for run in found.masses], disturbed=disturbed)

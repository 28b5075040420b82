"""Which loads and systems answer which goal."""

import subprocess
from dataclasses import dataclass, field
from typing import Any

from benchmarks import api, mass
from benchmarks.generator import LoadFailed
from benchmarks.goals import ratio
from benchmarks.peers import mosquitto_program
from benchmarks.rows import (
    BARE,
    GATEWAY,
    GATEWAY_MEMORY,
    MOSQUITTO,
    Patience,
    Row,
    System,
    closed_rows,
    idle_link_kib,
    open_row,
    say,
)
from benchmarks.workload import FIVE_HUNDREDS, HUNDREDS, ONE_TO_ONE, TENS, WORKLOADS, Workload

AGAINST_MOSQUITTO = {
    1: (ONE_TO_ONE, "messages_s"),
    2: (TENS, "deliveries_s"),
    3: (HUNDREDS, "deliveries_s"),
    4: (FIVE_HUNDREDS, "deliveries_s"),
}
AT_SHARE = {6: (ONE_TO_ONE, "ack_p99_ms"), 7: (FIVE_HUNDREDS, "delivery_p99_ms")}
BARE_GOAL = 5
IDLE_GOAL = 8
API_GOAL = 15
MASS_GOALS = {16: "slowest_s", 17: "moved_ms"}


@dataclass
class Found:
    """What a run of the suite found: the rows, a value a goal, and the same ratio by what a message cost the server.

    The second is the steadier one on a busy machine: whoever else takes the core costs rate, but little CPU time.
    Unsure are the goals whose runs were disturbed so.
    """

    rows: list[Row] = field(default_factory=list)
    requests: list[api.Row] = field(default_factory=list)
    masses: list[mass.Run] = field(default_factory=list)
    values: dict[int, float] = field(default_factory=dict)
    by_cpu: dict[int, float] = field(default_factory=dict)
    unsure: set[int] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


def measure(goals: set[int], patience: Patience, floors: dict[str, Any]) -> Found:
    """Load everything that the goals need."""
    found = Found()
    for workload in WORKLOADS:
        _measure_load(workload, goals, patience, floors["fdatasync_ms"]["p99"], found)
    if IDLE_GOAL in goals:
        _measure_idle(found)
    if API_GOAL in goals:
        _measure_api(patience, found)
    if goals & MASS_GOALS.keys():
        _measure_mass(patience, found)
    found.failures += [f"{row.system.name} {row.workload.name}: {why}" for row in found.rows for why in row.failures]
    return found


def _measure_load(workload: Workload, goals: set[int], patience: Patience, sync_ms: float, found: Found) -> None:
    peers = [goal for goal, (load, _) in AGAINST_MOSQUITTO.items() if goal in goals and load is workload]
    shares = [goal for goal, (load, _) in AT_SHARE.items() if goal in goals and load is workload]
    bare = BARE_GOAL in goals and workload is ONE_TO_ONE
    systems = systems_for(bool(peers), bare, bool(shares))
    if not systems:
        return
    rows = closed_rows(systems, workload, patience)
    found.rows += rows
    by_system = {row.system.name: row for row in rows}
    for goal in peers:
        _compare(goal, rows[0], by_system.get(MOSQUITTO.name), AGAINST_MOSQUITTO[goal][1], found)
    if bare:
        _compare(BARE_GOAL, rows[0], by_system[BARE.name], "messages_s", found)
    for goal in shares:
        row = open_row(rows[0], patience)
        found.rows.append(row)
        found.values[goal] = row.median(AT_SHARE[goal][1]) - sync_ms
        _doubt(goal, found, rows[0], row)


def _compare(goal: int, ours: Row, theirs: Row | None, figure: str, found: Found) -> None:
    if theirs is None:
        return
    cost = "server_us_message" if figure == "messages_s" else "server_us_delivery"
    found.values[goal] = ratio(ours, theirs, figure)
    found.by_cpu[goal] = ratio(theirs, ours, cost)
    _doubt(goal, found, ours, theirs)


def _doubt(goal: int, found: Found, *rows: Row) -> None:
    if any(row.disturbed for row in rows):
        found.unsure.add(goal)


def systems_for(peer: bool, bare: bool, share: bool) -> list[System]:
    """List who is loaded side by side, the gateway first."""
    systems = [GATEWAY] if peer or bare or share else []
    if peer and mosquitto_program():
        systems.append(MOSQUITTO)
    elif peer:
        say("mosquitto is not installed (scripts/install-test-servers): no ratios against it")
    return [*systems, GATEWAY_MEMORY, BARE] if bare else systems


def _measure_idle(found: Found) -> None:
    try:
        found.values[IDLE_GOAL] = idle_link_kib(GATEWAY)
    except (LoadFailed, RuntimeError, OSError) as why:
        found.values[IDLE_GOAL] = float("nan")
        found.failures.append(f"idle links: {why}")


def _measure_api(patience: Patience, found: Found) -> None:
    """Compare reads and writes of the vendor's API with a bare handler; the worse of the two counts."""
    if api.wrk_program() is None:
        say("wrk is not installed (scripts/install-test-servers wrk): no requests over HTTP")
        return
    try:
        found.requests = api.measure(patience)
    except (RuntimeError, OSError, subprocess.SubprocessError) as why:
        found.values[API_GOAL] = float("nan")
        found.failures.append(f"the vendor's API: {why}")
        return
    pairs = list(zip(found.requests[::2], found.requests[1::2], strict=True))
    found.values[API_GOAL] = min(api.ratio(ours, theirs, "requests_s") for ours, theirs in pairs)
    found.by_cpu[API_GOAL] = min(api.ratio(theirs, ours, "server_us") for ours, theirs in pairs)


def _measure_mass(patience: Patience, found: Found) -> None:
    try:
        found.masses = mass.measure(patience)
    except (LoadFailed, RuntimeError, OSError) as why:
        found.values |= dict.fromkeys(MASS_GOALS, float("nan"))
        found.failures.append(f"mass messages: {why}")
        return
    for goal, figure in MASS_GOALS.items():
        found.values[goal] = mass.middle(found.masses, figure)
        if any(run.disturbed for run in found.masses):
            found.unsure.add(goal)

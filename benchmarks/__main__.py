"""Run the benchmarks: `python -m benchmarks [--quick] [--goal N | --scale] [--repeats N]`.

Measures the floors of the machine, then loads the gateway and its peers in turn, writes build/bench.json and prints
a table with the ratios. Ends 1 if something could not be measured; a goal that is not met is told, not an error.
"""

import argparse
import dataclasses
import json
import sys
from dataclasses import replace
from typing import Any

from benchmarks import page, scale
from benchmarks.floors import floors
from benchmarks.generator import BUILD, compile_generator
from benchmarks.goals import GOALS
from benchmarks.machine import machine
from benchmarks.page import RESULT
from benchmarks.report import (
    api_table,
    floors_table,
    goals_json,
    goals_table,
    ladder_table,
    mass_table,
    row_json,
    scale_table,
    table,
)
from benchmarks.rows import FULL, QUICK, Patience, say
from benchmarks.suite import Found, measure


def main() -> int:
    """Measure what was asked for; tell it as a file and as a table."""
    asked = _arguments()
    everything = {goal.number for goal in GOALS}
    goals = {asked.goal} if asked.goal else set() if asked.scale else everything
    compile_generator()
    here = machine()
    say("floors")
    floor = floors(BUILD)
    patience = QUICK if asked.quick else replace(FULL, repeats=asked.repeats)
    found = measure(goals, patience, floor)
    points = scale.measure(patience) if asked.scale or goals == everything else []
    told = _told(here, floor, found, points, patience)
    RESULT.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    if not asked.quick and goals == everything:
        page.write(told)
    build = "" if here["python_optimized"] else " (configured without --enable-optimizations)"
    print(f"{here['cpu']}, {here['cores']} cores, Python {here['python']}{build}, commit {here['commit']}\n")
    tables = [
        floors_table(floor), table(found.rows), api_table(found.requests), mass_table(found.masses),
        ladder_table(found), scale_table(points), goals_table(found) if found.goals else "",
    ]  # fmt: skip
    print(*filter(None, tables), sep="\n\n")
    print(f"\nall of it: {RESULT}")
    for failure in found.failures:
        say(f"failed: {failure}")
    return 1 if found.failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the gateway beside its peers.")
    parser.add_argument("--quick", action="store_true", help="one short run a row: a few minutes")
    parser.add_argument("--goal", type=int, choices=[goal.number for goal in GOALS], help="only what this goal needs")
    parser.add_argument("--repeats", type=int, default=FULL.repeats, help="runs of each row, unless they are quick")
    parser.add_argument("--scale", action="store_true", help="only what the size of a world costs")
    return parser.parse_args()


def _told(
    here: dict[str, Any], floor: dict[str, Any], found: Found, points: list[scale.Point], patience: Patience
) -> dict[str, Any]:
    return {
        "machine": here,
        "quick": patience is QUICK,
        "repeats": patience.repeats,
        "floors": floor,
        "rows": goals_json(found),
        "loads": [row_json(row) for row in found.rows],
        "requests": [dataclasses.asdict(row) for row in found.requests],
        "masses": [dataclasses.asdict(run) for run in found.masses],
        "ladder": found.rungs_us,
        "scale_rate": scale.RATE,
        "scale": [dataclasses.asdict(point) for point in points],
        "failures": found.failures,
    }


if __name__ == "__main__":
    sys.exit(main())

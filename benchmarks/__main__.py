"""Run the benchmarks: `python -m benchmarks [--quick] [--goal N]`.

Measures the floors of the machine, then loads the gateway and its peers in turn, writes build/bench.json and prints
a table with the ratios. Ends 1 if something could not be measured; a goal that is not met is told, not an error.
"""

import argparse
import dataclasses
import json
import sys
from typing import Any

from benchmarks import page
from benchmarks.floors import floors
from benchmarks.generator import BUILD, compile_generator
from benchmarks.goals import GOALS
from benchmarks.machine import machine
from benchmarks.page import RESULT
from benchmarks.report import api_table, floors_table, goals_json, goals_table, mass_table, row_json, table
from benchmarks.rows import FULL, QUICK, say
from benchmarks.suite import Found, measure


def main() -> int:
    """Measure what was asked for; tell it as a file and as a table."""
    asked = _arguments()
    goals = {asked.goal} if asked.goal else {goal.number for goal in GOALS}
    compile_generator()
    here = machine()
    say("floors")
    floor = floors(BUILD)
    found = measure(goals, QUICK if asked.quick else FULL, floor)
    told = _told(here, floor, found, bool(asked.quick))
    RESULT.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    if not asked.quick and not asked.goal:
        page.write(told)
    build = "" if here["python_optimized"] else " (built without optimizations)"
    print(f"{here['cpu']}, {here['cores']} cores, Python {here['python']}{build}, commit {here['commit']}\n")
    tables = [
        floors_table(floor), table(found.rows), api_table(found.requests), mass_table(found.masses), goals_table(found)
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
    return parser.parse_args()


def _told(here: dict[str, Any], floor: dict[str, Any], found: Found, quick: bool) -> dict[str, Any]:
    return {
        "machine": here,
        "quick": quick,
        "floors": floor,
        "rows": goals_json(found),
        "loads": [row_json(row) for row in found.rows],
        "requests": [dataclasses.asdict(row) for row in found.requests],
        "masses": [dataclasses.asdict(run) for run in found.masses],
        "failures": found.failures,
    }


if __name__ == "__main__":
    sys.exit(main())

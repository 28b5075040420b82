"""What is remembered costs memory: bytes of a process a customer, a relation and a seat in a group.

Each is what the process grew by while so many were added. A relation is one between people who are there already: its
conversation and its places in both people's tables are part of it. A customer is a new consumer with a first relation,
whose own affairs are a conversation, too.
"""

import gc
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.pinned import python
from benchmarks.populous import GROUP_CONSUMERS, GROUP_MEMBERS, Populous

CUSTOMERS: Final = 100_000
GROUPS: Final = 10_000


def measured() -> dict[str, float]:
    """Measure in a fresh process: bytes a customer, a relation, and a seat."""
    told = subprocess.run(python("-m", "benchmarks.memory"), capture_output=True, text=True, check=True).stdout
    figures: dict[str, float] = json.loads(told)
    return figures


def _resident_bytes() -> int:
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def _main() -> None:
    gc.disable()
    world = Populous()
    seats = GROUPS * (GROUP_MEMBERS + GROUP_CONSUMERS)
    steps = {
        "customer": (CUSTOMERS, lambda: world.add_relations(CUSTOMERS)),
        "relation": (CUSTOMERS, world.add_second_relations),
        "seat": (seats, lambda: world.add_groups(GROUPS)),
    }
    sys.stdout.write(json.dumps({name: _grown_bytes(step) / count for name, (count, step) in steps.items()}))


def _grown_bytes(step: Callable[[], None]) -> int:
    before = _resident_bytes()
    step()
    return _resident_bytes() - before


if __name__ == "__main__":
    _main()

"""What is remembered costs memory: bytes of a process a customer, a relation, a group and a seat in one.

Each is what the process grew by while so many were added. A relation is one between people who are there already: its
conversation and its places in both people's tables are part of it. A customer is a new consumer with a first relation,
whose own affairs are a conversation, too. A group is one of two members, a seat that of one of the 98 consumers who
join it. Each is measured twice: while a world grows, where room that commands left free hides some of it, and when it
is loaded from what a checkpoint would hold, in a fresh process; what grew is the difference of two loads.

`python -m benchmarks.memory [customers]` prints both.
"""

import gc
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.pinned import python
from benchmarks.populous import CORP_RELATIONS, Populous
from gateway.state import State

CUSTOMERS: Final = 100_000
SEATED: Final = 98  # join each group of two members


def measured() -> dict[str, float]:
    """Measure in a fresh process: bytes a customer, a relation, a group, and a seat."""
    figures: dict[str, float] = json.loads(_told())
    return figures


def _told(*arguments: str) -> str:
    return subprocess.run(
        python("-m", "benchmarks.memory", *arguments), capture_output=True, text=True, check=True
    ).stdout


def _resident_bytes() -> int:
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def _main(arguments: list[str]) -> None:
    gc.disable()
    match arguments:
        case ["load", file]:
            data = Path(file).read_bytes()
            sys.stdout.write(str(_grown_bytes(lambda: kept.append(State.load(data)))))
        case _:
            sys.stdout.write(json.dumps(_measure(int(arguments[0]) if arguments else CUSTOMERS)))


kept: Final[list[State]] = []


def _measure(customers: int) -> dict[str, float]:
    world, groups = Populous(), customers // SEATED
    relations = min(customers, CORP_RELATIONS)  # second ones are made in the first enterprise alone
    steps = {
        "customer": (customers, lambda: world.add_relations(customers)),
        "relation": (relations, world.add_second_relations),
        "group": (groups, lambda: world.add_groups(groups, consumers=0)),
        "seat": (groups * SEATED, lambda: world.join_groups(SEATED)),
    }
    figures, before = {}, _loaded_bytes(world.state)
    for name, (count, step) in steps.items():
        figures[name] = _grown_bytes(step) / count
        loaded = _loaded_bytes(world.state)
        figures[f"{name}, loaded"], before = (loaded - before) / count, loaded
    return figures


def _loaded_bytes(state: State) -> int:
    """Tell what a process grows by when it loads this state."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(state.dump())
        return int(_told("load", file.name))


def _grown_bytes(step: Callable[[], None]) -> int:
    before = _resident_bytes()
    step()
    return _resident_bytes() - before


if __name__ == "__main__":
    _main(sys.argv[1:])

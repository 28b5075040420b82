"""What is remembered costs memory: bytes of a process a customer, a relation, a group and a seat in one.

A relation is one between people who are there already: its conversation and its places in both people's tables are
part of it. A customer is a new consumer with a first relation, whose own affairs are a conversation, too. A group is
one of two members, a seat that of one of the 98 consumers who join it. Each is by how much more a fresh process grows
when it loads what a checkpoint would hold: in a process where a world has grown, room that commands left free hides
what was added.

`python -m benchmarks.memory [customers]` prints all four.
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
            sys.stdout.write(str(_grown_bytes(data)))
        case _:
            sys.stdout.write(json.dumps(_measure(int(arguments[0]) if arguments else CUSTOMERS)))


def _measure(customers: int) -> dict[str, float]:
    world, groups = Populous(), customers // SEATED
    relations = min(customers, CORP_RELATIONS)  # second ones are made in the first enterprise alone
    steps: dict[str, tuple[int, Callable[[], None]]] = {
        "customer": (customers, lambda: world.add_relations(customers)),
        "relation": (relations, world.add_second_relations),
        "group": (groups, lambda: world.add_groups(groups, consumers=0)),
        "seat": (groups * SEATED, lambda: world.join_groups(SEATED)),
    }
    figures, before = {}, _loaded_bytes(world.state)
    for name, (count, step) in steps.items():
        step()
        loaded = _loaded_bytes(world.state)
        figures[name], before = (loaded - before) / count, loaded
    return figures


def _loaded_bytes(state: State) -> int:
    """Tell what a process grows by when it loads this state."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(state.dump())
        return int(_told("load", file.name))


def _grown_bytes(data: bytes) -> int:
    before = _resident_bytes()
    state = State.load(data)
    grown = _resident_bytes() - before
    del state  # and not sooner
    return grown


if __name__ == "__main__":
    _main(sys.argv[1:])

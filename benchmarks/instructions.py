"""What deciding costs in instructions, as callgrind counts them: the same on a quiet machine and on a busy one.

Messages go through decide, encode and apply in worlds that differ in size only; those who speak are as many everywhere,
spread over the whole world. Counted is user space of one process, without reading, journal and writing.
"""

import os
import subprocess
from pathlib import Path
from shutil import which
from typing import Final, NamedTuple

from benchmarks.counted import YARDS
from benchmarks.generator import BUILD
from benchmarks.pinned import python
from benchmarks.populous import Populous
from benchmarks.rows import empty_folder, say
from gateway.state import State

SPEAKERS: Final = 100
SOURCE: Final = Path(__file__).with_name("counting.c")
LIBRARY: Final = BUILD / "counting.so"


class Counts(NamedTuple):
    """Instructions a message, and those of a yardstick in the same process."""

    message: float
    yard: float


class Size(NamedTuple):
    """How large a world is."""

    relations: int
    groups: int


SMALL: Final = Size(1_000, 10)
LARGE: Final = Size(1_000_000, 100_000)
QUICK_LARGE: Final = Size(50_000, 5_000)


def count(size: Size) -> Counts:
    """Count in a world of this size."""
    say(f"a world of {size.relations:,} relations and {size.groups:,} groups")
    world = Populous()
    world.add_relations(size.relations)
    world.add_groups(size.groups)
    return counted(world.state)


def counted(state: State) -> Counts:
    """Count in this world."""
    library = _library()
    chats = [name for name, one in state.conversations.items() if one.relation is not None]
    with empty_folder() as folder:
        dumped, out = folder / "state", folder / "callgrind"
        dumped.write_bytes(state.dump())
        told = subprocess.run(
            [
                *("valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"),
                *python("-m", "benchmarks.counted", str(library), str(dumped), *chats[:: len(chats) // SPEAKERS]),
            ],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        yards, messages = (_total(out.with_name(f"callgrind.{part}")) for part in (1, 2))
        return Counts(messages / int(told.stdout), yards / YARDS)


def _library() -> Path:
    """Compile what tells callgrind when to count."""
    compiler = which("cc")
    if compiler is None or which("valgrind") is None:
        raise RuntimeError("cc and valgrind are needed (scripts/install-test-servers)")
    BUILD.mkdir(exist_ok=True)
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", str(LIBRARY), str(SOURCE)], check=True)
    return LIBRARY.resolve()


def _total(out: Path) -> int:
    lines = out.read_text().splitlines()
    return int(next(line for line in lines if line.startswith("summary:")).partition(" ")[2])

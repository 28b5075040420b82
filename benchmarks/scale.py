"""What size costs: the same chats at the same rate in larger worlds, beside more idle links, after longer journals.

Rules of the file:
- Only the size differs from point to point: the chats, their rate and their people are those of the one-to-one load.
- Large worlds and long journals are written beforehand, by the gateway's own decisions and its own journal, with a
  checkpoint as the gateway has it made.
"""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Final

from adapters.checkpoint import child_command
from benchmarks.gateway import gateway
from benchmarks.generator import LoadFailed, Pace, Target, load
from benchmarks.instructions import Size
from benchmarks.populous import Populous
from benchmarks.rows import QUICK, Patience, Run, empty_folder, run_of, say
from benchmarks.start import written
from benchmarks.storms import wait_for_links
from benchmarks.workload import ONE_TO_ONE, Workload
from benchmarks.worlds import world_file

RATE: Final = 10_000.0  # messages a second
CHATTING: Final = ONE_TO_ONE.clients
HOLD_MS: Final = 4_000  # idle links stay for so long beyond the load
WORLDS: Final = (Size(1_000, 10), Size(10_000, 1_000), Size(100_000, 10_000), Size(1_000_000, 100_000))
IDLE_LINKS: Final = (10, 100, 1_000, 10_000)
RECORDS: Final = (0, 10_000, 1_000_000, 10_000_000)
QUICK_POINTS: Final = 2  # of a curve, the smaller ones


@dataclass(frozen=True)
class Point:
    """One size of one thing, and what the chats cost beside it."""

    curve: str
    size: int
    us_message: float
    ack_p99_ms: float
    rss_mib: float


def measure(patience: Patience) -> list[Point]:
    """Measure every point, each on a fresh server."""
    points = (_point(curve, size, run) for curve, size, run in _points(patience))
    return [point for point in points if point is not None]


def _points(patience: Patience) -> Iterator[tuple[str, int, Callable[[], Run]]]:
    count = QUICK_POINTS if patience is QUICK else None
    pace = Pace(rate=RATE, measured_ms=patience.measured_ms)
    for world in islice(WORLDS, count):
        yield "relations, and a tenth as many groups", world.relations, partial(_in_world, world, pace)
    for links in islice(IDLE_LINKS, count):
        yield "idle links", links, partial(_beside_links, links, pace)
    for records in islice(RECORDS, count):
        yield "records in the journal", records, partial(_after_records, records, pace)


def _point(curve: str, size: int, measured: Callable[[], Run]) -> Point | None:
    """Measure a point; one that cannot be is told, and left out."""
    say(f"hutong: {RATE:,.0f} messages/s, {size:,} {curve}")
    try:
        run = measured()
    except (LoadFailed, RuntimeError, OSError, subprocess.SubprocessError) as why:
        say(f"  failed: {why}")
        return None
    return Point(curve, size, run.server_us_message, run.ack_p99_ms, run.server_rss_mib)


def _in_world(size: Size, pace: Pace) -> Run:
    def grow(world: Populous) -> Iterator[None]:
        for _ in range(0, size.relations, 1_000):
            world.add_relations(1_000)
            yield
        for _ in range(0, size.groups, 10):
            world.add_groups(10)
            yield

    return _on_journal(grow, pace)


def _after_records(records: int, pace: Pace) -> Run:
    def grow(world: Populous) -> Iterator[None]:
        world.add_relations(1_000)
        chats = world.chats()
        for _ in range(0, records, len(chats)):
            world.say_in(chats)
            yield

    return _on_journal(grow, pace)


def _on_journal(grow: Callable[[Populous], Iterator[None]], pace: Pace) -> Run:
    """Load a gateway that begins on a journal written beforehand."""
    with empty_folder() as folder:
        asyncio.run(written(folder / "data", grow, world_file(ONE_TO_ONE)))
        subprocess.run(child_command(folder / "data"), check=True)
        with gateway(ONE_TO_ONE, folder) as target:
            return run_of(load(target, pace))


def _beside_links(links: int, pace: Pace) -> Run:
    """Load a gateway that holds so many links of people who say nothing."""
    everybody = Workload(CHATTING + links, 2, ONE_TO_ONE.window, 1)
    with empty_folder() as folder, gateway(everybody, folder) as target, ThreadPoolExecutor(1) as pool:
        idle = _some(target, CHATTING, CHATTING + links)
        held = pool.submit(load, idle, Pace(measured_ms=0, settle_ms=pace.warm_ms + pace.measured_ms + HOLD_MS))
        wait_for_links(target, links)
        run = run_of(load(_some(target, 0, CHATTING), pace))
        held.result()
        return run


def _some(target: Target, begin: int, end: int) -> Target:
    return replace(target, clients=target.clients[begin:end])

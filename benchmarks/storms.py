"""What one link's trouble, or everybody's, costs the others: a reader that stalls, and thousands who come back at once.

Rules of the file:
- A stalled reader is compared with none in pairs of runs that alternate, each with a fresh server: what counts is the
  middle of the pairs' ratios.
- In the storm a second generator keeps its chats going on the same server, from before the cut until after it; the
  p99 of all of that time is told, calm seconds included.
"""

import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, NamedTuple

from benchmarks.gateway import gateway
from benchmarks.generator import SAMPLE_OF_GROUPS, Pace, Target, load
from benchmarks.rows import QUICK, Patience, empty_folder, say
from benchmarks.workload import FIVE_HUNDREDS, Workload

PAIRS: Final = 9
MANY: Final = Workload(10_000, 2, 1, 1)
OPEN_WITHIN_S: Final = 120
OTHERS: Final = 200  # links, the first of the same world
OTHERS_RATE: Final = 2_000.0  # messages a second
SETTLE_MS: Final = 4_000  # from the last link to the cut: the others have begun meanwhile
OTHERS_MS: Final = 25_000  # the others chat for so long, the storm in the middle of it


def stalled_ratios(rate: float, patience: Patience) -> list[float]:
    """Give the ratios of the others' p99 with one stalled reader to that with none."""
    calm = Pace(rate=rate, measured_ms=patience.measured_ms, sample=SAMPLE_OF_GROUPS)
    ratios = []
    for number in range(PAIRS if patience is not QUICK else 1):
        order = (0, 1) if number % 2 == 0 else (1, 0)
        p99 = {stalled: _p99_us(replace(calm, stalled=stalled)) for stalled in order}
        ratios.append(p99[1] / p99[0])
    return ratios


def _p99_us(pace: Pace) -> int:
    say(f"hutong: {FIVE_HUNDREDS.name} at {pace.rate:,.0f} messages/s, {pace.stalled} stalled")
    with empty_folder() as folder, gateway(FIVE_HUNDREDS, folder) as target:
        return load(target, pace).delivery_us.p99


class Storm(NamedTuple):
    """One storm: until everybody was back, and the others' p99 while it went on."""

    seconds: float
    others_p99_ms: float


def storms(patience: Patience) -> list[Storm]:
    """Cut all links at once, and let them come back, each time on a fresh server."""
    return [_storm() for _ in range(patience.repeats)]


def _storm() -> Storm:
    say(f"hutong: {MANY.clients:,} clients come back at once")
    with empty_folder() as folder, gateway(MANY, folder) as target, ThreadPoolExecutor(1) as pool:
        others, many = _split(target)
        opened = pool.submit(load, many, Pace(measured_ms=0, settle_ms=SETTLE_MS, storm=True))
        wait_for_links(target, len(many.clients))
        beside = load(others, Pace(rate=OTHERS_RATE, settle_ms=0, warm_ms=0, measured_ms=OTHERS_MS))
        return Storm(opened.result().storm_ms / 1000, beside.delivery_us.p99 / 1000)


def wait_for_links(target: Target, count: int) -> None:
    """Wait until so many links are open, as the gateway counts them."""
    end = time.monotonic() + OPEN_WITHIN_S
    while _links_of(target) < count:
        if time.monotonic() > end:
            raise RuntimeError(f"fewer than {count} links opened")
        time.sleep(0.1)


def _links_of(target: Target) -> float:
    with urllib.request.urlopen(f"http://{target.host}:{target.port}/metrics", timeout=10) as told:
        lines = told.read().decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith('hutong_links{phase="live"'))


def _split(target: Target) -> tuple[Target, Target]:
    """Part the links into those who chat on and those who are cut."""
    return replace(target, clients=target.clients[:OTHERS]), replace(target, clients=target.clients[OTHERS:])

"""The rows of the table: which systems meet which load, and what one run of each is worth.

Rules of the file:
- Systems compared take turns within each repeat, in an order that alternates from repeat to repeat.
- Every run has a fresh server: nothing of one run waits in another's memory or journal.
- A run that lost a message, was refused one or broke off is a failure with its reason, never a figure.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.bare import bare
from benchmarks.gateway import gateway
from benchmarks.generator import BUILD, SAMPLE_OF_GROUPS, Figures, LoadFailed, Pace, Target, load
from benchmarks.peers.ejabberd import ejabberd
from benchmarks.peers.mosquitto import mosquitto
from benchmarks.peers.nats import nats
from benchmarks.peers.socketio import socketio
from benchmarks.workload import IDLE, IDLE_BASELINE, Workload

SHARE_OF_MAXIMUM = 0.7  # the rate of the open loop, as a share of the closed loop's


@dataclass(frozen=True)
class System:
    """A server that can be loaded, and what it does not do."""

    name: str
    without: str
    start: Callable[[Workload, Path], AbstractContextManager[Target]] = field(repr=False)


GATEWAY = System("hutong", "", gateway)
GATEWAY_MEMORY = System("hutong, memory journal", "nothing durable", partial(gateway, durability="memory"))
GATEWAY_UNRULED = System(
    "hutong, no rules, memory journal",
    "no rules but a text's length, nothing durable",
    partial(gateway, durability="memory", program="benchmarks.unruled"),
)
BARE = System("the same links", "no rules, no journal, no state", bare)
MOSQUITTO = System("mosquitto", "no rules, nothing durable, no history", mosquitto)
NATS = System("nats core", "no rules, nothing durable, no history, no answer but +OK", nats)
JETSTREAM = System("jetstream", "no rules, no fsync; delivered before it is kept", partial(nats, stream="default"))
JETSTREAM_FSYNC = System("jetstream, fsync", "no rules; delivered before it is kept", partial(nats, stream="always"))
EJABBERD = System("ejabberd", "no rules but membership; archive without fsync", ejabberd)
SOCKETIO = System("socket.io", "no rules, nothing durable, no history", socketio)
PEERS = (MOSQUITTO, NATS, JETSTREAM, JETSTREAM_FSYNC, EJABBERD, SOCKETIO)


@dataclass(frozen=True)
class Run:
    """One run's figures, as they are compared.

    Shares are of one core's time. Waited is what a process spent ready to run while something else had its core: on
    a quiet machine only the server's own other threads.
    """

    messages_s: float
    deliveries_s: float
    ack_p50_ms: float
    ack_p99_ms: float
    delivery_p50_ms: float
    delivery_p99_ms: float
    server_us_message: float
    server_us_delivery: float
    server_share: float
    server_rss_mib: float
    generator_share: float
    server_waited_share: float
    generator_waited_share: float

    @property
    def disturbed(self) -> bool:
        """Tell whether other programs took so much of the two cores that rates and latencies are no measure."""
        return self.server_waited_share > 0.25 or self.generator_waited_share > 0.1


@dataclass
class Row:
    """One system under one load: its runs, or why there are none."""

    system: System
    workload: Workload
    rate: float = 0.0
    runs: list[Run] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def median(self, figure: str) -> float:
        return median(self.values(figure)) if self.runs else float("nan")

    def values(self, figure: str) -> list[float]:
        return [getattr(run, figure) for run in self.runs]

    @property
    def lower_bound(self) -> bool:
        """Tell whether the generator itself was at its end, so that the system may be faster than it looks."""
        return bool(self.runs) and self.median("generator_share") > 0.9

    @property
    def disturbed(self) -> bool:
        return any(run.disturbed for run in self.runs)


@dataclass(frozen=True)
class Patience:
    """How long and how often."""

    repeats: int
    measured_ms: int


FULL = Patience(repeats=3, measured_ms=4000)
QUICK = Patience(repeats=1, measured_ms=1500)


def closed_rows(systems: list[System], workload: Workload, patience: Patience) -> list[Row]:
    """Load several systems in turn, each sender sending when it is answered."""
    rows = [Row(system, workload) for system in systems]
    for repeat in range(patience.repeats):
        for row in rows if repeat % 2 == 0 else reversed(rows):
            _run(row, patience)
    return rows


def open_row(closed: Row, patience: Patience) -> Row:
    """Load a system at a share of the most it took, by the clock: latency as users would see it."""
    row = Row(closed.system, closed.workload, rate=SHARE_OF_MAXIMUM * closed.median("messages_s"))
    for _ in range(patience.repeats if closed.runs else 0):
        _run(row, patience)
    return row


def idle_link_kib(system: System) -> float:
    """Measure what one idle authenticated link adds to the server's resident memory."""
    say(f"{system.name}: {IDLE.clients} idle links")
    pace = Pace(measured_ms=0, settle_ms=1500, baseline=IDLE_BASELINE)
    with empty_folder() as folder, system.start(IDLE, folder) as target:
        memory = load(target, pace).server_rss_kib
    return (memory.ready - memory.baseline) / (IDLE.clients - IDLE_BASELINE)


def _run(row: Row, patience: Patience) -> None:
    say(f"{row.system.name}: {row.workload.name}" + (f" at {row.rate:,.0f} messages/s" if row.rate else ""))
    workload = row.workload
    sample = 1 if workload.single else SAMPLE_OF_GROUPS
    pace = Pace(workload.window, row.rate, measured_ms=patience.measured_ms, sample=sample)
    try:
        with empty_folder() as folder, row.system.start(workload, folder) as target:
            row.runs.append(run_of(load(target, pace)))
    except (LoadFailed, RuntimeError, OSError) as why:
        row.failures.append(str(why))
        say(f"  failed: {why}")


def run_of(figures: Figures) -> Run:
    """Turn a run's counts into what is compared: rates, milliseconds, CPU microseconds, shares of a core."""
    messages, deliveries = max(figures.messages, 1), max(figures.deliveries, 1)
    return Run(
        messages_s=figures.messages / figures.seconds,
        deliveries_s=figures.deliveries / figures.seconds,
        ack_p50_ms=figures.ack_us.p50 / 1000,
        ack_p99_ms=figures.ack_us.p99 / 1000,
        delivery_p50_ms=figures.delivery_us.p50 / 1000,
        delivery_p99_ms=figures.delivery_us.p99 / 1000,
        server_us_message=figures.server_cpu_s / messages * 1e6,
        server_us_delivery=figures.server_cpu_s / deliveries * 1e6,
        server_share=figures.server_cpu_s / figures.seconds,
        server_rss_mib=figures.server_rss_kib.end / 1024,
        generator_share=figures.generator_cpu_s / figures.seconds,
        server_waited_share=figures.server_waited_s / figures.seconds,
        generator_waited_share=figures.generator_waited_s / figures.seconds,
    )


@contextmanager
def empty_folder() -> Iterator[Path]:
    """Give an empty folder on the disk of the checkout, since a journal in memory would be no journal."""
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="bench-") as folder:
        yield Path(folder).resolve()


def say(text: str) -> None:
    """Tell how far the suite is, beside the table."""
    print(text, file=sys.stderr, flush=True)

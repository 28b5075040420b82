"""Mosquitto as a peer: a topic a group, QoS 1 in, QoS 0 out, nothing durable, no rules."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from benchmarks.generator import Client, Target
from benchmarks.peers import wait_for
from benchmarks.pinned import free_port, running
from benchmarks.workload import Workload, people_of

# No limit of the broker's may shape the load, and Nagle's algorithm may not delay it.
CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
persistence false
max_inflight_messages 0
max_queued_messages 0
sys_interval 0
log_type error
log_type warning
"""


def mosquitto_program() -> str | None:
    """Find the broker; Debian keeps it where only root's path looks."""
    return which("mosquitto") or which("mosquitto", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")


def mosquitto_version() -> str:
    """Give the first line of the broker's own help, or say that there is none."""
    program = mosquitto_program()
    if program is None:
        return "not installed"
    told = subprocess.run([program, "-h"], capture_output=True, text=True, check=False).stdout
    return told.splitlines()[0].removeprefix("mosquitto version ")


def mosquitto_clients(workload: Workload) -> list[Client]:
    """Give everybody a link and each group a topic.

    In a single chat the sender does not subscribe. In a group all do, and a sender gets its own message too: MQTT
    3.1.1 knows no other way. That delivery is counted like any other, in the broker's favour.
    """
    people = people_of(workload)
    return [Client(f"client-{i}", f"bench/{p.group}", p.group, p.sends, not (workload.single and p.sends))
            for i, p in enumerate(people)]  # fmt: skip


@contextmanager
def mosquitto(workload: Workload, folder: Path) -> Iterator[Target]:
    """Run a broker for one load."""
    program = mosquitto_program()
    if program is None:
        raise RuntimeError("mosquitto is not installed")
    port, settings, errors = free_port(), folder / "mosquitto.conf", folder / "mosquitto.err"
    settings.write_text(CONFIGURATION.format(port=port))
    with running([program, "-c", str(settings)], errors) as broker:
        wait_for(port)
        yield Target("mqtt", broker.pid, "127.0.0.1", port, mosquitto_clients(workload))

"""Servers of others, each started for one load, with the durability that is closest to ours."""

import socket
import time
from typing import Final

from benchmarks.generator import Client
from benchmarks.workload import Workload, people_of

READY_SECONDS_MAX: Final = 20


def wait_for(port: int) -> None:
    """Wait until somebody listens on a port of loopback."""
    end = time.monotonic() + READY_SECONDS_MAX
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def clients_of(workload: Workload) -> list[Client]:
    """Give everybody a link that sends or not, and hears what the others of its group say, but not itself."""
    return [
        Client(f"client-{number}", f"bench.{person.group}", person.group, person.sends, reads=True)
        for number, person in enumerate(people_of(workload))
    ]

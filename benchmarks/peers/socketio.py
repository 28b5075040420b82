"""Socket.IO as a peer: a room a group, WebSocket only, in one Node process; nothing durable, no rules."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Final

from benchmarks.generator import Target
from benchmarks.peers import clients_of
from benchmarks.pinned import first_line, running
from benchmarks.workload import Workload

FOLDER: Final = Path(__file__).with_name("socketio_server")


@contextmanager
def socketio(workload: Workload, folder: Path) -> Iterator[Target]:
    """Run a server for one load."""
    errors = folder / "socketio.err"
    with running([node_program(), str(FOLDER / "server.js")], errors) as server:
        port = int(first_line(server, errors))
        yield Target("socketio", server.pid, "127.0.0.1", port, clients_of(workload))


def node_program() -> str:
    """Find Node.js."""
    found = which("node")
    if found is None or not (FOLDER / "node_modules").is_dir():
        raise RuntimeError("Node.js or socket.io is not installed")
    return found


def socketio_version() -> str:
    """Give the version that is installed beside the server, or say that there is none."""
    described = FOLDER / "node_modules" / "socket.io" / "package.json"
    return str(json.loads(described.read_text())["version"]) if described.exists() else "not installed"

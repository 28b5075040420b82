"""nats-server as a peer: a subject a group, as a core server or with a stream in which every message is kept.

Links subscribe to the subject itself: a message reaches them when the server has read it, and the stream's answer tells
the sender that it was kept. So deliveries are not held back until they are durable, as ours are.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from sys import executable
from typing import Final, Literal

from benchmarks.generator import Target
from benchmarks.peers import clients_of, wait_for
from benchmarks.pinned import free_port, running
from benchmarks.workload import Workload

Stream = Literal["none", "default", "always"]

# No limit of the server's may shape the load. `always` syncs each message before it is answered.
CONFIGURATION: Final = """\
listen: "127.0.0.1:{port}"
max_pending: 1GB
write_deadline: "60s"
"""
STREAM: Final = """\
jetstream {{
  store_dir: {folder}
  sync_interval: {interval}
}}
"""
INTERVALS: Final = {"default": '"2m"', "always": "always"}  # two minutes is the server's own default
ANSWER_SECONDS_MAX: Final = 10


@contextmanager
def nats(workload: Workload, folder: Path, stream: Stream = "none") -> Iterator[Target]:
    """Run a server for one load."""
    port, settings, errors = free_port(), folder / "nats.conf", folder / "nats.err"
    text = CONFIGURATION.format(port=port)
    if stream != "none":
        text += STREAM.format(folder=json.dumps(str(folder / "streams")), interval=INTERVALS[stream])
    settings.write_text(text)
    with running([nats_program(), "-c", str(settings)], errors) as server:
        wait_for(port)
        if stream != "none":
            _make_stream(port)
        protocol = "nats" if stream == "none" else "jetstream"
        yield Target(protocol, server.pid, "127.0.0.1", port, clients_of(workload))


def nats_program() -> str:
    """Find the server; the wheel puts it beside the interpreter."""
    found = which("nats-server", path=str(Path(executable).parent))
    if found is None:
        raise RuntimeError("nats-server is not installed")
    return found


def _make_stream(port: int) -> None:
    """Have every message of the load kept in one stream, in a file."""
    asked = json.dumps({"name": "bench", "subjects": ["bench.*"], "storage": "file", "retention": "limits"}).encode()
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS_MAX) as link, link.makefile("rwb") as lines:
        lines.write(b'CONNECT {"verbose":false}\r\nSUB made 1\r\n')
        lines.write(b"PUB $JS.API.STREAM.CREATE.bench made %d\r\n%s\r\n" % (len(asked), asked))
        lines.flush()
        for line in lines:
            if line.startswith(b"MSG"):
                answer = lines.read(int(line.split()[-1]))
                if b'"error"' in answer:
                    raise RuntimeError(f"no stream: {answer.decode()}")
                return
    raise RuntimeError("nats-server hung up while a stream was made")

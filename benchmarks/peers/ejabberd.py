"""ejabberd as a peer: a room (MUC) a group over WebSocket, every message in the archive, presence told to nobody.

A message that comes back to its speaker is the acknowledgement; the archive (mnesia, the server's own default) is
written in the background, without a sync for each message.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Final

from benchmarks.generator import Target
from benchmarks.peers import clients_of, wait_for
from benchmarks.pinned import free_port, running
from benchmarks.workload import Workload

# No shaper and no limit of the server's may shape the load.
CONFIGURATION: Final = """\
hosts: [localhost]
loglevel: error
auth_method: [anonymous]
anonymous_protocol: sasl_anon
allow_multiple_connections: true
max_fsm_queue: 1000000
listen:
  - port: {port}
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers:
      /ws: ejabberd_http_ws
modules:
  mod_mam:
    default: always
  mod_muc:
    hosts: ["rooms.localhost"]
    access: all
    access_create: all
    history_size: 0
    max_users: 5000
    default_room_options:
      mam: true
      max_users: 5000
      presence_broadcast: []
"""
CODE: Final = "/usr/lib"  # below which Debian's package keeps the server's code


@contextmanager
def ejabberd(workload: Workload, folder: Path) -> Iterator[Target]:
    """Run a server for one load; not as a node of a cluster, so that no other program is started beside it."""
    port, settings, errors = free_port(), folder / "ejabberd.yml", folder / "ejabberd.err"
    settings.write_text(CONFIGURATION.format(port=port))
    command = [
        *("env", f"EJABBERD_CONFIG_PATH={settings}", f"EJABBERD_LOG_PATH={folder / 'ejabberd.log'}", f"HOME={folder}"),
        *(erlang_program(), "+K", "true", "+P", "250000", "-noinput", "-pa", str(_code())),
        *("-mnesia", "dir", f'"{folder / "mnesia"}"', "-s", "ejabberd"),
    ]
    with running(command, errors) as server:
        wait_for(port)
        yield Target("xmpp", server.pid, "127.0.0.1", port, clients_of(workload))


def erlang_program() -> str:
    """Find the machine that ejabberd runs on."""
    found = which("erl")
    if found is None:
        raise RuntimeError("ejabberd is not installed")
    return found


def _code() -> Path:
    found = sorted(Path(CODE).glob(f"{os.uname().machine}-linux-gnu/ejabberd-*/ebin"))
    if not found:
        raise RuntimeError("ejabberd is not installed")
    return found[-1]


def ejabberd_version() -> str:
    """Give the version that the code's folder is named for, or say that there is none."""
    try:
        return _code().parent.name.partition("-")[2]
    except RuntimeError as why:
        return str(why)

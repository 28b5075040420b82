"""What this machine can do at best: the floors under every figure of the same minute."""

import os
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import msgspec
import orjson

from benchmarks.generator import Client, Pace, Target, load
from benchmarks.pinned import first_line, python, running
from benchmarks.workload import ONE_TO_ONE, people_of
from protocol.codec import JSON, MSGPACK, websocket_frame
from protocol.frames import Accepted

FRAME_BYTES = 100
BLOCK_BYTES = 4096
SYNCS = 300
SENDS = 2000
SEND = {"type": "send", "number": 17, "conversation": "cv" + 22 * "0", "content": {"kind": "text", "text": 100 * "x"}}
ACCEPTED = {"type": "accepted", "number": 17, "conversation": "cv" + 22 * "0", "sequence": 17, "time_ms": 1785000000000}


def floors(folder: Path) -> dict[str, Any]:
    """Measure all floors; files are written in the folder, which must be on the disk that the journal will use."""
    return {
        "send_us": {str(frames): send_us(frames) for frames in (1, 4, 16)},
        "fdatasync_ms": fdatasync_ms(folder),
        "codec_ns": codec_ns(),
        "constant_us": constant_us(folder),
    }


def send_us(frames: int) -> float:
    """Time a send of some frames to an idle loopback socket: microseconds a call."""
    with loopback_pair() as pair:
        return round(statistics.median(_time_sends(pair, b"x" * FRAME_BYTES * frames) for _ in range(5)), 2)


@contextmanager
def loopback_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Give two ends of one TCP connection, without Nagle's delay."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with near, far:
        yield near, far


def _time_sends(pair: tuple[socket.socket, socket.socket], data: bytes) -> float:
    near, far = pair
    spent = 0
    for _ in range(SENDS):
        begun = time.perf_counter_ns()
        near.send(data)
        spent += time.perf_counter_ns() - begun
        far.recv(len(data), socket.MSG_WAITALL)
    return spent / SENDS / 1000


def fdatasync_ms(folder: Path) -> dict[str, float]:
    """Time what each commit waits for: 4 KiB appended and on disk."""
    spent = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            os.write(file.fileno(), b"x" * BLOCK_BYTES)
            begun = time.perf_counter_ns()
            os.fdatasync(file.fileno())
            spent.append((time.perf_counter_ns() - begun) / 1e6)
    return {"p50": round(statistics.median(spent), 3), "p99": round(statistics.quantiles(spent, n=100)[98], 3)}


def codec_ns() -> dict[str, float]:
    """Time reading a send and writing an accepted: ours with validation, others without."""
    packed, text = msgpack.packb(SEND), orjson.dumps(SEND)
    accepted = msgspec.convert(ACCEPTED, Accepted)
    return {
        "msgspec msgpack decode, validated": _time_ns(lambda: MSGPACK.decode(packed)),
        "msgspec msgpack encode": _time_ns(lambda: MSGPACK.encode(accepted)),
        "msgspec json decode, validated": _time_ns(lambda: JSON.decode(text)),
        "msgspec json encode": _time_ns(lambda: JSON.encode(accepted)),
        "msgpack decode": _time_ns(lambda: msgpack.unpackb(packed)),
        "msgpack encode": _time_ns(lambda: msgpack.packb(ACCEPTED)),
        "orjson decode": _time_ns(lambda: orjson.loads(text)),
        "orjson encode": _time_ns(lambda: orjson.dumps(ACCEPTED)),
        "websocket header": _time_ns(lambda: websocket_frame(MSGPACK.opcode, packed)),
    }


def _time_ns(call: Callable[[], object], calls: int = 20_000) -> float:
    def once() -> float:
        begun = time.perf_counter_ns()
        for _ in range(calls):
            call()
        return (time.perf_counter_ns() - begun) / calls

    return round(min(once() for _ in range(5)))


def constant_us(folder: Path) -> float:
    """Time reading, parsing and answering constant frames: server CPU microseconds a message, 1:1 load."""
    errors = folder / "constant.err"
    with running(python("-m", "benchmarks.constant"), errors) as server:
        port = int(first_line(server, errors))
        clients = [Client("none", "cv" + 22 * "0", p.group, p.sends, reads=False) for p in people_of(ONE_TO_ONE)]
        target = Target("hutong", server.pid, "127.0.0.1", port, clients)
        figures = load(target, Pace(window=ONE_TO_ONE.window, measured_ms=1500))
    return round(figures.server_cpu_s / figures.messages * 1e6, 2)

"""Checkpoints as files of the data folder: written aside and renamed, believed only with their hash.

Rules of the file:
- The head is a mark, the position and the state's hash: a renamed file is not believed.
- The last two are kept, since the newest may turn out damaged.
"""

import errno
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Final

from adapters.data_folder import RESERVE_BYTES, free_bytes, sync_folder
from gateway.ports import Checkpoint

KEPT: Final = 2
STEP_BYTES: Final = 1024 * 1024  # synced one by one, with pauses: in one burst commits took 26–29 ms at p99 beside it

_MARK: Final = b"hutong checkpoint 5\n"  # the number changes when the state is dumped in another way
_HEAD: Final = Struct(">20sQ32s")
_NAME: Final = re.compile(r"checkpoint-([0-9]+)")


def positions(folder: Path) -> list[int]:
    """Name the checkpoints of a folder by position, newest first; those of older versions count for nothing."""
    matches = [(path, _NAME.fullmatch(path.name)) for path in folder.iterdir()]
    return sorted((int(match[1]) for path, match in matches if match and _is_ours(path)), reverse=True)


def _is_ours(file: Path) -> bool:
    with file.open("rb") as content:
        return content.read(len(_MARK)) == _MARK


def read_checkpoints(folder: Path) -> Iterator[Checkpoint]:
    """Yield every whole checkpoint, newest first; what is damaged is passed over."""
    for position in positions(folder):
        with _file(folder, position).open("rb") as file:
            head, state = file.read(_HEAD.size), file.read()
        if head == _head(position, state):
            yield Checkpoint(position, state)


def newest_checkpoint(folder: Path) -> Checkpoint | None:
    """Give the newest whole checkpoint, or None."""
    return next(read_checkpoints(folder), None)


def write_checkpoint(folder: Path, position: int, state: bytes, pause_s: float = 0.0) -> None:
    """Make one durable, then remove all but the last `KEPT`; a failure leaves nothing behind.

    `pause_s` is slept between steps, so that the journal's own syncs come in between.
    """
    if free_bytes(folder) < len(state) + RESERVE_BYTES:
        raise OSError(errno.ENOSPC, f"no room for a checkpoint of {len(state)} bytes", str(folder))
    aside = folder / f"checkpoint-{position}.{os.getpid()}.part"
    try:
        _write_in_steps(aside, _head(position, state), state, pause_s)
        aside.replace(_file(folder, position))
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(folder)
    remove_old(folder)


def _file(folder: Path, position: int) -> Path:
    return folder / f"checkpoint-{position}"


def _head(position: int, state: bytes) -> bytes:
    return _HEAD.pack(_MARK, position, sha256(state).digest())


def _write_in_steps(file: Path, head: bytes, state: bytes, pause_s: float) -> None:
    with file.open("wb") as out, memoryview(state) as view:
        out.write(head)
        for begin in range(0, len(view) or 1, STEP_BYTES):
            out.write(view[begin : begin + STEP_BYTES])
            out.flush()
            os.fsync(out.fileno())
            time.sleep(pause_s)


def remove_old(folder: Path) -> None:
    """Remove all but the last `KEPT`, and the part of a child that was killed."""
    kept = {_file(folder, position) for position in positions(folder)[:KEPT]}
    for file in set(folder.glob("checkpoint-*")) - kept:
        with suppress(FileNotFoundError):
            file.unlink()

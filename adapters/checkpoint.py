"""Checkpoints are made by a child process, from the last one and the journal, never from live state.

So the server does not stall for them, and each one proves that replay works.
"""

import asyncio
import gc
import os
import stat
import sys
import threading
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import structlog

from adapters.checkpoint_files import newest_checkpoint, positions, remove_old, write_checkpoint
from adapters.journal_file import open_read_only
from adapters.journal_rows import last_row, records_between
from gateway.ports import Journal

EVERY_RECORDS: Final = 200_000  # about a second of replay
LOOK_EVERY_S: Final = 1.0
PAUSE_S: Final = 0.02
# The least: with 10, on the server's own core, acknowledgements at 70 % of its load came 20 ms late.
NICENESS: Final = 19

log = structlog.get_logger()


def make_checkpoint(folder: Path, pause_s: float = PAUSE_S) -> int:
    """Bring the newest checkpoint up to the journal's end as it is now, and give its position.

    Reads beside the server, without its lock, in transactions short enough not to keep the WAL from being emptied.
    """
    from gateway.events import decode
    from gateway.state import State

    newest = newest_checkpoint(folder)
    state = State.load(newest.state) if newest else State()
    after = newest.position if newest else 0
    with closing(open_read_only(folder)) as connection:
        upto = last_row(connection).last
        for placed in records_between(connection, after, upto):
            state.apply(decode(placed.record))
    if upto > after:
        write_checkpoint(folder, upto, state.dump(), pause_s)
    return upto


def run_child(folder: Path) -> None:
    """Be the child; collect no garbage in a process that makes none."""
    if not stat.S_ISCHR(os.fstat(0).st_mode):  # neither a terminal nor nothing
        threading.Thread(target=_end_with_server, daemon=True).start()
    gc.disable()
    make_checkpoint(folder)


def _end_with_server() -> None:
    """End when the pipe does of which only the server holds the other end, however it died.

    Its next life may put another world into this folder, about which a checkpoint made here would be wrong.
    """
    os.read(0, 1)
    os._exit(1)


def child_command(folder: Path) -> list[str]:
    """Give the command line that ends in `run_child`."""
    return [sys.executable, "-m", "hutong", "checkpoint", str(folder)]


async def keep_checkpoints(
    journal: Journal,
    folder: Path,
    every_records: int = EVERY_RECORDS,
    *,
    look_every_s: float = LOOK_EVERY_S,
    command: Sequence[str] = (),
) -> None:
    """Start a child whenever the journal has grown enough; runs until cancelled, and ends the child then.

    One child at a time. A failed one is logged and tried again only after the journal has grown as much once more:
    without checkpoints a restart is slower, and nothing else.
    """
    try:
        remove_old(folder)  # what a crash left
    except OSError as why:
        log.warning("old checkpoints not removed", why=str(why))
    tried = max(positions(folder), default=0)
    while True:
        await asyncio.sleep(look_every_s)
        position = journal.position
        if position - tried >= every_records:
            tried = position
            await attempt(command or child_command(folder), tried)


async def attempt(command: Sequence[str], position: int) -> None:
    """Run one child; its failure is logged, never raised."""
    try:
        failure = await complaint_of(command, NICENESS)
    except OSError as why:
        failure = str(why)
    if failure:
        log.warning("checkpoint failed", position=position, why=failure)
    else:
        log.debug("checkpoint made", position=position)


async def complaint_of(command: Sequence[str], niceness: int = 0) -> str:
    """Run a child to its end; give the last line that it complained of, or nothing.

    Its priority is set from here as soon as it is there: half a second goes into its imports alone.
    """
    child = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=DEVNULL, stderr=PIPE)
    assert child.stderr is not None
    try:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, child.pid, niceness)
        complaint = await child.stderr.read()  # `communicate` would close the pipe that says we live
        await child.wait()
    finally:
        await _end(child)
    if child.returncode == 0:
        return ""
    return (complaint.decode(errors="replace").splitlines() or [f"exit code {child.returncode}"])[-1]


async def _end(child: Process) -> None:
    if child.returncode is None:
        with suppress(ProcessLookupError):
            child.kill()  # what it writes stands aside until it is whole
        await child.wait()

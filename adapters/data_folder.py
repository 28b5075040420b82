"""The data folder: one server at a time uses it, and a refusal leaves it as it was."""

import fcntl
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from gateway.ports import CannotOpen

OTHERS: Final = 0o077  # bits of a mode that let in anybody but the owner
RESERVE_BYTES: Final = 64 * 1024 * 1024  # kept free, so that the journal meets a full disk with warning


def claim(folder: Path, undo: ExitStack) -> int:
    """Make the folder if it is missing, lock it, and give the descriptor whose closing unlocks it.

    The folder itself is what is locked: a lock file would be one more thing to leave behind, and whoever removed it
    would let a second server in. What was made goes on `undo`.
    """
    try:
        make_folder(folder, undo)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as why:
        raise unusable(folder, why) from why
    undo.callback(os.close, descriptor)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise unusable(folder, "not writable")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as why:
        raise CannotOpen(
            f"{folder} is in use by another Hutong: stop that one, or give this one its own --data"
        ) from why
    except OSError as why:
        raise unusable(folder, why) from why
    return descriptor


def make_folder(folder: Path, undo: ExitStack) -> None:
    """Make a folder and what is missing above it, for the owner alone; what was made goes on `undo`."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=0o700)
        undo.callback(_remove_folder, missing)
        sync_folder(missing.parent)


def unusable(folder: Path, why: object) -> CannotOpen:
    """Say that the folder cannot hold a journal."""
    return CannotOpen(f"{folder} cannot hold the journal ({why}): give --data a folder on a local disk to write to")


def remove_new(files: list[Path], undo: ExitStack) -> None:
    """Put on `undo` the removal of each of these files that is not there yet."""
    for file in files:
        if not file.exists():
            undo.callback(file.unlink, missing_ok=True)


def replace(path: Path, content: bytes) -> None:
    """Give a file another content, for the owner alone to read; a crash leaves the old one or the new one."""
    fresh = path.with_name(path.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make durable which names stand in a folder; a file's own sync does not."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def free_bytes(folder: Path) -> int:
    """Tell how much an unprivileged process may still write here."""
    figures = os.statvfs(folder)
    return figures.f_bavail * figures.f_frsize


def _remove_folder(folder: Path) -> None:
    with suppress(OSError):  # somebody else has put something there meanwhile
        folder.rmdir()

"""A file system that forgets what was not synced, through FUSE, for real processes to live on until its power is cut.

Rules of the file:
- Content and names are kept apart, as on a disk: a file's sync makes durable what is in it, the folder's sync which
  names stand there.
- Before the nth change the power is cut: no call succeeds from then on, and what the disk holds is left in a folder.
- Each unsynced sector is kept, dropped or torn by dice, as on the simulated disk. Names change in order, as in every
  file system with a journal: how many of the last unsynced changes are lost is up to the dice.
- The kernel keeps its cache of the files, through which SQLite's shared memory is mapped; mounting anew empties it.
"""

import errno
import os
import random
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from signal import SIGTERM
from threading import Thread
from typing import Any, Final

from tests.power.disk import Image, Step, change, survivors

CUT: Final = "cut"
MOUNTED: Final = "mounted"
FREE: Final = {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": 2**20, "f_bfree": 2**20, "f_bavail": 2**20}


class Forgetful:
    """One folder of files. The methods are named and called as FUSE's operations are; paths begin with a slash."""

    use_ns = True  # what the binding wants to be told about times

    def __init__(self, image: Image, changes: int, dice: random.Random) -> None:
        self._left = changes
        self._dice = dice
        self._files = {f"/{name}": bytearray(content) for name, content in image.items()}
        self._durable = {name: bytearray(content) for name, content in self._files.items()}
        self._names = [{name: name for name in self._files}]  # which file each is; the durable ones, and all since
        self._fresh = map(str, count())
        self._waiting: dict[str, list[Step]] = {}

    def __call__(self, operation: str, *arguments: Any) -> Any:
        if self.is_cut:
            raise OSError(errno.EIO, "the power is cut")
        return getattr(self, operation)(*arguments)

    @property
    def is_cut(self) -> bool:
        return self._left <= 0

    def forget(self) -> Image:
        """Tell what the disk holds after a cut."""
        names, kept = self._dice.choice(self._names), self._dice.choice([0.1, 0.5, 0.9, 1.0])
        left = {file: bytearray(self._durable.get(file, b"")) for file in names.values()}
        for file in left:
            for step in survivors(self._waiting.get(file, []), kept, self._dice):
                change(left, step)
        return {name[1:]: bytes(left[file]) for name, file in names.items()}

    def getattr(self, path: str, _handle: int | None = None) -> dict[str, int]:
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
        return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": len(self._files[self._file(path)])}

    def readdir(self, _path: str, _handle: int) -> list[str]:
        return [".", "..", *(name[1:] for name in self._names[-1])]

    def statfs(self, _path: str) -> dict[str, int]:
        return FREE

    def open(self, path: str, _flags: int) -> int:
        self._file(path)
        return 0

    def read(self, path: str, size: int, offset: int, _handle: int) -> bytes:
        return bytes(self._files[self._file(path)][offset : offset + size])

    def create(self, path: str, _mode: int) -> int:
        self._count()
        file = next(self._fresh)
        self._files[file] = bytearray()
        self._names.append({**self._names[-1], path: file})
        return 0

    def write(self, path: str, content: bytes, offset: int, _handle: int) -> int:
        self._do(Step("write", self._file(path), offset, content))
        return len(content)

    def truncate(self, path: str, size: int, _handle: int | None = None) -> None:
        file = self._file(path)
        missing = size - len(self._files[file])
        self._do(Step("write", file, size - missing, bytes(missing)) if missing > 0 else Step("truncate", file, size))

    def unlink(self, path: str) -> None:
        self._count()
        self._names.append({name: file for name, file in self._names[-1].items() if name != path})

    def rename(self, path: str, other: str) -> None:
        self._count()
        names = dict(self._names[-1])
        names[other] = names.pop(path)
        self._names.append(names)

    def fsync(self, path: str, _only_content: int, _handle: int) -> None:
        self._count()
        for step in self._waiting.pop(self._file(path), []):
            self._durable.setdefault(step.name, bytearray())
            change(self._durable, step)

    def fsyncdir(self, _path: str, _only_content: int, _handle: int) -> None:
        self._count()
        del self._names[:-1]

    def chmod(self, _path: str, _mode: int) -> None:
        """Let everything be for its owner alone."""

    def chown(self, _path: str, _user: int, _group: int) -> None:
        """Let everything belong to root."""

    def _file(self, path: str) -> str:
        try:
            return self._names[-1][path]
        except KeyError as why:
            raise OSError(errno.ENOENT, path) from why

    def _do(self, step: Step) -> None:
        self._count()
        change(self._files, step)
        self._waiting.setdefault(step.name, []).append(step)

    def _count(self) -> None:
        self._left -= 1
        if self.is_cut:
            raise OSError(errno.EIO, "the power is cut")


class Mounted(Forgetful):
    """The same, which tells another process when it can be used and when it is cut, and leaves the disk in a folder."""

    def __init__(self, disk: Path, changes: int, seed: int, told: Connection) -> None:
        image = {file.name: file.read_bytes() for file in disk.iterdir()}
        super().__init__(image, changes, random.Random(seed))
        self._disk = disk
        self._told = told

    def init(self, _path: str) -> None:
        self._told.send(MOUNTED)

    def _count(self) -> None:
        try:
            super()._count()
        except OSError:
            self._leave()
            self._told.send(CUT)
            raise

    def _leave(self) -> None:
        for file in self._disk.iterdir():
            file.unlink()
        for name, content in self.forget().items():
            (self._disk / name).write_bytes(content)


def why_not() -> str:
    """Say why this machine cannot mount such a file system; nothing if it can."""
    if not Path("/dev/fuse").exists():
        return "there is no /dev/fuse"
    if os.geteuid() != 0:
        return "only root may mount"
    try:
        import mfusepy  # noqa: F401
    except (ImportError, OSError) as why:
        return f"{why}: scripts/install-test-servers assurance installs it"
    return ""


@contextmanager
def mounted(disk: Path, mount: Path, changes: int, seed: int) -> Iterator[Connection]:
    """Have a folder's files on the mount until so many changes; what comes through the pipe then is `CUT`."""
    context = get_context("spawn")
    told, telling = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(disk, mount, changes, seed, telling))
    process.start()
    telling.close()
    try:
        assert told.recv() == MOUNTED
        yield told
    finally:
        subprocess.run(["umount", str(mount)], check=True)  # noqa: S607  (root's own)
        process.join()


def _end_with_parent() -> None:
    """Leave no mount behind where whoever asked for it was killed: at this signal FUSE unmounts."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), SIGTERM)


def _serve(disk: Path, mount: Path, changes: int, seed: int, told: Connection) -> None:
    from mfusepy import FUSE

    Thread(target=_end_with_parent, daemon=True).start()
    FUSE(Mounted(disk, changes, seed, told), str(mount), foreground=True, nothreads=True, kernel_cache=True)

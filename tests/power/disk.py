"""A disk that forgets what was not synced, as a VFS of SQLite's in Python.

Rules of the file:
- Everything that is asked for is logged, so that one life of a journal can be cut at any of its points afterwards; a
  step at which the disk fails is logged as struck, and not done.
- At a cut each unsynced sector is kept, dropped or torn by dice; a write hurts no byte beside its own, which is what
  SQLite assumes of a disk unless it is told otherwise.
- Which names stand in the folder is durable when the journal syncs the folder, or SQLite does, at the first sync of a
  new log; until then a new file may be missing and a deleted one be back.
"""

import errno
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import apsw

from adapters.journal_file import FILE as DATABASE

SECTOR_BYTES: Final = 512
POWERSAFE_OVERWRITE: Final = 0x1000
STRUCK: Final = "struck "

Image = dict[str, bytes]  # what stands on the disk, by name of file


@dataclass(frozen=True)
class Step:
    """Something that happened to the disk, or, with the name empty, an acknowledgement by the journal."""

    kind: str
    name: str = ""
    at: int = 0
    content: bytes = b""


@dataclass
class Disk:
    """Files in memory, and all that was done to them. `fails` is asked before each step and may order an error."""

    files: dict[str, bytearray] = field(default_factory=dict)
    log: list[Step] = field(default_factory=list)
    fails: Callable[[Step], bool] = lambda _: False
    begun_with: Image = field(default_factory=dict)

    @classmethod
    def holding(cls, image: Image) -> "Disk":
        return cls({name: bytearray(content) for name, content in image.items()}, begun_with=image)

    def do(self, step: Step) -> None:
        """Log a step and do it, or log that the disk failed at it."""
        if self.fails(step):
            self.log.append(replace(step, kind=STRUCK + step.kind))
            raise apsw.IOError(f"ordered to fail at {step.kind} {step.name}")
        self.log.append(step)
        change(self.files, step)

    @property
    def struck(self) -> list[Step]:
        """Give the steps at which the disk has failed."""
        return [step for step in self.log if step.kind.startswith(STRUCK)]

    def acknowledge(self, position: int) -> None:
        self.log.append(Step("acknowledged", at=position))

    def sync_folder(self, _: Path) -> None:
        """Fail as the operating system does: it is not SQLite that is asked."""
        try:
            self.do(Step("sync folder"))
        except apsw.IOError as why:
            raise OSError(errno.EIO, str(why)) from why


def change(files: dict[str, bytearray], step: Step) -> None:
    """Do to files what a step says."""
    match step.kind:
        case "open":
            files.setdefault(step.name, bytearray())
        case "write":
            write(files.setdefault(step.name, bytearray()), step.at, step.content)
        case "truncate":
            del files.get(step.name, bytearray())[step.at :]
        case "delete":
            files.pop(step.name, None)
        case _:
            pass


def write(file: bytearray, at: int, content: bytes) -> None:
    file.extend(bytes(max(0, at - len(file))))
    file[at : at + len(content)] = content


def cuts(disk: Disk, points: list[int], dice: random.Random) -> Iterator[tuple[Image, int]]:
    """Cut the power before each of these steps of a life; give what the disk holds then, and what was acknowledged."""
    files = {name: bytearray(content) for name, content in disk.begun_with.items()}
    named, waiting, acknowledged = set(files), dict[str, list[Step]](), 0
    for point, step in enumerate([*disk.log, Step("end")]):
        for _ in range(points.count(point)):
            yield _cut(files, named, waiting, dice), acknowledged
        match step.kind:
            case "acknowledged":
                acknowledged = step.at
            case "sync":
                for done in waiting.pop(step.name, []):
                    change(files, done)
                if step.name not in named and step.name != DATABASE:
                    named = _named(files, waiting)
            case "sync folder":
                named = _named(files, waiting)
            case "open" | "write" | "truncate" | "delete":
                waiting.setdefault(step.name, []).append(step)
            case _:
                pass


def _named(files: dict[str, bytearray], waiting: dict[str, list[Step]]) -> set[str]:
    """Have the deleted files gone for good, and name those that stand."""
    for name in [name for name, steps in waiting.items() if steps[-1].kind == "delete"]:
        del waiting[name]
        files.pop(name, None)
    return {*files, *waiting}


def _cut(files: dict[str, bytearray], named: set[str], waiting: dict[str, list[Step]], dice: random.Random) -> Image:
    left = {name: bytearray(files.get(name, b"")) for name in files.keys() | waiting.keys()}
    kept = dice.choice([0.1, 0.5, 0.9, 1.0])
    for steps in waiting.values():
        for step in survivors(steps, kept, dice):
            change(left, step)
    return {name: bytes(content) for name, content in left.items() if name in named or dice.random() < 0.5}


def survivors(steps: list[Step], kept: float, dice: random.Random) -> Iterator[Step]:
    """Give what the dice keep of steps that no sync followed: each sector is kept, dropped or torn."""
    for step in steps:
        for part in _parts(step):
            if dice.random() < kept:
                torn = part.kind == "write" and dice.random() < 0.1
                length = dice.randrange(len(part.content)) if torn else len(part.content)
                yield Step(part.kind, part.name, part.at, part.content[:length])


def _parts(step: Step) -> Iterator[Step]:
    """Part a write into the sectors that it touches."""
    if step.kind != "write":
        yield step
        return
    begin, end = step.at, step.at + len(step.content)
    while begin < end:
        upto = min(end, (begin // SECTOR_BYTES + 1) * SECTOR_BYTES)
        yield Step("write", step.name, begin, step.content[begin - step.at : upto - step.at])
        begin = upto


class DiskVfs(apsw.VFS):
    """SQLite's way to the disk that is in at the moment."""

    def __init__(self, name: str) -> None:
        self.disk = Disk()
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802
        file = Path(name.filename() if isinstance(name, apsw.URIFilename) else name).name
        flags[1] = flags[0]
        if file not in self.disk.files:
            self.disk.do(Step("open", file))
        return DiskFile(self.disk, file)

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802
        return Path(pathname).name in self.disk.files

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        return name

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.disk.do(Step("delete", Path(filename).name))


class DiskFile:
    """An open file, with the methods that SQLite calls, and those it may do without."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk = disk
        self._name = name

    @property
    def _content(self) -> bytearray:
        return self._disk.files.setdefault(self._name, bytearray())

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        return bytes(self._content[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.do(Step("write", self._name, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._disk.do(Step("truncate", self._name, size))

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.do(Step("sync", self._name))

    def xFileSize(self) -> int:  # noqa: N802
        return len(self._content)

    def xLock(self, level: int) -> None:  # noqa: N802
        """Grant every lock: there is one connection."""

    xUnlock = xLock  # noqa: N815

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xFileControl(self, operation: int, pointer: int) -> bool:  # noqa: N802
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        return 4096

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return POWERSAFE_OVERWRITE

    def xClose(self) -> None:  # noqa: N802
        """Keep what is there: a file outlives its descriptor."""

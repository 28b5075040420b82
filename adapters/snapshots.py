"""The snapshots of a running gateway, by name: one file each in a folder of the data folder.

Rules of the file:
- One is written, brought in or restored at a time, aside; the rename makes it be there, over an older one of its name.
- A save stands for one moment, between two commands: what is said meanwhile is not in it.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec
from msgspec import Struct

from adapters.cursor import MQTT_FILE, Mark, encoded
from adapters.data_folder import RESERVE_BYTES, claim, free_bytes, sync_folder
from adapters.journal_file import FILE
from adapters.journal_sqlite import SqliteJournal
from adapters.media import living
from adapters.media_files import Files
from adapters.own_thread import finished
from adapters.restoring import Beginning, beginning, decide, forget, prepare
from adapters.snapshot_file import About, BrokenSnapshot, about, add_media, check, copy_records, finish
from gateway.ports import AppendFailed, CannotOpen, Clock
from gateway.refusal import Refusal
from gateway.router import Router
from gateway.state import State
from gateway.writer import Query

FOLDER: Final = "snapshots"
ENDING: Final = ".snapshot"
PART: Final = ".part"
SNAPSHOTS_MAX: Final = 64
STALLED_S: Final = 30.0

MarkTexts = Mapping[str, Callable[[], bytes]]


class NoSnapshots(Exception):
    """It cannot be done: nothing is there, too much is there, or no room for more; `status` as in HTTP."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Snapshot(Struct, frozen=True):
    """A snapshot as it lies there. `time_ms` is the movable clock's when it was saved, `broken` why it is worthless."""

    name: str
    size_bytes: int
    position: int = 0
    profile: str = ""
    time_ms: int = 0
    real_ms: int = 0
    broken: str = ""


class Snapshots:
    """What control asks of them. `restoring` is set once the gateway is to begin again, from `chosen`."""

    def __init__(
        self, data: Path | None, router: Router, files: Files, marks: MarkTexts, clock: Clock, *, in_memory: bool
    ) -> None:
        self.restoring = asyncio.Event()
        self.chosen: Beginning | None = None
        self._data = data
        self._router = router
        self._files = files
        self._marks = marks
        self._clock = clock
        self._in_memory = in_memory
        self._busy = asyncio.Lock()
        self._replacing = False

    async def clear(self) -> None:
        """Remove what a crash left half made, unless another gateway is making something there just now."""
        with suppress(NoSnapshots):
            if self._folder.exists():
                async with self._alone():
                    await finished(self._remove_parts)

    async def all(self) -> list[Snapshot]:
        """Give them all, by name."""
        return await asyncio.to_thread(self._all)

    def _all(self) -> list[Snapshot]:
        return [_told(file) for file in sorted(self._folder.glob(f"*{ENDING}"))]

    def find(self, name: str) -> Path:
        """Give the file of a name."""
        file = self._file(name)
        if not file.exists():
            raise NoSnapshots(404, f"there is no snapshot {name!r}")
        return file

    async def remove(self, name: str) -> None:
        """Remove one; not while it may be the one that the next life begins with."""
        file = self.find(name)
        async with self._alone():
            await asyncio.to_thread(file.unlink, missing_ok=True)
            await asyncio.to_thread(sync_folder, self._folder)

    async def save(self, name: str) -> Snapshot:
        """Write the world as it stands now."""
        async with self._aside(name) as part:
            said, media, marks = await self._look(self._stands)
            self._look_for_room(self._router.journal.size_bytes() + sum(media.values()))
            async with SqliteJournal.begun(part) as copy:
                media_hash = await finished(add_media, part / FILE, self._files, sorted(media))
                await copy_records(self._router.journal, copy, said.position)
            said = msgspec.structs.replace(said, media_hash=media_hash)
            await finished(finish, part / FILE, said, marks)
            return await finished(self._keep, part / FILE, name)

    def _stands(self, state: State, now_ms: int) -> tuple[About, dict[str, int], dict[str, bytes]]:
        """Fix what belongs to this moment: the records until here, the uploads they name, how far their readers are."""
        said = About(state.position, state.epoch, state.profile.name, now_ms, self._clock.real_ms())
        marks = {name: text() for name, text in self._marks.items()}
        # Where nobody tells events over MQTT, who begins to do so from the snapshot on is not told what was before.
        marks.setdefault(MQTT_FILE, encoded(Mark(state.epoch, state.position)))
        return said, living(state, now_ms), marks

    async def put(self, name: str, pieces: AsyncIterator[bytes], length: int | None) -> Snapshot:
        """Take in a snapshot from outside; `BrokenSnapshot` if it is none."""
        async with self._aside(name) as part:
            self._look_for_room(length or 0)
            part.mkdir()
            file, unlooked = part / FILE, 0
            with file.open("xb") as out:
                async for piece in _in_time(pieces):
                    unlooked += len(piece)
                    if unlooked > RESERVE_BYTES // 4:
                        self._look_for_room(0)
                        unlooked = 0
                    await asyncio.to_thread(out.write, piece)
                await asyncio.to_thread(_sync, out.fileno(), out.flush)
            await finished(check, file)
            return await finished(self._keep, file, name)

    async def restore(self, name: str) -> Beginning:
        """Have the gateway begin again from a snapshot; when this returns, a crash would not change that any more."""
        data = self._data
        assert data is not None
        async with self._alone(), self._replacing_world():
            file = self.find(name)
            self._look_for_room(file.stat().st_size)
            revoked = await self._look(lambda state, _now_ms: dict(state.revoked))
            chosen = beginning(file, self._clock.real_ms(), revoked)
            await prepare(data, chosen)
            await asyncio.to_thread(forget if self._in_memory else decide, data)
            self.chosen = chosen
            self.restoring.set()
            return chosen

    @asynccontextmanager
    async def _replacing_world(self) -> AsyncIterator[None]:
        self._replacing = True
        try:
            yield
        finally:
            self._replacing = self.restoring.is_set()

    def refuse_while_replacing(self) -> None:
        """Refuse what must not be lost with the world that is, once it is known what the next one takes over of it."""
        if self._replacing:
            raise NoSnapshots(503, "a snapshot is being restored: ask again when it is")

    async def _look(self, look: Query) -> Any:
        answer = await self._router.query(look)
        if isinstance(answer, Refusal):
            raise NoSnapshots(503, answer.reason.text)
        return answer

    # Names and room

    @property
    def _folder(self) -> Path:
        if self._data is None:
            raise NoSnapshots(503, "this gateway was started without a data folder")
        return self._data / FOLDER

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}{ENDING}"

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        if self._busy.locked() or self.restoring.is_set():
            raise NoSnapshots(503, "another snapshot is being written or restored just now")
        async with self._busy:
            try:
                with ExitStack() as undo:  # of other gateways, too: where nothing is kept, they may share a folder
                    await finished(claim, self._folder, undo)
                    yield
            except ConnectionError:
                raise
            except CannotOpen as why:
                raise NoSnapshots(503, str(why)) from why
            except (OSError, AppendFailed, apsw.Error) as why:
                raise NoSnapshots(503, f"the disk does not take it ({why})") from why

    @asynccontextmanager
    async def _aside(self, name: str) -> AsyncIterator[Path]:
        """Give the name of a folder in which something may be made that is gone in the end."""
        part = self._folder / f"{name}{PART}"
        async with self._alone():
            await finished(self._remove_parts)
            await finished(self._refuse_more, name)
            try:
                yield part
            finally:
                await asyncio.shield(asyncio.to_thread(shutil.rmtree, part, ignore_errors=True))

    def _remove_parts(self) -> None:
        """Remove what a crash left in the folder."""
        for part in self._folder.glob(f"*{PART}"):
            shutil.rmtree(part, ignore_errors=True)

    def _refuse_more(self, name: str) -> None:
        others = [file for file in self._folder.glob(f"*{ENDING}") if file != self._file(name)]
        if len(others) >= SNAPSHOTS_MAX:
            raise NoSnapshots(409, f"there are {len(others)} snapshots, and no room for more: remove one")

    def _look_for_room(self, size_bytes: int) -> None:
        missing = size_bytes + RESERVE_BYTES - free_bytes(self._folder)
        if missing > 0:
            raise NoSnapshots(503, f"{missing} bytes more must be free under {self._folder}")

    def _keep(self, file: Path, name: str) -> Snapshot:
        target = self._file(name)
        file.rename(target)
        sync_folder(self._folder)
        return _told(target)


def file_of(data: Path, said: str) -> Path:
    """Find the snapshot that is meant: a file, or one of the folder's by its name."""
    file = Path(said)
    return file if file.is_file() else data / FOLDER / f"{said}{ENDING}"


def _told(file: Path) -> Snapshot:
    name, size_bytes = file.name.removesuffix(ENDING), 0
    try:
        size_bytes = file.stat().st_size
        said = about(file)
    except FileNotFoundError:
        return Snapshot(name, 0, broken="it has just been removed")
    except BrokenSnapshot as why:
        return Snapshot(name, size_bytes, broken=str(why))
    return Snapshot(name, size_bytes, said.position, said.profile, said.time_ms, said.real_ms)


async def _in_time(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give the pieces as they come; who stops sending keeps nobody from the snapshots for long."""
    while True:
        try:
            async with asyncio.timeout(STALLED_S):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError as why:
            raise NoSnapshots(408, f"nothing came for {STALLED_S:g} s: send the file again") from why
        yield piece


def _sync(descriptor: int, flush: Callable[[], None]) -> None:
    flush()
    os.fsync(descriptor)

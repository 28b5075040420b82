"""Where the bytes of uploads lie: one file an upload in a folder, or in memory where nothing is kept on disk.

Rules of the file:
- Names are made here. A snapshot from outside may name anything: what is no name of ours is no file.
- What `settle` has returned from survives a crash. A file that a crash left half written is nobody's, since the event
  that would name it comes later; the next sweep removes it.
"""

import os
import re
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from adapters.data_folder import RESERVE_BYTES, free_bytes, sync_folder

FOLDER: Final = "media"
NAME: Final = re.compile(r"[0-9a-f]{32}")


class Files(Protocol):
    """Files by name. Every method but `room` may wait for a disk: call it on a thread."""

    def room(self, size: int) -> bool:
        """Tell whether so many bytes may be written."""
        ...

    def create(self, name: str) -> BinaryIO: ...

    def settle(self, name: str, file: BinaryIO) -> None:
        """Close what was written, and return when it is durable."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading; FileNotFoundError if there is none."""
        ...

    def remove(self, name: str) -> None: ...

    def sizes(self) -> dict[str, int]:
        """Give every file and its size."""
        ...


class DiskFiles:
    """A folder of files, made when the first one comes."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._folder = data / FOLDER

    def room(self, size: int) -> bool:
        return free_bytes(self._data) - size > RESERVE_BYTES

    def create(self, name: str) -> BinaryIO:
        if not self._folder.exists():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._data)
        return (self._folder / name).open("x+b")

    def settle(self, name: str, file: BinaryIO) -> None:  # noqa: ARG002 - it has its name already
        file.flush()
        os.fsync(file.fileno())
        file.close()
        sync_folder(self._folder)

    def open(self, name: str) -> BinaryIO:
        if not NAME.fullmatch(name):
            raise FileNotFoundError(name)
        return (self._folder / name).open("rb", buffering=0)

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            (self._folder / name).unlink()

    def sizes(self) -> dict[str, int]:
        if not self._folder.exists():
            return {}
        with os.scandir(self._folder) as found:
            return {file.name: file.stat().st_size for file in found if file.is_file(follow_symlinks=False)}


class MemoryFiles:
    """Files that end with the process, as everything else does where durability is memory."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def room(self, size: int) -> bool:  # noqa: ARG002 - the bounds in the settings are all there is
        return True

    def create(self, name: str) -> BinaryIO:  # noqa: ARG002 - named when it is whole
        return BytesIO()

    def settle(self, name: str, file: BinaryIO) -> None:
        assert isinstance(file, BytesIO)
        self._files[name] = file.getvalue()

    def open(self, name: str) -> BinaryIO:
        if name not in self._files:
            raise FileNotFoundError(name)
        return BytesIO(self._files[name])

    def remove(self, name: str) -> None:
        self._files.pop(name, None)

    def sizes(self) -> dict[str, int]:
        return {name: len(file) for name, file in self._files.items()}

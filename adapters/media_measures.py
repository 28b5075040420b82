"""How large a picture is, and how long a film or a voice takes, as their own headers say.

Rules of the file:
- Only headers are read, and never more of them than a bound; what cannot be read has no measures.
"""

import os
import struct
from typing import BinaryIO, Final, NamedTuple

HEADERS_MAX: Final = 10_000  # segments, boxes looked at
# Bytes of a frame of 20 ms by its type, its own first byte included (3GPP TS 26.101).
AMR_FRAMES: Final = (13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1)
AMR_FRAME_MS: Final = 20
_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class Measures(NamedTuple):
    """Of a picture its sides in pixels, of a film or a voice its length; 0 where that is not known."""

    width: int = 0
    height: int = 0
    length_ms: int = 0


def measures_of(file: BinaryIO, format_: str) -> Measures:
    """Measure a file of one of the formats that we know."""
    file.seek(0)
    try:
        if format_ == "image/png":
            return Measures(*struct.unpack(">II", file.read(24)[16:]))
        if format_ == "image/jpeg":
            return _jpeg(file)
        if format_ == "video/mp4":
            return _mp4(file)
        return _amr(file) if format_ == "audio/amr" else Measures()
    except (struct.error, ZeroDivisionError):  # it ends too early
        return Measures()


def _jpeg(file: BinaryIO) -> Measures:
    """Walk from segment to segment until the one that starts the picture."""
    file.seek(2)
    for _ in range(HEADERS_MAX):
        mark, kind, length = struct.unpack(">BBH", file.read(4))
        if mark != 0xFF:
            break
        if kind in _START_OF_FRAME:
            _, height, width = struct.unpack(">BHH", file.read(5))
            return Measures(width, height)
        file.seek(length - 2, 1)
    return Measures()


def _mp4(file: BinaryIO) -> Measures:
    """Walk from box to box: into `moov`, past all others, until `mvhd`."""
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    for _ in range(HEADERS_MAX):
        start = file.tell()
        size, kind = struct.unpack(">I4s", file.read(8))
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
        if kind == b"mvhd":
            version = struct.unpack(">B3x", file.read(4))[0]
            scale, length = struct.unpack(">16xIQ" if version else ">8xII", file.read(28 if version else 16))
            return Measures(length_ms=length * 1000 // scale)
        if kind != b"moov":
            if size < 8 or start + size > end:
                break
            file.seek(start + size)
    return Measures()


def _amr(file: BinaryIO) -> Measures:
    """Count the frames; wide band, whose frames are others, is not measured."""
    body = file.read()
    at, frames = len(b"#!AMR\n"), 0
    if not body.startswith(b"#!AMR\n"):
        return Measures()
    while at < len(body):
        at += AMR_FRAMES[body[at] >> 3 & 15]
        frames += 1
    return Measures(length_ms=frames * AMR_FRAME_MS)

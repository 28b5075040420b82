"""What lies in files that may come from anywhere: worlds, rows of a journal, snapshots, uploads."""

import tempfile
from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Final

import apsw
import msgpack
import msgspec

from adapters import journal_rows, snapshot_file
from adapters.journal_rows import Row
from adapters.media_files import MemoryFiles
from adapters.media_measures import measures_of
from adapters.snapshot_file import About, BrokenSnapshot
from adapters.world import BrokenWorld, Names, World, check, read, write
from gateway import events
from gateway.ports import Damaged
from protocol.wecom.media import format_of
from tests.fuzz.target import Target, words_of

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def world(data: bytes) -> None:
    """Read a world file; what was read can be written, and reads as the same."""
    said = read(data)
    with suppress(BrokenWorld):
        check(said, Names())
    assert read(write(said)) == said


def row(data: bytes) -> None:
    """Read a row whose hash is right, and its records as events; an independent decoder finds the same records."""
    start = bytes(16)
    with suppress(*UNREADABLE):
        assert events.decode(events.encode(event := events.decode(data))) == event
        events.previous_of(data)
    opened = journal_rows._open(start, 1, sha256(start + (1).to_bytes(8, "big") + data).digest()[:16], data)
    found = msgpack.unpackb(data, raw=True, use_list=True)
    assert opened.records == found, (opened.records, found)


def _database(path: Path, records: list[bytes] | None, packed: bytes, about: bytes | None) -> None:
    """Write a snapshot whose hashes are right: with one row of these records, or these bytes for a row."""
    files = MemoryFiles()
    with files.create("0" * 32) as file:
        file.write(b"an upload")
        files.settle("0" * 32, file)
    connection = apsw.Connection(str(path))
    journal_rows.create_tables(connection)
    rows = journal_rows.pack(bytes(16), 1, records if records is not None else [b""])
    if records is None:
        rows = [Row(1, sha256(bytes(16) + (1).to_bytes(8, "big") + packed).digest()[:16], packed)]
    journal_rows.insert(connection, rows)
    connection.close()
    seal = snapshot_file.add_media(path, files, ["0" * 32])
    said = About(len(records or [b""]), 0, "tiny", 1, 1, rows[-1].hash.hex(), seal)
    connection = apsw.Connection(str(path))
    connection.execute("INSERT INTO marks VALUES ('callbacks.json', x'7b7d')")
    text = msgspec.json.encode(said) if about is None else about
    connection.execute("INSERT INTO snapshot VALUES (?, ?)", (snapshot_file.SNAPSHOT_FORMAT, text))
    connection.close()


_folder = tempfile.TemporaryDirectory()
_file = Path(_folder.name) / "snapshot"
_database(_file, [events.encode(events.CorpReset("ww", 1))], b"", None)
WHOLE: Final = _file.read_bytes()


def snapshot(data: bytes) -> None:
    """Look a snapshot over: a good one with pieces overwritten, or one whose maker has made the hashes too."""
    way, body = data[:1], data[1:]
    if way == b"p":
        patched = bytearray(WHOLE)
        while len(body) >= 3:
            at, length = int.from_bytes(body[:2], "big"), body[2]
            patched[at : at + length] = body[3 : 3 + length]
            body = body[3 + length :]
        _file.write_bytes(patched)
    else:
        _file.unlink()
        _database(_file, None, body if way == b"r" else b"", body if way == b"a" else None)
    snapshot_file.check(_file)


def media(data: bytes) -> None:
    """Measure an upload."""
    measures = measures_of(BytesIO(data), format_of(data[:12]))
    assert min(measures) >= 0


TARGETS: Final = {
    "world_file": Target(world, (BrokenWorld,), {*words_of(World), "[[", "]]", "version = 1\n", '"""', "1970-01-01"}),
    "journal_row": Target(row, (Damaged,)),
    "snapshot": Target(snapshot, (BrokenSnapshot,), words_of(About)),
    "media": Target(media, (), ("ftyp", "moov", "mvhd", "#!AMR\n", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")),
}

"""Checkpoints: believed only when whole, made beside a running journal, and never in the server's way."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from structlog.testing import capture_logs

from adapters.checkpoint import NICENESS, attempt, child_command, complaint_of, keep_checkpoints, make_checkpoint
from adapters.checkpoint_files import STEP_BYTES, newest_checkpoint, positions, read_checkpoints, write_checkpoint
from adapters.journal_memory import MemoryJournal
from adapters.journal_sqlite import SqliteJournal
from gateway.events import AnyEvent, TokenRevoked, encode
from gateway.ports import Checkpoint


def revocations(first: int, count: int) -> list[bytes]:
    return [encode(TokenRevoked(f"t{ordinal}", 7, 1)) for ordinal in range(first, first + count)]


# The files


@pytest.mark.parametrize("size", [0, 1, STEP_BYTES, STEP_BYTES * 2 + 1])
def test_checkpoint_is_read_as_it_was_written(tmp_path: Path, size: int) -> None:
    state = os.urandom(size)
    write_checkpoint(tmp_path, 7, state)
    assert newest_checkpoint(tmp_path) == Checkpoint(7, state)


def test_newest_two_are_kept(tmp_path: Path) -> None:
    for position in (9, 10, 100):
        write_checkpoint(tmp_path, position, b"state")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["checkpoint-10", "checkpoint-100"]
    assert positions(tmp_path) == [100, 10]


@pytest.mark.parametrize("at", [0, 25, 30, 70, -1])
def test_damaged_checkpoint_is_passed_over(tmp_path: Path, at: int) -> None:
    write_checkpoint(tmp_path, 10, b"old" * 100)
    write_checkpoint(tmp_path, 20, b"new" * 100)
    newest = tmp_path / "checkpoint-20"
    content = bytearray(newest.read_bytes())
    content[at] ^= 1
    newest.write_bytes(content)
    assert list(read_checkpoints(tmp_path)) == [Checkpoint(10, b"old" * 100)]


@pytest.mark.parametrize("length", [0, 1, 59, 60, 100])
def test_truncated_checkpoint_is_passed_over(tmp_path: Path, length: int) -> None:
    write_checkpoint(tmp_path, 20, b"new" * 100)
    os.truncate(tmp_path / "checkpoint-20", length)
    assert newest_checkpoint(tmp_path) is None


def test_renamed_checkpoint_is_passed_over(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 10, b"state")
    (tmp_path / "checkpoint-10").rename(tmp_path / "checkpoint-20")
    assert newest_checkpoint(tmp_path) is None


def test_one_dumped_before_the_state_had_todays_shape_is_passed_over(tmp_path: Path) -> None:
    """Its groups would not know how their people came: the journal is replayed from the beginning instead."""
    write_checkpoint(tmp_path, 10, b"state")
    file = tmp_path / "checkpoint-10"
    file.write_bytes(file.read_bytes().replace(b"checkpoint 5", b"checkpoint 1"))
    assert newest_checkpoint(tmp_path) is None


def test_failed_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError("fsync failed")

    write_checkpoint(tmp_path, 10, b"state")
    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="fsync failed"):
        write_checkpoint(tmp_path, 20, b"state")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-10"]


def test_what_a_killed_child_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-5.123.part").write_bytes(b"half")
    assert newest_checkpoint(tmp_path) is None
    write_checkpoint(tmp_path, 10, b"state")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-10"]


def test_no_checkpoint_is_written_into_the_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.checkpoint_files.free_bytes", lambda folder: 64 * 1024 * 1024 + 4)
    with pytest.raises(OSError, match="no room for a checkpoint of 5 bytes"):
        write_checkpoint(tmp_path, 10, b"state")


# Making one


class Tokens:
    """A state that remembers revoked tokens in order."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    @classmethod
    def load(cls, dumped: bytes) -> "Tokens":
        state = cls()
        state.ids = msgspec.json.decode(dumped, type=list[str])
        return state

    def dump(self) -> bytes:
        return msgspec.json.encode(self.ids)

    def apply(self, event: AnyEvent) -> None:
        assert isinstance(event, TokenRevoked)
        self.ids.append(event.token_id)


@pytest.fixture
def _tokens_as_state(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("gateway.state")
    module.__dict__["State"] = Tokens
    monkeypatch.setitem(sys.modules, "gateway.state", module)


@pytest.mark.usefixtures("_tokens_as_state")
async def test_checkpoints_follow_a_running_journal(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    assert make_checkpoint(tmp_path, pause_s=0) == 0
    assert journal.checkpoint() is None
    for end in (100, 150):
        await journal.append(revocations(journal.position, end - journal.position))
        assert make_checkpoint(tmp_path, pause_s=0) == end
        expected = msgspec.json.encode([f"t{ordinal}" for ordinal in range(end)])
        assert journal.checkpoint() == Checkpoint(end, expected)
    assert positions(tmp_path) == [150, 100]
    await journal.close()
    assert make_checkpoint(tmp_path, pause_s=0) == 150


@pytest.mark.usefixtures("_tokens_as_state")
async def test_checkpoint_is_made_from_the_last_whole_one(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    await journal.append(revocations(0, 10))
    write_checkpoint(tmp_path, 8, b'["from the checkpoint"]')
    write_checkpoint(tmp_path, 9, b"damaged")
    os.truncate(tmp_path / "checkpoint-9", 3)
    make_checkpoint(tmp_path, pause_s=0)
    assert journal.checkpoint() == Checkpoint(10, b'["from the checkpoint","t8","t9"]')
    await journal.close()


def test_checkpoints_of_older_versions_count_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-90").write_bytes(b"hutong checkpoint 2\n" + bytes(100))
    assert positions(tmp_path) == []
    write_checkpoint(tmp_path, 10, b"state")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-10"]


# The supervisor


def python(program: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", program, *map(str, arguments)]


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """Give a named pipe: reading it waits until a child has written there."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.fixture
async def grown() -> MemoryJournal:
    journal = MemoryJournal()
    await journal.append(revocations(0, 100))
    return journal


REPORT = "import os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(str(os.getpid()));"


async def test_child_starts_when_the_journal_has_grown(tmp_path: Path, pipe: Path, grown: MemoryJournal) -> None:
    command = python(REPORT, pipe)
    keeper = asyncio.ensure_future(keep_checkpoints(grown, tmp_path, 100, look_every_s=0, command=command))
    await asyncio.to_thread(pipe.read_text)
    await grown.append(revocations(100, 100))
    await asyncio.to_thread(pipe.read_text)
    keeper.cancel()
    assert isinstance((await asyncio.gather(keeper, return_exceptions=True))[0], asyncio.CancelledError)


async def test_growth_counts_from_the_last_checkpoint_or_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []
    grows = iter([90, 109, 110, 150, 209, 215, 300])

    class Growing(MemoryJournal):
        @property
        def position(self) -> int:
            return next(grows)

    async def record(command: list[str], position: int) -> None:
        tries.append(position)

    monkeypatch.setattr("adapters.checkpoint.attempt", record)
    write_checkpoint(tmp_path, 10, b"state")
    (tmp_path / "checkpoint-50.123.part").write_bytes(b"half")  # of a child that was killed with its server
    with pytest.raises(RuntimeError):  # the script is at its end
        await keep_checkpoints(Growing(), tmp_path, 100, look_every_s=0)
    assert tries == [110, 215]
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-10"]  # noqa: ASYNC240


async def test_child_yields_the_processor_as_soon_as_it_is_there() -> None:
    """A child at the server's own rank, while it imports, made acknowledgements late by a fifth of a second."""
    least = "import os\nfor _ in range(10**7):\n  if os.getpriority(os.PRIO_PROCESS, 0) == 19: raise SystemExit\n"
    assert await complaint_of(python(least + "raise SystemExit('at the rank of the server')"), NICENESS) == ""


async def test_child_ends_with_its_keeper(tmp_path: Path, pipe: Path, grown: MemoryJournal) -> None:
    command = python(REPORT + "import signal; signal.pause()", pipe)
    keeper = asyncio.ensure_future(keep_checkpoints(grown, tmp_path, 100, look_every_s=0, command=command))
    child = int(await asyncio.to_thread(pipe.read_text))
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


ORPHAN = """
import os, pathlib, signal, sys
from adapters import checkpoint
def make(folder):
    with (folder / "pipe").open("w") as pipe:
        print(os.getpid(), file=pipe, flush=True)
        signal.pause()
checkpoint.make_checkpoint = make
checkpoint.run_child(pathlib.Path(sys.argv[1]))
"""
KEEPER = """
import asyncio, sys
from adapters.checkpoint import complaint_of
asyncio.run(complaint_of(sys.argv[1:]))
"""


async def test_child_ends_when_its_keeper_is_killed(tmp_path: Path, pipe: Path) -> None:
    """Or it might write a checkpoint of the world that was into the folder of the one that was restored."""
    keeper = await asyncio.create_subprocess_exec(*python(KEEPER, *python(ORPHAN, tmp_path)))
    with await asyncio.to_thread(pipe.open) as told:
        child = int(await asyncio.to_thread(told.readline))
        keeper.kill()
        await keeper.wait()
        try:
            async with asyncio.timeout(10):
                assert await asyncio.to_thread(told.read) == ""
        except TimeoutError:
            os.kill(child, signal.SIGKILL)
            raise


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (python("import sys; sys.exit('the journal is damaged')"), "the journal is damaged"),
        (python("import sys; sys.exit(3)"), "exit code 3"),
        (["/nowhere/python"], "No such file"),
    ],
)
async def test_failed_child_is_logged(command: list[str], why: str) -> None:
    with capture_logs() as logged:
        await attempt(command, 100)
    assert [(line["event"], line["log_level"], line["position"]) for line in logged] == [
        ("checkpoint failed", "warning", 100)
    ]
    assert why in logged[0]["why"]


def test_child_is_started_like_the_server(tmp_path: Path) -> None:
    assert child_command(tmp_path) == [sys.executable, "-m", "hutong", "checkpoint", str(tmp_path)]

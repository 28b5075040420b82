"""A restore that is killed at any step: the folder then begins with the old world or with the new one, whole."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.compose import Gateway, run
from adapters.data_folder import claim
from adapters.real_clock import RealClock
from adapters.restoring import PART, WHOLE, beginning, decide, prepare, take_up
from gateway.commands import PutCorp, PutMember
from gateway.events.media import MediaKept
from gateway.ports import CannotOpen
from tests.town import CORP, build_town, done

REAL_MS = RealClock().real_ms()
STEPS = ("unlink", "rmdir", "mkdir", "rename", "replace", "link", "fsync")  # everything that changes a folder


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let the process end before its so-manieth step; give the steps that were done."""
    steps: list[str] = []

    def counted(name: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def step_or_end(*arguments: Any, **named: Any) -> Any:
            if len(steps) == step:
                raise Killed
            steps.append(name)
            return do(*arguments, **named)

        return step_or_end

    with monkeypatch.context() as patched:
        for name in STEPS:
            patched.setattr(os, name, counted(name, getattr(os, name)))
        yield steps


async def upload(gateway: Gateway, body: bytes) -> MediaKept:
    async with gateway.media.receiving(CORP, 1_000) as incoming:
        await incoming.write(body)
        return await gateway.media.keep(incoming, "file", "message", "x")


async def told(data: Path) -> tuple[int, int, list[bytes]]:
    """Give how many members there are, the epoch, and what the uploads hold."""
    async with run(data) as gateway:
        state = gateway.router.state
        media = [one for corp in state.corps.values() for one in corp.media.living(gateway.router.now_ms())]
        bodies = [b"".join([piece async for piece in gateway.media.read(one, 0, one.size)]) for one in media]
        return len(state.corps[CORP].members), state.epoch, bodies


@pytest.fixture
async def decided(tmp_path: Path) -> tuple[Path, int]:
    """Make a folder whose next start is to begin with another world than it has; give it, and that world's epoch."""
    data = tmp_path / "data"
    async with run(data) as gateway:
        await build_town(gateway.router, ["lin"], ["amy"], [])
        await upload(gateway, b"saved")
        await gateway.snapshots.save("base")
        await done(gateway.router, PutMember(CORP, "wu", "Wu"))
        await done(gateway.router, PutCorp("other", "Other", "Other", "certified"))
        await upload(gateway, b"not saved")
    begun = beginning(data / "snapshots" / "base.snapshot", REAL_MS)
    await prepare(data, begun)
    assert (await told_of_copy(data, tmp_path / "before"))[0] == 2, "until it is decided, nothing has happened"
    decide(data)
    return data, begun.restored.epoch


async def told_of_copy(data: Path, copy: Path) -> tuple[int, int, list[bytes]]:
    await asyncio.to_thread(shutil.copytree, data, copy)
    return await told(copy)


async def test_killed_at_every_step(
    tmp_path: Path, decided: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    data, epoch = decided
    step = 0
    while True:
        copy = tmp_path / f"at-{step}"
        await asyncio.to_thread(shutil.copytree, data, copy)
        with killed_at(step, monkeypatch) as steps:
            try:
                take_up(copy)
            except Killed:
                pass
            else:
                break
        assert await told(copy) == (1, epoch, [b"saved"]), (step, steps)
        assert not [name for name in (PART, WHOLE) if (copy / name).exists()]
        await asyncio.to_thread(shutil.rmtree, copy)
        step += 1
    assert step > 15
    assert set(steps) >= {"unlink", "rename", "link", "fsync"}, steps


async def test_what_was_killed_while_it_was_made_is_nothing(tmp_path: Path, decided: tuple[Path, int]) -> None:
    data, _ = decided
    (data / WHOLE).rename(data / PART)
    (data / PART / "journal.sqlite").unlink()
    assert (await told(data))[0] == 2
    assert not (data / PART).exists()


async def test_a_disk_that_does_not_take_it(decided: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The start says what to do, and the next one does it."""
    data, epoch = decided

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", full)
        patched.setattr(shutil, "copyfile", full)
        with pytest.raises(CannotOpen, match=r"no space left.*then start again"):
            await told(data)
    assert await told(data) == (1, epoch, [b"saved"])


async def test_the_folder_stays_as_open_as_it_was(decided: tuple[Path, int]) -> None:
    data, _ = decided
    data.chmod(0o755)
    await told(data)
    assert data.stat().st_mode & 0o777 == 0o755


async def test_a_folder_that_another_one_uses(tmp_path: Path, decided: tuple[Path, int]) -> None:
    """Two are started at once on an empty folder: the second one touches nothing of what the first one makes there."""
    data, _ = decided
    begun = beginning(data / "snapshots" / "base.snapshot", REAL_MS)
    with ExitStack() as undo:
        claim(tmp_path / "new", undo)
        with pytest.raises(CannotOpen, match="in use"):
            async with run(tmp_path / "new", snapshot=begun):
                pass
        assert not [*(tmp_path / "new").iterdir()]


async def test_where_files_have_one_name_only_they_are_copied(
    decided: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, epoch = decided

    def no_links(*_: object) -> None:
        raise PermissionError("links are not for this file system")

    monkeypatch.setattr(os, "link", no_links)
    assert await told(data) == (1, epoch, [b"saved"])

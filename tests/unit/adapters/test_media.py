"""Uploads on disk: durable when answered, bounded, and gone when nobody can ask for them any more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.compose import Gateway, run
from adapters.media import NoMedia, Uploads, plain_name
from adapters.media_files import DiskFiles
from adapters.world import demo
from gateway.commands import ResetCorp, SetClock
from gateway.config import Config
from gateway.decide.media import LIFETIME_MS
from gateway.events.media import MediaKept
from protocol.errors import MEDIA_FULL, UNKNOWN_CORP

CORP = "wwlanhe"
OTHER = "wwsongyin"
SMALL = Config(media_max=4, media_bytes_max=4_000, media_corp_max=3, media_corp_bytes_max=2_500)


@pytest.mark.parametrize("name", ["../keys.json", "/etc/passwd", "0" * 31 + "/", "", ".", "0" * 32 + "\n"])
def test_what_is_no_name_of_ours_is_no_file(tmp_path: Path, name: str) -> None:
    """The events of a snapshot from outside may name anything."""
    (tmp_path / "media").mkdir()
    (tmp_path / "keys.json").write_text("secret")
    with pytest.raises(FileNotFoundError):
        DiskFiles(tmp_path).open(name)


@asynccontextmanager
async def running(folder: Path, config: Config = SMALL) -> AsyncIterator[Gateway]:
    async with run(folder, config=config, world=demo) as gateway:
        yield gateway


async def put(uploads: Uploads, body: bytes, corpid: str = CORP, bytes_max: int = 1_000) -> MediaKept:
    async with uploads.receiving(corpid, bytes_max) as incoming:
        for at in range(0, len(body), 300):
            assert await incoming.write(body[at : at + 300])
        return await uploads.keep(incoming, "file", "message", "a.bin")


async def got(uploads: Uploads, media_id: str, corpid: str = CORP) -> bytes | None:
    media = uploads.find(corpid, media_id)
    return b"".join([piece async for piece in uploads.read(media, 0, media.size)]) if media is not None else None


def files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "media").iterdir()} if (folder / "media").exists() else set()


async def test_what_was_answered_survives_a_restart_and_what_was_not_is_swept(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        assert files(tmp_path) == set(), "a folder nobody needs is not made"
        kept = await put(gateway.media, b"x" * 700)
    (tmp_path / "media" / ("0" * 32)).write_bytes(b"left by a crash")
    async with running(tmp_path) as gateway:
        assert await got(gateway.media, kept.media_id) == b"x" * 700
        await gateway.media.sweep()
        assert files(tmp_path) == {kept.file}


async def test_an_upload_that_is_not_kept_leaves_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        async with gateway.media.receiving(CORP, 1_000) as incoming:
            assert await incoming.write(b"123456")
        async with gateway.media.receiving(CORP, 5) as incoming:
            assert not await incoming.write(b"123456")
        with pytest.raises(NoMedia) as refused:
            await put(gateway.media, b"123456", corpid="wwnone")
        assert refused.value.refusal.reason is UNKNOWN_CORP
        assert files(tmp_path) == set()


async def test_an_upload_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        begun = asyncio.Event()

        async def stall() -> None:
            async with gateway.media.receiving(CORP, 1_000) as incoming:
                await incoming.write(b"123456")
                begun.set()
                await asyncio.Event().wait()

        stalled = asyncio.create_task(stall())
        await begun.wait()
        await gateway.media.sweep()
        assert len(files(tmp_path)) == 1, "what is coming is not swept"
        stalled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stalled
        assert files(tmp_path) == set()


async def test_an_expired_file_and_that_of_a_reset_enterprise_are_removed(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        ask = gateway.router.ask
        ended = await put(gateway.media, b"123456")
        await ask(SetClock(advance_ms=LIFETIME_MS))
        reset = await put(gateway.media, b"123456", corpid=OTHER)
        kept = await put(gateway.media, b"654321")
        assert files(tmp_path) == {ended.file, reset.file, kept.file}
        await ask(ResetCorp(OTHER))
        await gateway.media.sweep()
        assert files(tmp_path) == {kept.file}
        assert gateway.media.find(CORP, ended.media_id) is None


@pytest.mark.parametrize(
    ("before", "corpid", "bytes_max", "has_room"),
    [
        ([CORP, CORP], CORP, 1_000, True),
        ([CORP, CORP, CORP], CORP, 100, False),
        ([CORP, CORP, CORP], OTHER, 100, True),
        ([CORP, CORP, OTHER, OTHER], OTHER, 100, False),
        ([CORP], CORP, 2_400, True),
        ([CORP], CORP, 2_401, False),
        ([CORP], OTHER, 2_500, True),
        ([CORP, OTHER, OTHER], OTHER, 2_301, False),
    ],
)
async def test_uploads_are_bounded_by_count_and_bytes_of_an_enterprise_and_of_all(
    tmp_path: Path, before: list[str], corpid: str, bytes_max: int, has_room: bool
) -> None:
    async with running(tmp_path) as gateway:
        for owner in before:
            await put(gateway.media, b"x" * 100, corpid=owner, bytes_max=100)
        refused = None
        try:
            async with gateway.media.receiving(corpid, bytes_max):
                pass
        except NoMedia as no:
            refused = no.refusal.reason
        assert refused is (None if has_room else MEDIA_FULL)


async def test_what_is_coming_counts_and_what_has_ended_does_not(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        async with gateway.media.receiving(CORP, 2_500):
            with pytest.raises(NoMedia):
                await put(gateway.media, b"123456", bytes_max=6)
        for _ in range(3):
            await put(gateway.media, b"x" * 800, bytes_max=800)
        await gateway.router.ask(SetClock(advance_ms=LIFETIME_MS))
        for _ in range(2):
            await put(gateway.media, b"y" * 800, bytes_max=800)
        assert len(files(tmp_path)) == 2, "what had ended made room"


async def test_a_full_disk_refuses_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as gateway:
        monkeypatch.setattr(DiskFiles, "room", lambda *_: False)
        with pytest.raises(NoMedia):
            await put(gateway.media, b"123456")
        monkeypatch.setattr(DiskFiles, "room", lambda *_: True)
        monkeypatch.setattr(DiskFiles, "settle", full)
        with pytest.raises(NoMedia):
            await put(gateway.media, b"123456")
        assert files(tmp_path) == set()


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\x.txt", "x.txt"),
        ("a\r\nX-Evil: 1", "aX-Evil: 1"),
        ("\x00\u202e", ""),
        ("名" * 200, "名" * 128),
        ("报价 2026.pdf", "报价 2026.pdf"),
    ],
)
def test_of_a_name_only_what_is_harmless_is_kept(name: str, plain: str) -> None:
    assert plain_name(name) == plain


async def test_a_sweep_that_fails_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.media.SWEEP_S", 0.0)
    async with running(tmp_path) as gateway:
        tried = asyncio.Event()

        def fail(_files: DiskFiles) -> dict[str, int]:
            tried.set()
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(DiskFiles, "sizes", fail)
        with capture_logs() as lines:
            for _ in range(2):
                tried.clear()
                await tried.wait()
        assert {line["event"] for line in lines} == {"media_not_swept"}
        assert gateway.is_alive()

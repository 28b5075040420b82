"""The demo as a person starts it: the whole story, its ledger, and nothing left behind."""

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.end_to_end.test_serve import serving

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 120
RULES = (
    "badge/unverified_chat",
    "group_size/group_size_max",
    "frequency/app/recipient/month",
    "frequency/member/conversation/minute",
    "consent/blocked",
)


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Give a folder for temporary folders, to see that nothing stays in it."""
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp"


def start(temporary: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "hutong", "demo", *options],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def staying(temporary: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a demo that stays up, until it has printed what one needs to play."""
    process = start(temporary, "--serve")
    assert process.stderr is not None
    for line in process.stderr:
        if "Ctrl-C ends the demo" in line:
            break
    yield process
    if process.poll() is None:
        process.kill()
        process.communicate()


def test_the_demo_is_clean_and_tells_what_was_refused(temporary: Path) -> None:
    process = start(temporary)
    told, talk = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0, talk
    assert told.splitlines()[-1] == "0 lost, 0 duplicated, 0 out of order: counted by the clients."
    people, accepted, heard = map(int, re.findall(r"\d+", told.splitlines()[-2]))
    assert people == 220
    assert accepted > 500 and heard > accepted
    for rule in RULES:
        assert rule in told
    assert re.search(r"frequency/app/recipient/month +20\d\d-\d\d-01 00:00:00", told)
    assert "220 people are online" in talk
    assert "the same group has 71 people" in talk
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_stays_ends_cleanly_with_all_that_it_started(
    staying: "subprocess.Popen[str]", temporary: Path, number: signal.Signals
) -> None:
    children = children_of(staying.pid)
    assert children
    staying.send_signal(number)
    told, talk = staying.communicate(timeout=WITHIN_S)
    assert staying.returncode == 0, talk
    assert "Traceback" not in talk
    assert "# consumer " in told and "export HUTONG_URL=" in told
    assert [pid for pid in children if alive(pid)] == []
    assert list(temporary.iterdir()) == []


def test_a_demo_that_is_stopped_in_the_middle_leaves_nothing(temporary: Path) -> None:
    process = start(temporary)
    assert process.stderr is not None
    assert "a gateway is up" in process.stderr.readline()
    children = children_of(process.pid)
    process.send_signal(signal.SIGINT)
    _, talk = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130, talk
    assert "Traceback" not in talk
    assert [pid for pid in children if alive(pid)] == []
    assert list(temporary.iterdir()) == []


def test_what_a_demo_started_ends_when_it_is_killed(staying: "subprocess.Popen[str]", temporary: Path) -> None:
    children = [os.pidfd_open(pid) for pid in children_of(staying.pid)]
    assert children
    staying.kill()
    staying.communicate()
    for child in children:
        ended, _, _ = select.select([child], [], [], WITHIN_S)
        os.close(child)
        assert ended
    assert list(temporary.iterdir()) == []


def test_the_world_of_the_story_begins_another_gateway(
    staying: "subprocess.Popen[str]", tmp_path: Path
) -> None:  # fmt: skip
    """From its world file comes the same file, byte for byte; from its snapshot everything."""
    assert staying.stdout is not None
    url = next(line.split("=")[1].strip("'\"\n") for line in staying.stdout if line.startswith("export HUTONG_URL="))
    (tmp_path / "world.toml").write_bytes(got(url, "/world"))
    assert b"[[corp.group]]" in got(url, "/world")
    saved = [sys.executable, "-m", "hutong", "snapshot", "save", "told", "--url", url]
    subprocess.run(saved, check=True, cwd=ROOT, timeout=WITHIN_S)
    (tmp_path / "told.snapshot").write_bytes(got(url, "/snapshots/told"))
    for number, options in enumerate((("--world", "world.toml"), ("--snapshot", "told.snapshot"))):
        with serving("--data", str(tmp_path / f"{number}"), options[0], str(tmp_path / options[1])) as server:
            assert got(server.urls["base_url"], "/world") == (tmp_path / "world.toml").read_bytes()
            assert server.stop()[0] == 0


def got(url: str, path: str) -> bytes:
    with urlopen(f"{url}/_hutong{path}", timeout=WITHIN_S) as answer:  # noqa: S310 - its own gateway
        body: bytes = answer.read()
        return body


def children_of(pid: int) -> list[int]:
    """List the processes that a process has started, and those that they have started."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *children_of(child)]
    return found


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be noticed by its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False

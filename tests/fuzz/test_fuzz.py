"""No decoder crashes, hangs or grows: on what is stored, and on what a few seconds of fuzzing find.

The seconds are HUTONG_FUZZ_S a decoder: 10 in the suite, minutes in `make assurance`. The suite's seed is always the
same, so that it tells of the change under test; HUTONG_FUZZ_SEED=0 draws another one each time.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from tests.fuzz.target import CORPUS, corpus_of
from tests.fuzz.targets import TARGETS

ROOT: Final = Path(__file__).resolve().parents[2]
SECONDS: Final = int(os.environ.get("HUTONG_FUZZ_S", "10"))
SEED: Final = os.environ.get("HUTONG_FUZZ_SEED", "1")
ENDS_S: Final = 600  # beyond the seconds: to begin, and to end, on a machine that has other work


@pytest.mark.parametrize("name", TARGETS)
def test_stored_inputs(name: str) -> None:
    stored = corpus_of(name)
    assert stored
    for path in stored:
        TARGETS[name].take(path.read_bytes())


def test_every_corpus_has_its_decoder() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("frames_json", b'\2{"type":"send","number":1,"conversation":"cv","content":{"kind":"text","text":"","x":%b}}'),
        ("bot_frame", b'{"cmd":"","headers":{"req_id":"r"},"body":%b}'),
    ],
    ids=["frames_json", "bot_frame"],
)
def test_however_deep_it_is_what_is_taken_can_be_judged(name: str, frame: bytes) -> None:
    """Ours and the other parser both count calls, against Python's limit of 1,000, and not from the same place."""
    for depth in range(800, 1_050):
        TARGETS[name].take(frame % (b"[" * depth + b"]" * depth))


@pytest.mark.skipif(find_spec("atheris") is None, reason="there is no wheel of atheris for this Python and platform")
@pytest.mark.parametrize("name", TARGETS)
def test_found_inputs(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", name, str(SECONDS), SEED],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # the fuzzer ends the process where it is, and tidies nothing up
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=SECONDS + ENDS_S,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    executed = [line for line in done.stderr.splitlines() if line.startswith("stat::number_of_executed_units:")]
    assert int(executed[0].split()[-1]) > 2 * len(corpus_of(name)), "more was tried than what is stored"

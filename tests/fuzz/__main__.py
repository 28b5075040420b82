"""Fuzzes one decoder: `python -m tests.fuzz NAME SECONDS [SEED]`; exit code 0 says that nothing was wrong.

What is found goes to build/fuzz/NAME, and an input that fails beside it, as NAME-crash-…. Without a seed, one is drawn.
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

import atheris

from tests.fuzz.target import BYTES_MAX, CORPUS, Growth, Target

INSTRUMENTED: Final = ["protocol", "gateway", "adapters", "tests.fuzz", "tomllib", "xml.etree"]
MEMORY_MIB_MAX: Final = 1024
HANG_S: Final = 20  # of the wall, whatever the processor did


def main(name: str, seconds: str, seed: str = "0") -> None:
    with atheris.instrument_imports(include=INSTRUMENTED):
        from tests.fuzz.targets import TARGETS
    target, growth = TARGETS[name], Growth()

    def one(data: bytes) -> None:
        target.take(data)
        growth.look()

    found = Path("build/fuzz") / name
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix="fuzz-") as words:
        words.write(_dictionary(target))
        words.flush()
        options = [
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            f"-timeout={HANG_S}",
            f"-rss_limit_mb={MEMORY_MIB_MAX}",
            f"-max_len={BYTES_MAX}",
            f"-artifact_prefix={found}-",
            "-print_final_stats=1",
        ]
        if target.words:
            options.append(f"-dict={words.name}")
        atheris.Setup(["fuzz", *options, str(found), str(CORPUS / name)], one)
        atheris.Fuzz()  # ends the process


def _dictionary(target: Target) -> bytes:
    """Write the words as libFuzzer wants them."""
    words = sorted({word.encode() if isinstance(word, str) else word for word in target.words} - {b""})
    quoted = ("".join(f"\\x{byte:02x}" for byte in word) for word in words)
    return "".join(f'"{word}"\n' for word in quoted).encode()


if __name__ == "__main__":
    main(*sys.argv[1:])

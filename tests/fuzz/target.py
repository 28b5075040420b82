"""What a fuzzed decoder is, and what is asked of it beyond its answer: an end in time, and no memory left behind."""

import gc
import json
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

CORPUS: Final = Path(__file__).parent / "corpus"
BYTES_MAX: Final = 4096  # of an input; larger ones find nothing new in a decoder that is linear
CPU_S_MAX: Final = 0.1
DEEPER: Final = 100
GROWTH_BYTES_MAX: Final = 64 * 1024 * 1024
WARM: Final = 2_000  # inputs after which caches are full, and growth is growth
LOOK_EVERY: Final = 2_000


class TooSlow(AssertionError):
    """An input took longer than any may, in time of the processor."""


class Grown(AssertionError):
    """The process has more memory than it had when it was warm."""


class Target(NamedTuple):
    """A decoder, and the exceptions that are its declared way of saying no: any other one is a crash.

    `words` are what its inputs are made of, for decoders in C, whose coverage nobody sees.
    """

    feed: Callable[[bytes], object]
    answers: tuple[type[Exception], ...]
    words: Collection[str | bytes] = ()

    def take(self, data: bytes) -> None:
        """Give it one input, and see how long that takes."""
        began_s = time.thread_time()
        with suppress(*self.answers):
            self.feed(data)
        took_s = time.thread_time() - began_s
        if took_s > CPU_S_MAX and self._again_s(data) > CPU_S_MAX:
            raise TooSlow(f"{took_s * 1000:.0f} ms for {len(data)} bytes")

    def _again_s(self, data: bytes) -> float:
        """Time it once more without the collector, which comes when it likes: the bound is on the input."""
        gc.disable()
        began_s = time.thread_time()
        with suppress(*self.answers):
            self.feed(data)
        gc.enable()
        return time.thread_time() - began_s


class Growth:
    """Looks now and then whether the process grows."""

    def __init__(self) -> None:
        self._inputs = self._warm_bytes = 0

    def look(self) -> None:
        self._inputs += 1
        if self._inputs % LOOK_EVERY:
            return
        now_bytes = resident_bytes()
        if self._inputs <= WARM:
            self._warm_bytes = now_bytes
        elif now_bytes - self._warm_bytes > GROWTH_BYTES_MAX:
            raise Grown(f"{(now_bytes - self._warm_bytes) >> 20} MiB more after {self._inputs} inputs")


def read_json(data: bytes) -> Any:
    """Have Python's own json read what was taken, however deep: our calls until there count as levels, too."""
    levels = sys.getrecursionlimit()
    sys.setrecursionlimit(levels + DEEPER)
    try:
        return json.loads(data.decode())
    finally:
        sys.setrecursionlimit(levels)


def resident_bytes() -> int:
    return 4096 * int(Path("/proc/self/statm").read_text().split()[1])


def corpus_of(name: str) -> list[Path]:
    """List the stored inputs of a decoder."""
    return sorted(path for path in (CORPUS / name).iterdir() if path.is_file())


def split(data: bytes, count: int) -> list[bytes]:
    """Cut an input into so many parts at its first zero bytes; the last part has the rest."""
    parts = data.split(b"\0", count - 1)
    return parts + [b""] * (count - len(parts))


def words_of(*kinds: Any) -> set[str]:
    """Collect the keys and the tags that structs are spelt with."""
    words: set[str] = set()
    _collect(list(kinds), words)
    return words


def _collect(kinds: list[Any], words: set[str]) -> None:
    seen: set[int] = set()
    while kinds:
        kind = kinds.pop()
        if id(kind) in seen:
            continue
        seen.add(id(kind))
        if isinstance(kind, str):
            words.add(kind)
        tag = getattr(getattr(kind, "__struct_config__", None), "tag", None)
        words.update({tag} if isinstance(tag, str) else ())
        words.update(getattr(kind, "__struct_encode_fields__", ()))
        kinds += getattr(kind, "__args__", ())
        kinds += vars(kind).get("__annotations__", {}).values() if isinstance(kind, type) else ()

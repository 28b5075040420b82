"""What becomes of a path that is no call here: known but not simulated, or misspelt."""

from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct

from adapters.wecom_api.call import CALLS, No
from adapters.wecom_api.calls import Calls, path_alone
from protocol.wecom.paths import PATHS

NEAR: Final = 0.75  # how alike a path must be to be suggested; what is less alike is a guess
SHOWN_MAX: Final = 100  # characters of a path that is repeated to who asked for it

Coverage = Literal["full", "partial", "none"]


class CoveredPath(Struct, frozen=True):
    """A path of the vendor's, and how much of it is here; `missing` says what is not."""

    path: str
    method: str
    chapter: str
    coverage: Coverage
    missing: str


def covered() -> Iterator[CoveredPath]:
    """List every path that is known here, simulated or not, in the order of the chapters."""
    for known in PATHS.values():
        call = CALLS.get(known.path)
        missing = call.partial if call is not None else ""
        method = call.method if call is not None else known.method
        coverage: Coverage = "none" if call is None else "partial" if missing else "full"
        yield CoveredPath(known.path, method, known.chapter, coverage, missing)


def not_there(path: str, calls: Calls, base_url: str) -> No:
    """Say what is wrong with a path that is no call, and count it."""
    if path in PATHS:
        calls.unsimulated[path] += 1
        return No(48002, f"{path} is not simulated, see {base_url}/_hutong/wecom/coverage?path={path}")
    calls.unknown += 1
    path = path_alone(path)
    near = _nearest(path[:SHOWN_MAX])
    return No(40058, f"there is no path {path[:SHOWN_MAX]!r}" + (f", did you mean {near}?" if near else ""))


@lru_cache(maxsize=1024)  # looking takes milliseconds, and whoever asks for a wrong path asks again
def _nearest(path: str) -> str:
    return next(iter(get_close_matches(path, {**PATHS, **CALLS}, 1, NEAR)), "")

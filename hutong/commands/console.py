"""What every command shares: where the server is, how it ends, and how moments, durations and tables look.

Data goes to standard output, talk to standard error. Exit codes: 0 ok, 1 error, 2 usage, 3 not ready or time-out.
"""

import asyncio
import os
import re
import sys
import time
import unicodedata
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, Final

from cyclopts import CycloptsError, Parameter

EXIT_OK: Final = 0
EXIT_ERROR: Final = 1
EXIT_NOT_READY: Final = 3
EXIT_INTERRUPTED: Final = 130
DEFAULT_URL: Final = "http://127.0.0.1:8480"

Url = Annotated[
    str, Parameter(env_var="HUTONG_URL", help=f"Where the server is; or set HUTONG_URL. [default: {DEFAULT_URL}]")
]
Json = Annotated[bool, Parameter(help="Print JSON.")]

DAY_MS: Final = 86_400_000
_UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS}
_NUMBER: Final = re.compile(r"-|[0-9.]*")  # also where there is none
_PART: Final = re.compile(r"(\d+)(ms|[smhdw])")


def run(work: Coroutine[Any, Any, int], loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> int:
    """Run a command to its exit code; what went wrong becomes one line."""
    try:
        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(work)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except ExceptionGroup as group:  # of tasks that ran side by side: the first to fail tells enough
        return _failed(group.exceptions[0])
    except Exception as why:  # noqa: BLE001  # raised again if it is not among those that a line can tell
        return _failed(why)


def new_loop() -> asyncio.AbstractEventLoop:
    """Make the event loop of many links: uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _failed(why: Exception) -> int:
    """Tell in one line what went wrong, and choose the exit code; a defect stays what it is."""
    from hutong.control import BadUrl, NotRunning, NotTrusted, Problem
    from hutong.wire import LinkEnded

    if isinstance(why, BrokenPipeError):  # whoever read us has enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    if isinstance(why, BadUrl):
        raise usage(str(why)) from why
    if isinstance(why, NotRunning | NotTrusted | TimeoutError):
        talk(str(why) or "no answer in time")
        return EXIT_NOT_READY
    if isinstance(why, Problem | LinkEnded | LookupError):
        talk(str(why))
        return EXIT_ERROR
    raise why


def talk(text: str) -> None:
    """Say something to the person, not to the pipe."""
    print(f"hutong: {' '.join(text.split())}", file=sys.stderr, flush=True)


class Progress:
    """Tells the person what has happened, with the seconds since the beginning."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    def note(self, text: str) -> None:
        print(f"{time.perf_counter() - self._began:5.1f} s  {text}", file=sys.stderr, flush=True)


def print_json(value: Any, lines: bool = False) -> None:
    """Print data as JSON: indented to be read, or in one line as one of many."""
    import orjson

    print(orjson.dumps(value, option=0 if lines else orjson.OPT_INDENT_2).decode(), flush=True)


def usage(text: str) -> CycloptsError:
    """Make the error that ends with exit code 2."""
    return CycloptsError(msg=text)


def duration_ms(text: str) -> int:
    """Read 90s, 15m, 2h, 1d, 31d, or several in a row as in 1d12h."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise usage(f"{text!r} is no duration: write 90s, 15m, 2h, 1d or 1d12h.")
    return sum(int(number) * _UNITS_MS[unit] for number, unit in parts)


def moment(time_ms: int, date: bool = True) -> str:
    """Show a moment as people in China read it (UTC+8); years that calendars cannot show stay a number."""
    from datetime import UTC, datetime, timedelta

    try:
        shown = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms, hours=8)
    except OverflowError:
        return f"{time_ms} ms"
    return shown.strftime("%Y-%m-%d %H:%M:%S" if date else "%H:%M:%S")


def width(text: str) -> int:
    """Count the columns that a text takes on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay rows out in columns; columns of numbers are aligned at their end."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(heads, *cells, strict=True)]
    numeric = [all(_NUMBER.fullmatch(cell) for cell in column) for column in zip(*cells, strict=True)]
    numeric = numeric or [False] * len(heads)

    def line(texts: Sequence[str]) -> str:
        padded = (
            " " * (wide - width(text)) + text if right else text + " " * (wide - width(text))
            for text, wide, right in zip(texts, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(heads), "  ".join("-" * wide for wide in widths), *map(line, cells)])

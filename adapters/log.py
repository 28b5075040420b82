"""Structured logs to standard error: readable on a terminal, JSON elsewhere; never bodies, secrets or tokens.

A line has two times: `time` is the machine's, `clock` what the movable clock showed.
"""

import logging
import sys
import time
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from aiohttp.http_exceptions import HttpProcessingError

log = structlog.get_logger()

Now = Callable[[], int]


class Stamp:
    """Puts both times on a line; there is no movable clock before there is a world."""

    def __init__(self) -> None:
        self.movable_ms: Now | None = None

    def __call__(self, _logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line["time"] = text_of(time.time_ns() // 1_000_000)
        if self.movable_ms is not None:
            line["clock"] = text_of(self.movable_ms())
        return line


def text_of(ms: int) -> str:
    """Write a moment as text, in UTC; the clock may stand past the years that dates can name."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    except OverflowError:
        return ""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Forwarded(logging.Handler):
    """Takes in what libraries log. What a peer sent that is no HTTP is counted as refused, and not repeated here."""

    def emit(self, record: logging.LogRecord) -> None:
        why = record.exc_info[1] if record.exc_info else None
        if isinstance(why, HttpProcessingError):
            log.info("request_refused", status=why.code, why=type(why).__name__)
        elif record.levelno >= logging.ERROR:
            log.error("defect", what=record.name, text=record.getMessage(), exc_info=why)
        else:
            log.warning("library", what=record.name, text=record.getMessage())


def log_to_stderr(stamp: Stamp) -> None:
    """Configure the process's logs, also those of libraries, from warnings on."""
    logging.basicConfig(level=logging.WARNING, handlers=[Forwarded()], force=True)
    renderer: Any = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[structlog.processors.add_log_level, stamp, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )

"""`serve` and the checkpoint child: options to compose.py, problems to one clear line and an exit code."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any, Literal

import msgspec
import structlog

from adapters.compose import Gateway, run
from gateway.ports import CannotOpen, Damaged
from gateway.profile import UnknownProfile

EXIT_ERROR = 1
EXIT_USAGE = 2


def serve(
    *,
    world: str | None,
    data: Path,
    port: int,
    profile: str | None,
    mqtt: str,
    durability: Literal["disk", "memory"],
    json: bool,
) -> int:
    """Run the gateway until SIGTERM or Ctrl-C; say what is wrong in one line if it cannot be."""
    _log_to_stderr()
    try:
        with _runner() as runner:
            return runner.run(_serve(data, port, profile, durability, json))
    except UnknownProfile as why:
        return _complain(str(why), EXIT_USAGE)
    except (CannotOpen, Damaged) as why:
        return _complain(str(why))
    except OSError as why:
        return _complain(f"port {port} on 127.0.0.1 cannot be used ({why.strerror or why}): choose another with --port")


def _runner() -> asyncio.Runner:
    """Run on uvloop where it is installed; asyncio's own loop works too."""
    try:
        import uvloop
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def _serve(data: Path, port: int, profile: str | None, durability: Literal["disk", "memory"], json: bool) -> int:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with run(data, port, profile, durability) as gateway:
        if durability == "memory":
            _say("durability is memory: what is acknowledged is lost when this process ends")
        sys.stdout.write(f"{_ready_line(gateway, json)}\n")
        sys.stdout.flush()
        await stop.wait()
    return 0


def _ready_line(gateway: Gateway, json: bool) -> str:
    urls = gateway.urls()
    return msgspec.json.encode(urls).decode() if json else f"hutong is ready on {gateway.base_url}"


def checkpoint(data: Path) -> int:
    """Be the checkpoint child."""
    from adapters.checkpoint import run_child

    try:
        run_child(data)
    except (CannotOpen, Damaged) as why:
        return _complain(str(why))
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"hutong: {text}\n")


def _complain(text: str, code: int = EXIT_ERROR) -> int:
    _say(" ".join(text.split()))
    return code


def _log_to_stderr() -> None:
    """Log to standard error: readable on a terminal, JSON elsewhere; never bodies, never secrets."""
    renderer: Any = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )

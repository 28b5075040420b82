"""`hutong crowd`: thousands of people by a file of personas, on a running gateway, and what became of it."""

import asyncio
import resource
import signal
from typing import Annotated, Any, Final

from cyclopts import Parameter

from hutong.commands.console import (
    DEFAULT_URL,
    EXIT_ERROR,
    EXIT_INTERRUPTED,
    EXIT_OK,
    Json,
    Progress,
    Url,
    new_loop,
    print_json,
    run,
    talk,
    usage,
)

FILES_BESIDE: Final = 64  # that this process has open besides its links


def crowd(
    file: Annotated[str, Parameter(help="A TOML file of personas, or demo: 5,000 people for a minute.")],
    /,
    *,
    json: Json = False,
    url: Url = DEFAULT_URL,
) -> int:
    """Let a crowd of simulated people act on a running gateway; Ctrl-C ends it early, with the report.

    Exit code 1 if anything was lost, duplicated, out of order or never answered.
    """
    from hutong.crowd.file import named

    described = named(file)
    _allow_files(described.people + FILES_BESIDE)
    return run(_crowd(url, described, json), new_loop)


def _allow_files(wanted: int) -> None:
    """Have this process open as many files as its links need, if it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise usage(f"{wanted} open files are needed, and this process may have {hard}: raise `ulimit -Hn`.")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _crowd(url: str, described: Any, json: bool) -> int:
    """Play it; the first signal while people act brings the report, any other ends everything at once."""
    from hutong.crowd.run import Run

    this, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert this is not None
    played = Run(described, Progress().note)
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, lambda: played.end() or this.cancel())
    try:
        report = await played.play(url)
    except asyncio.CancelledError:
        talk("stopped")
        return EXIT_INTERRUPTED
    if json:
        print_json(report.as_object())
    else:
        print("\n" + "\n".join(report.lines()), flush=True)
    return EXIT_OK if report.clean else EXIT_ERROR

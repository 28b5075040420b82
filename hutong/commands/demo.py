"""`hutong demo`: its own gateway, 220 people, a till, two years of rules and a day, in well under a minute."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

from cyclopts import Parameter

from hutong.commands.console import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_OK, Progress, new_loop, run, talk


def demo(
    *,
    serve: Annotated[bool, Parameter(help="Stay up afterwards, and print addresses and tokens to play with.")] = False,
    seed: Annotated[int, Parameter(help="Who is chosen for what. [default: 11]")] = 11,
) -> int:
    """See the main job in a minute: two sides of the bridge, their rules, and a ledger.

    Exit code 1 if anything was lost, duplicated or out of order.
    """
    return run(_demo(serve, seed), new_loop)


async def _demo(serve: bool, seed: int) -> int:
    """Run the demo, and end what was started however it ends."""
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    from hutong.child import NotStarted
    from hutong.demo.scenes import Unexpected

    try:
        return await _play(serve, seed)
    except (NotStarted, Unexpected) as why:
        talk(str(why))
        return EXIT_ERROR
    except asyncio.CancelledError:
        talk("stopped")
        return EXIT_INTERRUPTED


async def _play(serve: bool, seed: int) -> int:
    from hutong.child import serving
    from hutong.control import Control
    from hutong.demo.cast import everybody
    from hutong.demo.census import Census
    from hutong.demo.report import lines, verdict
    from hutong.demo.scenes import ACTS, THEN, Story

    progress = Progress()
    census = Census()
    with serving("--world", "demo", "--profile", THEN, "--mqtt", "demo") as child:
        url, mqtt_url = child.urls["base_url"], child.urls["mqtt_url"]
        progress.note(f"a gateway is up at {url} under {THEN}, with a journal on disk and a broker")
        async with Control(url) as control, everybody(control, census) as cast, _till(mqtt_url) as till:
            progress.note(f"{len(cast.people)} people are online, each on a WebSocket of their own")
            story = Story(cast, census, control, till, seed)
            for act in ACTS:
                progress.note(await act(story))
                await census.settle()
            print("\n" + "\n".join(lines(census, cast)), flush=True)
            if serve:
                await _stay(control)
            return EXIT_OK if not any(verdict(census, cast)) else EXIT_ERROR


@asynccontextmanager
async def _till(mqtt_url: str | None) -> AsyncIterator[Any]:
    from hutong.demo.cast import APP, STORE
    from hutong.demo.till import open_till

    if mqtt_url is None:
        yield None
        return
    async with open_till(mqtt_url, STORE, APP) as till:
        yield till


async def _stay(control: Any) -> None:
    """Print what one needs to play, and stay until Ctrl-C or SIGTERM: here that is no failure."""
    from hutong.commands.env import shell_lines

    print("\n" + "\n".join(shell_lines(await control.env())), flush=True)
    talk("everybody stays online; Ctrl-C ends the demo")
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()

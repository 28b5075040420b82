"""`hutong clock`: look at the movable clock, and move it. Limits and deadlines follow it; sockets do not."""

from typing import Annotated, Final

from cyclopts import App, Parameter

from hutong.commands.console import DAY_MS, DEFAULT_URL, EXIT_OK, Json, Url, duration_ms, moment, print_json, run, usage

LONGEST_DAYS: Final = 7320  # the server takes no longer step

app = App(name="clock", help="Look at the movable clock, or move it.")


@app.default
@app.command
def now(*, json: Json = False, url: Url = DEFAULT_URL) -> int:
    """Show the time that the rules see, and how fast it runs."""
    return run(_clock(url, json))


@app.command
def advance(
    duration: Annotated[str, Parameter(help="How far: 90s, 15m, 2h, 1d, 31d.")],
    /,
    *,
    json: Json = False,
    url: Url = DEFAULT_URL,
) -> int:
    """Move the clock forward; deadlines on the way pass at their own times."""
    advance_ms = duration_ms(duration)
    if advance_ms > LONGEST_DAYS * DAY_MS:
        raise usage(f"{duration} is too far: the longest step is {LONGEST_DAYS}d.")
    return run(_clock(url, json, advance_ms=advance_ms))


@app.command
def freeze(*, json: Json = False, url: Url = DEFAULT_URL) -> int:
    """Stop the clock."""
    return run(_clock(url, json, rate=0.0))


@app.command
def resume(*, json: Json = False, url: Url = DEFAULT_URL) -> int:
    """Let the clock run as fast as the real one."""
    return run(_clock(url, json, rate=1.0))


@app.command
def scale(
    rate: Annotated[float, Parameter(help="Seconds of the clock in a real second; 0 freezes.")],
    /,
    *,
    json: Json = False,
    url: Url = DEFAULT_URL,
) -> int:
    """Let the clock run faster or slower than the real one."""
    if not 0 <= rate < float("inf"):
        raise usage(f"{rate} is no rate: give a number from 0 up.")
    return run(_clock(url, json, rate=rate))


async def _clock(url: str, json: bool, advance_ms: int | None = None, rate: float | None = None) -> int:
    from hutong.control import Control

    async with Control(url) as control:
        fired = []
        if advance_ms is not None or rate is not None:
            fired = (await control.set_clock(advance_ms, rate))["fired"]
        told = await control.clock()
    if json:
        print_json({**told, "fired": fired})
        return EXIT_OK
    pace = "frozen" if told["rate"] == 0 else f"rate {told['rate']:g}"
    print(f"{moment(told['now_ms'])} (UTC+8), {pace}")
    for due in fired:
        print(f"  {moment(due['at_ms'])}  {due['what'].replace('_', ' ')}  {due['corpid']}")
    return EXIT_OK

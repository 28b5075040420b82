"""`hutong wait`: for scripts that start a server and need it ready."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from hutong.commands.console import DEFAULT_URL, EXIT_NOT_READY, EXIT_OK, Url, run, talk

EVERY_S = 0.1


def wait(
    *,
    timeout: Annotated[float, Parameter(help="Give up after so many seconds. [default: 30]")] = 30.0,
    url: Url = DEFAULT_URL,
) -> int:
    """Wait until the server is ready; exit code 3 if it is not in time."""
    return run(_wait(url, timeout))


async def _wait(url: str, within_s: float) -> int:
    from hutong.control import Control

    async with Control(url) as control:
        try:
            async with asyncio.timeout(within_s):
                while not await control.ready():  # noqa: ASYNC110  # what is waited for is in another process
                    await asyncio.sleep(EVERY_S)
        except TimeoutError:
            talk(f"{url} is not ready after {within_s:g} s")
            return EXIT_NOT_READY
    return EXIT_OK

"""`hutong reset`: forget one enterprise, or everything."""

from typing import Annotated

from cyclopts import Parameter

from hutong.commands.console import DEFAULT_URL, EXIT_OK, Url, run, talk


def reset(
    *,
    corp: Annotated[str | None, Parameter(help="Forget this enterprise alone. [default: everything]")] = None,
    url: Url = DEFAULT_URL,
) -> int:
    """Forget people, relations, groups and messages, of one enterprise or of all; the clock stays."""
    return run(_reset(url, corp))


async def _reset(url: str, corp: str | None) -> int:
    from hutong.control import Control

    async with Control(url) as control:
        await control.reset(corp)
    talk(f"{corp} is forgotten" if corp else "everything is forgotten")
    return EXIT_OK

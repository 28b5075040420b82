"""`hutong confirm`: a member's yes to a mass message that waits for it, over a real link."""

from typing import Annotated

from cyclopts import Parameter

from hutong.commands.console import DEFAULT_URL, EXIT_OK, Json, Url, moment, print_json, run
from hutong.commands.say import as_person


def confirm(
    task: Annotated[str, Parameter(help="The mass message: the msgid that the API gave.")],
    /,
    *,
    person: Annotated[str, Parameter(name="--as", help="Who confirms: CORPID/USERID.")],
    json: Json = False,
    url: Url = DEFAULT_URL,
) -> int:
    """Let a member's part of a mass message be sent; exit code 1 if the rules refuse it."""
    return run(_confirm(url, person, task, json))


async def _confirm(url: str, person: str, task: str, json: bool) -> int:
    accepted = await as_person(url, person, json, lambda speaker, _rows: speaker.command("confirm", task=task))
    if isinstance(accepted, int):
        return accepted
    if json:
        print_json({"accepted": True, "task": task, "time_ms": accepted.time_ms})
    else:
        print(f"confirmed: {task} at {moment(accepted.time_ms)} (UTC+8)")
    return EXIT_OK

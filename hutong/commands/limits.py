"""`hutong limits`: why somebody may not write to somebody, and how much is left of every limit."""

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from hutong.commands.console import DEFAULT_URL, EXIT_OK, Json, Url, moment, print_json, run, table

HEADS = ("rule", "allows", "used", "left", "limit", "resets at (UTC+8)", "why")

app = App(name="limits", help="Tell what the rules allow, and how much is left.")


@app.command
def explain(
    *,
    sender: Annotated[str, Parameter(help="CORPID/USERID, a consumer's handle, or CORPID/#AGENT_ID.")],
    to: Annotated[str, Parameter(help="A person, the chat_id of a group, or a conversation.")],
    text: Annotated[str | None, Parameter(help="What would be said, if that matters.")] = None,
    mass: Annotated[
        Literal["corp", "own"] | None, Parameter(help="As a mass message: the enterprise's, or the member's own.")
    ] = None,
    json: Json = False,
    url: Url = DEFAULT_URL,
) -> int:
    """Tell for each rule what is used, what is left, and when it starts again."""
    return run(_explain(url, sender, to, text, mass, json))


async def _explain(url: str, sender: str, to: str, text: str | None, mass: str | None, json: bool) -> int:
    from hutong.control import Control

    async with Control(url) as control:
        told = await control.explain(sender, to, text, mass)
    if json:
        print_json(told)
        return EXIT_OK
    print(
        table(
            ("rule", "allows", "used", "left", "limit", "resets at (UTC+8)", "why"),
            [_row(line) for line in told["lines"]],
        )
    )
    print(f"\n{told['sender']} may {'' if told['allowed'] else 'not '}write to {told['to']} now.")
    return EXIT_OK


def _row(line: dict[str, Any]) -> tuple[object, ...]:
    counted = bool(line.get("limit"))
    numbers = (line["used"], line["left"], line["limit"]) if counted else ("", "", "")
    resets = moment(line["resets_at_ms"]) if line.get("resets_at_ms") else ""
    return (line["rule"], "yes" if line["allows"] else "no", *numbers, resets, line.get("text", ""))

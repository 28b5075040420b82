"""`hutong tail`: what happened lately, and what happens now: messages, decisions, calls of the API, callbacks."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from cyclopts import Parameter

from hutong.commands.console import DEFAULT_URL, EXIT_OK, Url, moment, print_json, run, usage

WAIT_S = 30.0
LIMIT_MAX = 1000
TEXT_MAX = 100  # characters of a message that a line shows

Row = dict[str, Any]


def tail(
    *,
    follow: Annotated[bool, Parameter(name=["--follow", "-f"], help="Go on with what happens, until Ctrl-C.")] = False,
    person: Annotated[str | None, Parameter(help="Only what this person said, may read or asked for.")] = None,
    calls: Annotated[bool, Parameter(help="Also calls of WeCom's API.", negative=())] = False,
    callbacks: Annotated[bool, Parameter(help="Also attempts to call apps back.", negative=())] = False,
    limit: Annotated[int, Parameter(help="How many of each to begin with. [default: 20]")] = 20,
    json: Annotated[bool, Parameter(help="Print one JSON object a line.")] = False,
    url: Url = DEFAULT_URL,
) -> int:
    """Show recent messages and decisions since the start of the server; -f follows."""
    if not 1 <= limit <= LIMIT_MAX:
        raise usage(f"--limit is {limit}: it takes a number from 1 to {LIMIT_MAX}.")
    also = [kind for kind, wanted in (("call", calls), ("callback", callbacks)) if wanted]
    return run(_tail(url, person, also, limit, follow, _print_json if json else _print_line))


async def _tail(
    url: str, person: str | None, also: list[str], limit: int, follow: bool, show: Callable[[str, Row], None]
) -> int:
    from hutong.control import Control

    async with Control(url) as control:
        asks: dict[str, Any] = {
            "message": partial(control.messages, person=person),
            "decision": partial(control.decisions, person=person),
        }
        asks |= {kind: getattr(control, f"{kind}s") for kind in also}
        first = {kind: await ask(limit=limit) for kind, ask in asks.items()}
        rows = [(kind, row) for kind, told in first.items() for row in told[f"{kind}s"]]
        for kind, row in sorted(rows, key=lambda one: one[1]["time_ms"]):
            show(kind, row)
        if follow:
            async with asyncio.TaskGroup() as all_of_them:
                for kind, ask in asks.items():
                    all_of_them.create_task(_follow(kind, ask, first[kind]["next_after"], show))
    return EXIT_OK


async def _follow(kind: str, ask: Any, after: int, show: Callable[[str, Row], None]) -> None:
    """Wait for more of one kind, again and again."""
    while True:
        told = await ask(after=after, limit=LIMIT_MAX, wait_s=WAIT_S)
        for row in told[f"{kind}s"]:
            show(kind, row)
        after = told["next_after"]


def _print_json(kind: str, row: Row) -> None:
    print_json({kind: row}, lines=True)


def _print_line(kind: str, row: Row) -> None:
    print(line(kind, row), flush=True)


def line(kind: str, row: Row) -> str:
    """Tell one thing that happened in a line."""
    return f"{moment(row['time_ms'], date=False)}  {_TOLD[kind](row)}"


def _message(row: Row) -> str:
    who = row.get("person") or "system"
    return f"{who} in {row['conversation']} #{row['sequence']}: {words(row['content'])}"


def words(content: Row) -> str:
    """Show a content in one line: a text as it is, anything else by its kind and what it says of itself."""
    kind = content["kind"]
    said = str(content.get("text") or content.get("title") or content.get("name") or "")
    if kind == "notice":
        said = " ".join([content["affair"].replace("_", " "), *content.get("who", ()), said]).strip()
    shown = " ".join(said.split())
    shown = shown if len(shown) <= TEXT_MAX else shown[: TEXT_MAX - 1] + "…"
    return shown if kind == "text" else f"[{kind}] {shown}".rstrip()


def _decision(row: Row) -> str:
    who, place = row.get("person") or "control", f" in {row['conversation']}" if row.get("conversation") else ""
    if row["accepted"]:
        return f"{who}{place}: {row['what']} accepted"
    if row.get("repeated"):
        return f"{who}{place}: {row['what']} repeated, its first outcome stands"
    again = f", again at {moment(row['retry_at_ms'])} (UTC+8)" if row.get("retry_at_ms") else ""
    rule = f" [{row['rule']}]" if row.get("rule") else ""
    return f"{who}{place}: {row['what']} refused, {row['reason']}{rule}{again}"


def _call(row: Row) -> str:
    who = f"{row['corpid']}/#{row['agent_id']}" if row.get("agent_id") else row.get("corpid") or row["address"]
    said = row["errmsg"].partition(", hint:")[0]
    return f"{who}: {row['method']} {row['path']} answered {row['errcode']} {said}".rstrip()


def _callback(row: Row) -> str:
    what = f"{row['corpid']}/#{row['agent_id']}: {row['event']}, attempt {row['attempt']}"
    told = " ".join(filter(None, (row["outcome"].replace("_", " "), row.get("error"), row.get("reply"))))
    return f"{what} {told}"


_TOLD: dict[str, Callable[[Row], str]] = {
    "message": _message,
    "decision": _decision,
    "call": _call,
    "callback": _callback,
}

"""`hutong say`: one text over a real link, as the person's device `say`."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from cyclopts import Parameter

from hutong.commands.console import DEFAULT_URL, EXIT_ERROR, EXIT_OK, Json, Url, moment, print_json, run

DEVICE = "say"
MATCHED_BY = ("conversation", "chat_id", "member", "consumer", "external_userid", "agent_id")


def say(
    text: Annotated[str, Parameter(help="What to say.")],
    /,
    *,
    person: Annotated[str, Parameter(name="--as", help="Who speaks: CORPID/USERID, or a consumer's handle.")],
    to: Annotated[str, Parameter(help="Whom to: a person, the chat_id of a group, or a conversation.")],
    json: Json = False,
    url: Url = DEFAULT_URL,
) -> int:
    """Say something as somebody; exit code 1 if the rules refuse it."""
    return run(_say(url, person, to, text, json))


async def _say(url: str, person: str, to: str, text: str, json: bool) -> int:
    accepted = await as_person(
        url, person, json, lambda speaker, rows: speaker.say(find_conversation(rows, person, to), text)
    )
    if isinstance(accepted, int):
        return accepted
    if json:
        print_json({"accepted": True, **accepted._asdict()})
    else:
        print(f"accepted: {accepted.conversation} #{accepted.sequence} at {moment(accepted.time_ms)} (UTC+8)")
    return EXIT_OK


async def as_person(
    url: str, person: str, json: bool, act: Callable[[Any, list[dict[str, Any]]], Awaitable[Any]]
) -> Any:
    """Do one thing over a link of somebody's, given their conversations; an exit code instead if it is refused."""
    from hutong.client import Memory, Person, Refused
    from hutong.control import Control

    async with Control(url) as control:
        (token,) = await control.tokens([person], DEVICE)
        rows = await control.conversations(person)
    memory = Memory()
    for row in rows:
        memory.skip(row["conversation"], row["head"])  # this device has no wish to read
    async with Person(url, token, memory=memory, keep=0) as speaker:
        try:
            return await act(speaker, rows)
        except Refused as refused:
            _print_refused(refused, json)
            return EXIT_ERROR


def find_conversation(rows: list[dict[str, Any]], person: str, to: str) -> str:
    """Find the one conversation that is meant; an id that is none of theirs is for the server to refuse."""
    found = [row["conversation"] for row in rows if means(row, to)]
    if len(found) > 1:
        raise LookupError(f"{person} has {len(found)} conversations with {to}: name one of {', '.join(found)}")
    if not found and not to.startswith("cv"):
        raise LookupError(f"{person} has no conversation with {to}")
    return found[0] if found else to


def means(row: dict[str, Any], to: str) -> bool:
    """Tell whether a conversation, as control lists it, is the one that a name means."""
    return row["kind"] != "own" and any(
        row.get(name) and row[name] in (to, f"{row['corpid']}/{to}") for name in MATCHED_BY
    )


def _print_refused(refused: Any, json: bool) -> None:
    if json:
        names = ("number", "code", "reason", "text", "advice", "rule", "retry_at_ms")
        print_json({"accepted": False, **{name: getattr(refused, name) for name in names}})
        return
    when = f"; try again at {moment(refused.retry_at_ms)} (UTC+8)" if refused.retry_at_ms else ""
    rule = f" [{refused.rule}]" if refused.rule else ""
    print(f"refused: {refused.text}{rule}{when} ({refused.reason}, {refused.code})")

"""Writes what is told of the vendor's API: its description, what of it is here, who drove it, what limits rest on."""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import msgspec

from adapters.aibot.commands import COMMANDS
from adapters.wecom_api import CALLS, openapi
from adapters.wecom_api.paths import CoveredPath, covered
from gateway import profile

# What the door of bots answers itself (adapters/aibot/__init__.py), and what keeps a connection open.
LETTING_IN: Final = {
    "aibot_subscribe": ("one connection a bot: documented", "5 s from the handshake: assumed"),
    "ping": ("90 s without a frame: assumed",),
}
DRIVEN: Final = Path(__file__).parent / "driven.json"


def openapi_json() -> str:
    """Write the description of the vendor's API, as it is served."""
    return msgspec.json.format(openapi.encoded(), indent=2).decode() + "\n"


def coverage_md(made: str) -> str:
    """Write a table of the chapters, and one of each chapter's paths that are here."""
    rows = list(covered())
    driven = json.loads(DRIVEN.read_text("utf-8"))
    chapters = [(name, list(paths)) for name, paths in groupby(rows, lambda row: row.chapter)]
    summary = "\n".join(f"| {name} | {_counts(paths)} |" for name, paths in chapters)
    tables = "\n\n".join(_table(name, paths, driven) for name, paths in chapters if _here(paths))
    bots = "\n".join(_bots(driven))
    absent = "\n".join(
        f"- **{name}**: {', '.join(f'`{row.path}`' for row in paths if row.coverage == 'none')}"
        for name, paths in chapters
        if len(_here(paths)) < len(paths)
    )
    return f"""# Coverage of WeCom's server API

{made}

Every path that is known, and how much of it is here. **Full** is what is documented of a path, as far as it shows in
what is simulated; **partial** lacks what is said; the others answer 48002 and say that they are not simulated. The
shapes of what is here stand in [openapi-wecom.json](openapi-wecom.json), also served at `/_hutong/wecom/openapi.json`;
this page as rows, with how often each missing path was asked for, at `/_hutong/wecom/coverage`.

**Driven by** names the clients whom this path answered with errcode 0 in the test suite. `wechatpy` is somebody's SDK,
unmodified; `raw` are requests that the tests write themselves. schemathesis asks every path beside them.
The suite records this itself (`make driven`), and each claim is checked by the test that
[driven.json](driven.json) names for it. Callbacks have no path here: they are opened and sealed by wechatpy and by the
vendor's own `@wecom/crypto`.

**Replies**: wechatpy gives them as plain dictionaries, and no SDK that could be used here decodes them into classes of
its own. By that measure every reply is **unchecked**. What is checked: that each one is as the description says
(schemathesis), and its types in the tests of its chapter.

**Limits** names what a path obeys beside the limits on calls of any path, which are documented. *Documented* is
written in WeCom's documentation; *observed* was published by others; *assumed* is a setting of ours, where nobody
published the number. Numbers and sources: [profiles.md](profiles.md). Bounds of single fields stand in the description.

## Chapters

| chapter | paths | full | partial | not there |
|---|---|---|---|---|
{summary}
| **all** | {_counts(rows)} |

## Paths that are here

{tables}

## Bots over WebSocket

One JSON object a frame, at `/_hutong/aibot` and at `/` where a WebSocket is asked for. `@wecom/aibot-node-sdk`,
`wecom-aibot-sdk` and, by TLS, `wecom-aibot-python-sdk` are SDKs, unmodified; the last one uploads by frames of the
test's own, sent through it. `raw` are frames that the tests write themselves.

| from a bot | here | driven by | limits |
|---|---|---|---|
{bots}

| to a bot | here | not |
|---|---|---|
| `aibot_msg_callback` | text, image, file, video, voice | `mixed`, `quote` |
| `aibot_event_callback` | enter_chat, template_card_event, feedback_event, disconnected_event | |

Nothing here listens to a voice: its words are its file's name, without the ending.

What is due to a bot waits for its connection, the newest 10,000 records. It counts as told when it is written to the
socket, since no SDK acknowledges it, and is told again where that is not known: `msgid` is the same then. A `req_id`
leads back to what it was told for after a new connection and after a restart, too.

## Paths that are not there

{absent}
"""


def _here(paths: list[CoveredPath]) -> list[CoveredPath]:
    return [row for row in paths if row.coverage != "none"]


def _counts(rows: list[CoveredPath]) -> str:
    kinds = [row.coverage for row in rows]
    return f"{len(kinds)} | {kinds.count('full')} | {kinds.count('partial')} | {kinds.count('none')}"


def _table(name: str, paths: list[CoveredPath], driven: dict[str, dict[str, str]]) -> str:
    lines = "\n".join(
        f"| `{row.path}` | {row.coverage}{f': {row.missing}' if row.missing else ''} "
        f"| {', '.join(driven.get(row.path, {})) or 'nobody'} "
        f"| {'; '.join(_limits(row.path, CALLS[row.path].limits)) or '-'} |"
        for row in _here(paths)
    )
    return f"### {name}\n\n| path | here | driven by | limits |\n|---|---|---|---|\n{lines}"


def _bots(driven: dict[str, dict[str, str]]) -> Iterator[str]:
    """Write a row for each command of a bot."""
    letting_in = {cmd: ("", limits) for cmd, limits in LETTING_IN.items()}
    for cmd, (partial, names) in {**letting_in, **{cmd: one[2:] for cmd, one in COMMANDS.items()}}.items():
        by = ", ".join(driven.get(f"aibot/{cmd}", {})) or ("all" if cmd == "ping" else "nobody")
        limits = "; ".join(_limits(cmd, names)) or "-"
        yield f"| `{cmd}` | {f'partial: {partial}' if partial else 'full'} | {by} | {limits} |"


def _limits(path: str, names: tuple[str, ...]) -> Iterator[str]:
    """Name a path's own limits, each with where it comes from."""
    table = profile.table(profile.DEFAULT_PROFILE)
    for name in names:
        rows = [row for row in table["frequency"] if row["side"] == name]
        if name in table:
            yield f"{name}: {source_kind(table[name])}"
        elif rows:
            yield from (f"{name} per {row['per']} and {row['window']}: {source_kind(row)}" for row in rows)
        else:
            assert name.rpartition(": ")[2] in ("documented", "observed", "assumed"), name
            yield name
    for row in table["calls"]:
        if row.get("path") == path:
            yield f"calls per {row['per']} and {row['window']}: {source_kind(row)}"


def source_kind(row: dict[str, Any]) -> str:
    """Tell a documented number from one that others observed, and from one that was assumed."""
    if not row.get("published", True):
        return "assumed"
    return "documented" if "DOC" in row["source"] else "observed"

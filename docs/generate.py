"""Writes the documents that are made from the code: `python -m docs.generate`, or `make docs`.

A test compares the files with what the code says today, so none of them can grow old unnoticed.
"""

from pathlib import Path
from typing import Any, Final

import msgspec

from docs import coverage
from gateway import profile
from protocol import asyncapi
from protocol.wecom import catalogue

HERE: Final = Path(__file__).parent
MADE: Final = "Made by `make docs` from {source}; change it there."


def asyncapi_json() -> str:
    """Write the AsyncAPI document for people and programs: indented, in the order it was made."""
    return msgspec.json.format(msgspec.json.encode(asyncapi.document()), indent=2).decode() + "\n"


def errors_md() -> str:
    """Write the catalogue of refusals and close codes."""
    return f"""# Refusals and close codes

{MADE.format(source="`protocol/errors.py` and `protocol/wecom/errcodes.py`")}

## Refusals

What the gateway says no with: in a `refused` frame on a link, in `message/refused` over MQTT, in a problem document of
control. A refusal changes nothing and uses no quota. Advice: `never` (the same again will fail), `later` (waiting
helps; `retry_at_ms` says until when if that is known), `change` (something else must change first). Numbers are never
used twice.

{asyncapi.refusals_table()}

## Close codes

Before a link is closed by the gateway, a `fault` frame says why in words. 1000 to 1015 are RFC 6455's; 4400 to 4499
are Hutong's and follow HTTP's meaning.

{asyncapi.closes_table()}

## Numbers of WeCom's server API

What its paths answer in `errcode`, and for which of the refusals above; the status is always 200. A refusal's own name
stands in the header `X-Hutong-Reason`, with `X-Hutong-Rule`, `-Used`, `-Limit`, `-Left` and `-Retry-At` where they
are known. The same as pages: `/_hutong/errors`. An id that begins with `hutong-fail-45009` always fails with 45009, and
so with any other number.

{catalogue.table()}
"""


def profiles_md() -> str:
    """Write every number of every rule under every profile, and where each comes from."""
    names = sorted(profile.names(), key=lambda name: (not name.startswith("wecom"), name))
    rules = {name: _rules(name) for name in names}
    keys = list(dict.fromkeys(key for rows in rules.values() for key in rows))
    head = f"| rule | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}"
    values = "\n".join(f"| {key} | {' | '.join(_cell(rules[name].get(key)) for name in names)} |" for key in keys)
    sources = "\n".join(line for key in keys for line in _sources(key, rules))
    about = "\n".join(f"- `{name}`: {profile.table(name)['about']}" for name in names)
    return f"""# Profiles

{MADE.format(source="`gateway/profiles/*.toml`")}

A profile is every number of every rule as it was at one date. `*` marks a value that nobody published: a setting.
0 where a maximum is meant says that there is none; `-` that the profile has no such rule. The default is
`{profile.DEFAULT_PROFILE}`.

{about}

## Values

{head}
{values}

## Sources

DOC is a page of WeCom's developer documentation by its number, SP a service provider's article.

| rule | value | profiles | published | source |
|---|---|---|---|---|
{sources}
"""


Row = dict[str, Any]


def _rules(name: str) -> dict[str, Row]:
    """Give the rules of a profile in the file's order, a frequency rule under what it counts."""
    rows = {key: value for key, value in profile.table(name).items() if isinstance(value, dict)}
    for row in profile.table(name).get("frequency", []):
        key = f"messages of a{'n' if row['side'] == 'app' else ''} {row['side']} per {row['per']} and {row['window']}"
        rows[key] = {**row, "value": row["limit"]}
    for row in profile.table(name).get("calls", []):
        key = f"calls of {row.get('path', 'any one path')} per {row['per']} and {row['window']}"
        rows[key] = {**row, "value": row["limit"]}
    return {key: {"published": True, **row} for key, row in rows.items()}


def _value(row: Row) -> str:
    value = row["value"]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cell(row: Row | None) -> str:
    if row is None:
        return "-"
    return _value(row) + ("" if row["published"] else " \\*")


def _sources(key: str, rules: dict[str, dict[str, Row]]) -> list[str]:
    """Give a line for each different value and source of a rule, naming the profiles that have it."""
    having: dict[tuple[str, bool, str], list[str]] = {}
    for name, rows in rules.items():
        if key in rows:
            row = rows[key]
            having.setdefault((_value(row), row["published"], row["source"]), []).append(name)
    return [
        f"| {key} | {value} | {', '.join(names)} | {'yes' if published else 'not published'} | {source} |"
        for (value, published, source), names in having.items()
    ]


def coverage_md() -> str:
    """Write how much of the vendor's API is here."""
    return coverage.coverage_md(MADE.format(source="the calls in `adapters/wecom_api/` and `docs/driven.json`"))


FILES: Final = {
    "asyncapi.json": asyncapi_json,
    "coverage.md": coverage_md,
    "errors.md": errors_md,
    "openapi-wecom.json": coverage.openapi_json,
    "profiles.md": profiles_md,
}


def main() -> None:
    """Write them all beside this file."""
    for name, write in FILES.items():
        (HERE / name).write_text(write(), "utf-8")


if __name__ == "__main__":
    main()

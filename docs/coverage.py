"""Writes docs/coverage.md: what of the vendor's API is here, who drove it, and where its limits come from."""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from adapters.wecom_api import CALLS
from adapters.wecom_api.paths import CoveredPath, covered
from gateway import profile

DRIVEN: Final = Path(__file__).parent / "driven.json"


def coverage() -> str:
    """Write a table of the chapters, and one of each chapter's paths that are here."""
    rows = list(covered())
    driven = json.loads(DRIVEN.read_text("utf-8"))
    chapters = [(name, list(paths)) for name, paths in groupby(rows, lambda row: row.chapter)]
    summary = "\n".join(_chapter(name, paths) for name, paths in chapters)
    tables = "\n\n".join(_table(name, paths, driven) for name, paths in chapters if _here(paths))
    absent = "\n".join(
        f"- **{name}**: {', '.join(f'`{row.path}`' for row in paths if row.coverage == 'none')}"
        for name, paths in chapters
        if any(row.coverage == "none" for row in paths)
    )
    return f"""## Chapters

| chapter | paths | full | partial | not there |
|---|---|---|---|---|
{summary}
| **all** | {_counts(rows)} |

## Paths that are here

{tables}

## Paths that are not there

{absent}
"""


def _here(paths: list[CoveredPath]) -> list[CoveredPath]:
    return [row for row in paths if row.coverage != "none"]


def _counts(rows: list[CoveredPath]) -> str:
    kinds = [row.coverage for row in rows]
    return f"{len(kinds)} | {kinds.count('full')} | {kinds.count('partial')} | {kinds.count('none')}"


def _chapter(name: str, paths: list[CoveredPath]) -> str:
    return f"| {name} | {_counts(paths)} |"


def _table(name: str, paths: list[CoveredPath], driven: dict[str, dict[str, str]]) -> str:
    lines = "\n".join(
        f"| `{row.path}` | {row.coverage}{f': {row.missing}' if row.missing else ''} "
        f"| {', '.join(driven.get(row.path, {})) or 'nobody'} | {'; '.join(_limits(row.path)) or '-'} |"
        for row in _here(paths)
    )
    return f"### {name}\n\n| path | here | driven by | limits |\n|---|---|---|---|\n{lines}"


def _limits(path: str) -> Iterator[str]:
    """Name a path's own limits, each with where it comes from."""
    table = profile.table(profile.DEFAULT_PROFILE)
    for name in CALLS[path].limits:
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

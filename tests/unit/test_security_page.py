"""The page on security names tests and files that are there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
TESTS = sorted(set(re.findall(r"`([a-z_0-9/]+\.py)::(\w+)`", PAGE)))
ROWS = [
    line for line in PAGE.splitlines() if line.startswith("|") and not line.startswith(("|---", "| claim", "| who |"))
]


@cache
def functions_of(file: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(file.read_text("utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}  # fmt: skip


@pytest.mark.parametrize(("file", "test"), TESTS, ids=[test for _, test in TESTS])
def test_a_test_that_is_named_is_there(file: str, test: str) -> None:
    assert test in functions_of(ROOT / "tests" / file)


def test_every_claim_names_where_it_is_built_and_a_test() -> None:
    claims = [row for row in ROWS if len(row.split("|")) == 5 and "::" in row.split("|")[3]]
    threats = [row for row in ROWS if row not in claims]
    assert len(claims) >= 23 and len(threats) == 9, len(claims)
    paths = {path for row in claims for path in re.findall(r"`([a-z_/0-9]+(?:\.py|/))`", row.split("|")[2])}
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []
    assert len(TESTS) >= 55, len(TESTS)

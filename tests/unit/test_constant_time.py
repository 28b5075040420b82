"""No secret is compared by `==` or looked for by `in`: how long that takes tells how much of a guess was right.

A look-up in a table is not looked at: it is by a hash, whose key is of this process alone.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("adapters", "gateway", "protocol") for path in (ROOT / folder).rglob("*.py"))
SECRET = re.compile(r"(?:^|_|corp)(?:secret|signature|password|token|ticket|aes_key|seal|sealed)$")

EQUALITY = ast.Eq | ast.NotEq | ast.In | ast.NotIn

# What is compared all the same, and why that tells nobody anything.
HARMLESS: dict[tuple[str, str], str] = {
    ("adapters/aibot/delivery.py", "app.secret == connection.secret"): "both were right when the bot subscribed",
    ("adapters/snapshot_file.py", "seal.text() != said.media_hash"): "a hash of what whoever brings the file has",
    ("adapters/tokens.py", "sealed.hex() != token"): "how what was said is spelt, before any key is used",
    ("adapters/wecom_api/access.py", "_spelt(raw) != token"): "how what was said is spelt, before any key is used",
    ("adapters/wecom_api/access.py", "app.secret == known.secret"): "both are ours, and the token was good before",
    ("protocol/wecom/envelope.py", "signature in self._signatures"): "a look-up in a table, of what was right",
}


def compared(tree: ast.AST) -> Iterator[str]:
    """Give every comparison for equality, and every search, in which a secret's name stands on either side."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(op, EQUALITY) for op in node.ops):
            sides = [node.left, *node.comparators]
            if not any(isinstance(side, ast.Constant) for side in sides) and any(map(is_secret, sides)):
                yield ast.unparse(node)


def is_secret(side: ast.expr) -> bool:
    """Tell whether an operand is a secret by its name; a call is judged by what it is asked of."""
    if isinstance(side, ast.Subscript) and isinstance(side.slice, ast.Constant):
        return SECRET.search(str(side.slice.value)) is not None
    while isinstance(side, ast.Call):
        side = side.func.value if isinstance(side.func, ast.Attribute) else side.func
    name = side.attr if isinstance(side, ast.Attribute) else side.id if isinstance(side, ast.Name) else ""
    return SECRET.search(name) is not None


def test_no_secret_is_compared_in_a_time_that_tells_of_it() -> None:
    found = {(str(path.relative_to(ROOT)), text) for path in FILES for text in compared(ast.parse(path.read_text()))}
    assert sorted(found - HARMLESS.keys()) == []
    assert HARMLESS.keys() <= found, "a reason for what is no longer there"
    assert len(FILES) > 150


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("app.secret == asked", True), ("asked.corpsecret in others", True), ("token.encode() != raw", True),
        ("x != msg_signature", True), ("token == ''", False), ("compare_digest(app.secret, asked)", False),
        ("app.secret is None", False), ("kept['secret'] == asked", True), ("a is b == token", True),
        ("secrets == others", False),
    ],
)  # fmt: skip
def test_a_comparison_would_be_found(code: str, is_found: bool) -> None:
    assert bool(list(compared(ast.parse(code)))) == is_found

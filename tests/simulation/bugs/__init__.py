"""Bugs planted on purpose, one small function each: it patches one thing of the gateway while seeds are lived.

The checkers know nothing of them.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final
from unittest.mock import patch

from gateway.state import State
from gateway.state.apply import APPLIERS

Planting = Callable[[ExitStack], None]
PLANTED: Final[dict[str, Planting]] = {}


class PlantedDefect(Exception):
    """What a bug raises where an exception is the bug itself."""


def planted(bug: Planting) -> Planting:
    """Let a bug be hunted by its name."""
    PLANTED[bug.__name__] = bug
    return bug


def put(stack: ExitStack, at: Any, name: str, value: Any) -> None:
    stack.enter_context(patch.object(at, name, value))


def apply_as(stack: ExitStack, kind: type, value: Callable[[State, Any], None]) -> None:
    stack.enter_context(patch.dict(APPLIERS, {kind: value}))

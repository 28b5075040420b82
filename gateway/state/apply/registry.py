"""Which function takes in which event."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.state import State

Applier = Callable[["State", Any], None]
APPLIERS: dict[type, Applier] = {}


def applies(event: type) -> Callable[[Applier], Applier]:
    """Make a function the one that takes in this event."""

    def register(function: Applier) -> Applier:
        APPLIERS[event] = function
        return function

    return register

"""Which switches of strictness are on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.events.strictness import StrictnessSet
from gateway.state.apply.registry import applies

if TYPE_CHECKING:
    from gateway.state import State


@applies(StrictnessSet)
def strictness_set(state: State, event: StrictnessSet) -> None:
    state.strict = event.switches

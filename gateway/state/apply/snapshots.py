"""What changes when a snapshot begins a life of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.events.snapshots import WorldRestored
from gateway.state.apply.registry import applies

if TYPE_CHECKING:
    from gateway.state import State


@applies(WorldRestored)
def world_restored(state: State, event: WorldRestored) -> None:
    state.epoch = event.epoch
    state.revoked = {**state.revoked, **event.revoked}
    if event.real_ms:
        state.clock = state.clock.restored_at(event.real_ms)

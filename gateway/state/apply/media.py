"""What an enterprise has uploaded. All files that end live equally long, so those that have ended stand first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.events.media import MediaKept
from gateway.state.apply.registry import applies
from gateway.state.media import Media

if TYPE_CHECKING:
    from gateway.state import State


@applies(MediaKept)
def media_kept(state: State, event: MediaKept) -> None:
    shelf = state.corps[event.corpid].media
    shelf.made += 1
    media = Media(
        event.media_id, event.kind, event.use, event.name, event.format, event.size, event.file, event.time_ms,
        event.expires_ms,
    )  # fmt: skip
    while (oldest := next(iter(shelf.kept.values()), None)) is not None and not oldest.lives(event.time_ms):
        del shelf.kept[oldest.media_id]
    (shelf.kept if event.expires_ms else shelf.pictures)[event.media_id] = media

"""Uploads: may this file be kept, until when, and under which id.

Rules of the file:
- A file lives for 3 days of the movable clock, and all apps of its enterprise may use it (DOC 90253).
- A picture of a page is kept for good; how many may be uploaded is counted in days and months (DOC 90312).
"""

from itertools import takewhile
from typing import Final

from gateway import windows
from gateway.commands.media import KeepMedia
from gateway.decide.directory import Handler
from gateway.events import AnyEvent
from gateway.events.media import MediaKept
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.media import Shelf
from protocol.errors import PICTURES_USED_UP, UNKNOWN_CORP
from protocol.ids import derive

LIFETIME_MS: Final = 3 * windows.DAY_MS
PICTURES_MAX: Final[tuple[tuple[windows.WindowName, int], ...]] = (("month", 3_000), ("day", 1_000))


def keep(state: State, now_ms: int, command: KeepMedia) -> list[AnyEvent] | Refusal:
    """Take in an uploaded file."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    for_good = command.use == "page"
    if for_good and (refusal := _used_up(corp.media, now_ms)) is not None:
        return refusal
    media_id = derive("", state.seed, corp.corpid, "media", corp.media.made + 1)
    expires_ms = 0 if for_good else now_ms + LIFETIME_MS
    return [
        MediaKept(
            corp.corpid, media_id, command.kind, command.use, command.name, command.format, command.size,
            command.file, now_ms, expires_ms,
        )
    ]  # fmt: skip


def _used_up(shelf: Shelf, now_ms: int) -> Refusal | None:
    """Count the pictures of this month and of today: they are kept, so that no counters are."""
    for window, most in PICTURES_MAX:
        place, present = windows.WINDOWS.index(window), windows.indexes(now_ms)
        newest_first = (windows.indexes(picture.made_ms) for picture in reversed(shelf.pictures.values()))
        if sum(1 for _ in takewhile(lambda at: at[place] == present[place], newest_first)) >= most:  # noqa: B023
            return Refusal(PICTURES_USED_UP, f"media/pictures_{window}_max", windows.resets_at_ms(window, now_ms))
    return None


HANDLERS: Final[dict[type, Handler]] = {KeepMedia: keep}

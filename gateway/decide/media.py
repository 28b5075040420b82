"""Uploads: may this file be kept, until when, and under which id.

Rules of the file:
- A file lives for 3 days of the movable clock, and all apps of its enterprise may use it (DOC 90253).
- A picture of a page is kept for good (DOC 90256); how many may be uploaded, the limits of calls say.
"""

from typing import Final

from gateway import windows
from gateway.commands.media import KeepMedia
from gateway.decide.directory import Handler
from gateway.events import AnyEvent
from gateway.events.media import MediaKept
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.media import Shelf
from protocol.content import AnyContent, Articles, File, Image, MiniProgram, Video, Voice
from protocol.errors import UNKNOWN_CORP, UNKNOWN_MEDIA
from protocol.ids import derive

LIFETIME_MS: Final = 3 * windows.DAY_MS


def keep(state: State, now_ms: int, command: KeepMedia) -> list[AnyEvent] | Refusal:
    """Take in an uploaded file."""
    corp = state.corps.get(command.corpid)
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    media_id = derive("", state.seed, corp.corpid, "media", corp.media.made + 1)
    expires_ms = 0 if command.use == "page" else now_ms + LIFETIME_MS
    return [
        MediaKept(
            corp.corpid, media_id, command.kind, command.use, command.name, command.format, command.size,
            command.file, now_ms, expires_ms,
        )
    ]  # fmt: skip


def check(shelf: Shelf, now_ms: int, content: AnyContent) -> Refusal | None:
    """Tell whether every file that a message names is there, and of the kind that it is said to be."""
    for media_id, kind in _named_in(content):
        media = shelf.find(media_id, now_ms)
        if media is None or media.kind != kind:
            return Refusal(UNKNOWN_MEDIA)
    return None


def _named_in(content: AnyContent) -> list[tuple[str, str]]:
    if isinstance(content, Image | Voice | Video | File):
        return [(content.media_id, type(content).__name__.lower())]
    if isinstance(content, Articles):
        return [(article.media_id, "image") for article in content.articles if article.media_id]
    return [(content.media_id, "image")] if isinstance(content, MiniProgram) and content.media_id else []


HANDLERS: Final[dict[type, Handler]] = {KeepMedia: keep}

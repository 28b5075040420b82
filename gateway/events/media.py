"""Uploaded files; tags from 80."""

from typing import Literal

from gateway.events.event import Event

MediaKind = Literal["image", "voice", "video", "file"]
MediaUse = Literal["message", "moments", "album", "page"]


class MediaKept(Event, tag=80):
    """A file was uploaded, and its bytes stand on disk as `file`; without an end it is kept for good."""

    corpid: str
    media_id: str
    kind: MediaKind
    use: MediaUse
    name: str
    format: str
    size: int
    file: str
    time_ms: int
    expires_ms: int

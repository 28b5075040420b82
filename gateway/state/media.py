"""Uploaded files of an enterprise: what is known of each. The bytes are the world's, which goes by `file`."""

from collections.abc import Iterator

from msgspec import Struct, field

from gateway.events.media import MediaKind, MediaUse


class Media(Struct, array_like=True, frozen=True, gc=False):
    """A file; `format` is its media type as its first bytes tell it, `expires_ms` 0 where it is kept for good."""

    media_id: str
    kind: MediaKind
    use: MediaUse
    name: str
    format: str
    size: int
    file: str
    made_ms: int
    expires_ms: int

    def lives(self, now_ms: int) -> bool:
        return self.expires_ms == 0 or now_ms < self.expires_ms


class Shelf(Struct, array_like=True):
    """What an enterprise has uploaded, oldest first: files that end, and pictures of pages, which do not."""

    kept: dict[str, Media] = field(default_factory=dict)
    pictures: dict[str, Media] = field(default_factory=dict)
    made: int = 0

    def find(self, media_id: str, now_ms: int) -> Media | None:
        """Give a file that has not expired."""
        media = self.kept.get(media_id)
        return media if media is not None and media.lives(now_ms) else None

    def living(self, now_ms: int) -> Iterator[Media]:
        """Give everything that has not expired."""
        yield from self.pictures.values()
        yield from (media for media in self.kept.values() if media.lives(now_ms))

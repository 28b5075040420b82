"""Uploads: what is asked once the bytes stand on disk."""

from gateway.commands.command import Command
from gateway.events.media import MediaKind, MediaUse


class KeepMedia(Command):
    """Take in a file whose bytes stand on disk as `file`; `use` says what the vendor lets it be used for."""

    corpid: str
    kind: MediaKind
    use: MediaUse
    name: str
    format: str
    size: int
    file: str

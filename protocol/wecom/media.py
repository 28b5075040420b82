"""Words of media (DOC 90253, 90254, 95098): what may be uploaded, and how a file shows what it is.

Rules of the file:
- A file says what it is by its first bytes; its name and its part's headers say nothing.
- Limits: DOC 90253, of attachments DOC 95098; of pictures of pages: SDK wechatpy. A file has more than 5 bytes.
"""

from typing import Final

from protocol.wecom.reply import Reply

MIB: Final = 1024 * 1024
BYTES_MIN: Final = 6
BYTES_MAX: Final[dict[str, int]] = {"image": 10 * MIB, "voice": 2 * MIB, "video": 10 * MIB, "file": 20 * MIB}
PICTURE_BYTES_MAX: Final = 2 * MIB
ATTACHMENT_BYTES_MAX: Final = 10 * MIB
LONG_SIDE_MAX: Final = 10_800  # pixels of a picture for moments; this side and the other (DOC 95098)
SHORT_SIDE_MAX: Final = 1_080
FILM_MS_MAX: Final = 30_000  # for moments (DOC 95094)
VOICE_MS_MAX: Final = 60_000
WHOLE_BYTES_MAX: Final = 20 * MIB  # a larger file is fetched by ranges
HEAD_BYTES: Final = 12  # enough to tell the formats apart

ANYTHING: Final = "application/octet-stream"
FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "image": ("image/jpeg", "image/png"),
    "voice": ("audio/amr",),
    "video": ("video/mp4",),
}


def format_of(head: bytes) -> str:
    """Tell what a file is, of what we need to know."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"#!AMR"):
        return "audio/amr"
    return "video/mp4" if head[4:8] == b"ftyp" else ANYTHING


class UploadReply(Reply, frozen=True, kw_only=True):
    type: str
    media_id: str
    created_at: str


class AttachmentReply(Reply, frozen=True, kw_only=True):
    type: str
    media_id: str
    created_at: int


class PictureReply(Reply, frozen=True, kw_only=True):
    url: str


__all__ = ["AttachmentReply", "PictureReply", "UploadReply", "format_of"]

"""From the vendor's words for what is said to customers to ours, and back (DOC 92135, 92137).

Bounds are the vendor's, in bytes of UTF-8: text 4,000; title of a link 128, its description 512; title of a mini
program 64; 9 attachments.
"""

from typing import Any, Final

import msgspec

from adapters.wecom_api.call import Caller, Door, No
from protocol.content import File, Image, Link, MiniProgram, Sendable, Text, Video
from protocol.wecom.attachments import ATTACHMENTS_MAX, Attachment, MiniApp, Named, Picture, Said, WebLink, Words

TEXT_BYTES_MAX: Final = 4_000
_BYTES_MAX: Final = {"link": {"title": 128, "desc": 512}, "miniprogram": {"title": 64}}
_KINDS: Final = ("image", "link", "miniprogram", "video", "file")


def contents_of(asked: Said) -> tuple[Sendable, ...]:
    """Read what is to be said, text first, each a message of its own; `No` says what is wrong with it."""
    attachments = [*asked.attachments, *_older(asked)]
    if not asked.text.content and not attachments:
        raise No(40063, "text or attachments")
    if len(asked.text.content.encode()) > TEXT_BYTES_MAX:
        raise No(45002, f"text.content: at most {TEXT_BYTES_MAX} bytes")
    if len(attachments) > ATTACHMENTS_MAX:
        raise No(41064, f"at most {ATTACHMENTS_MAX}")
    text = (Text(asked.text.content),) if asked.text.content else ()
    return (*text, *map(_content_of, attachments))


def check_media(door: Door, caller: Caller, contents: tuple[Sendable, ...]) -> None:
    """Raise `No` at the first media_id that the enterprise has not uploaded, or that has expired."""
    for content in contents:
        media_id = getattr(content, "media_id", "")
        if media_id and door.media.find(caller.corpid, media_id) is None:
            raise No(40007, f"media_id {media_id[:64]!r}")


def _older(asked: Said) -> list[Attachment]:
    """Find what older clients send beside the text."""
    kinds = (("image", Picture()), ("link", WebLink()), ("miniprogram", MiniApp()))
    given = [(kind, getattr(asked, kind)) for kind, empty in kinds if getattr(asked, kind) != empty]
    return [Attachment(msgtype=kind, **{kind: body}) for kind, body in given]


def _content_of(attachment: Attachment) -> Sendable:
    kind = attachment.msgtype
    if kind not in _KINDS:
        raise No(41065, f"msgtype {kind[:30]!r}: {', '.join(_KINDS)}")
    body = getattr(attachment, kind)
    if body is None:
        raise No(40058, f"attachments: {kind} is missing")
    for name, most in _BYTES_MAX.get(kind, {}).items():
        if len(getattr(body, name).encode()) > most:
            raise No(40058, f"attachments: {kind}.{name}: at most {most} bytes")
    try:
        content: Sendable = msgspec.convert({"kind": kind, **_fields(kind, body)}, Sendable)
    except msgspec.ValidationError as why:
        raise No(40058, f"attachments: {kind}: {why}") from why
    return content


def _fields(kind: str, body: Any) -> dict[str, str]:
    """Name the fields as we do; what must be there is."""
    lacking = [name for name in _MUST[kind] if not getattr(body, name)]
    if lacking or (kind == "image" and not body.media_id and not body.pic_url):
        raise No(40058, f"attachments: {kind}: {', '.join(lacking) or 'media_id or pic_url'} is missing")
    if kind == "link":
        return {"title": body.title, "url": body.url, "description": body.desc, "image_url": body.picurl}
    if kind == "miniprogram":
        return {"app_id": body.appid, "page": body.page, "title": body.title, "media_id": body.pic_media_id}
    if kind == "image" and not body.media_id:
        return {"media_id": "", "image_url": body.pic_url}
    return {"media_id": body.media_id}


_MUST: Final = {
    "image": (), "link": ("title", "url"), "miniprogram": ("title", "pic_media_id", "appid", "page"),
    "video": ("media_id",), "file": ("media_id",),
}  # fmt: skip


def words_of(contents: tuple[Sendable, ...]) -> Words | None:
    """Give the text of what was said, if there is one."""
    return next((Words(one.text) for one in contents if isinstance(one, Text)), None)


def attachments_of(contents: tuple[Sendable, ...]) -> tuple[Attachment, ...]:
    """Give the attachments of what was said; kinds that the vendor's API has no word for are left out."""
    told = map(_attachment_of, contents)
    return tuple(attachment for attachment in told if attachment is not None)


def _attachment_of(content: Sendable) -> Attachment | None:
    match content:
        case Image(media_id=media_id, image_url=url):
            return Attachment("image", image=Picture(media_id, url))
        case Link():
            link = WebLink(content.title, content.image_url, content.description, content.url)
            return Attachment("link", link=link)
        case MiniProgram():
            app = MiniApp(content.title, content.media_id, content.app_id, content.page)
            return Attachment("miniprogram", miniprogram=app)
        case Video(media_id=media_id):
            return Attachment("video", video=Named(media_id))
        case File(media_id=media_id):
            return Attachment("file", file=Named(media_id))
        case _:
            return None


__all__ = ["attachments_of", "check_media", "contents_of", "words_of"]

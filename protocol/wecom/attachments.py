"""Words of what is said to customers: a text and attachments (DOC 92135, 92137), in requests and in answers.

Of an attachment only the object that its `msgtype` names counts: some SDKs send all five, empty.
"""

from protocol.wecom.reply import Asked

ATTACHMENTS_MAX = 9


class Words(Asked, frozen=True, omit_defaults=True):
    content: str = ""


class Picture(Asked, frozen=True, omit_defaults=True):
    media_id: str = ""
    pic_url: str = ""


class Named(Asked, frozen=True, omit_defaults=True):
    """A video or a file."""

    media_id: str = ""


class WebLink(Asked, frozen=True, omit_defaults=True):
    title: str = ""
    picurl: str = ""
    desc: str = ""
    url: str = ""


class MiniApp(Asked, frozen=True, omit_defaults=True):
    title: str = ""
    pic_media_id: str = ""
    appid: str = ""
    page: str = ""


class Attachment(Asked, frozen=True, omit_defaults=True):
    msgtype: str = ""
    image: Picture | None = None
    link: WebLink | None = None
    miniprogram: MiniApp | None = None
    video: Named | None = None
    file: Named | None = None


class Said(Asked, frozen=True, kw_only=True):
    """A request that says something; older clients send one attachment beside the text instead of a list."""

    text: Words = Words()
    attachments: tuple[Attachment, ...] = ()
    image: Picture = Picture()
    link: WebLink = WebLink()
    miniprogram: MiniApp = MiniApp()


__all__ = ["ATTACHMENTS_MAX", "Attachment", "MiniApp", "Named", "Picture", "Said", "WebLink", "Words"]

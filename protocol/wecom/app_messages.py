"""Words of messages of apps (DOC 90236): who gets what.

Rules of the file:
- A request has one body, named like its `msgtype`; clients send the others too, empty.
- What may be too long is cut, not refused, between two characters; lengths that are not in DOC 90236: SDK wechatpy.
"""

from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from protocol.wecom.reply import Asked, Reply

TEXT_BYTES_MAX: Final = 2_048
TITLE_BYTES_MAX: Final = 128
DESCRIPTION_BYTES_MAX: Final = 512
BUTTON_CHARACTERS_MAX: Final = 4
NAMES_MAX: Final = {"touser": 1_000, "toparty": 100, "totag": 100}
CARD_BYTES_MAX: Final = 64 * 1024  # our own bound: the vendor's are on each of its fields
CARD_DEPTH_MAX: Final = 12

Said = Annotated[str, Meta(min_length=1)]
Url = Annotated[str, Meta(min_length=1, max_length=2_048)]
Bar = str | int
"""Names with bars between them; a single number may come as one."""


class Spoken(Asked, frozen=True, kw_only=True):
    """What an app says: `msgtype`, and the body of that name."""

    msgtype: str
    text: Any = None
    image: Any = None
    voice: Any = None
    video: Any = None
    file: Any = None
    textcard: Any = None
    news: Any = None
    mpnews: Any = None
    markdown: Any = None
    miniprogram_notice: Any = None
    template_card: Any = None


class MessageAsked(Spoken, frozen=True, kw_only=True):
    agentid: int
    touser: Bar = ""
    toparty: Bar = ""
    totag: Bar = ""
    enable_duplicate_check: int = 0
    duplicate_check_interval: int = 1_800


class TextBody(Struct):
    content: Said


class FileBody(Struct):
    media_id: Said


class VideoBody(Struct):
    media_id: Said
    title: str = ""
    description: str = ""


class CardBody(Struct):
    title: Said
    description: Said
    url: Url
    btntxt: str = ""


class NewsArticle(Struct):
    title: Said
    description: str = ""
    url: Annotated[str, Meta(max_length=2_048)] = ""
    picurl: str = ""


class NewsBody(Struct):
    articles: Annotated[list[NewsArticle], Meta(min_length=1, max_length=8)]


class PageArticle(Struct):
    title: Said
    thumb_media_id: Said
    content: Said
    author: str = ""
    content_source_url: str = ""
    digest: str = ""


class PagesBody(Struct):
    articles: Annotated[list[PageArticle], Meta(min_length=1, max_length=8)]


class NoticeItem(Struct):
    key: str
    value: str


class NoticeBody(Struct):
    appid: Said
    title: Said
    page: str = ""
    description: str = ""
    emphasis_first_item: bool = False
    content_item: Annotated[list[NoticeItem], Meta(max_length=10)] = []


class MessageReply(Reply, frozen=True, kw_only=True):
    invaliduser: str = ""
    invalidparty: str = ""
    invalidtag: str = ""
    unlicenseduser: str = ""
    msgid: str
    response_code: str | UnsetType = UNSET


class RecallAsked(Asked, frozen=True):
    msgid: Said


class StatisticsAsked(Asked, frozen=True):
    time_type: Annotated[int, Meta(ge=0, le=1)] = 0


class StatisticsOfApp(Struct, frozen=True):
    agentid: int
    app_name: str
    count: int


class StatisticsReply(Reply, frozen=True, kw_only=True):
    statistics: list[StatisticsOfApp]


class Button(Struct):
    replace_name: Said


class CardAsked(Asked, frozen=True):
    agentid: int
    response_code: Said
    userids: Annotated[tuple[str, ...], Meta(max_length=1_000)] = ()
    partyids: Annotated[tuple[int, ...], Meta(max_length=100)] = ()
    tagids: Annotated[tuple[int, ...], Meta(max_length=100)] = ()
    atall: int = 0
    button: Any = None
    template_card: Any = None


class CardReply(Reply, frozen=True, kw_only=True):
    invaliduser: list[str]
    invalidparty: list[int]
    invalidtag: list[int]

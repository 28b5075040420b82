"""From the vendor's words for what an app says to ours; what is too long is cut between two characters."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from adapters.strict import explained
from adapters.wecom_api.call import No
from protocol.content import (
    AppContent,
    Article,
    Articles,
    Card,
    File,
    Image,
    Markdown,
    MiniProgramNotice,
    TemplateCard,
    Text,
    Video,
    Voice,
)
from protocol.wecom.app_messages import (
    BUTTON_CHARACTERS_MAX,
    CARD_BYTES_MAX,
    CARD_DEPTH_MAX,
    DESCRIPTION_BYTES_MAX,
    TEXT_BYTES_MAX,
    TITLE_BYTES_MAX,
    Button,
    CardAsked,
    CardBody,
    FileBody,
    NewsBody,
    NoticeBody,
    PagesBody,
    TextBody,
    VideoBody,
)

ANSWERABLE: Final = frozenset({"button_interaction", "vote_interaction", "multiple_interaction"})


def cut(text: str, bytes_max: int) -> str:
    """Cut a text to so many bytes, between two characters."""
    return text.encode()[:bytes_max].decode(errors="ignore") if len(text) * 4 > bytes_max else text


def _title(text: str) -> str:
    return cut(text, TITLE_BYTES_MAX)


def _description(text: str) -> str:
    return cut(text, DESCRIPTION_BYTES_MAX)


def _card(body: CardBody) -> Card:
    return Card(_title(body.title), _description(body.description), body.url, body.btntxt[:BUTTON_CHARACTERS_MAX])


def _news(body: NewsBody) -> Articles:
    return Articles(
        tuple(
            Article(_title(one.title), _description(one.description), one.url, one.picurl) for one in body.articles
        )
    )  # fmt: skip


def _pages(body: PagesBody) -> Articles:
    """Make articles of pages: what a member sees of each before opening it."""
    return Articles(
        tuple(
            Article(
                _title(one.title), _description(one.digest), one.content_source_url, media_id=one.thumb_media_id,
                author=one.author[:64],
            )
            for one in body.articles
        )
    )  # fmt: skip


def _notice(body: NoticeBody) -> MiniProgramNotice:
    items = tuple((_title(item.key), _description(item.value)) for item in body.content_item)
    return MiniProgramNotice(
        body.appid, _title(body.title), body.page, _description(body.description), items, body.emphasis_first_item
    )  # fmt: skip


def template_card(card: dict[str, Any]) -> TemplateCard:
    """Take a card as the app has laid it out, if it is of a bearable size."""
    card_type = card.get("card_type")
    if not isinstance(card_type, str) or not card_type:
        raise No(40058, "a template_card has a card_type")
    if _depth(card) > CARD_DEPTH_MAX or len(msgspec.json.encode(card)) > CARD_BYTES_MAX:
        raise No(40058, f"a card of more than {CARD_BYTES_MAX} bytes, or deeper than {CARD_DEPTH_MAX}")
    return TemplateCard(card_type, card)


def _depth(value: Any) -> int:
    """Tell how deep a value is, as far as that matters."""
    level, depth = [value], 0
    while level and depth <= CARD_DEPTH_MAX:
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        depth += 1
    return depth


def card_of(asked: CardAsked) -> TemplateCard:
    """Read what a card is to show: another card, or another name on its button."""
    try:
        if asked.template_card:
            return template_card(msgspec.convert(asked.template_card, dict[str, Any], strict=False))
        name = msgspec.convert(asked.button or {}, Button, strict=False).replace_name
    except msgspec.ValidationError as why:
        raise No(40058, "a card shows a template_card, or a button of another replace_name") from why
    return TemplateCard("button", {"replace_name": name})


class Said(Protocol):
    """What is said: `msgtype`, and the body of that name."""

    @property
    def msgtype(self) -> str: ...


class Kind(NamedTuple):
    body: Any
    make: Callable[[Any], AppContent]


KINDS: Final[dict[str, Kind]] = {
    "text": Kind(TextBody, lambda body: Text(cut(body.content, TEXT_BYTES_MAX))),
    "image": Kind(FileBody, lambda body: Image(body.media_id)),
    "voice": Kind(FileBody, lambda body: Voice(body.media_id)),
    "video": Kind(
        VideoBody, lambda body: Video(body.media_id, _title(body.title), description=_description(body.description))
    ),
    "file": Kind(FileBody, lambda body: File(body.media_id)),
    "textcard": Kind(CardBody, _card),
    "news": Kind(NewsBody, _news),
    "mpnews": Kind(PagesBody, _pages),
    "markdown": Kind(TextBody, lambda body: Markdown(cut(body.content, TEXT_BYTES_MAX))),
    "miniprogram_notice": Kind(NoticeBody, _notice),
    "template_card": Kind(dict[str, Any], template_card),
}


def content_of(asked: Said, kinds: Mapping[str, Kind] = KINDS) -> AppContent:
    """Read what an app says; `No` says what is wrong with it."""
    if asked.msgtype not in kinds:
        raise No(40008, f"a msgtype is one of {', '.join(sorted(kinds))}")
    kind, body = kinds[asked.msgtype], getattr(asked, asked.msgtype) or {}
    try:
        return kind.make(msgspec.convert(body, kind.body, strict=False))
    except msgspec.ValidationError as why:
        raise No(40058, f"{asked.msgtype}: {explained(str(why), kind.body)}") from why
    except UnicodeEncodeError as why:
        raise No(40058, "half a surrogate is no character") from why

"""What a receiver may answer a message with, in place of `success`: its words back into contents (DOC 90241)."""

from collections.abc import Callable
from typing import Final
from xml.etree.ElementTree import Element

import msgspec

from protocol.content import Image, Link, Sendable, Text, Video, Voice
from protocol.wecom import xml

ARTICLES_MAX: Final = 8  # DOC 90241: of one news reply
Children = dict[str, Element]


class NoReply(ValueError):
    """An answer that cannot be made into messages; the text says why."""


def read_reply(message: bytes) -> tuple[Sendable, ...]:
    """Read the plaintext of an answer; news becomes one link an article."""
    try:
        told = xml.children_of(xml.read(message))
        kind = xml.text_of(told.get("msgtype"))
        read = KINDS.get(kind)
        if read is None:
            raise NoReply(f"replies of type {kind!r} are not simulated")
        said = read(told)
        return msgspec.convert([msgspec.to_builtins(one) for one in said], tuple[Sendable, ...])
    except (xml.NotXml, msgspec.ValidationError) as why:
        raise NoReply(f"the reply cannot be read: {why}") from why


def _inner(told: Children, name: str) -> Children:
    element = told.get(name)
    return xml.children_of(element) if element is not None else {}


def _media_id(told: Children, name: str) -> str:
    media_id = xml.text_of(_inner(told, name).get("mediaid"))
    if not media_id:
        raise NoReply("the reply names no MediaId")
    return media_id


def _text(told: Children) -> tuple[Sendable, ...]:
    content = told.get("content")
    return (Text((content.text or "") if content is not None else ""),)


def _news(told: Children) -> tuple[Sendable, ...]:
    articles = told.get("articles")
    items = [xml.children_of(item) for item in articles] if articles is not None else []
    if not 1 <= len(items) <= ARTICLES_MAX:
        raise NoReply(f"news has 1 to {ARTICLES_MAX} articles")
    names = ("title", "url", "description", "picurl")
    return tuple(Link(*(xml.text_of(item.get(name)) for name in names)) for item in items)


KINDS: Final[dict[str, Callable[[Children], tuple[Sendable, ...]]]] = {
    "text": _text,
    "image": lambda told: (Image(_media_id(told, "image")),),
    "voice": lambda told: (Voice(_media_id(told, "voice")),),
    "video": lambda told: (Video(_media_id(told, "video"), xml.text_of(_inner(told, "video").get("title"))),),
    "news": _news,
}

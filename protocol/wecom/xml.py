"""XML as callbacks and their answers spell it: small documents whose root is `xml`.

Rules of the file:
- What is written stands in CDATA, numbers apart; what XML cannot carry becomes U+FFFD.
- What is read has no document type, so that nothing in it can expand or refer to anything; it is UTF-8, and its tags
  are told apart without case, since SDKs spell them differently.
"""

import re
from collections.abc import Iterable
from typing import Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

Value = str | int | tuple["Node", ...]
Node = tuple[str, Value]

_UNFIT: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


class NotXml(ValueError):
    """The bytes are no document of the kind that is read here."""


def written(children: Iterable[Node]) -> str:
    """Write a document; its children come in this order."""
    return f"<xml>{_nodes(children)}</xml>"


def _nodes(children: Iterable[Node]) -> str:
    return "".join(f"<{name}>{_value(value)}</{name}>" for name, value in children)


def _value(value: Value) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return _nodes(value)
    fit = _UNFIT.sub("\ufffd", value).replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{fit}]]>"


class _Plain(TreeBuilder):
    """Builds a tree of elements, and stops at a document type, before anything in it is looked at."""

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        raise NotXml("a document type")


def read(document: bytes) -> Element:
    """Read a document; give its root."""
    try:
        parser = XMLParser(target=_Plain())  # noqa: S314 - what makes XML dangerous is refused by _Plain
        parser.feed(document.decode())  # as text: what the document says of its encoding counts for nothing
        root: Element = parser.close()
    except (ParseError, ValueError) as why:
        raise NotXml(str(why)) from why
    if root.tag != "xml":
        raise NotXml("the root is not xml")
    return root


def children_of(parent: Element) -> dict[str, Element]:
    """Give the children by their tags in lower case; two of one tag are one too many."""
    found: dict[str, Element] = {}
    for child in parent:
        if found.setdefault(child.tag.lower(), child) is not child:
            raise NotXml(f"two of {child.tag}")
    return found


def text_of(element: Element | None) -> str:
    """Give what an element says; nothing where there is none."""
    return (element.text or "").strip() if element is not None else ""

"""Words of the welcome to a new customer (DOC 92137), and of the welcomes that groups may use (DOC 92366)."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from protocol.wecom.attachments import MiniApp, Named, Picture, Said, WebLink, Words
from protocol.wecom.reply import Asked, Reply


class WelcomeAsked(Said, frozen=True, kw_only=True):
    welcome_code: Annotated[str, Meta(min_length=1)]


class TemplateBody(Asked, frozen=True, omit_defaults=True, kw_only=True):
    """A text and one thing more: of several, the first in this order counts."""

    text: Words = Words()
    image: Picture = Picture()
    link: WebLink = WebLink()
    miniprogram: MiniApp = MiniApp()
    file: Named = Named()
    video: Named = Named()


class TemplateAsked(TemplateBody, frozen=True, kw_only=True):
    """`notify` tells members of a new one, and `agentid` is of provider apps of old: neither changes anything here."""

    agentid: int = 0
    notify: Annotated[int, Meta(ge=0, le=1)] = 1


class TemplateNamed(Asked, frozen=True, kw_only=True):
    template_id: Annotated[str, Meta(min_length=1)]
    agentid: int = 0


class TemplateChanged(TemplateAsked, frozen=True, kw_only=True):
    template_id: Annotated[str, Meta(min_length=1)]


class TemplateMade(Reply, frozen=True, kw_only=True):
    template_id: str


class TemplateReply(Reply, frozen=True, kw_only=True):
    text: Words | UnsetType = UNSET
    image: Picture | UnsetType = UNSET
    link: WebLink | UnsetType = UNSET
    miniprogram: MiniApp | UnsetType = UNSET
    file: Named | UnsetType = UNSET
    video: Named | UnsetType = UNSET


__all__ = [
    "TemplateAsked", "TemplateBody", "TemplateChanged", "TemplateMade", "TemplateNamed", "TemplateReply",
    "WelcomeAsked",
]  # fmt: skip

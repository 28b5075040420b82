"""Words of the welcome to a new customer (DOC 92137)."""

from typing import Annotated

from msgspec import Meta

from protocol.wecom.attachments import Said


class WelcomeAsked(Said, frozen=True, kw_only=True):
    welcome_code: Annotated[str, Meta(min_length=1)]


__all__ = ["WelcomeAsked"]

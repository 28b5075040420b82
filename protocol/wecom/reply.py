"""What every answer of WeCom's server API has, and what a request is."""

from msgspec import Struct


class Reply(Struct, frozen=True):
    """The parent of every answer: 0 and `ok`, or the number and text of what went wrong."""

    errcode: int = 0
    errmsg: str = "ok"


class Asked(Struct, frozen=True):
    """The parent of every request; keys that nobody knows are ignored, since SDKs are of many ages."""

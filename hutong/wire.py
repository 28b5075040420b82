"""How a client's frames become bytes and back, and what the gateway may answer; none of it the server's own code."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

import msgpack
import orjson
from aiohttp import WSMsgType

Encoding = Literal["msgpack", "json"]


class Wire(NamedTuple):
    """One encoding, by packages that the server does not use."""

    subprotocol: str
    opcode: WSMsgType
    pack: Callable[[Any], bytes]
    unpack: Callable[[bytes], Any]


WIRES: Final[dict[str, Wire]] = {
    "msgpack": Wire("hutong.v1.msgpack", WSMsgType.BINARY, msgpack.packb, msgpack.unpackb),
    "json": Wire("hutong.v1.json", WSMsgType.TEXT, orjson.dumps, orjson.loads),
}


class Accepted(NamedTuple):
    """The command is durable; a send has its place in the conversation."""

    number: int
    conversation: str
    sequence: int
    time_ms: int


class Refused(Exception):
    """The gateway said no, and nothing was done. `retry_at_ms` is set where waiting until then helps."""

    def __init__(self, frame: Mapping[str, Any]) -> None:
        self.number: int = frame["number"]
        self.code: int = frame["code"]
        self.reason: str = frame["reason"]
        self.text: str = frame["text"]
        self.advice: str = frame["advice"]
        self.rule: str = frame.get("rule", "")
        self.retry_at_ms: int = frame.get("retry_at_ms", 0)
        super().__init__(f"{self.reason} ({self.code}): {self.text}" + (f" [{self.rule}]" if self.rule else ""))


class LinkEnded(Exception):
    """The link is closed for good, and this is the close code and why; it is not tried again."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"the link is closed: {text or 'no reason given'} ({code})")
        self.code = code
        self.text = text


def not_trusted(url: str) -> str:
    """Say what helps where the certificate of an address is not trusted; to try again does not."""
    return f"what {url} shows is not trusted: set SSL_CERT_FILE to the server's tls/ca.pem in its data folder"


class OutcomeUnknown(Exception):
    """The client was closed before an answer came: the command may have been done or not."""

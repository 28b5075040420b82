"""The journal of calls: what was asked of the vendor's API lately, and what was answered.

Rules of the file:
- Secrets are never kept: no token and no secret of an app, whether from the address or from a body.
- A call costs a few references; what a line looks like is worked out when somebody looks.
- Soft: bounded in lines and in bytes, and emptied by a restart.
"""

import re
import time
from collections import Counter
from functools import lru_cache
from typing import Final

from aiohttp import web
from msgspec import Struct

from adapters.recalled import Recalled
from gateway.refusal import Refusal

PREFIX: Final = "/cgi-bin/"
LINES_MAX: Final = 2_000
BYTES_MAX: Final = 4 * 1024 * 1024
BODY_BYTES_MAX: Final = 4 * 1024  # of one body
PATH_CHARACTERS_MAX: Final = 200
CLIENT_CHARACTERS_MAX: Final = 100
LINE_BYTES: Final = 1_000  # of a line without what came

# How the names of secrets end, whatever stands before them (`access_`, `corp`, `amp;`).
_NAMES: Final = r"(token|secret|ticket|session_key|aes_?key|(?<![a-z_])key)"
# What is in quotes ends with them, what is in none at what could not be in it.
_SAID: Final = _NAMES + r"""(\\*["']?\s*[:=]\s*(?:\\*["'])?)(?:(?<=["'])(?:\\.|[^"\\])*|[^"'&,}\s]+)"""
_SECRET: Final = re.compile(_SAID.encode(), re.IGNORECASE)
_SECRET_TEXT: Final = re.compile(_SAID, re.IGNORECASE)
_SECRET_KEY: Final = re.compile(_NAMES + "$", re.IGNORECASE)


class CallLine(Struct, gc=False):
    """A call as it is kept. `said` is the text of a yes, or the whole answer of a no."""

    method: str
    path: str
    address: str
    client: str
    query: dict[str, str]
    real_ns: int
    time_ms: int
    corpid: str = ""
    agent_id: str = ""
    body: bytes = b""
    errcode: int = 0
    said: str | bytes = "ok"
    refusal: Refusal | None = None
    duration_ns: int = 0
    ordinal: int = 0
    size: int = LINE_BYTES

    def bring(self, body: bytes) -> None:
        """Keep the beginning of a body, without its secrets."""
        if not body:
            return
        if len(body) > BODY_BYTES_MAX:
            body = body[:BODY_BYTES_MAX]
        lower = body.decode("latin-1").lower()  # `in` of bytes raises and catches an error before it looks
        if "token" in lower or "secret" in lower or "ticket" in lower or "key" in lower:
            body = _SECRET.sub(rb"\1\2***", body)
        self.body = body
        self.size += len(body)


class Calls(Recalled[CallLine]):
    """The calls, and how often paths were asked for that are not simulated, or not known at all."""

    def __init__(self) -> None:
        super().__init__(LINES_MAX, BYTES_MAX)
        self.unknown = 0
        self.unsimulated: Counter[str] = Counter()  # bounded by the table of known paths

    def begin(self, request: web.Request, now_ms: int) -> CallLine:
        """Note that a call came."""
        client = request.headers.get("User-Agent", "")[:CLIENT_CHARACTERS_MAX]
        query = request.query
        told = {} if len(query) == 1 and "access_token" in query else _without_secrets(request)
        path = path_alone(request.path[len(PREFIX) :])[:PATH_CHARACTERS_MAX]
        size = LINE_BYTES + len(request.rel_url.raw_query_string) if told else LINE_BYTES
        return CallLine(
            request.method, path, request.remote or "", client, told, time.time_ns(), now_ms, size=size
        )  # fmt: skip

    def end(self, line: CallLine, errcode: int, said: str | bytes, refusal: Refusal | None = None) -> None:
        """Note how it was answered, and keep it."""
        line.errcode, line.said, line.refusal = errcode, said, refusal
        line.duration_ns = time.time_ns() - line.real_ns
        line.size += len(said)
        self.add(line)


def path_alone(path: str) -> str:
    """Cut off what was meant to be no path, and may be a token: behind &, an encoded ?, or no separator at all."""
    path, question_mark, _ = path.partition("&")[0].partition("?")
    return without_secrets(path) + question_mark


def without_secrets(text: str) -> str:
    """Blot out what a text says the secrets are."""
    return _SECRET_TEXT.sub(r"\1\2***", text) if "=" in text or ":" in text else text


def _without_secrets(request: web.Request) -> dict[str, str]:
    return {key: without_secrets(value) for key, value in request.query.items() if not _is_secret(key)}


@lru_cache(maxsize=256)  # the keys of an address are few
def _is_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None

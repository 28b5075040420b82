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

SECRETS: Final = frozenset({
    "access_token", "suite_access_token", "provider_access_token", "corpsecret", "suite_secret", "provider_secret",
    "secret", "token", "encoding_aeskey", "encodingaeskey", "session_key", "suite_ticket", "user_ticket", "key",
})  # fmt: skip
_NAMES: Final = "|".join(sorted(SECRETS, key=len, reverse=True)).encode()
_SECRET: Final = re.compile(rb"""(?i)(?<![a-z_])(%b)(["']?\s*[:=]\s*["']?)[^"'&,}\s]+""" % _NAMES)


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
        if len(body) > BODY_BYTES_MAX:
            body = body[:BODY_BYTES_MAX]
        if b"token" in body or b"secret" in body or b"ticket" in body:  # every body with a secret has one
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
        path = request.path[len(PREFIX) :].partition("&")[0][:PATH_CHARACTERS_MAX]  # behind & there may be a token
        size = LINE_BYTES + len(request.query_string) if told else LINE_BYTES
        return CallLine(
            request.method, path, request.remote or "", client, told, time.time_ns(), now_ms, size=size
        )  # fmt: skip

    def end(self, line: CallLine, errcode: int, said: str | bytes, refusal: Refusal | None = None) -> None:
        """Note how it was answered, and keep it."""
        line.errcode, line.said, line.refusal = errcode, said, refusal
        line.duration_ns = time.time_ns() - line.real_ns
        line.size += len(said)
        self.add(line)


def _without_secrets(request: web.Request) -> dict[str, str]:
    return {key: value for key, value in request.query.items() if not _is_secret(key)}


@lru_cache(maxsize=256)  # the keys of an address are few
def _is_secret(key: str) -> bool:
    return key.lstrip("?").lower() in SECRETS

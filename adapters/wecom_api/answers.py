"""How the vendor's API answers: number and text in the body, our own words in the headers.

`errmsg` has the vendor's shape: a short text, a hint that differs from answer to answer, the caller's address, and
where to read more (DOC 90930). Programs may not match it. Every answer says which request it answers and what the
movable clock showed; one that a rule of ours refused says which, what is used and left, and when to try again.
"""

import asyncio
import re
import time
from email.utils import formatdate
from functools import lru_cache
from hashlib import blake2b
from itertools import count
from secrets import token_hex
from typing import Final

import msgspec
from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict, istr

from adapters.http import LOOPBACK_NAMES
from adapters.log import text_of
from adapters.wecom_api.call import No
from adapters.wecom_api.calls import CallLine
from gateway.refusal import Refusal
from protocol.wecom.errcodes import TEXTS
from protocol.wecom.reply import Reply

JSON: Final = "application/json; charset=utf-8"

WHOLE_BYTES_MAX: Final = 64 * 1024  # a larger answer is written as the client takes it

_RUN: Final = token_hex(4)
_numbers: Final = count(1)
_REQUEST: Final = istr("X-Hutong-Request")  # made once: they stand on every answer
_TIME: Final = istr("X-Hutong-Time")
_CONTENT_TYPE: Final = istr("Content-Type")
_encode = msgspec.json.encode
_HOST: Final = re.compile(f"(?:{'|'.join(map(re.escape, LOOPBACK_NAMES))})(?::[0-9]{{1,5}})?")


class Visit:
    """One request, from its coming to its answer. `fault` names the order that struck it; `notes` are headers of the
    answer in which a call says what the vendor has no words for."""

    __slots__ = ("address", "fault", "line", "notes", "now_ms", "number")

    def __init__(self, line: CallLine) -> None:
        self.number = next(_numbers)
        self.line = line
        self.now_ms = line.time_ms
        self.address = line.address
        self.fault = ""
        self.notes: dict[str, str] = {}

    @property
    def id(self) -> str:
        return f"{_RUN}-{self.number}"

    @property
    def more(self) -> dict[str, str]:
        """Give the headers that few answers have."""
        return {"X-Hutong-Fault": self.fault, **self.notes} if self.fault else self.notes

    def headers(self) -> CIMultiDict[str]:
        """Say which request is answered, and when."""
        return CIMultiDict({_REQUEST: self.id, _TIME: _shown(self.now_ms), **self.more})


@lru_cache(maxsize=4)  # a second has many answers
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return text_of(second * 1000)[: -len("000Z")]


def _shown(now_ms: int) -> str:
    second, rest = divmod(now_ms, 1000)
    return f"{_second(second)}{rest:03}Z"


class Outgoing:
    """Answers that go out together once all that came together has been done: a write to a client that sleeps wakes it,
    which costs a third of a call, and clients of one process sleep and wake as one."""

    def __init__(self) -> None:
        self._waiting: list[tuple[asyncio.WriteTransport, bytes]] = []

    def send(self, to: asyncio.WriteTransport, answer: bytes) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write)
        self._waiting.append((to, answer))

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        for to, answer in waiting:
            if not to.is_closing():
                to.write(answer)


class Said(web.Response):
    """A yes. To a client that keeps its connection, as nearly all do, it goes out as one piece of bytes: aiohttp's way
    of writing a head costs a tenth of a whole call."""

    def __init__(self, visit: Visit, reply: Reply, outgoing: Outgoing) -> None:
        self._visit = visit
        self._said = _encode(reply)
        self._outgoing = outgoing
        self._to: asyncio.WriteTransport | None = None
        # All that aiohttp asks of a response that it need not prepare; its own part is made where it must.
        self._eof_sent, self._keep_alive, self._payload_writer = False, None, None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        plain = request.version == HttpVersion11 and request.keep_alive and request.method in ("GET", "POST")
        connection, to = request.protocol, request.transport
        held_up = connection.writing_paused or connection._messages  # noqa: SLF001 - the next answer may not overtake
        if not plain or to is None or held_up or len(self._said) > WHOLE_BYTES_MAX:
            headers = self._visit.headers()
            headers[_CONTENT_TYPE] = JSON
            super().__init__(body=self._said, headers=headers)
            return await super().prepare(request)  # it waits for who does not read, and knows of who is gone
        self._keep_alive = True
        self._to = to
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        if self._to is None or self._eof_sent:
            await super().write_eof(data)
            return
        visit = self._visit
        more = "".join([f"{name}: {value}\r\n" for name, value in visit.more.items()]) if visit.more else ""
        head = (
            f"HTTP/1.1 200 OK\r\n{_REQUEST}: {visit.id}\r\n{_TIME}: {_shown(visit.now_ms)}\r\n{more}"
            f"{_CONTENT_TYPE}: {JSON}\r\nContent-Length: {len(self._said)}\r\nDate: {_date(int(time.time()))}\r\n\r\n"
        )
        self._outgoing.send(self._to, head.encode() + self._said)
        self._eof_sent = True


def refused(visit: Visit, no: No, base_url: str) -> web.Response:
    """Write a no."""
    headers = visit.headers()
    headers[_CONTENT_TYPE] = JSON
    headers["Link"] = f'<{_more(no, base_url)}>; rel="help"'
    if no.refusal is not None:
        headers.update(_reason(no.refusal))
    return web.Response(body=_encode(Reply(no.errcode, errmsg_of(visit, no, base_url))), headers=headers)


def errmsg_of(visit: Visit, no: No, base_url: str) -> str:
    """Say what a no is about, in the vendor's shape."""
    hint = blake2b(f"{_RUN} {visit.now_ms} {visit.number}".encode(), digest_size=16).hexdigest()
    text = TEXTS.get(no.errcode, "refused") + (f": {no.detail}" if no.detail else "")
    if no.malformed:
        text = f"Warning: wrong json format. {text}"
    errmsg = (
        f"{text}, hint: [{visit.now_ms // 1000}_{visit.number}_{hint}], from ip: {visit.address}, "
        f"more info at {_more(no, base_url)}"
    )
    return errmsg.encode("utf-8", "replace").decode()  # half a surrogate is no UTF-8


def _more(no: No, base_url: str) -> str:
    return f"{base_url}/_hutong/errors?e={no.errcode}"


def _reason(refusal: Refusal) -> dict[str, str]:
    """Say in headers what the vendor has no words for."""
    headers = {"X-Hutong-Reason": refusal.reason.name, "X-Hutong-Rule": _plain(refusal.rule)}
    if refusal.limit:
        left = max(0, refusal.limit - refusal.used)
        headers |= {
            "X-Hutong-Used": str(refusal.used), "X-Hutong-Limit": str(refusal.limit), "X-Hutong-Left": str(left)
        }  # fmt: skip
    if refusal.retry_at_ms:
        headers["X-Hutong-Retry-At"] = text_of(refusal.retry_at_ms)
    return headers


def _plain(text: str) -> str:
    """Leave out what a header cannot hold."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


def base_url_of(request: web.Request, base_url: str) -> str:
    """Name this server as the client did, if that is a name that control answers to."""
    host = request.headers.get("Host", "")
    return f"http://{host}" if _HOST.fullmatch(host) else base_url

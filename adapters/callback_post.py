"""One question to a receiver over HTTP, and what came back; the receiver is trusted with nothing.

Rules of the file:
- An answer is read up to a bound, its heads included, as it is: no redirect is followed, nothing is unpacked, no
  cookie is kept.
- A connection is used again while the receiver keeps it open; no receiver waits for another's connection.
- Where it may lead is looked at when it is made (`callback_sockets.py`).
"""

import asyncio
import socket
from functools import partial
from time import perf_counter_ns
from typing import Any, Final, NamedTuple, cast

from aiohttp import ClientError, ClientResponse, ClientSession, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from adapters.callback_sockets import Sockets, wrong_with
from adapters.own_thread import OwnThread
from protocol.wecom.envelope import ENVELOPE_BYTES_MAX

TAKEN_BYTES_MAX: Final = 2 * ENVELOPE_BYTES_MAX  # of one answer, its heads included
ERROR_SHOWN: Final = 500  # of what went wrong, which may quote the receiver at length
KEPT_S: Final = 2.0  # an idle connection: some receivers close theirs after 5 s, and the race is theirs to win


class Answer(NamedTuple):
    """What became of a question: a status and a body, or no status and an error."""

    status: int
    body: bytes
    error: str
    duration_us: int


class _Names(AbstractResolver):
    """Looks each name up on a thread of its own: a name that nobody answers for delays no other."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        thread = OwnThread("callback-name")
        try:
            found = await thread.call(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
        finally:
            thread.leave()
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=int(address[1]), family=kind, proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]  # fmt: skip

    async def close(self) -> None:
        """Have nothing to close: a thread ends with its look-up."""


class _Bounded(ResponseHandler):
    """Takes in so much of an answer and no more: who sends heads without end gets no turn after turn of the loop."""

    left = 0

    def set_response_params(self, **params: Any) -> None:
        """Begin to take in an answer; every question on the connection comes through here."""
        self.left = TAKEN_BYTES_MAX
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        taken = data[: self.left]
        self.left -= len(taken)
        if len(taken) < len(data) and self.transport is not None:
            self.transport.pause_reading()
        if taken:
            super().data_received(taken)


class Poster:
    """Asks receivers, as many at a time as there are."""

    def __init__(self, *, anywhere: bool = False) -> None:
        self._sessions = {
            scheme: _session(Sockets(https=scheme == "https", anywhere=anywhere)) for scheme in ("http", "https")
        }

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()

    async def ask(self, url: str, query: dict[str, str], body: bytes | None, seconds: float) -> Answer:
        """POST a body, or GET where there is none; every way to fail is an answer."""
        began = perf_counter_ns()
        status, told, error = 0, b"", ""
        try:
            async with asyncio.timeout(seconds):
                status, told, error = await self._ask(url, query, body)
        except TimeoutError:
            error = f"no answer within {seconds:g} s"
        except (ClientError, OSError, ValueError) as why:
            error = f"no connection: {str(why) or type(why).__name__}"[:ERROR_SHOWN]
        return Answer(status, told, error, (perf_counter_ns() - began) // 1000)

    async def _ask(self, url: str, query: dict[str, str], body: bytes | None) -> tuple[int, bytes, str]:
        where = URL(url)
        if wrong := wrong_with(where):
            return 0, b"", wrong
        headers = {} if body is None else {"Content-Type": "text/xml"}
        method = "GET" if body is None else "POST"
        async with self._sessions[where.scheme].request(
            method, where.update_query(query), data=body, headers=headers, allow_redirects=False
        ) as response:
            told = await _read(response)
            if told is None:
                response.close()
                return response.status, b"", f"an answer of more than {ENVELOPE_BYTES_MAX} bytes"
            return response.status, told, "" if response.status == 200 else f"status {response.status}"


def _session(sockets: Sockets) -> ClientSession:
    connector = TCPConnector(limit=0, keepalive_timeout=KEPT_S, resolver=_Names(), socket_factory=sockets)
    made = partial(_Bounded, loop=asyncio.get_running_loop())
    connector._factory = cast("partial[ResponseHandler]", made)  # noqa: SLF001 - tested
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        headers={"User-Agent": "hutong", "Accept-Encoding": "identity"},
    )


async def _read(response: ClientResponse) -> bytes | None:
    """Read an answer, if it is not too long."""
    told = bytearray()
    async for chunk in response.content.iter_any():
        told += chunk
        if len(told) > ENVELOPE_BYTES_MAX:
            return None
    return bytes(told)

"""The Autobahn suite's cases, driven by kosoku, against an echo over the link code of the gateway itself.

A link is what the door of `/ws` makes: the same handshake, the same takeover, the same `Link`. Only its session is an
echo, to which nothing is a frame of Hutong: each message goes back as it came, and nothing is said before a close.
"""

import time
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple
from unittest.mock import create_autospec

import kosoku
import pytest
from aiohttp import WSMessage, WSMsgType, web

from adapters import enterprise, link
from adapters.http import Listener, shake_hands
from adapters.link import Link, Links
from adapters.tokens import LinkClaims
from gateway.router import Router
from gateway.session import Session, Unanswerable
from protocol.codec import JSON, MSGPACK, websocket_frame
from protocol.errors import Close
from protocol.frames import ServerFrame

AT_ONCE: Final = 16  # some cases wait for seconds
AGAIN_MAX: Final = 3
CODECS: Final = {WSMsgType.TEXT: JSON, WSMsgType.BINARY: MSGPACK}
CLAIMS: Final = LinkClaims(enterprise.AUDIENCE, "corp/echo", "phone", "jti", 2**40, "key")

# The declared exceptions. A message of more than 64 KiB is refused with 1009 as soon as its size is known:
TOO_BIG: Final = [
    "7.1.6",
    *(f"9.{kind}.{size}" for kind in (1, 2) for size in range(2, 7)),
    "9.3.*",
    "9.4.*",
    "9.5.*",
    "9.6.*",
]
# Compression is not spoken, whatever is offered: a few bytes would unfold to megabytes, and each link holds its window.
COMPRESSED: Final = ["12.*", "13.*"]


class Verdict(NamedTuple):
    """What a case ended with: its messages, its closing handshake, and our close code."""

    messages: str
    closing: str = "OK"
    code: int | None = 1000


# Verdicts of the others that are not "OK": text that is no UTF-8 is refused when its message is whole, not within it
# (which RFC 6455 allows), and what codes above 4999 do is nobody's rule.
NOT_OK: Final = {f"6.4.{part}": Verdict("NON-STRICT", code=1007) for part in range(1, 5)} | {
    "7.13.1": Verdict("INFORMATIONAL", "INFORMATIONAL", 5000),
    "7.13.2": Verdict("INFORMATIONAL", "INFORMATIONAL", 65535),
}


class EchoLink(Link):
    """A link whose session takes text and binary in turn."""

    __slots__ = ()

    def message_received(self, message: WSMessage) -> None:
        self.session.codec = CODECS.get(message.type, self.session.codec)
        super().message_received(message)


class Echo(Session):
    """A session that sends back what it cannot read, which is everything but text that is no UTF-8."""

    __slots__ = ()

    def receive(self, data: bytes) -> None:
        try:
            super().receive(data)
        except Unanswerable as why:
            if why.close is not Close.BAD_FRAME:
                raise
            self.pipe.write(websocket_frame(self.codec.opcode, data))

    def frame(self, frame: ServerFrame) -> bytes:
        return b""


def echo(pipe: Link) -> Session:
    session = Echo(pipe, JSON, enterprise.AUDIENCE, enterprise.COMMANDS, CLAIMS.person, CLAIMS.device, CLAIMS.token_id)
    session.move("hello")
    session.move("caught_up")
    return session


@pytest.fixture
async def url(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Listen for whoever wants an echo."""
    monkeypatch.setattr(link, "Link", EchoLink)
    router = create_autospec(Router, instance=True)
    links = Links(router, time.time)

    async def open_echo(request: web.Request) -> web.StreamResponse:
        return links.take(request, shake_hands(request), CLAIMS, echo)

    app = web.Application()
    app.router.add_get("/", open_echo)
    listener = Listener(app, "127.0.0.1", 0)
    await listener.open()
    yield f"ws://127.0.0.1:{listener.port}/"
    await links.close(Close.RESTART, "", 0)
    await listener.close()
    router.defect.assert_not_called()


def is_ok(case: str, verdict: Verdict) -> bool:
    return verdict == NOT_OK[case] if case in NOT_OK else verdict[:2] == ("OK", "OK")


async def verdicts(
    url: str, is_declared: Callable[[str, Verdict], bool], cases: list[str] | None = None, but: list[str] | None = None
) -> dict[str, Verdict]:
    """Run cases; those that do not end as declared run again by themselves.

    The suite waits for an echo or an end for a second of the wall, which a busy machine may need for something else.
    What is wrong in a link is so each time.
    """
    found = await ran(url, cases, but, AT_ONCE)
    for _ in range(AGAIN_MAX):
        late = [case for case, verdict in found.items() if not is_declared(case, verdict)]
        if late:
            found |= await ran(url, late, None, 1)
    return found


async def ran(url: str, cases: list[str] | None, but: list[str] | None, at_once: int) -> dict[str, Verdict]:
    """Run cases once; the suite raises when one of them has not passed, and gives all of them then, too."""
    try:
        results = await kosoku.run_fuzzingclient(url, cases, but, at_once)
    except kosoku.FailureError as failure:
        results = failure.results
    return {
        result.case_id: Verdict(result.behavior.value, result.behavior_close.value, result.remote_close_code)
        for result in results
    }


async def test_every_case_is_ok_but_those_declared(url: str) -> None:
    found = await verdicts(url, is_ok, but=TOO_BIG + COMPRESSED)
    assert len(found) == 260
    assert {case: verdict for case, verdict in found.items() if verdict[:2] != ("OK", "OK")} == NOT_OK


async def test_message_of_more_than_64_kib_is_refused_for_its_size(url: str) -> None:
    found = await verdicts(url, lambda _, verdict: verdict.code == 1009, TOO_BIG)
    assert len(found) == 41
    assert {case: verdict for case, verdict in found.items() if verdict.code != 1009} == {}


@pytest.mark.filterwarnings(
    "ignore:unclosed file <.*kosoku:ResourceWarning"
)  # its cases leave closing to the collector
async def test_compression_is_not_spoken(url: str) -> None:
    found = await verdicts(url, lambda _, verdict: verdict.messages == "UNIMPLEMENTED", COMPRESSED)
    assert len(found) == 216
    assert {verdict.messages for verdict in found.values()} == {"UNIMPLEMENTED"}

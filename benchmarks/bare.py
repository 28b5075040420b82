"""The same links without rules and journal: what is left of the gateway when it has nothing to decide or to keep.

Links, sessions, outboxes and codecs are the gateway's own; the router is replaced by one that numbers a message,
encodes it once and hands it to everybody else of its conversation. There are no people and no state: a token is
`conversation:name`, and opens a link to that conversation. `python -m benchmarks.bare` prints its port when it listens.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import uvloop
from aiohttp import web

from adapters.consumer import AUDIENCE, COMMANDS
from adapters.http import Listener
from adapters.link import Link, Links
from adapters.tokens import LinkClaims
from benchmarks.generator import Client, Target
from benchmarks.pinned import first_line, python, running
from benchmarks.workload import Workload, people_of
from gateway.router import Router
from gateway.session import Session
from protocol.codec import MSGPACK, websocket_frame
from protocol.frames import SUBPROTOCOL_MSGPACK, Accepted, Hello, Message, Send, Synced, Welcome

TOKEN_SECONDS = 86400
OUTBOX_BYTES_MAX = 2**30  # nobody is cut over here: there is nothing to catch up from
Post = tuple[Session, bytes]


class Conversation:
    """Who is in it, and how many messages it has had."""

    def __init__(self) -> None:
        self.sequence = 0
        self.sessions: list[Session] = []
        self.posts: list[Post] = []


class BareRouter:
    """Takes what waits, numbers and encodes it, and hands it on; what a link asks of a router, and no more."""

    def __init__(self) -> None:
        self._conversations: dict[str, Conversation] = {}
        self._waiting: list[Session] = []

    def open(self, session: Session) -> None:
        self._of(session).sessions.append(session)

    def closed(self, session: Session) -> None:
        self._of(session).sessions.remove(session)

    def drained(self, session: Session) -> None:
        pass

    def ready(self, session: Session) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._turn)
        self._waiting.append(session)

    def _of(self, session: Session) -> Conversation:
        return self._conversations.setdefault(session.person, Conversation())

    def _turn(self) -> None:
        now_ms = int(time.time() * 1000)
        spoken: dict[Session, Conversation] = {}
        for session in self._waiting:
            while session.inbox:
                self._take(session, session.inbox.popleft(), now_ms, spoken)
        self._waiting.clear()
        touched = dict.fromkeys(spoken)
        for conversation in dict.fromkeys(spoken.values()):
            _deliver(conversation, touched)
        for session in touched:
            session.outbox.flush(OUTBOX_BYTES_MAX)

    def _take(self, session: Session, frame: object, now_ms: int, spoken: dict[Session, Conversation]) -> None:
        conversation = self._of(session)
        if isinstance(frame, Send):
            conversation.sequence += 1
            sequence, name = conversation.sequence, frame.conversation
            message = Message("ww0", name, sequence, now_ms, "consumer", session.device, frame.content)
            conversation.posts.append((session, websocket_frame(MSGPACK.opcode, MSGPACK.encode(message))))
            session.answer(Accepted(frame.number, name, sequence, now_ms))
            spoken[session] = conversation
        elif isinstance(frame, Hello):
            session.move("hello")
            session.answer(Welcome(session.person, session.device, 0, resumed=False))
            session.answer(Synced(""))
            session.outbox.flush(OUTBOX_BYTES_MAX)


def _deliver(conversation: Conversation, touched: dict[Session, None]) -> None:
    """Hand on as the gateway does: the same joined bytes to all who did not speak."""
    posts, conversation.posts = conversation.posts, []
    joined = b"".join([frame for _, frame in posts])
    speakers = {speaker for speaker, _ in posts}
    for session in conversation.sessions:
        if session not in speakers:
            session.outbox.pushes.append(joined)
            touched[session] = None
        elif others := [frame for speaker, frame in posts if speaker is not session]:
            session.outbox.pushes.append(b"".join(others))


async def _serve() -> None:
    router = cast(Router, BareRouter())
    links = Links(router, time.time)

    async def door(request: web.Request) -> web.StreamResponse:
        conversation, _, name = request.headers["Authorization"].removeprefix("Bearer ").partition(":")
        headers, *_ = web.WebSocketResponse(protocols=(SUBPROTOCOL_MSGPACK,), compress=False)._handshake(request)  # noqa: SLF001

        def make(link: Link) -> Session:
            return Session(link, MSGPACK, AUDIENCE, COMMANDS, conversation, name, "")

        claims = LinkClaims(AUDIENCE, conversation, name, "", int(time.time()) + TOKEN_SECONDS, "")
        return links.take(request, dict(headers), claims, make)

    application = web.Application()
    application.router.add_get("/ws", door)
    listener = Listener(application, "127.0.0.1", 0)
    await listener.open()
    print(listener.port, flush=True)
    await asyncio.Event().wait()


@contextmanager
def bare(workload: Workload, folder: Path) -> Iterator[Target]:
    """Run the bare links for one load."""
    errors = folder / "bare.err"
    with running(python("-m", "benchmarks.bare"), errors) as server:
        port = int(first_line(server, errors))
        yield Target("hutong", server.pid, "127.0.0.1", port, bare_clients(workload))


def bare_clients(workload: Workload) -> list[Client]:
    """Give everybody a link to the conversation of their group."""
    people = people_of(workload)
    return [Client(f"cv{p.group:022d}:{i}", f"cv{p.group:022d}", p.group, p.sends, reads=True)
            for i, p in enumerate(people)]  # fmt: skip


if __name__ == "__main__":
    uvloop.run(_serve())

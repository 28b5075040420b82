"""One device's link: kept open, resumed, acknowledged; commands out and their answers in.

Rules of the file:
- It behaves as a careful client: it stores a frame, then acknowledges it; it numbers its sends, and sends again under
  the same number what was not answered before the link broke.
- One task a client, no thread; everything that waits is bounded.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from ssl import SSLContext
from typing import Any, ClassVar, Final, Self

from aiohttp import (
    ClientConnectorCertificateError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    TCPConnector,
    WSMsgType,
)
from aiohttp import WSServerHandshakeError as HandshakeError

from hutong.inbox import Inbox
from hutong.memory import Conversation, Ledger, Memory, Message
from hutong.wire import WIRES, Accepted, Encoding, LinkEnded, OutcomeUnknown, Refused, not_trusted

ACK_S: Final = 1.0  # acknowledge so long after the first message that is not yet,
ACK_CONVERSATIONS: Final = 256  # or when so many have one: a frame names no more
UNANSWERED_MAX: Final = 64  # sends under way; the gateway remembers the answers of as many
KEPT: Final = 256  # messages that a client keeps for its script
SILENCE_S: Final = 60.0  # the server pings after 25 s: a link silent for so long is dead
BACKOFF_S: Final = 0.1
BACKOFF_MAX_S: Final = 3.0
FRAME_BYTES_MAX: Final = 1024 * 1024
BROKEN: Final = 1006  # no close frame came
UNTRUSTED: Final = 1015  # no handshake of TLS (RFC 6455, 7.4.1)
COME_BACK: Final = frozenset({1001, BROKEN, 1011, 1012, 1013, 4408, 4430})  # after any other close code: stop


def open_session(tls: SSLContext | None = None) -> ClientSession:
    """Open what many clients may share: one pool of sockets without a cap.

    `tls` says whom to trust at an address of https; without it, the system's authorities, or those of SSL_CERT_FILE.
    """
    connector = TCPConnector(limit=0, ssl=tls if tls is not None else True)
    return ClientSession(connector=connector, timeout=ClientTimeout(total=None, sock_connect=10))


class Link:
    """What every client has in common: the link of one device, and what it stores.

    `session` may be shared by many; `memory` is what an earlier client of the same device stored.
    `device` need not be given: the token names it. Where it is, another name ends the link.
    `keep` bounds what waits to be looked at; `heard` is called with each new record as it arrives.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        device: str = "",
        encoding: Encoding = "msgpack",
        session: ClientSession | None = None,
        memory: Memory | None = None,
        keep: int = KEPT,
        heard: Callable[[Message], None] | None = None,
    ) -> None:
        self.person = ""
        self.device = device
        self.memory = memory if memory is not None else Memory()
        self._inbox = Inbox(keep)
        self._heard = heard
        self._url = base_url.rstrip("/") + "/ws"
        self._token = token
        self._wire = WIRES[encoding]
        self._session = session
        self._own_session: ClientSession | None = None
        self._answers: dict[int, asyncio.Future[Accepted]] = {}
        self._room = asyncio.Semaphore(UNANSWERED_MAX - len(self.memory.unanswered))
        self._task: asyncio.Task[None] | None = None
        self._socket: ClientWebSocketResponse[Any] | None = None  # set while sends may be written
        self._live = asyncio.Event()
        self._acks: dict[str, None] = {}
        self._ack_at = 0.0
        self._reads_on: asyncio.Future[None] | None = None  # set while nothing is taken off the link
        self._fault, self._fault_code = "", BROKEN
        self._ended: LinkEnded | None = None

    @property
    def ledger(self) -> Ledger:
        """Show the counts of this device."""
        return self.memory.ledger

    @property
    def conversations(self) -> dict[str, Conversation]:
        """Show the conversations that this device has learnt of."""
        return self.memory.conversations

    # Coming and going.

    async def __aenter__(self) -> Self:
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self, timeout_s: float | None = 30.0) -> None:
        """Go online, and return once everything missed has arrived."""
        if self._session is None:
            self._session = self._own_session = open_session()
        if self._task is None or self._task.done():
            self._ended = None
            self._inbox.open()
            self._live.clear()
            self._room = asyncio.Semaphore(UNANSWERED_MAX - len(self.memory.unanswered))
            self._task = asyncio.get_running_loop().create_task(self._run(self._session))
        async with asyncio.timeout(timeout_s):
            await self._live.wait()
        if self._ended is not None:
            raise self._ended

    async def disconnect(self) -> None:
        """Go offline. What is unanswered stays so, and is sent again by the next `connect`."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._live.clear()

    async def close(self) -> None:
        """Go offline for good; whoever still waits for an answer learns that the outcome is unknown."""
        await self.disconnect()
        self._end(LinkEnded(1000, "closed here"))
        if self._own_session is not None:
            await self._own_session.close()
            self._session = self._own_session = None

    def stop_reading(self) -> None:
        """Take no more off the link, but a frame that is waited for already: so does a client that hangs.

        What comes waits in the sockets, then in the journal; pings stay unanswered, so in the end the gateway lets go.
        """
        self._reads_on = self._reads_on or asyncio.get_running_loop().create_future()

    def read_on(self) -> None:
        """Take what has come meanwhile; if the gateway let go, come back for it."""
        reads_on, self._reads_on = self._reads_on, None
        if reads_on is not None and not reads_on.done():
            reads_on.set_result(None)

    async def ended(self) -> LinkEnded:
        """Wait until the gateway has closed the link for good, and tell why."""
        if self._task is not None:
            await asyncio.wait([self._task])
        assert self._ended is not None
        return self._ended

    def _end(self, why: LinkEnded) -> None:
        self._ended = self._ended or why
        self.ledger.unknown += len(self._answers)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(OutcomeUnknown(str(why)))
                answer.exception()
        self._answers.clear()
        self._inbox.end(why)
        self._live.set()  # whoever waits for this, or for room, looks at how it ended
        self._room.release()

    # The link.

    async def _run(self, session: ClientSession) -> None:
        """Keep a link, with full-jitter back-off, until the gateway says not to come back."""
        try:
            await self._keep_linked(session)
        except Exception as defect:
            self._end(LinkEnded(1002, f"a frame that a client cannot take: {defect!r}"))
            raise

    async def _keep_linked(self, session: ClientSession) -> None:
        failures = 0
        while True:
            self._fault, self._fault_code = "", BROKEN
            try:
                code = await self._link(session)
            except HandshakeError as why:
                code = 1013 if why.status == 429 or why.status >= 500 else 4000 + why.status
                self._fault = f"HTTP {why.status}"
            except ClientConnectorCertificateError:
                code, self._fault = UNTRUSTED, not_trusted(self._url)
            except (ClientError, OSError, TimeoutError):
                code = BROKEN
            if code == BROKEN:  # a close frame can be lost behind the fault that announced it
                code = self._fault_code
            was_live = self._live.is_set()
            self._live.clear()
            if code not in COME_BACK:
                self._end(LinkEnded(code, self._fault))
                return
            failures = 0 if was_live else failures + 1
            self.ledger.reconnects += 1
            await asyncio.sleep(random.uniform(0, min(BACKOFF_MAX_S, BACKOFF_S * 2**failures)))  # noqa: S311

    async def _link(self, session: ClientSession) -> int:
        """Live through one link, and give its close code."""
        async with session.ws_connect(
            self._url,
            protocols=(self._wire.subprotocol,),
            headers={"Authorization": f"Bearer {self._token}"},
            max_msg_size=FRAME_BYTES_MAX,
            decode_text=False,
        ) as socket:
            try:
                hello = {"type": "hello", "token": self.memory.token, "cursors": self.memory.cursors()}
                await self._write(socket, hello)
                return await self._read(socket)
            finally:
                self._socket = None

    async def _write(self, socket: ClientWebSocketResponse[Any], frame: dict[str, Any]) -> None:
        """Write a frame; a link that takes none any more tells why when it is read."""
        with suppress(ClientError, OSError):
            await socket.send_frame(self._wire.pack(frame), self._wire.opcode)

    async def _read(self, socket: ClientWebSocketResponse[Any]) -> int:
        """Take frame after frame until the link breaks, acknowledging in between; give the close code."""
        clock = asyncio.get_running_loop().time
        while True:
            if self._reads_on is not None:
                await self._reads_on
            wait_s = max(0.001, self._ack_at - clock()) if self._acks else SILENCE_S
            try:
                received = await socket.receive(wait_s)
            except TimeoutError:
                if not self._acks:
                    return BROKEN
                await self._acknowledge(socket)
                continue
            if received.type is not self._wire.opcode:
                return int(received.data) if received.type is WSMsgType.CLOSE else BROKEN
            frame = self._wire.unpack(received.data)
            if frame["type"] == "welcome":
                await self._welcomed(socket, frame)
                continue
            self._takes[frame["type"]](self, frame)
            if len(self._acks) >= ACK_CONVERSATIONS or (self._acks and clock() >= self._ack_at):
                await self._acknowledge(socket)

    async def _acknowledge(self, socket: ClientWebSocketResponse[Any]) -> None:
        upto = [[name, self.memory.upto(name)] for name in self._acks if name in self.memory.shelves]
        self._acks.clear()
        if upto:
            await self._write(socket, {"type": "ack", "upto": upto})

    async def _welcomed(self, socket: ClientWebSocketResponse[Any], frame: dict[str, Any]) -> None:
        """Learn who we are, then send again, in order and under the old numbers, what was not answered."""
        self.person = frame["person"]
        if self.device and self.device != frame["device"]:
            raise ValueError(f"the token is for the device {frame['device']!r}, not {self.device!r}")
        self.device = frame["device"]
        memory = self.memory
        if not frame["resumed"] and memory.token:
            memory.forget_all()
        memory.last_number = max(memory.last_number, frame["last_number"])
        last = 0
        while waiting := [number for number in memory.unanswered if number > last]:
            last = min(waiting)
            await self._write(socket, memory.unanswered[last])
        self._socket = socket

    # What the server says.

    def _take_message(self, frame: dict[str, Any]) -> None:
        message = Message(
            frame["corp"], frame["conversation"], frame["sequence"], frame["time_ms"], frame["side"], frame["sender"],
            frame["content"], frame.get("badge"),
        )  # fmt: skip
        if not self._acks:
            self._ack_at = asyncio.get_running_loop().time() + ACK_S
        self._acks[message.conversation] = None
        if self.memory.take(message, self._live.is_set()):
            if self._heard is not None:
                self._heard(message)
            self._inbox.put(message)
            self.ledger.unread_dropped = self._inbox.dropped

    def _take_accepted(self, frame: dict[str, Any]) -> None:
        asked = self.memory.unanswered.get(frame["number"])
        if asked is None:
            return
        if asked["type"] == "send":
            self.memory.said(frame["conversation"], frame["sequence"])
        self.ledger.accepted += 1
        answer = self._answered(frame["number"])
        if answer is not None:
            answer.set_result(
                Accepted(frame["number"], frame["conversation"], frame["sequence"], frame["time_ms"])
            )  # fmt: skip

    def _take_refused(self, frame: dict[str, Any]) -> None:
        if frame["number"] not in self.memory.unanswered:
            return
        self.ledger.refused += 1
        answer = self._answered(frame["number"])
        if answer is not None:
            answer.set_exception(Refused(frame))

    def _answered(self, number: int) -> "asyncio.Future[Accepted] | None":
        """Strike a command off, and give whom to tell, unless nobody waits any more."""
        del self.memory.unanswered[number]
        self._room.release()
        answer = self._answers.pop(number, None)
        return answer if answer is not None and not answer.done() else None

    def _take_synced(self, frame: dict[str, Any]) -> None:
        self.memory.synced(frame["token"])
        self._live.set()

    def _take_forget(self, frame: dict[str, Any]) -> None:
        self.memory.forget(frame["corp"])

    def _take_fault(self, frame: dict[str, Any]) -> None:
        self._fault, self._fault_code = frame["text"], frame["code"]

    _takes: ClassVar[dict[str, Callable[[Any, dict[str, Any]], None]]] = {
        "message": _take_message,
        "accepted": _take_accepted,
        "refused": _take_refused,
        "synced": _take_synced,
        "forget": _take_forget,
        "fault": _take_fault,
    }

    # What the script asks.

    async def command(self, kind: str, **fields: Any) -> Accepted:
        """Ask for a change under the next number; raise `Refused`, or `OutcomeUnknown` if the client ends first."""
        await self._room.acquire()
        if self._ended is not None:
            self._room.release()
            raise self._ended
        number = self.memory.number()
        frame = {"type": kind, "number": number, **fields}
        self.memory.unanswered[number] = frame
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        if self._socket is not None:
            await self._write(self._socket, frame)
        try:
            return await answer
        finally:
            del answer  # a refusal would hold this frame, and the frame the refusal: garbage that has to be looked for

    def conversation(self, name: str) -> str:
        """Find a conversation by its id, by the other side's id, or by its title; LookupError unless it is one."""
        found = [conversation.id for conversation in self.memory.named(name)]
        if len(found) == 1:
            return found[0]
        if not found and name.startswith("cv"):
            return name
        problem = "no conversation" if not found else f"{len(found)} conversations"
        raise LookupError(f"{self.person} has {problem} with {name!r}")

    # What the script hears.

    @property
    def messages(self) -> Sequence[Message]:
        """Show the latest records, notices included, oldest first."""
        return self._inbox.messages

    async def next_message(self, timeout_s: float | None = 10.0) -> Message:
        """Give the next unread message of a person or an app, in the order of arrival; notices are not among them."""
        return await self._inbox.next(timeout_s)

    async def wait_for(self, wanted: Callable[[Message], bool], timeout_s: float | None = 10.0) -> Message:
        """Give the first record like this, notices included: one of those kept, or the next that arrives."""
        return await self._inbox.wait_for(wanted, timeout_s)

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Go on through the messages of people and apps until the link ends."""
        while True:
            try:
                yield await self._inbox.next(None)
            except LinkEnded:
                return

"""One call back of an app: from a record of the journal to a sealed request, and from its answer to a line and a reply.

Rules of the file:
- A repeat has the same plaintext in a fresh envelope.
- The envelope's timestamp is the movable clock's, as CreateTime is: SDKs check neither.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import blake2b
from secrets import randbelow, token_hex
from typing import Final, NamedTuple

from adapters.callback_lines import ANSWER_SHOWN, CallbackLine, CallbackLines
from adapters.callback_post import Answer, Poster
from adapters.callback_replies import Replies
from gateway import events
from gateway.commands import NoteVerified
from gateway.events import CallbackDue, Posted
from gateway.ports import Clock
from gateway.refusal import Refusal
from gateway.router import Router
from gateway.state import State
from gateway.state.corps import App
from protocol.codec import decode_message
from protocol.frames import Message
from protocol.ids import app_key
from protocol.wecom.callbacks import Told, change_told, message_told
from protocol.wecom.envelope import PREFIX_BYTES, Secrets, callback_body, key_of, seal

CHECK_BELOW: Final = 10**19  # the number that a receiver has to give back


class Unsendable(Exception):
    """There is no way to call this app back; the text says what it lacks."""


class Called(NamedTuple):
    """The app that is called back."""

    corpid: str
    agent_id: str

    @property
    def key(self) -> str:
        return app_key(self.corpid, self.agent_id)


class Verdict(NamedTuple):
    """What came of a check; nothing is wrong where `problem` is empty."""

    problem: str
    answer: Answer


class Receivers:
    """Apps' receivers, each asked one thing at a time. `lines` has every attempt to call one back."""

    def __init__(self, router: Router, clock: Clock, base_url: Callable[[], str]) -> None:
        config = router.config
        self.lines = CallbackLines(config.callback_lines_max, config.callback_lines_bytes_max)
        self._router = router
        self._config = config
        self._clock = clock
        self._base_url = base_url
        self._replies = Replies(router, clock)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Be able to call while the block runs."""
        self._poster = Poster(anywhere=self._config.callback_anywhere)
        try:
            yield
        finally:
            await self._poster.close()

    def app_of(self, who: Called) -> App | None:
        """Give the app, if it is there and is called back."""
        corp = self._router.state.corps.get(who.corpid)
        app = corp.apps.get(who.agent_id) if corp is not None else None
        return app if app is not None and app.callback_url else None

    async def call(self, who: Called, position: int, attempt: int, *, replayed: bool = False) -> CallbackLine | None:
        """Tell an app of a record, once; None if there is nothing (any more) to tell."""
        event = await self._record(who, position)
        app = self.app_of(who)
        told = self._told(who, event) if app is not None and event is not None else None
        if app is None or told is None:
            return None
        now_ms, real_ms = self._router.now_ms(), self._clock.real_ms()
        try:
            secrets = _secrets(who, app)
            answer = await self._post(app.callback_url, secrets, told, now_ms)
        except Unsendable as why:
            answer, secrets = Answer(0, b"", str(why), 0), None
        is_told = answer.status == 200 or (self._config.callback_any_status and answer.status > 0)
        is_last = replayed or attempt > self._config.callback_retries
        reply = ""
        if is_told and secrets is not None and isinstance(event, Posted):
            reply = await self._replies.take(secrets, who.agent_id, position, event.conversation, answer.body)
        line = CallbackLine(
            who.corpid, who.agent_id, position, told.event, attempt, replayed,
            "delivered" if is_told else "given_up" if is_last else "failed", now_ms, real_ms, answer.duration_us,
            answer.status, answer.error, answer.body[:ANSWER_SHOWN].decode(errors="replace"), reply, told.xml,
        )  # fmt: skip
        self.lines.add(line)
        return line

    async def _record(self, who: Called, position: int) -> Posted | CallbackDue | None:
        """Read what an app is to be told of; None if it is nothing of this app's, or of one that was reset."""
        placed = await self._router.journal.scan(position - 1, 1)
        corp = self._router.state.corps.get(who.corpid)
        if not placed or placed[0].position != position or corp is None or position < corp.since_position:
            return None
        event = events.decode(placed[0].record)
        if isinstance(event, CallbackDue):
            return event if event.corpid == who.corpid and who.agent_id in event.agent_ids else None
        if not isinstance(event, Posted) or "/#" in event.sender:
            return None
        conversation = self._router.state.conversations.get(event.conversation)
        chat = conversation.app if conversation is not None and conversation.corpid == who.corpid else None
        return event if chat is not None and chat.agent_id == who.agent_id else None

    def _told(self, who: Called, event: Posted | CallbackDue) -> Told | None:
        if isinstance(event, CallbackDue):
            return change_told(event.corpid, event.time_ms, event.change)
        frame = decode_message(event.frame)
        message_id = message_id_of(self._router.state, frame)
        return message_told(frame, who.agent_id, message_id, self._picture_url)

    def _picture_url(self, media_id: str) -> str:
        return f"{self._base_url()}/wwpic/{media_id}/0"

    async def _post(self, url: str, secrets: Secrets, told: Told, now_ms: int) -> Answer:
        sealed = seal(secrets, told.xml.encode(), _prefix(), str(now_ms // 1000), _nonce())
        query = {"msg_signature": sealed.signature, "timestamp": sealed.timestamp, "nonce": sealed.nonce}
        body = callback_body(secrets.receive_id, told.agent_id, sealed.encrypt)
        return await self._poster.ask(url, query, body, self._config.callback_ms / 1000)

    async def check(self, who: Called) -> Verdict:
        """Ask a receiver to decrypt a number; one that does is remembered as verified (DOC 90930)."""
        app = self.app_of(who)
        if app is None:
            return Verdict("the app has no callback_url", Answer(0, b"", "", 0))
        try:
            secrets = _secrets(who, app)
        except Unsendable as why:
            return Verdict(str(why), Answer(0, b"", "", 0))
        asked = NoteVerified(who.corpid, who.agent_id, *app.callback)
        expected = str(randbelow(CHECK_BELOW)).encode()
        sealed = seal(secrets, expected, _prefix(), str(self._router.now_ms() // 1000), _nonce())
        query = {
            "msg_signature": sealed.signature, "timestamp": sealed.timestamp, "nonce": sealed.nonce,
            "echostr": sealed.encrypt,
        }  # fmt: skip
        answer = await self._poster.ask(app.callback_url, query, None, self._config.callback_check_ms / 1000)
        problem = answer.error or _wrong_with(answer.body, expected, sealed.encrypt)
        if not problem and isinstance(refused := await self._router.ask(asked), Refusal):
            problem = f"{refused.reason.text} ({refused.rule})"
        return Verdict(problem, answer)


def message_id_of(state: State, frame: Message) -> int:
    """Name a message, as an int64 that tells nobody where it stands."""
    name = f"{state.seed} {state.epoch} {frame.conversation} {frame.sequence}".encode()
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big") >> 1


def _secrets(who: Called, app: App) -> Secrets:
    if not app.callback_token:
        raise Unsendable("the app has no callback_token")
    try:
        return Secrets(app.callback_token, key_of(app.callback_aes_key), who.corpid)
    except ValueError as why:
        raise Unsendable("the app has no callback_aes_key of 43 characters") from why


def _prefix() -> bytes:
    return token_hex(PREFIX_BYTES // 2).encode()  # printable, as some SDKs expect


def _nonce() -> str:
    return str(randbelow(10**10))


def _wrong_with(told: bytes, expected: bytes, encrypted: str) -> str:
    """Say what is wrong with the answer to a check; the usual mistakes by name."""
    if told == expected:
        return ""
    if told == encrypted.encode():
        return "the answer is the echostr as it came: decrypt it"
    if told.removeprefix(b"\xef\xbb\xbf").strip(b"\"' \t\r\n") == expected:
        return "the answer has the right text, and something around it: no quotes, byte order mark or line break"
    return "the answer is not the decrypted echostr"

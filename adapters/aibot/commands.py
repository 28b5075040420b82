"""What a subscribed bot may ask for: one function a command; what it returns is the body of the acknowledgement.

Rules of the file:
- An acknowledgement comes when what was asked is durable.
- What is too long is refused, not cut: a stream that was cut would go on wrongly.
"""

from base64 import b64decode
from binascii import Error
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, NamedTuple, TypeVar, get_type_hints

import msgspec
from msgspec import Raw

from adapters.aibot.req_ids import position_of
from adapters.aibot.uploads import ChunkedUploads
from adapters.callback_receivers import Called
from adapters.strict import explained
from adapters.wecom_api.app_content import KINDS, Kind, content_of, template_card
from adapters.wecom_api.call import Door, No, is_huge, object_of
from gateway.commands import AnswerAsBot, PushAsBot
from gateway.ports import Tokens
from protocol.content import AppContent, Markdown, Stream, Text
from protocol.wecom.aibot import (
    FRAME_BYTES_MAX,
    CardAsked,
    ChunkAsked,
    FinishAsked,
    Frame,
    InitAsked,
    PushAsked,
    Spoken,
    StreamBody,
    SubscribeAsked,
    UploadBegun,
    UploadDone,
)
from protocol.wecom.app_messages import TextBody
from protocol.wecom.reply import Asked

A = TypeVar("A", bound=Asked)

SUBSCRIBE: Final = "aibot_subscribe"
PING: Final = "ping"
CHATS: Final[dict[int, Literal["any", "single", "group"]]] = {0: "any", 1: "single", 2: "group"}
FAMILY: Final = "aibot"


class Asking(NamedTuple):
    """A frame of a subscribed bot, and what it is answered with."""

    door: Door
    tokens: Tokens
    uploads: ChunkedUploads
    who: Called
    req_id: str


Told = UploadBegun | UploadDone | None
Handler = Callable[[Asking, Any], Awaitable[Told]]


class Command(NamedTuple):
    """A command; `partial` and `limits` are as in a call of the vendor's API (wecom_api/call.py)."""

    asked: type[Asked]
    handler: Handler
    partial: str = ""
    limits: tuple[str, ...] = ()


COMMANDS: Final[dict[str, Command]] = {}
METERED: Final = ("aibot_upload_media_init",)  # by rows of the profile; what is said is counted by conversation


def command(name: str, *, partial: str = "", limits: tuple[str, ...] = ()) -> Callable[[Handler], Handler]:
    """Make a function the answer to a `cmd`; its annotation is what is read of the body."""

    def register(handler: Handler) -> Handler:
        COMMANDS[name] = Command(get_type_hints(handler)["asked"], handler, partial, limits)
        return handler

    return register


def read_frame(data: bytes) -> tuple[Frame, No | None]:
    """Read a frame, and say what is wrong with it."""
    try:
        frame = msgspec.json.decode(data, type=Frame)
    except (msgspec.MsgspecError, ValueError, RecursionError) as why:
        return Frame(), No(40058, str(why), malformed=True)
    if not frame.headers.req_id:
        return frame, No(40058, "headers.req_id is missing")
    return frame, No(40206, f"more than {FRAME_BYTES_MAX} bytes") if len(data) > FRAME_BYTES_MAX else None


def read_subscription(body: Raw) -> SubscribeAsked:
    """Read who wants to subscribe, and make nothing of what else is there: a stranger may have sent much of it."""
    try:
        return msgspec.json.decode(body, type=SubscribeAsked)
    except (msgspec.MsgspecError, ValueError, RecursionError) as why:
        raise No(40058, explained(str(why), SubscribeAsked)) from why


def read_body(body: Raw, kind: type[A]) -> A:
    """Read what a command asks; `No` says what it lacks."""
    values = object_of(bytes(body))
    try:
        asked = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as why:
        raise No(40058, explained(str(why), kind)) from why
    except RecursionError as why:
        raise No(40058, "too deep", malformed=True) from why
    if is_huge(asked):
        raise No(40058, "a number of more than 64 bits")
    return asked


def _stream(body: StreamBody) -> Stream:
    if body.msg_item:
        raise No(40058, "msg_item is not taken on a connection")
    return Stream(body.id, body.content, body.finish, body.feedback.id if body.feedback is not None else "")


SAID: Final[dict[str, Kind]] = {
    "text": Kind(TextBody, lambda body: Text(body.content)),
    "stream": Kind(StreamBody, _stream),
    "markdown": Kind(TextBody, lambda body: Markdown(body.content)),
    **{name: KINDS[name] for name in ("template_card", "image", "voice", "video", "file")},
}
WELCOMES: Final = {name: SAID[name] for name in ("text", "template_card")}
ANSWERS: Final = {name: kind for name, kind in SAID.items() if name != "text"}
PUSHES: Final = {name: kind for name, kind in ANSWERS.items() if name != "stream"}


@command(
    "aibot_respond_msg",
    partial="`msg_item`, and a stream with a card, are refused",
    limits=("bot", "20,480 bytes of a stream: documented", "24 h: documented", "6 min for a stream: documented"),
)
async def respond(asking: Asking, asked: Spoken) -> None:
    """Answer a message within 24 hours, once, or with a stream of which each frame is the whole so far."""
    await _answer(asking, "message", content_of(asked, ANSWERS))


@command("aibot_respond_welcome_msg", limits=("bot", "5 s: documented"))
async def welcome(asking: Asking, asked: Spoken) -> None:
    """Welcome who has entered the chat, within 5 seconds."""
    await _answer(asking, "enter", content_of(asked, WELCOMES))


@command("aibot_respond_update_msg", partial="`userids` is passed over", limits=("5 s: documented",))
async def update(asking: Asking, asked: CardAsked) -> None:
    """Show something else on a card that was clicked, within 5 seconds; to everybody who has it."""
    await _answer(asking, "card", template_card(asked.template_card))


async def _answer(asking: Asking, to: Literal["message", "enter", "card"], content: AppContent) -> None:
    position = position_of(asking.tokens, asking.door.router.state, asking.who, asking.req_id)
    if position is None:
        raise No(846605, "an answer has the req_id of the callback that it answers")
    await asking.door.ask(AnswerAsBot(*asking.who, position, to, content), FAMILY)


@command("aibot_send_msg", limits=("bot",))
async def push(asking: Asking, asked: PushAsked) -> None:
    """Say something unasked, to who has written before."""
    content = content_of(asked, PUSHES)
    await asking.door.ask(PushAsBot(*asking.who, asked.chatid, content, CHATS[asked.chat_type]), FAMILY)


@command(
    "aibot_upload_media_init", limits=("sizes: documented", "100 chunks: documented", "64 MiB of all bots: assumed")
)
async def begin(asking: Asking, asked: InitAsked) -> UploadBegun:
    """Begin to upload a file in at most 100 chunks."""
    return UploadBegun(asking.uploads.begin(asking.who, asked, asking.door.router.now_ms()))


@command("aibot_upload_media_chunk", limits=("512 KiB: documented",))
async def take(asking: Asking, asked: ChunkAsked) -> None:
    """Take in a chunk, in any order."""
    try:
        chunk = b64decode(asked.base64_data, validate=True)
    except (Error, ValueError) as why:
        raise No(40058, "base64_data is no Base64") from why
    asking.uploads.take(asking.who, asked.upload_id, asked.chunk_index, chunk, asking.door.router.now_ms())


@command("aibot_upload_media_finish", limits=("30 min from the first: documented", "3 days: documented"))
async def finish(asking: Asking, asked: FinishAsked) -> UploadDone:
    """Put a file together; it may be used for three days."""
    kept = await asking.uploads.finish(asking.who, asked.upload_id, asking.door.router.now_ms())
    return UploadDone(kept.kind, kept.media_id, str(kept.time_ms // 1000))

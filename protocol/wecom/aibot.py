"""Words of bots over WebSocket (DOC 101463): one JSON object a frame.

Rules of the file:
- A client's frame has a `cmd`; an acknowledgement has none, and repeats the `req_id` that it answers to the letter.
- A bot's answer repeats the `req_id` of the callback that it answers; all else has one of the client's own making.
- Limits: DOC 101463, where nothing else is said. How events nest what they tell: DOC 101027.
"""

from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from protocol.wecom.app_messages import Said
from protocol.wecom.media import MIB
from protocol.wecom.reply import Asked

FRAME_BYTES_MAX: Final = 768 * 1024  # ours: a chunk in base64, and what is around it
FILE_NAME_BYTES_MAX: Final = 256
FILE_BYTES_MIN: Final = 5
FILE_BYTES_MAX: Final[dict[str, int]] = {"file": 20 * MIB, "image": 2 * MIB, "voice": 2 * MIB, "video": 10 * MIB}
CHUNKS_MAX: Final = 100
CHUNK_BYTES_MAX: Final = 512 * 1024
UPLOAD_MS: Final = 30 * 60_000  # from init to finish
URL_MS: Final = 5 * 60_000  # of a file's address
NOTHING: Final = Raw(b"{}")

# From the client


class Headers(Struct, frozen=True):
    req_id: str = ""


class Frame(Struct, frozen=True):
    """What a client sends; the body is read when it is known whose it is."""

    cmd: str = ""
    headers: Headers = Headers()
    body: Raw = NOTHING


class SubscribeAsked(Asked, frozen=True):
    bot_id: Said
    secret: Said


class Spoken(Asked, frozen=True, kw_only=True):
    """What a bot says: `msgtype`, and the body of that name."""

    msgtype: str
    text: Any = None
    stream: Any = None
    markdown: Any = None
    template_card: Any = None
    image: Any = None
    voice: Any = None
    video: Any = None
    file: Any = None


Name = Annotated[str, Meta(min_length=1, max_length=256)]


class Feedback(Struct):
    id: Name


class StreamBody(Struct):
    """The whole text so far. `msg_item` is of the other way of running a bot, by webhook."""

    id: Name
    content: str = ""
    finish: bool = False
    feedback: Feedback | None = None
    msg_item: Any = None


class CardAsked(Asked, frozen=True):
    response_type: Literal["update_template_card"]
    template_card: dict[str, Any]


class PushAsked(Spoken, frozen=True, kw_only=True):
    chatid: Said
    chat_type: Literal[0, 1, 2] = 0


class InitAsked(Asked, frozen=True):
    type: str
    filename: Said
    total_size: int
    total_chunks: int
    md5: str = ""


class ChunkAsked(Asked, frozen=True):
    upload_id: Said
    chunk_index: int
    base64_data: Said


class FinishAsked(Asked, frozen=True):
    upload_id: Said


# To the client


class UploadBegun(Struct, frozen=True):
    upload_id: str


class UploadDone(Struct, frozen=True):
    """`created_at` is a number by the documentation, and a text by its own example and by every SDK."""

    type: str
    media_id: str
    created_at: str


class Acknowledgement(Struct, frozen=True):
    """What an answer of ours looks like on a bot's connection."""

    headers: Headers
    errcode: int
    errmsg: str
    body: UploadBegun | UploadDone | UnsetType = UNSET


class Sender(Struct, frozen=True):
    userid: str


class TextTold(Struct, frozen=True):
    content: str


class FileTold(Struct, frozen=True):
    """A file to be fetched within URL_MS; the key, in base64, is for this address alone."""

    url: str
    aeskey: str


class MessageTold(Struct, frozen=True, kw_only=True):
    """What somebody said to the bot."""

    msgid: str
    aibotid: str
    chatid: str | UnsetType = UNSET
    chattype: Literal["single", "group"]
    sender: Sender = field(name="from")
    msgtype: str
    text: TextTold | UnsetType = UNSET
    voice: TextTold | UnsetType = UNSET
    image: FileTold | UnsetType = UNSET
    file: FileTold | UnsetType = UNSET
    video: FileTold | UnsetType = UNSET


class Options(Struct, frozen=True):
    option_id: tuple[str, ...]


class SelectedItem(Struct, frozen=True):
    question_key: str
    option_ids: Options


class SelectedItems(Struct, frozen=True):
    selected_item: tuple[SelectedItem, ...]


class CardTold(Struct, frozen=True):
    card_type: str
    event_key: str
    task_id: str
    selected_items: SelectedItems | UnsetType = UNSET


class FeedbackTold(Struct, frozen=True):
    """`type` is 1 where the answer was right, 2 where it was not, 3 where that was taken back."""

    id: str
    type: int
    content: str | UnsetType = UNSET
    inaccurate_reason_list: tuple[int, ...] | UnsetType = UNSET


EventType = Literal["enter_chat", "template_card_event", "feedback_event", "disconnected_event"]


class Happening(Struct, frozen=True):
    eventtype: EventType
    template_card_event: CardTold | UnsetType = UNSET
    feedback_event: FeedbackTold | UnsetType = UNSET


class EventTold(Struct, frozen=True, kw_only=True):
    """What happened between somebody and the bot, or to the bot's connection, which nobody does."""

    msgid: str
    create_time: int
    aibotid: str
    chatid: str | UnsetType = UNSET
    chattype: Literal["single", "group"] | UnsetType = UNSET
    sender: Sender | UnsetType = field(name="from", default=UNSET)
    msgtype: Literal["event"] = "event"
    event: Happening


class Callback(Struct, frozen=True):
    cmd: Literal["aibot_msg_callback", "aibot_event_callback"]
    headers: Headers
    body: MessageTold | EventTold

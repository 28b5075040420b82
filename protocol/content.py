"""What a message may carry: one struct a kind, and the unions of them: what a client may say, what an app may say, and
what may be read.

Bounds of single fields are sanity bounds; the bounds that are rules (text, whole body) stand in the profiles.
Image, voice, video and file name their bytes by `media_id`; the bytes travel elsewhere.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Short = Annotated[str, Meta(max_length=256)]
Url = Annotated[str, Meta(max_length=2048)]
Amount = Annotated[int, Meta(ge=0, le=10**12)]
Moment = Annotated[int, Meta(ge=0, le=2**53 - 1)]  # milliseconds since 1970; today's have 13 digits


class Content(Struct, tag_field="kind", omit_defaults=True, forbid_unknown_fields=True, frozen=True, gc=False):
    """The parent of every kind; never travels itself."""


class Text(Content, tag="text"):
    text: str


class Image(Content, tag="image"):
    """A picture; what was uploaded for the web has no media_id, but an address."""

    media_id: Short
    name: Short = ""
    size: Amount = 0
    image_url: Url = ""


class Voice(Content, tag="voice"):
    media_id: Short
    name: Short = ""
    size: Amount = 0


class Video(Content, tag="video"):
    media_id: Short
    name: Short = ""
    size: Amount = 0
    description: str = ""


class File(Content, tag="file"):
    media_id: Short
    name: Short = ""
    size: Amount = 0


class Link(Content, tag="link"):
    title: Short
    url: Url
    description: str = ""
    image_url: Url = ""


class MiniProgram(Content, tag="miniprogram"):
    app_id: Short
    page: Url
    title: Short
    media_id: Short = ""


class BusinessCard(Content, tag="card"):
    person: Short


class Location(Content, tag="location"):
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    name: Short = ""
    address: Short = ""


class Product(Content, tag="product"):
    title: Short
    price_fen: Amount
    url: Url = ""
    image_url: Url = ""


class Coupon(Content, tag="coupon"):
    title: Short
    code: Short
    amount_fen: Amount = 0
    expires_at_ms: Moment = 0


class PaymentRequest(Content, tag="payment_request"):
    amount_fen: Amount
    remark: Short = ""


class Invoice(Content, tag="invoice"):
    title: Short
    amount_fen: Amount
    number: Short = ""


class Form(Content, tag="form"):
    title: Short
    url: Url
    fields: Annotated[tuple[Short, ...], Meta(max_length=32)] = ()


class Card(Content, tag="text_card"):
    """A card of an app: the whole of it is a link."""

    title: str
    description: str
    url: str
    button: str = ""


class Article(Struct, omit_defaults=True, frozen=True, gc=False):
    """One of an app's articles; its picture has an address, or was uploaded."""

    title: str
    description: str = ""
    url: str = ""
    image_url: str = ""
    media_id: str = ""
    author: str = ""


class Articles(Content, tag="articles"):
    articles: tuple[Article, ...]


class Markdown(Content, tag="markdown"):
    text: str


class MiniProgramNotice(Content, tag="miniprogram_notice"):
    """A card of an app that opens a mini program; `items` are pairs of name and value."""

    app_id: str
    title: str
    page: str = ""
    description: str = ""
    items: tuple[tuple[str, str], ...] = ()
    emphasis: bool = False


class TemplateCard(Content, tag="template_card"):
    """A card that members can answer, as the app has laid it out in the vendor's own words.

    `updates` is the sequence of the card whose place this one takes; one of type `button` only names its button anew.
    """

    card_type: str
    card: dict[str, Any]
    updates: int = 0


class Stream(Content, tag="stream"):
    """A bot's answer that goes on, each time as a whole; `id` is the bot's own name for it.

    `updates` is the sequence of its first part, whose place this one takes; `feedback` names what is thought of it.
    """

    id: Short
    text: str
    finished: bool = False
    feedback: Short = ""
    updates: int = 0


Affair = Literal[
    "relation_requested",
    "relation_made",
    "relation_refused",
    "relation_removed",
    "group_opened",
    "joined",
    "left",
    "removed",
    "renamed",
    "announced",
    "owner_changed",
    "admin_changed",
    "dismissed",
    "app_opened",
    "mass_task",
    "mass_reminded",
    "mass_cancelled",
    "recalled",
]


class Notice(Content, tag="notice"):
    """What the system tells: of a person's own affairs, or of a group. Never accepted from a client.

    `conversation`, `opens` and `who` appear where the notice opens a conversation to the reader: its id, its kind,
    and the other side. `task` is the mass message that waits for the reader to confirm it, or does so no more.
    `sequence` is that of a message taken back, which the notice stands for when it is read later.
    """

    affair: Affair
    conversation: str = ""
    opens: Literal["", "single", "group", "app"] = ""
    who: tuple[str, ...] = ()
    text: str = ""
    state: str = ""
    task: str = ""
    sequence: int = 0


Sendable = (
    Text
    | Image
    | Voice
    | Video
    | File
    | Link
    | MiniProgram
    | BusinessCard
    | Location
    | Product
    | Coupon
    | PaymentRequest
    | Invoice
    | Form
)
AppContent = Sendable | Card | Articles | Markdown | MiniProgramNotice | TemplateCard | Stream
AnyContent = AppContent | Notice

"""Frames and bytes: what other implementations of JSON and MessagePack write is read, and what is written they read.

Rules of the file:
- Frames are drawn as plain maps, as the wire has them; orjson and msgpack turn them into bytes and back.
- Optional keys are drawn with values other than their defaults, so that a map comes back as it went.
"""

from collections.abc import Callable
from typing import Any, get_args

import msgpack
import msgspec
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.codec import JSON, MSGPACK, Codec, Malformed, UnreadContent, decode_message, websocket_frame
from protocol.content import AnyContent, Notice
from protocol.frames import CURSORS_MAX, ClientFrame, Message, SendUnread, ServerFrame

Map = dict[str, Any]
Maps = st.SearchStrategy[Map]

flags = st.booleans()
names = st.text(max_size=128)
shorts = st.text(max_size=256)
some = st.text(min_size=1, max_size=64)
amounts = st.integers(1, 10**12)
numbers = st.integers(1, 2**53 - 1)
people = st.lists(names, min_size=1, max_size=5)
cursors = st.lists(st.tuples(names, st.integers(0, 2**53 - 1)).map(list), min_size=1, max_size=5)


def tagged(key: str, tag: str, required: dict[str, Any] | None = None, **optional: Any) -> Maps:
    """Draw maps of one kind, whose tag is the first key, as the wire promises."""
    drawn = st.fixed_dictionaries(required or {}, optional=optional)
    return drawn.map(lambda fields: {key: tag, **fields})


def kind(tag: str, required: dict[str, Any] | None = None, **optional: Any) -> Maps:
    return tagged("kind", tag, required, **optional)


SENDABLE: dict[str, Maps] = {
    "text": kind("text", {"text": st.text()}),
    **{tag: kind(tag, {"media_id": shorts}, name=some, size=amounts) for tag in ("image", "voice", "video", "file")},
    "link": kind("link", {"title": shorts, "url": names}, description=some, image_url=some),
    "miniprogram": kind("miniprogram", {"app_id": shorts, "page": names, "title": shorts}, media_id=some),
    "card": kind("card", {"person": shorts}),
    "location": kind(
        "location", {"latitude": st.floats(-90, 90), "longitude": st.floats(-180, 180)}, name=some, address=some
    ),
    "product": kind("product", {"title": shorts, "price_fen": amounts}, url=some, image_url=some),
    "coupon": kind("coupon", {"title": shorts, "code": shorts}, amount_fen=amounts, expires_at_ms=amounts),
    "payment_request": kind("payment_request", {"amount_fen": amounts}, remark=some),
    "invoice": kind("invoice", {"title": shorts, "amount_fen": amounts}, number=some),
    "form": kind("form", {"title": shorts, "url": names}, fields=people),
}
APPS: dict[str, Maps] = {
    "text_card": kind("text_card", {"title": shorts, "description": shorts, "url": names}, button=some),
    "articles": kind("articles", {"articles": st.lists(st.fixed_dictionaries({"title": shorts}), max_size=3)}),
    "markdown": kind("markdown", {"text": st.text()}),
    "miniprogram_notice": kind("miniprogram_notice", {"app_id": shorts, "title": shorts}, page=some, description=some),
    "template_card": kind("template_card", {"card_type": shorts, "card": st.dictionaries(shorts, shorts | flags)}),
    "stream": kind("stream", {"id": shorts, "text": st.text()}, finished=st.just(True), feedback=some, updates=numbers),
}
NOTICE = kind(
    "notice",
    {"affair": st.sampled_from(["relation_made", "group_opened", "left", "mass_task"])},
    conversation=some,
    opens=st.sampled_from(["single", "group", "app"]),
    who=people,
    text=some,
    state=some,
    task=some,
    sequence=numbers,
)
sendable = st.one_of(list(SENDABLE.values()))
readable = st.one_of(*SENDABLE.values(), *APPS.values(), NOTICE)


def frame(tag: str, required: dict[str, Any] | None = None, **optional: Any) -> Maps:
    return tagged("type", tag, required, **optional)


def command(tag: str, required: dict[str, Any] | None = None, **optional: Any) -> Maps:
    return frame(tag, {"number": numbers, **(required or {})}, **optional)


def spoken(tag: str, required: dict[str, Any] | None = None, **optional: Any) -> Maps:
    return command(tag, {"conversation": names, **(required or {})}, **optional)


CLIENT: dict[str, Maps] = {
    "hello": frame("hello", token=some, cursors=cursors),
    "ack": frame("ack", {"upto": cursors}),
    "send": spoken("send", {"content": sendable}),
    "scan": command("scan", {"code": names}),
    "join": command("join", {"code": names}),
    **{tag: spoken(tag) for tag in ("accept", "refuse", "delete", "leave", "dismiss")},
    **{tag: spoken(tag, {"on": flags}) for tag in ("block", "mute")},
    "create": command("create", {"name": st.text(max_size=64)}, members=people, consumers=people),
    "invite": spoken("invite", members=people, consumers=people, bots=people),
    "remove": spoken("remove", members=people, consumers=people, bots=people),
    "rename": spoken("rename", {"name": some}),
    "announce": spoken("announce", {"text": st.text(max_size=2000)}),
    "hand_over": spoken("hand_over", {"member": names}),
    "appoint": spoken("appoint", {"member": names, "on": flags}),
    "confirm": command("confirm", {"task": names}),
    "send_mass": command("send_mass", {"contents": st.lists(sendable, min_size=1, max_size=3)}, conversations=people),
    "enter": command("enter", {"app": names}),
    "click": spoken(
        "click",
        {"sequence": numbers, "key": names},
        selected=st.lists(st.tuples(names, people).map(list), min_size=1, max_size=10),
    ),
    "feedback": spoken(
        "feedback",
        {"sequence": numbers, "verdict": st.integers(1, 3)},
        text=some,
        reasons=st.lists(st.integers(1, 9), min_size=1, max_size=9),
    ),
    "remark": spoken(
        "remark",
        remark=st.text(max_size=20),
        tags=st.lists(st.text(max_size=30), max_size=5),
        description=st.text(max_size=150),
        company=st.text(max_size=20),
        mobiles=st.lists(st.text(max_size=32), max_size=5),
        tag_ids=people,
    ),
}
BADGE = st.fixed_dictionaries(
    {"name": names, "company": names, "certification": st.sampled_from(["unverified", "verified", "certified"])}
)
SERVER: dict[str, Maps] = {
    "welcome": frame(
        "welcome", {"person": names, "device": names, "last_number": numbers, "resumed": flags}, reason=some
    ),
    "message": frame(
        "message",
        {
            "corp": names,
            "conversation": names,
            "sequence": numbers,
            "time_ms": numbers,
            "side": st.sampled_from(["member", "consumer", "app", "system"]),
            "sender": names,
            "content": readable,
        },
        badge=BADGE,
    ),
    "accepted": spoken("accepted", {"sequence": numbers, "time_ms": numbers}),
    "refused": command(
        "refused",
        {"code": numbers, "reason": names, "text": names, "advice": names},
        rule=some,
        retry_at_ms=numbers,
    ),
    "synced": frame("synced", {"token": names}),
    "forget": frame("forget", {"corp": names}),
    "fault": frame("fault", {"code": numbers, "reason": names, "text": names}),
}
client_frames = st.one_of(list(CLIENT.values()))
server_frames = st.one_of(list(SERVER.values()))

WIRES = [
    pytest.param(JSON, orjson.dumps, orjson.loads, id="json"),
    pytest.param(MSGPACK, msgpack.packb, msgpack.unpackb, id="msgpack"),
]
each_wire = pytest.mark.parametrize(("codec", "write", "read"), WIRES)
each_codec = pytest.mark.parametrize("codec", [JSON, MSGPACK], ids=["json", "msgpack"])
Write = Callable[[Any], bytes]
Read = Callable[[bytes], Any]


def tags(union: Any) -> set[str]:
    return {str(member.__struct_config__.tag) for member in get_args(union)}


def test_every_frame_and_every_kind_is_drawn() -> None:
    assert set(CLIENT) == tags(ClientFrame)
    assert set(SERVER) == tags(ServerFrame)
    assert {*SENDABLE, *APPS, "notice"} == tags(AnyContent)


@each_wire
@given(drawn=client_frames)
def test_clients_frames_are_read_as_others_write_them(codec: Codec, write: Write, read: Read, drawn: Map) -> None:
    assert read(codec.encode(codec.decode(write(drawn)))) == drawn


@given(drawn=client_frames)
def test_both_encodings_mean_the_same(drawn: Map) -> None:
    assert JSON.decode(orjson.dumps(drawn)) == MSGPACK.decode(msgpack.packb(drawn))


@each_wire
@given(drawn=server_frames)
def test_servers_frames_are_written_as_others_read_them(codec: Codec, write: Write, read: Read, drawn: Map) -> None:
    written = read(codec.encode(msgspec.convert(drawn, ServerFrame)))
    assert written == drawn
    assert next(iter(written)) == "type"


@given(drawn=SERVER["message"])
def test_messages_of_the_journal_are_read(drawn: Map) -> None:
    message = decode_message(msgpack.packb(drawn))
    assert isinstance(message, Message)
    assert msgpack.unpackb(MSGPACK.encode(message)) == drawn


@each_wire
@given(drawn=client_frames, key=some, value=st.integers(-(2**63), 2**63 - 1) | st.lists(st.none()))
def test_unknown_keys_of_a_frame_are_passed_over(
    codec: Codec, write: Write, read: Read, drawn: Map, key: str, value: Any
) -> None:
    assert codec.decode(write({**drawn, "x-" + key: value})) == codec.decode(write(drawn))


@each_wire
@pytest.mark.parametrize(
    "content",
    [
        {"kind": "dance", "text": "x"},
        {"kind": "text"},
        {"kind": "text", "text": 1},
        {"kind": "text", "text": "x", "more": 1},
        {"text": "x"},
        {"kind": "location", "latitude": 91.0, "longitude": 0.0},
        {"kind": "notice", "affair": "joined"},
        [],
        None,
    ],
)
def test_send_of_unreadable_content_keeps_its_number(codec: Codec, write: Write, read: Read, content: Any) -> None:
    with pytest.raises(UnreadContent) as refused:
        codec.decode(write({"type": "send", "number": 7, "conversation": "cv", "content": content}))
    assert isinstance(refused.value.frame, SendUnread)
    assert (refused.value.frame.number, refused.value.frame.conversation) == (7, "cv")


@each_wire
@pytest.mark.parametrize(
    "broken",
    [
        {},
        [],
        {"type": "dance"},
        {"type": "message"},
        {"type": "send", "number": 0, "conversation": "cv", "content": {"kind": "text", "text": "x"}},
        {"type": "send", "number": 0, "conversation": "cv", "content": {"kind": "dance"}},
        {"type": "send", "number": 2**53, "conversation": "cv", "content": {"kind": "text", "text": "x"}},
        {"type": "send", "number": 1, "conversation": "c" * 129, "content": {"kind": "text", "text": "x"}},
        {"type": "send", "number": 1, "conversation": "cv"},
        {"type": "hello", "cursors": [["cv", 1]] * (CURSORS_MAX + 1)},
        {"type": "ack", "upto": [["cv", -1]]},
        {"type": "ack", "upto": [["cv"]]},
        {"type": "$.content"},
    ],
)
def test_what_is_no_frame_is_malformed(codec: Codec, write: Write, read: Read, broken: Any) -> None:
    with pytest.raises(Malformed):
        codec.decode(write(broken))


def attempt(codec: Codec, data: bytes) -> None:
    """Decode; anything but a frame and the two ways of saying no fails the test."""
    try:
        frame = codec.decode(data)
    except (Malformed, UnreadContent):
        return
    assert isinstance(frame, get_args(ClientFrame))
    assert not isinstance(frame, Notice)


@each_codec
@given(data=st.binary(max_size=512))
@example(data=b"")
@example(data=b'{"type":"hello","token":"\xff"}')
@example(data=b'{"type":"hello","token":"\\ud800"}')
@example(data=b"\x81\xa4type\xa1\xff")
def test_any_bytes_are_a_frame_or_malformed(codec: Codec, data: bytes) -> None:
    attempt(codec, data)


@each_wire
@given(drawn=client_frames, choices=st.data())
def test_damaged_frames_are_a_frame_or_malformed(
    codec: Codec, write: Write, read: Read, drawn: Map, choices: st.DataObject
) -> None:
    data = bytearray(write(drawn))
    place = choices.draw(st.integers(0, len(data) - 1))
    data[place] = choices.draw(st.integers(0, 255))
    attempt(codec, bytes(data))
    attempt(codec, bytes(data[:place]))


@pytest.mark.parametrize("key", [b"x", b"content"])
def test_depth_is_bounded(key: bytes) -> None:
    """Nesting to the size of a frame ends as any other malformed frame, wherever it stands."""
    deep = 60_000
    start = b'{"type":"send","number":1,"conversation":"cv","%s":' % key
    attempt(JSON, start + b"[" * deep + b"]" * deep + b"}")
    with pytest.raises(Malformed):
        JSON.decode(start + b"[" * deep)
    head = msgpack.packb({"type": "send", "number": 1, "conversation": "cv"})
    packed = bytes([head[0] + 1]) + head[1:] + bytes([0xA0 + len(key)]) + key
    with pytest.raises((Malformed, UnreadContent)):
        MSGPACK.decode(packed + b"\x91" * deep + b"\xc0")


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, b"\x82\x00"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (65535, b"\x82\x7e\xff\xff"),
        (65536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_websocket_frames_are_headed_as_the_standard_says(length: int, head: bytes) -> None:
    """RFC 6455 section 5.2: 7 bits, 16 bits or 64 bits of length, never masked by a server."""
    assert websocket_frame(MSGPACK.opcode, bytes(length)) == head + bytes(length)

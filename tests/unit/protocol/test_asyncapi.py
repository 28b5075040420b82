"""The AsyncAPI document: whole in itself, and its schemas agree with the bytes that really travel.

Rules of the file:
- Schemas are read by the `jsonschema` package, which knows nothing of our structs.
- A frame is valid there exactly where the codec reads it: what one takes and the other does not is a defect of one.
"""

from collections.abc import Iterator
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from protocol import errors, topics
from protocol.asyncapi import document
from protocol.codec import JSON, Malformed, UnreadContent
from protocol.frames import ClientFrame, ServerFrame
from tests.unit.protocol.test_codec import CLIENT, SERVER, Map, client_frames, server_frames
from tests.unit.protocol.test_topics import DATA, TOPIC, payload

DOCUMENT: Map = document()
MESSAGES: Map = DOCUMENT["components"]["messages"]
FRAMES: tuple[Any, ...] = (*get_args(ClientFrame), *get_args(ServerFrame))


def validator(message: str) -> Draft7Validator:
    """Read a message's schema where it stands, so that its references resolve."""
    Draft7Validator.check_schema(payload_schema := {"allOf": [MESSAGES[message]["payload"]], **DOCUMENT})
    return Draft7Validator(payload_schema)


VALIDATORS = {message: validator(message) for message in MESSAGES}


def valid(message: str, data: bytes) -> bool:
    return VALIDATORS[message].is_valid(orjson.loads(data))


def nodes(value: Any) -> Iterator[Map]:
    """Walk through every map of the document."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


def resolve(reference: str) -> Any:
    at: Any = DOCUMENT
    root, *path = reference.split("/")
    assert root == "#"
    for key in path:
        at = at[key]
    return at


# Whole in itself


def test_every_reference_resolves() -> None:
    references = [node["$ref"] for node in nodes(DOCUMENT) if isinstance(node.get("$ref"), str)]
    assert len(references) > 100
    for reference in references:
        assert resolve(reference), reference


def test_every_schema_and_every_message_is_used() -> None:
    used = {node["$ref"] for node in nodes(DOCUMENT) if isinstance(node.get("$ref"), str)}
    for kind in ("schemas", "messages", "securitySchemes", "correlationIds"):
        assert {f"#/components/{kind}/{name}" for name in DOCUMENT["components"][kind]} <= used, kind


def test_every_operation_names_messages_of_its_own_channel() -> None:
    for operation in DOCUMENT["operations"].values():
        for part in (operation, *([operation["reply"]] if "reply" in operation else [])):
            channel = part["channel"]["$ref"]
            assert part["messages"]
            assert all(message["$ref"].startswith(f"{channel}/messages/") for message in part["messages"])


def test_every_frame_is_there_once_and_goes_its_direction() -> None:
    link = DOCUMENT["channels"]["link"]["messages"]
    tags = [frame.__struct_config__.tag for frame in FRAMES]
    assert sorted(link) == sorted(tags)
    payloads = [resolve(MESSAGES[tag]["payload"]["$ref"]) for tag in tags]
    assert [schema["properties"]["type"]["enum"] for schema in payloads] == [[tag] for tag in tags]
    carried: dict[str, list[str]] = {"receive": [], "send": []}
    for operation in DOCUMENT["operations"].values():
        if operation["channel"]["$ref"] == "#/channels/link":
            carried[operation["action"]] += [message["$ref"].rpartition("/")[2] for message in operation["messages"]]
            answers = operation.get("reply", {}).get("messages", [])
            carried["send"] += [message["$ref"].rpartition("/")[2] for message in answers]
    assert sorted(carried["receive"]) == sorted(CLIENT)
    assert set(carried["send"]) == set(SERVER)


def test_every_message_says_what_it_is_in_one_sentence() -> None:
    for name, message in MESSAGES.items():
        summary = message["summary"]
        assert summary.endswith("."), name
        assert "travels itself" not in summary, name  # a parent's docstring
        assert "\n" not in summary, name


def test_every_close_code_and_every_reason_is_listed() -> None:
    closes, refusals = DOCUMENT["channels"]["link"]["description"], DOCUMENT["info"]["description"]
    for close in errors.Close:
        closing = errors.CLOSINGS[close]
        assert f"| {int(close)} | `{close.name.lower()}` | {closing.text} | {closing.advice} |" in closes
    for reason in errors.REASONS.values():
        assert f"| {reason.code} | `{reason.name}` |" in refusals
        assert f"| {reason.text} | {reason.advice} |" in refusals
    assert closes.count("\n| ") == len(errors.Close) + 1  # the heading
    assert refusals.count("\n| ") == len(errors.REASONS) + 1


def test_commands_and_events_stand_under_their_topics() -> None:
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    assert TOPIC.replace("wwcafe", "{corp}") in addresses
    for data in told_events():
        assert topics.told("{corp}", "1", 0, data).topic in addresses
    assert {topics.STATE_TOPIC, topics.ERRORS_TOPIC, "hutong/v1/{corp}/evt/error", "/ws", None} <= addresses


# Agreement with the codec


def readable(data: bytes) -> bool:
    try:
        JSON.decode(data)
    except (Malformed, UnreadContent):
        return False
    return True


@given(drawn=client_frames)
def test_every_frame_that_the_codec_writes_is_valid(drawn: Map) -> None:
    assert valid(drawn["type"], JSON.encode(JSON.decode(orjson.dumps(drawn))))


@given(drawn=server_frames)
def test_every_frame_that_clients_are_sent_is_valid(drawn: Map) -> None:
    assert valid(drawn["type"], orjson.dumps(drawn))


STRANGE = st.sampled_from(
    [
        *(None, True, 0, -1, 2**53, 10**15),
        *("", "x", "x" * 129, "x" * 5000),
        *([], ["x"] * 101, [["cv", 1]], [["cv"]], [["cv", 1, 2]]),
        *({}, {"kind": "text"}, {"kind": "text", "text": "x"}, {"kind": "notice", "affair": "left"}),
    ]
)


@given(drawn=client_frames, strange=STRANGE, data=st.data())
def test_a_spoilt_frame_is_valid_exactly_where_it_is_read(drawn: Map, strange: Any, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from([key for key in drawn if key != "type"] or ["token"]))
    missing = {name: value for name, value in drawn.items() if name != key}
    for spoilt in (missing, {**drawn, key: strange}):
        assert valid(drawn["type"], orjson.dumps(spoilt)) == readable(orjson.dumps(spoilt)), spoilt


@given(drawn=CLIENT["send"], strange=STRANGE, data=st.data())
def test_spoilt_content_is_valid_exactly_where_it_is_read(drawn: Map, strange: Any, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from([*drawn["content"], "more"]))
    spoilt = {**drawn, "content": {**drawn["content"], key: strange}}
    assert valid("send", orjson.dumps(spoilt)) == readable(orjson.dumps(spoilt))


@pytest.mark.parametrize("tag", [*CLIENT, *SERVER])
def test_no_frame_passes_for_another(tag: str) -> None:
    assert not VALIDATORS[tag].is_valid({"type": "dance"})
    others = [other for other in (*CLIENT, *SERVER) if other != tag]
    assert not any(VALIDATORS[other].is_valid({"type": tag}) for other in others)


# MQTT


def told_events() -> list[topics.Told]:
    member, consumer = topics.Party(member="zhangsan"), topics.Party(consumer="wm1")
    return [
        topics.MessageAccepted("cv1", 7, member, consumer),
        topics.refused(errors.MUTED.code, "consent/muted", 0, consumer),
        topics.MessageDelivered("cv1", 7, consumer),
        topics.RelationChanged(
            "zhangsan", "wm1", "cv1", "mutual", 1, "till", "", ("vip",), False, False, "", "", ("138",), ("et1",)
        ),
        topics.GroupJoined("wr1", "cv2", consumer, 3, "scanned"),
        topics.GroupLeft("wr1", "cv2", consumer, 9, "left"),
        topics.GroupDismissed("wr1", "cv2", 9),
        topics.GroupChanged("wr1", "cv2", "Tea", "zhangsan", (), ""),
    ]


@pytest.mark.parametrize("data", told_events(), ids=lambda data: type(data).__name__)
def test_every_event_is_valid_on_its_own_channel_only(data: topics.Told) -> None:
    publication = topics.told("wwcafe", "1-7", 1_790_000_000_000, data, "order-1", "/till/7")
    channel = next(
        channel
        for channel in DOCUMENT["channels"].values()
        if channel["address"] == publication.topic.replace("wwcafe", "{corp}")
    )
    (name,) = channel["messages"]
    assert valid(name, publication.payload)
    others = [other for other in MESSAGES if other.startswith(("event.", "command.")) and other != name]
    assert not any(valid(other, publication.payload) for other in others)


def test_errors_and_state_are_valid() -> None:
    fault = topics.Unreadable("wwcafe", "why")
    assert valid("event.error", topics.faulty(fault, TOPIC, b"{", 0).payload)
    assert all(valid("state", topics.gateway_state(online).payload) for online in (True, False))
    assert not valid("state", b'{"state":"asleep"}')


def test_a_good_command_is_valid() -> None:
    assert valid("command.message.send", payload())
    assert valid("command.message.send", payload(replyto="hutong/v1/wwcafe/reply/till/7", anything="else"))


@pytest.mark.parametrize(
    "changes",
    [
        {"specversion": "0.3"},
        {"id": None},
        {"id": ""},
        {"type": "hutong.message.recall.v1"},
        {"datacontenttype": "text/plain"},
        {"data": None},
        {"data": {**DATA, "more": 1}},
        {"data": {**DATA, "from": {}}},
        {"data": {**DATA, "to": {"consumer": "wm1", "group": "wr1"}}},
        {"data": {**DATA, "to": {"store": "12"}}},
        {"data": {**DATA, "content": {"kind": "notice", "affair": "left"}}},
    ],
)
def test_what_is_no_command_is_not_valid(changes: Map) -> None:
    assert not valid("command.message.send", payload(**changes))
    with pytest.raises(topics.Unreadable):
        topics.read_command(TOPIC, payload(**changes))


def test_the_example_of_a_command_is_one() -> None:
    (example,) = MESSAGES["command.message.send"]["examples"]
    sent = orjson.dumps(example["payload"])
    assert valid("command.message.send", sent)
    command = topics.read_command("hutong/v1/ww0c1f/cmd/message/send", sent)
    assert (command.id, command.data.to.chosen()) == ("order-7", ("consumer", "wmV9k"))

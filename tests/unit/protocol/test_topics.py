"""What is read from MQTT as a command, what is not and why, and what events look like to other people's parsers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import errors
from protocol.content import Text
from protocol.topics import (
    PAYLOAD_BYTES_MAX,
    WHY_MAX,
    MessageAccepted,
    Party,
    Unreadable,
    faulty,
    gateway_state,
    may_be_named,
    read_command,
    refused,
    told,
)

TOPIC = "hutong/v1/wwcafe/cmd/message/send"
DATA = {"from": {"member": "zhangsan"}, "to": {"consumer": "wm1"}, "content": {"kind": "text", "text": "您好"}}


def payload(**changes: Any) -> bytes:
    """Make a good command, with some attributes changed, or gone where the change is None."""
    whole = {
        "specversion": "1.0", "id": "order-1", "source": "/till/7", "type": "hutong.message.send.v1", "data": DATA,
        "time": "2026-11-21T10:00:00Z", "datacontenttype": "application/json", **changes,
    }  # fmt: skip
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


def test_a_good_command_is_read() -> None:
    command = read_command(TOPIC, payload(replyto="hutong/v1/wwcafe/reply/till/7", anything="else"))
    assert (command.corp, command.id, command.source) == ("wwcafe", "order-1", "/till/7")
    assert command.reply_to == "hutong/v1/wwcafe/reply/till/7"
    assert command.data.sender.chosen() == ("member", "zhangsan")
    assert command.data.to.chosen() == ("consumer", "wm1")
    assert command.data.content == Text("您好")


@pytest.mark.parametrize(
    ("sender", "to", "chosen"),
    [
        ({"app": "1000002"}, {"member": "lisi"}, (("app", "1000002"), ("member", "lisi"))),
        ({"app": 1000002}, {"store": 12}, (("app", "1000002"), ("store", "12"))),
        ({"member": "lisi"}, {"group": "wr9"}, (("member", "lisi"), ("group", "wr9"))),
    ],
)
def test_every_sender_and_target_is_read(sender: object, to: object, chosen: object) -> None:
    data = read_command(TOPIC, payload(data={**DATA, "from": sender, "to": to})).data
    assert (data.sender.chosen(), data.to.chosen()) == chosen


def test_the_payloads_replyto_goes_before_the_response_topic() -> None:
    ours, theirs = "hutong/v1/wwcafe/reply/a", "hutong/v1/wwcafe/reply/b"
    assert read_command(TOPIC, payload(replyto=ours), theirs).reply_to == ours
    assert read_command(TOPIC, payload(), theirs).reply_to == theirs


@pytest.mark.parametrize(
    ("topic", "body", "corp", "why"),
    [
        ("hutong/v1/wwcafe/cmd", b"{}", None, "hutong/v1/{corp}/cmd/{area}/{verb}"),
        ("hutong/v1/ww cafe/cmd/message/send", b"{}", None, "hutong/v1/{corp}/cmd/{area}/{verb}"),
        ("hutong/v1/wwcafe/cmd/weather/forecast", payload(), "wwcafe", "no command 'weather/forecast'"),
        ("hutong/v1/wwcafe/cmd/message/shout", payload(), "wwcafe", "no command 'message/shout'"),
        (TOPIC, b"", "wwcafe", "no CloudEvents object"),
        (TOPIC, b"{", "wwcafe", "no CloudEvents object"),
        (TOPIC, b"[1]", "wwcafe", "Expected `object`"),
        (TOPIC, b"\xff\xfe", "wwcafe", "no CloudEvents object"),
        (TOPIC, b'{"id":"\xff"}', "wwcafe", "no CloudEvents object"),
        (TOPIC, b"[" * PAYLOAD_BYTES_MAX, "wwcafe", "no CloudEvents object"),
        (TOPIC, b" " * (PAYLOAD_BYTES_MAX + 1), "wwcafe", "65537 bytes"),
        (TOPIC, payload(specversion="0.3"), "wwcafe", "$.specversion"),
        (TOPIC, payload(id=None), "wwcafe", "`id`"),
        (TOPIC, payload(id=""), "wwcafe", "$.id"),
        (TOPIC, payload(id="x" * 257), "wwcafe", "$.id"),
        (TOPIC, payload(source="x" * 257), "wwcafe", "$.source"),
        (TOPIC, payload(data=None), "wwcafe", "`data`"),
        (TOPIC, payload(datacontenttype="text/xml"), "wwcafe", "$.datacontenttype"),
        (TOPIC, payload(type="hutong.message.recall.v1"), "wwcafe", "it must be 'hutong.message.send.v1'"),
        (TOPIC, payload(data={**DATA, "to": {}}), "wwcafe", "exactly one of consumer, member, store, group"),
        (TOPIC, payload(data={**DATA, "to": {"member": "a", "group": "b"}}), "wwcafe", "exactly one of"),
        (TOPIC, payload(data={**DATA, "from": {"consumer": "wm1"}}), "wwcafe", "unknown field `consumer`"),
        (TOPIC, payload(data={**DATA, "urgent": True}), "wwcafe", "unknown field `urgent`"),
        (TOPIC, payload(data={**DATA, "content": {"kind": "smell"}}), "wwcafe", "'smell'"),
        (TOPIC, payload(data={**DATA, "content": {"kind": "notice", "affair": "left"}}), "wwcafe", "'notice'"),
        (TOPIC, payload(replyto="hutong/v1/wwother/reply/x"), "wwcafe", "replyto"),
        (TOPIC, payload(replyto="hutong/v1/wwcafe/reply/"), "wwcafe", "replyto"),
        (TOPIC, payload(replyto="hutong/v1/wwcafe/reply/#"), "wwcafe", "replyto"),
        (TOPIC, payload(replyto="hutong/v1/wwcafe/reply/+/x"), "wwcafe", "replyto"),
        (TOPIC, payload(replyto="hutong/v1/wwcafe/reply/a b"), "wwcafe", "replyto"),
        (TOPIC, payload(replyto="hutong/v1/wwcafe/reply/" + "x" * 256), "wwcafe", "replyto"),
        (TOPIC, payload(replyto="hutong/v1/wwcafe/replys/x"), "wwcafe", "replyto"),
    ],
)
def test_what_is_no_command_is_named(topic: str, body: bytes, corp: str | None, why: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_command(topic, body)
    assert caught.value.corp == corp
    assert why in str(caught.value)
    assert len(str(caught.value)) <= WHY_MAX


def test_a_response_topic_is_checked_like_replyto() -> None:
    with pytest.raises(Unreadable, match="replyto"):
        read_command(TOPIC, payload(), "somewhere/else")


def test_the_sender_recognises_a_command_that_could_not_be_read() -> None:
    with pytest.raises(Unreadable) as caught:
        read_command(TOPIC, payload(data={}))
    assert (caught.value.id, caught.value.source) == ("order-1", "/till/7")


@given(st.text(), st.binary(max_size=200), st.text())
def test_no_bytes_raise_anything_else(rest: str, body: bytes, response_topic: str) -> None:
    for topic in (rest, "hutong/v1/" + rest, "hutong/v1/wwcafe/cmd/" + rest, TOPIC):
        with pytest.raises(Unreadable):
            read_command(topic, body, response_topic)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["specversion", "id", "source", "type", "data", "datacontenttype", "replyto"]), json_values)
def test_no_attribute_raises_anything_else(name: str, value: object) -> None:
    try:
        command = read_command(TOPIC, payload(**{name: value}))
    except Unreadable:
        return
    assert 1 <= len(command.id) <= 256
    assert not command.reply_to or command.reply_to.startswith("hutong/v1/wwcafe/reply/")


def test_an_event_is_a_cloud_event() -> None:
    accepted = MessageAccepted("cv1", 17, Party(member="zhangsan"), Party(consumer="wm1"))
    topic, body = told("wwcafe", "5-42", 1_700_000_000_123, accepted, "order-1", "/till/7")
    assert topic == "hutong/v1/wwcafe/evt/message/accepted"
    assert json.loads(body) == {
        "specversion": "1.0", "id": "5-42", "source": "/hutong/v1/wwcafe", "type": "hutong.message.accepted.v1",
        "time": "2023-11-14T22:13:20.123Z", "datacontenttype": "application/json",
        "commandid": "order-1", "commandsource": "/till/7",
        "data": {"conversation": "cv1", "sequence": 17, "from": {"member": "zhangsan"}, "to": {"consumer": "wm1"}},
    }  # fmt: skip


def test_a_refusal_is_spelled_out() -> None:
    reason = errors.RECIPIENT_FREQUENCY
    topic, body = told("wwcafe", "5-43", 0, refused(reason.code, "frequency", 1_700_000_000_000, Party(member="lisi")))
    assert topic == "hutong/v1/wwcafe/evt/message/refused"
    assert json.loads(body)["data"] == {
        "code": 910603, "reason": "recipient_frequency", "text": "the recipient has had enough in this window",
        "advice": "later", "rule": "frequency", "retry_at_ms": 1_700_000_000_000, "to": {"member": "lisi"},
    }  # fmt: skip


def test_an_error_names_topic_fault_and_command_and_keeps_its_id() -> None:
    fault = Unreadable("wwcafe", "why not")
    fault.id, fault.source = "order-1", "/till/7"
    first = faulty(fault, TOPIC, b"bad", 0)
    assert first.topic == "hutong/v1/wwcafe/evt/error"
    told_error = json.loads(first.payload)
    assert told_error["data"] == {"topic": TOPIC, "code": 910015, "reason": "malformed", "text": "why not"}
    assert (told_error["commandid"], told_error["commandsource"]) == ("order-1", "/till/7")
    assert json.loads(faulty(fault, TOPIC, b"bad", 99).payload)["id"] == told_error["id"]
    assert json.loads(faulty(fault, TOPIC, b"worse", 0).payload)["id"] != told_error["id"]
    assert faulty(Unreadable(None, "who?"), "anything", b"", 0).topic == "hutong/v1/errors"


def test_the_state_is_plain() -> None:
    assert gateway_state(online=True) == ("hutong/v1/state/gateway", b'{"state":"online"}')
    assert json.loads(gateway_state(online=False).payload) == {"state": "offline"}


@pytest.mark.parametrize("corp", ["", "a/b", "a+b", "#", "a b", "a.b", "a*", "企业", "x" * 65, "a\n"])
def test_no_topic_is_made_of_a_bad_corpid(corp: str) -> None:
    assert not may_be_named(corp)
    assert may_be_named("ww1234567890abcdef")

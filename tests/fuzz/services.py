"""What services and the vendor's clients say: MQTT, callbacks' answers, calls of the API, bots' frames."""

import json
from contextlib import suppress
from typing import Final

import msgspec

from adapters.aibot.commands import ANSWERS, COMMANDS, PUSHES, WELCOMES, read_body, read_frame, read_subscription
from adapters.wecom_api import CALLS, refuse_reserved
from adapters.wecom_api.app_content import KINDS, content_of
from adapters.wecom_api.call import No
from adapters.wecom_api.paging import cursor, places
from protocol import topics
from protocol.content import Sendable
from protocol.wecom import xml
from protocol.wecom.aibot import Frame
from protocol.wecom.app_messages import Spoken
from protocol.wecom.envelope import Sealed, Secrets, Seen, Unopened, encrypt, read_answer, seal, sign, unseal
from protocol.wecom.replies import NoReply, read_reply
from tests.fuzz.target import Target, read_json, split, words_of

SECRETS: Final = Secrets("token", bytes(range(32)), "wwlanhe")
NOW_S: Final = 1_600_000_000


def command(data: bytes) -> None:
    """Read a command; one that is none must be nameable on the error topic."""
    *names, payload = split(data, 3)
    topic, response = (name.decode(errors="replace") for name in names)
    try:
        read = topics.read_command(topic, payload, response)
    except topics.Unreadable as fault:
        told = topics.faulty(fault, topic, payload, 1)
        if json.loads(told.payload)["data"]["code"] != fault.reason.code or set("+#") & set(told.topic):
            raise AssertionError(told) from fault
        raise
    other = read_json(payload)
    assert (other["id"], other["source"]) == (read.id, read.source)
    assert msgspec.convert(other["data"], topics.MessageSend) == read.data
    again = json.dumps({**other, "data": msgspec.to_builtins(read.data)}).encode()
    assert topics.read_command(topic, again, response) == read


def envelope(data: bytes) -> None:
    """Open what a receiver answers; what was sealed comes back, and whatever else was signed stays closed."""
    way, body = data[:1], data[1:]
    fresh = [(NOW_S, Seen())]
    if way == b"a":  # as it comes
        unseal(SECRETS, read_answer(body), fresh)
    elif way == b"s":  # sealed by who knows the secrets
        sealed = seal(SECRETS, body, bytes(16), str(NOW_S), "n")
        parts = (("Encrypt", sealed.encrypt), ("MsgSignature", sealed.signature), ("TimeStamp", sealed.timestamp))
        answer = xml.written((*parts, ("Nonce", sealed.nonce))).encode()
        assert unseal(SECRETS, read_answer(answer), fresh) == body
    else:  # signed, and no ciphertext of ours
        said = body.decode("latin-1")
        if said != encrypt(SECRETS, b"", bytes(16)):
            unseal(SECRETS, Sealed(said, sign(SECRETS.token, str(NOW_S), "n", said), str(NOW_S), "n"), fresh)


def reply(data: bytes) -> None:
    """Read the plaintext of an answer; what it says can be written as XML and read again."""
    with suppress(xml.NotXml):
        texts = tuple((f"e{i}", xml.text_of(child)) for i, child in enumerate(xml.read(data)))
        again = xml.read(xml.written(texts).encode())
        assert [xml.text_of(child) for child in again] == [text for _, text in texts]
    for said in read_reply(data):
        assert msgspec.convert(msgspec.to_builtins(said), Sendable) == said


PATHS: Final = sorted(CALLS)
_READ: Final = [path for path in PATHS if CALLS[path].decode.__name__ != "_unread"]


def call(data: bytes) -> None:
    """Read what a call of the vendor's API asks, from address and body, and what it wants to be said."""
    chosen = int.from_bytes(data[:2], "big")
    query, _, body = data[2:].partition(b"\0")
    pairs = (pair.partition("=") for pair in query.decode(errors="replace").split("&"))
    values = {key: value for key, _, value in pairs}
    refuse_reserved(values, body)
    asked = CALLS[_READ[chosen % len(_READ)]].read(values, body)
    assert msgspec.convert(msgspec.to_builtins(asked), type(asked)) == asked
    if isinstance(asked, Spoken):
        content_of(asked, KINDS)
    if "cursor" in values:
        assert places(cursor(*places(values["cursor"], 2)), 2) == places(values["cursor"], 2)


SAID: Final = (ANSWERS, PUSHES, WELCOMES)
NAMES: Final = sorted(COMMANDS)


def bot(data: bytes) -> None:
    """Read a bot's frame, and its body as every command would."""
    with suppress(UnicodeDecodeError):  # WebSocket passes no other text on
        data.decode()
        _frame(data)


def _frame(data: bytes) -> None:
    frame, no = read_frame(data)
    if no is not None:
        raise no
    other = read_json(data)
    assert (other.get("cmd", ""), other["headers"]["req_id"]) == (frame.cmd, frame.headers.req_id)
    with suppress(No):
        read_subscription(frame.body)
    asked = read_body(frame.body, COMMANDS[frame.cmd if frame.cmd in COMMANDS else NAMES[len(data) % len(NAMES)]].asked)
    if hasattr(asked, "msgtype"):
        content_of(asked, SAID[len(data) % 3])


TARGETS: Final[dict[str, Target]] = {
    "mqtt_command": Target(
        command, (topics.Unreadable,), {*words_of(topics.CommandEnvelope, topics.MessageSend), "hutong/v1/", "/cmd/"}
    ),
    "envelope": Target(envelope, (Unopened,), ("<xml>", "</xml>", "<Encrypt>", "<![CDATA[", "]]>", "MsgSignature")),
    "reply": Target(reply, (NoReply, xml.NotXml), ("<xml>", "</xml>", "<MsgType>", "<![CDATA[", "]]>", "<!DOCTYPE")),
    "wecom_call": Target(call, (No,), words_of(*(CALLS[path].asked for path in _READ))),
    "bot_frame": Target(bot, (No,), {*words_of(Frame, *(one.asked for one in COMMANDS.values())), *COMMANDS}),
}

"""The AsyncAPI 3 document of both doors, client links and MQTT, generated from the structs that travel through them.

Rules of the file:
- The document describes the gateway: it receives what clients and services send, and sends what they are told.
- Schemas are AsyncAPI's own dialect, which is JSON Schema draft 7; `_draft_7` turns what msgspec writes into it.
- Words come from docstrings and from the tables in errors.py; what is written here is what no struct can say.
"""

from inspect import cleandoc
from typing import Any, Final, Literal, get_args

import msgspec

from protocol import frames, topics
from protocol.codec import FRAME_BYTES_MAX
from protocol.content import Text
from protocol.errors import CLOSINGS, POLICIES, REASONS

Map = dict[str, Any]

WIRE_VERSION: Final = "1.0.0"  # its first number is that of the subprotocols and of the topics
CLOUDEVENTS: Final = "application/cloudevents+json; charset=utf-8"
COMMANDS: Final[dict[str, type]] = {path: decoder.type for path, decoder in topics.COMMANDS.items()}
FRAMES: Final[tuple[Any, ...]] = (*get_args(frames.ClientFrame), *get_args(frames.ServerFrame))
OUTCOMES: Final = ("event.message.accepted", "event.message.refused")
_QOS_1: Final[Map] = {"mqtt": {"qos": 1, "retain": False, "bindingVersion": "0.2.0"}}
_RETAINED: Final[Map] = {"mqtt": {"qos": 1, "retain": True, "bindingVersion": "0.2.0"}}
_COPY: Final[Map] = {"mqtt": {"qos": 0, "retain": False, "bindingVersion": "0.2.0"}}


def document() -> Map:
    """Make the whole document; the same words always give the same one."""
    schemas, names = _schemas()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Hutong",
            "version": WIRE_VERSION,
            "description": "The bridge between WeCom and WeChat: client links over WebSocket, other services over MQTT."
            f"\n\n## Refusals\n\n{refusals_table()}",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {"link": _link_channel(), **_mqtt_channels()},
        "operations": {**_link_operations(), **_mqtt_operations()},
        "components": {
            "schemas": schemas,
            "messages": {**_link_messages(names), **_mqtt_messages(names)},
            "securitySchemes": _security(),
            "correlationIds": {
                "number": {"description": "The device's number.", "location": "$message.payload#/number"},
                "id": {"description": "CloudEvents' id of the command.", "location": "$message.payload#/id"},
                "commandid": {"description": "The command's id.", "location": "$message.payload#/commandid"},
            },
        },
    }


# Tables


def refusals_table() -> str:
    """List every reason for saying no, with its number, its policy and what a program should do about it."""
    rows = [
        f"| {reason.code} | `{reason.name}` | {POLICIES[reason.code // 100]} | {reason.text} | {reason.advice} |"
        for reason in sorted(REASONS.values())
    ]
    return "\n".join(["| code | reason | policy | text | advice |", "|---|---|---|---|---|", *rows])


def closes_table() -> str:
    """List every close code of a link, with what its client should do."""
    rows = [
        f"| {int(close)} | `{close.name.lower()}` | {closing.text} | {closing.advice} |"
        for close, closing in CLOSINGS.items()
    ]
    return "\n".join(["| code | reason | why | what to do |", "|---|---|---|---|", *rows])


# Schemas


def _envelope(name: str, parent: type, event_type: str, data: type) -> type:
    """Narrow an envelope to one type and its data; attributes that are made, not given, are always there."""
    narrowed: dict[str, Any] = {"type": Literal[event_type], "data": data, "specversion": Literal["1.0"]}
    fields: list[Any] = []
    for field in msgspec.structs.fields(parent):
        kind = narrowed.get(field.name, field.type)
        fields.append((field.name, kind) if field.default is msgspec.NODEFAULT else (field.name, kind, field.default))
    return msgspec.defstruct(name, fields, kw_only=True)


def _command(path: str) -> str:
    return "command." + path.replace("/", ".")


def _event(path: str) -> str:
    return "event." + path.replace("/", ".")


def _type(path: str) -> str:
    return f"hutong.{path.replace('/', '.')}.v1"


def _camel(path: str) -> str:
    return "".join(word.capitalize() for word in path.split("/"))


def _structs() -> dict[str, type]:
    """Name the struct that is the payload of each message of the document."""
    structs = {_tag(frame): frame for frame in FRAMES}
    for path, data in COMMANDS.items():
        structs[_command(path)] = _envelope(f"{_camel(path)}Command", topics.CommandEnvelope, _type(path), data)
    for data, path in topics.EVENTS.items():
        structs[_event(path)] = _envelope(f"{_camel(path)}Event", topics.EventEnvelope, _type(path), data)
    structs["event.error"] = _envelope("ErrorEvent", topics.EventEnvelope, "hutong.error.v1", topics.Fault)
    return structs


def _tag(frame: type) -> str:
    tag: str = frame.__struct_config__.tag  # type: ignore[attr-defined]
    return tag


def _schemas() -> tuple[Map, dict[str, Map]]:
    """Give the schemas of all structs, and for each message the reference to its payload's."""
    structs = _structs()
    references, schemas = msgspec.json.schema_components(structs.values(), ref_template="#/components/schemas/{name}")
    schemas = {name: _draft_7(schema) for name, schema in schemas.items()}
    for name in (topics.Sender.__name__, topics.Target.__name__):
        schemas[name] |= {"minProperties": 1, "maxProperties": 1}
    schemas["GatewayState"] = {
        "title": "GatewayState",
        "type": "object",
        "properties": {"state": {"enum": ["online", "offline"]}},
        "required": ["state"],
    }
    return schemas, {**dict(zip(structs, references, strict=True)), "state": _ref("schemas", "GatewayState")}


def _draft_7(schema: Any) -> Any:
    """Spell fixed tuples as draft 7 does, leave out OpenAPI's discriminator, and trim descriptions."""
    if isinstance(schema, list | tuple):
        return [_draft_7(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    turned = {key: _draft_7(value) for key, value in schema.items() if key != "discriminator"}
    if "prefixItems" in turned:
        turned["items"], turned["additionalItems"] = turned.pop("prefixItems"), False
    if isinstance(turned.get("description"), str):
        turned["description"] = cleandoc(turned["description"])
    return turned


# Messages


def _ref(kind: str, name: str) -> Map:
    return {"$ref": f"#/components/{kind}/{name}"}


def _says(struct: type) -> Map:
    """Turn a docstring into summary and description: the first sentence, and all of it."""
    text = cleandoc(struct.__doc__ or "")
    assert text, f"{struct.__name__} has no docstring"
    return {"summary": text.replace("\n", " ").split(". ")[0].rstrip(".") + ".", "description": text}


def _link_messages(payloads: dict[str, Map]) -> Map:
    messages: Map = {}
    for frame in FRAMES:
        tag = _tag(frame)
        messages[tag] = {"name": tag, "title": frame.__name__, **_says(frame), "payload": payloads[tag]}
        if "number" in frame.__struct_fields__:
            messages[tag]["correlationId"] = _ref("correlationIds", "number")
    return messages


def _mqtt_messages(payloads: dict[str, Map]) -> Map:
    told = {_event(path): data for data, path in topics.EVENTS.items()}
    asked = {_command(path): data for path, data in COMMANDS.items()}
    messages: Map = {}
    for name, struct in {**asked, **told, "event.error": topics.Fault}.items():
        correlation = "id" if name in asked else "commandid"
        messages[name] = {
            "name": name,
            **_says(struct),
            "contentType": CLOUDEVENTS,
            "correlationId": _ref("correlationIds", correlation),
            "payload": payloads[name],
        }
    messages["command.message.send"]["examples"] = [_send_example()]
    messages["state"] = {
        "name": "state",
        "summary": "Whether the gateway listens; the last will says offline.",
        "payload": payloads["state"],
    }
    return messages


def _send_example() -> Map:
    """Write a whole command, from the struct that reads it."""
    data = topics.MessageSend(topics.Sender(app="1000002"), topics.Target(consumer="wmV9k"), Text("您的订单已发货"))
    envelope = _structs()["command.message.send"](
        specversion="1.0", id="order-7", source="/till/1", type=_type("message/send"), data=data,
        replyto="hutong/v1/ww0c1f/reply/till",
    )  # fmt: skip
    return {
        "name": "send",
        "summary": "An app writes to a customer; published to hutong/v1/ww0c1f/cmd/message/send.",
        "payload": msgspec.to_builtins(envelope),
    }


# Servers


def _servers() -> Map:
    return {
        "link": {
            "host": "127.0.0.1:8480",
            "protocol": "ws",
            "description": "Client links. The handshake offers a subprotocol, and the first of the client's list that "
            f"is supported is taken: `{frames.SUBPROTOCOL_MSGPACK}` (binary frames) or `{frames.SUBPROTOCOL_JSON}` "
            "(text frames). Both carry the same maps.",
            "security": [_ref("securitySchemes", "bearer"), _ref("securitySchemes", "ticket")],
        },
        "mqtt": {
            "host": "127.0.0.1:1883",
            "protocol": "mqtt",
            "protocolVersion": "5.0",
            "description": "The broker that the gateway was given; MQTT 3.1.1 serves as well. The gateway keeps a "
            "persistent session: what is published while it is down arrives. On nats-server, a topic with a space or "
            "an odd character (`*`, `>`) in a level ends the connection of whoever publishes it.",
            "security": [_ref("securitySchemes", "broker")],
            "bindings": {
                "mqtt": {
                    "cleanSession": False,
                    "lastWill": {
                        "topic": topics.STATE_TOPIC,
                        "qos": 1,
                        "message": topics.gateway_state(online=False).payload.decode(),
                        "retain": True,
                    },
                    "keepAlive": 30,
                    "bindingVersion": "0.2.0",
                }
            },
        },
    }


def _security() -> Map:
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A link token of a member or a consumer, as control mints it.",
        },
        "ticket": {
            "type": "httpApiKey",
            "name": "ticket",
            "in": "query",
            "description": "For browsers: stands for a link token once, within 30 s.",
        },
        "broker": {"type": "userPassword", "description": "Whatever the broker asks for."},
    }


# Channels


def _link_channel() -> Map:
    tags = [_tag(frame) for frame in FRAMES]
    return {
        "address": "/ws",
        "servers": [{"$ref": "#/servers/link"}],
        "title": "A client's link",
        "description": "hello → welcome, what was missed, synced, then live. A frame has at most "
        f"{FRAME_BYTES_MAX} bytes.\n\n## Close codes\n\n{closes_table()}",
        "messages": {tag: _ref("messages", tag) for tag in tags},
        "bindings": {
            "ws": {
                "method": "GET",
                "headers": {
                    "type": "object",
                    "properties": {
                        "Authorization": {"type": "string", "pattern": "^[Bb]earer "},
                        "Sec-WebSocket-Protocol": {"enum": [frames.SUBPROTOCOL_MSGPACK, frames.SUBPROTOCOL_JSON]},
                    },
                    "required": ["Sec-WebSocket-Protocol"],
                },
                "query": {"type": "object", "properties": {"ticket": {"type": "string"}}},
                "bindingVersion": "0.1.0",
            }
        },
    }


def _topic(address: str | None, messages: tuple[str, ...], description: str) -> Map:
    channel: Map = {
        "address": address,
        "servers": [{"$ref": "#/servers/mqtt"}],
        "description": description,
        "messages": {message: _ref("messages", message) for message in messages},
    }
    if address is not None and "{corp}" in address:
        channel["parameters"] = {"corp": {"description": f"The enterprise's id: {topics.CORP_PATTERN}"}}
    return channel


def _mqtt_channels() -> Map:
    commands = {
        _command(path): _topic(
            f"hutong/v1/{{corp}}/cmd/{path}",
            (_command(path),),
            "A command of a service; acknowledged to the broker after its commit. The same source and id within 24 h "
            f"is the same command. At most {topics.PAYLOAD_BYTES_MAX} bytes.",
        )
        for path in COMMANDS
    }
    events = {
        _event(path): _topic(
            f"hutong/v1/{{corp}}/evt/{path}",
            (_event(path),),
            "Told from the journal at least once, in its order; a repeat carries the same id.",
        )
        for path in topics.EVENTS.values()
    }
    return {
        **commands,
        **events,
        "reply": _topic(
            None,
            OUTCOMES,
            "A copy of the outcome, best effort, where the command's `replyto` (or MQTT 5's Response Topic) says; it "
            "must lie under hutong/v1/{corp}/reply/.",
        ),
        "error": _topic(
            "hutong/v1/{corp}/evt/error",
            ("event.error",),
            "What was published under the enterprise's prefix and is no command; told before it is acknowledged.",
        ),
        "errors": _topic(topics.ERRORS_TOPIC, ("event.error",), "The same where the enterprise is unknown."),
        "state": _topic(topics.STATE_TOPIC, ("state",), "Retained: whether the gateway is connected."),
    }


# Operations


def _operation(action: str, channel: str, messages: tuple[str, ...], summary: str, **more: Any) -> Map:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"} for message in messages],
        **more,
    }


def _reply(channel: str, messages: tuple[str, ...], **more: Any) -> Map:
    references = [{"$ref": f"#/channels/{channel}/messages/{message}"} for message in messages]
    return {"reply": {"channel": {"$ref": f"#/channels/{channel}"}, "messages": references, **more}}


def _link_operations() -> Map:
    operations: Map = {}
    members, consumers = get_args(frames.MemberCommand), get_args(frames.ConsumerCommand)
    for frame in get_args(frames.ClientFrame):
        tag, more = _tag(frame), {}
        if frame is frames.Hello:
            more = _reply("link", ("welcome",))
        elif "number" in frame.__struct_fields__:
            more = _reply("link", ("accepted", "refused"))
        sides = [side for side, may in (("members", members), ("consumers", consumers)) if frame in may]
        if sides:
            more["tags"] = [{"name": side} for side in sides]
        operations[f"receive.{tag}"] = _operation("receive", "link", (tag,), _says(frame)["summary"], **more)
    for frame in (frames.Message, frames.Synced, frames.Forget, frames.Fault):
        tag = _tag(frame)
        operations[f"send.{tag}"] = _operation("send", "link", (tag,), _says(frame)["summary"])
    return operations


def _mqtt_operations() -> Map:
    operations: Map = {}
    for path, struct in COMMANDS.items():
        name = _command(path)
        address = {"location": "$message.payload#/replyto", "description": "Or MQTT 5's Response Topic."}
        operations[f"receive.{name}"] = _operation(
            "receive",
            name,
            (name,),
            _says(struct)["summary"],
            bindings=_QOS_1,
            **_reply("reply", OUTCOMES, address=address),
        )
    for struct, path in topics.EVENTS.items():
        name = _event(path)
        operations[f"send.{name}"] = _operation("send", name, (name,), _says(struct)["summary"], bindings=_QOS_1)
    return {
        **operations,
        "send.reply": _operation("send", "reply", OUTCOMES, "Copy an outcome to who asked.", bindings=_COPY),
        "send.error": _operation("send", "error", ("event.error",), "Name what is no command.", bindings=_QOS_1),
        "send.errors": _operation("send", "errors", ("event.error",), "Name what nobody owns.", bindings=_QOS_1),
        "send.state": _operation("send", "state", ("state",), "Say whether anybody listens.", bindings=_RETAINED),
    }


__all__ = ["closes_table", "document", "refusals_table"]

"""The description of the vendor's API in OpenAPI 3.1, as far as it is here, made from the calls' own structs.

Rules of the file:
- The status is always 200: an answer is the one of its call, with errcode 0, or a no with any other.
- What is described is what should be sent; what is read is more lenient ("12" for 12, null for nothing).
"""

from functools import cache
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from adapters.openapi import Schema, Schemas, described
from adapters.wecom_api.call import CALLS, Call
from protocol.wecom.paths import PATHS

PREFIX: Final = "/cgi-bin/"
TOKEN: Final = {"type": "apiKey", "in": "query", "name": "access_token"}
NO: Final = {
    "type": "object",
    "title": "No",
    "description": "Why not: the vendor's number, and a text that no program may match.",
    "properties": {"errcode": {"type": "integer", "not": {"const": 0}}, "errmsg": {"type": "string"}},
    "required": ["errcode", "errmsg"],
}
FILE: Final = {
    "type": "object",
    "properties": {"media": {"type": "string", "contentMediaType": "application/octet-stream"}},
    "required": ["media"],
}


@cache
def encoded() -> bytes:
    """Make the description once: it is the same for every run."""
    return msgspec.json.encode(document())


def document() -> Schema:
    """Describe every call, each also under its older names."""
    calls = {path: CALLS[path] for path in PATHS if path in CALLS}
    schemas = Schemas(kind for call in calls.values() for kind in (call.asked, call.answer) if _is_struct(kind))
    paths = {PREFIX + path: {call.method.lower(): _operation(path, call, schemas)} for path, call in calls.items()}
    for call in calls.values():
        if _is_struct(call.answer):
            _say_yes(schemas.component(call.answer))
    components = {"schemas": {**schemas.components, "No": NO}, "securitySchemes": {"access_token": TOKEN}}
    summary = "WeCom's server API as Hutong simulates it: the same paths, fields and numbers."
    return described("Hutong, WeCom's server API", summary, "/", paths, components)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _say_yes(schema: Schema) -> None:
    """Have an answer's number be 0, and have it there."""
    schema["properties"]["errcode"] = {"const": 0}
    schema["required"] = sorted({*schema.get("required", ()), "errcode", "errmsg"})


def _operation(path: str, call: Call, schemas: Schemas) -> Schema:
    operation: Schema = {
        "operationId": path.replace("/", "_"),
        "summary": call.summary,
        "parameters": _parameters(call, schemas),
        "responses": {"200": {"description": call.summary, "content": _answer(call, schemas)}},
    }
    if not call.open:
        operation["security"] = [{"access_token": []}]
    if call.partial:
        operation["description"] = f"Not simulated: {call.partial}."
    if call.method == "POST":
        operation["requestBody"] = {"content": _body(call, schemas)}
    return operation


def _parameters(call: Call, schemas: Schemas) -> list[Schema]:
    if not _is_struct(call.asked):
        return [{"name": name, "in": "query", "schema": {"type": "string"}} for name in call.query]
    return schemas.parameters(call.asked, "query") if call.method == "GET" else []


def _body(call: Call, schemas: Schemas) -> Schema:
    if call.asked is web.Request:
        return {"multipart/form-data": {"schema": FILE}}
    return {"application/json": {"schema": schemas[call.asked]}}


def _answer(call: Call, schemas: Schemas) -> Schema:
    no = {"$ref": "#/components/schemas/No"}
    if not _is_struct(call.answer):
        return {"application/octet-stream": {}, "application/json": {"schema": no}}
    return {"application/json": {"schema": {"oneOf": [schemas[call.answer], no]}}}


__all__ = ["PREFIX", "document", "encoded"]

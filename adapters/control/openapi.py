"""The description of control in OpenAPI 3.1, made from the structs that are read and answered."""

from functools import cache
from typing import Any, Final

import msgspec
from msgspec import Raw

from adapters.control.endpoint import ENDPOINTS, Door, Endpoint, File, Html, Stream, Toml, endpoint
from adapters.control.problems import CONTENT_TYPE, ProblemDocument
from adapters.openapi import Schema, Schemas, described

_TEXTS: Final[dict[type, str]] = {
    Toml: "application/toml",
    Html: "text/html",
    File: "application/octet-stream",
    Stream: "application/octet-stream",
}


@endpoint("GET", "/openapi.json")
async def get_openapi(_door: Door) -> Raw:
    """Give this description."""
    return Raw(encoded())


@cache
def encoded() -> bytes:
    """Make the description once: it is the same for every run."""
    return msgspec.json.encode(document())


def document() -> Schema:
    """Describe every call."""
    kinds = [kind for one in ENDPOINTS for kind in (one.body, one.answer) if kind not in (None, *_TEXTS, Raw)]
    schemas = Schemas([*kinds, ProblemDocument])
    paths: dict[str, Schema] = {}
    for one in ENDPOINTS:
        paths.setdefault(one.route, {})[one.method.lower()] = _operation(one, schemas)
    summary = "Sets up a world, moves its clock, looks at what happened. On loopback, for tools and tests."
    return described("Hutong control", summary, "/_hutong", paths, {"schemas": schemas.components})


def _operation(one: Endpoint, schemas: Schemas) -> Schema:
    problem = {"description": "Why not", "content": {CONTENT_TYPE: {"schema": schemas[ProblemDocument]}}}
    answer = {"description": one.summary, "content": _content(one.answer, schemas)}
    operation: Schema = {
        "operationId": one.call.__name__,
        "summary": one.summary,
        "parameters": [*schemas.parameters(one.path, "path"), *schemas.parameters(one.query, "query")],
        "responses": {"200": answer, "default": problem},
    }
    if one.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(one.body, schemas)}
    return operation


def _content(kind: Any, schemas: Schemas) -> Schema:
    if kind in _TEXTS:
        return {_TEXTS[kind]: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": {"type": "object"} if kind is Raw else schemas[kind]}}

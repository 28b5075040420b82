"""The description of control in OpenAPI 3.1, made from the structs that are read and answered."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import msgspec
from msgspec import Raw

from adapters.control.endpoint import ENDPOINTS, Door, Endpoint, Toml, endpoint
from adapters.control.problems import CONTENT_TYPE, ProblemDocument

REF: Final = "#/components/schemas/{name}"


@endpoint("GET", "/openapi.json")
async def get_openapi(_door: Door) -> Raw:
    """Give this description."""
    return Raw(encoded())


@cache
def encoded() -> bytes:
    """Make the description once: it is the same for every run."""
    return msgspec.json.encode(document())


def document() -> dict[str, Any]:
    """Describe every call."""
    kinds = [kind for one in ENDPOINTS for kind in (one.body, one.answer) if kind not in (None, Toml, Raw)]
    schemas, components = msgspec.json.schema_components([*kinds, ProblemDocument], ref_template=REF)
    of = dict(zip([*kinds, ProblemDocument], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in ENDPOINTS:
        paths.setdefault(one.route, {})[one.method.lower()] = _operation(one, of, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hutong control",
            "version": _version(),
            "summary": "Sets up a world, moves its clock, looks at what happened. On loopback, for tools and tests.",
        },
        "servers": [{"url": "/_hutong"}],
        "paths": paths,
        "components": {"schemas": components},
    }


def _version() -> str:
    try:
        return version("hutong")
    except PackageNotFoundError:
        return "0"


def _operation(one: Endpoint, of: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    problem = {"description": "Why not", "content": {CONTENT_TYPE: {"schema": of[ProblemDocument]}}}
    answer = {"description": one.summary, "content": _content(one.answer, of)}
    operation: dict[str, Any] = {
        "operationId": one.call.__name__,
        "summary": one.summary,
        "parameters": [*_parameters(one.path, "path", components), *_parameters(one.query, "query", components)],
        "responses": {"200": answer, "default": problem},
    }
    if one.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(one.body, of)}
    return operation


def _content(kind: Any, of: dict[Any, Any]) -> dict[str, Any]:
    if kind is Toml:
        return {"application/toml": {"schema": {"type": "string"}}}
    return {"application/json": {"schema": {"type": "object"} if kind is Raw else of[kind]}}


def _parameters(kind: Any, place: str, components: dict[str, Any]) -> list[dict[str, Any]]:
    if kind is None:
        return []
    (_,), shared = msgspec.json.schema_components([kind], ref_template=REF)
    own = shared.pop(kind.__name__)
    components.update(shared)
    required = set(own.get("required", ()))
    return [
        {"name": name, "in": place, "required": name in required, "schema": schema}
        for name, schema in own["properties"].items()
    ]

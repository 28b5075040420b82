"""What descriptions in OpenAPI 3.1 are made of: the structs that are read and answered."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import msgspec

Schema = dict[str, Any]

REF: Final = "#/components/schemas/{name}"


class Schemas:
    """The schemas of types, by type, and the components that they refer to."""

    def __init__(self, kinds: Iterable[Any]) -> None:
        listed = list(dict.fromkeys(kinds))
        schemas, self.components = msgspec.json.schema_components(listed, ref_template=REF)
        self._of = dict(zip(listed, schemas, strict=True))

    def __getitem__(self, kind: Any) -> Schema:
        schema: Schema = self._of[kind]
        return schema

    def component(self, kind: Any) -> Schema:
        """Give a struct's own schema, whatever it is called where two have the same name."""
        schema: Schema = self.components[_name(self[kind])]
        return schema

    def parameters(self, kind: Any, place: str) -> list[Schema]:
        """Describe the fields of a struct that are parts of an address."""
        if kind is None:
            return []
        (ref,), shared = msgspec.json.schema_components([kind], ref_template=REF)
        own = shared.pop(_name(ref))
        self.components.update(shared)
        required = set(own.get("required", ()))
        return [
            {"name": name, "in": place, "required": name in required, "schema": schema}
            for name, schema in own["properties"].items()
        ]


def _name(ref: Schema) -> str:
    return str(ref["$ref"]).rpartition("/")[2]


def described(title: str, summary: str, server: str, paths: Schema, components: Schema) -> Schema:
    """Put a description together."""
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": _version(), "summary": summary},
        "servers": [{"url": server}],
        "paths": paths,
        "components": components,
    }


def _version() -> str:
    try:
        return version("hutong")
    except PackageNotFoundError:
        return "0"

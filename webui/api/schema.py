"""The JSON schema of a Recipe, from its annotations: types, ranges, defaults, and what each field is for."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, fields, is_dataclass
from typing import Any, Literal, cast, get_args, get_origin

from pipelines.parameter import Parameter, parameter
from pipelines.recipe import ImageRef, Recipe

Schema = dict[str, Any]

_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
}


def components() -> dict[str, Schema]:
    """By name, for the components of an OpenAPI document: Recipe and its parts."""
    found: dict[str, Schema] = {}
    _add(Recipe, found, "#/components/schemas/")
    return found


def document() -> Schema:
    """One JSON Schema document (draft 2020-12) for a recipe."""
    found: dict[str, Schema] = {}
    _add(Recipe, found, "#/$defs/")
    whole = found.pop("Recipe")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole, "$defs": found}


def _add(owner: type[Any], found: dict[str, Schema], prefix: str) -> None:
    if owner.__name__ in found:
        return
    schema: Schema = {"type": "object", "title": owner.__name__, "additionalProperties": False}
    found[owner.__name__] = schema
    items = fields(owner)
    schema["description"] = (owner.__doc__ or "").strip().partition("\n")[0]
    schema["properties"] = {item.name: _field(owner, item, found, prefix) for item in items}
    needed = [item.name for item in items if item.default is MISSING and item.default_factory is MISSING]
    if needed:
        schema["required"] = needed


def _field(owner: type[Any], item: Field[Any], found: dict[str, Schema], prefix: str) -> Schema:
    known = parameter(owner, item.name)
    schema = _kind(known.kind, found, prefix)
    if known.limits is not None:
        schema |= {"minimum": known.limits.low, "maximum": known.limits.high}
        if known.kind is int:
            schema |= {"minimum": int(known.limits.low), "maximum": int(known.limits.high)}
    if item.name in ("image", "references"):
        _mark_reference(schema)
    if known.optional:
        schema = {"anyOf": [schema, {"type": "null"}]}
    if known.label.text != item.name:
        schema |= {"title": known.label.text, "description": known.label.hint}
    if item.default is not MISSING or item.default_factory is not MISSING:
        schema["default"] = _default(known)
    return schema


def _kind(kind: Any, found: dict[str, Schema], prefix: str) -> Schema:
    if is_dataclass(kind):
        owner = cast("type[Any]", kind)
        _add(owner, found, prefix)
        return {"$ref": f"{prefix}{owner.__name__}"}
    if get_origin(kind) is Literal:
        return {"type": "string", "enum": list(get_args(kind))}
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        return {"type": "array", "items": _kind(str if inner is ImageRef else inner, found, prefix)}
    return dict(_PLAIN.get(kind, {"type": "object", "additionalProperties": True}))


def _mark_reference(schema: Schema) -> None:
    """A picture is named by the SHA-256 that uploading it gave."""
    (schema["items"] if schema["type"] == "array" else schema)["pattern"] = "^[0-9a-f]{64}$"


def _default(known: Parameter) -> Any:
    held = known.default
    if is_dataclass(held) and not isinstance(held, type):
        return asdict(held)
    return list(cast("tuple[Any, ...]", held)) if isinstance(held, tuple) else held

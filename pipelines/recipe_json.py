"""Recipe to JSON and back: strict in what it reads, complete in what it writes."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pipelines.recipe import Json, Mask, Recipe, RecipeError, Source

_T = TypeVar("_T", Recipe, Source, Mask)


def to_json(recipe: Recipe) -> dict[str, Json]:
    """Plain JSON values, every field present."""
    return asdict(recipe)


def from_json(value: Mapping[str, Any]) -> Recipe:
    """The recipe that `to_json` wrote, or a hand-written part of one: fields left out take their defaults.

    Raises RecipeError for an unknown field or a value of the wrong type.
    """
    given = dict(value)
    source = given.get("source")
    if source is not None:
        source = dict(_mapping("source", source))
        if source.get("mask") is not None:
            source["mask"] = _build(Mask, _mapping("mask", source["mask"]))
        given["source"] = _build(Source, source)
    return _build(Recipe, given)


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RecipeError(name, f"'{name}' has to be an object.")
    return cast("Mapping[str, Any]", value)


def _build(owner: type[_T], given: Mapping[str, Any]) -> _T:
    hints = get_type_hints(owner, include_extras=True)
    known = {item.name for item in fields(owner)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise RecipeError(name, f"'{name}' is not a field of a recipe. Known are: {', '.join(sorted(known))}.")
        values[name] = _fit(name, hints[name], value)
    if owner is not Recipe and "image" not in values:
        raise RecipeError("image", f"The {owner.__name__.lower()} picture is missing.")
    return owner(**values)


def _fit(name: str, hint: Any, value: Any) -> Any:
    """`value` as the annotated type asks, or RecipeError."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    supertype = getattr(hint, "__supertype__", None)
    if supertype is not None:
        hint = supertype
    origin = get_origin(hint)
    if origin is Literal:
        if value in get_args(hint):
            return value
        raise RecipeError(name, f"'{name}' has to be one of {', '.join(map(str, get_args(hint)))}.")
    if origin in (Union, UnionType):
        options = get_args(hint)
        if value is None and type(None) in options:
            return None
        return _fit(name, next(option for option in options if option is not type(None)), value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)
    wanted = origin or hint
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise RecipeError(name, f"'{name}' has the wrong type: {type(value).__name__}.")
    return value

"""Recipe to JSON and back: strict in what it reads, complete in what it writes."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pipelines import parameter
from pipelines.recipe import Json, Recipe, RecipeError

_T = TypeVar("_T")


def to_json(recipe: Recipe) -> dict[str, Json]:
    """Plain JSON values, every field present."""
    return asdict(recipe)


def from_json(value: Mapping[str, Any]) -> Recipe:
    """The recipe that `to_json` wrote, or a hand-written part of one: fields left out take their defaults.

    Raises RecipeError for an unknown field or a value of the wrong type.
    """
    return _build(Recipe, value)


def from_paths(values: Mapping[str, Any]) -> Recipe:
    """The recipe with these fields, named by their paths: "steps", "hires.scale", "controls.0.weight".

    A part may be given as an object, even an empty one, and by its fields beside it.
    Raises RecipeError as from_json does.
    """
    return from_json(nested(values))


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """What from_json takes, of fields named by their paths. Raises RecipeError for one that is given twice."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *parts, last = path.split(".")
        place = tree
        for part in parts:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise RecipeError(path, f"'{path}' is given twice.")
        if isinstance(value, Mapping):
            value = {**cast("Mapping[str, Any]", value), **place.get(last, {})}
        place[last] = value
    return {name: _listed(node) for name, node in tree.items()}


def changed(recipe: Recipe, paths: Mapping[str, Any]) -> Recipe:
    """The recipe with other values for some fields, named by their paths. Raises RecipeError as from_json does."""
    held = {path: value for path, value in parameter.values(recipe) if value is not None or path in paths}
    return from_paths({**held, **paths})


def _listed(tree: Any) -> Any:
    """The tree with lists where the names were numbers."""
    if not isinstance(tree, dict):
        return tree
    nodes = cast("dict[str, Any]", tree)
    if nodes and all(name.isdecimal() for name in nodes):
        return [_listed(nodes[name]) for name in sorted(nodes, key=int)]
    return {name: _listed(node) for name, node in nodes.items()}


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RecipeError(name, f"'{name}' has to be an object.")
    return cast("Mapping[str, Any]", value)


def _build(owner: type[_T], given: Mapping[str, Any]) -> _T:
    hints = get_type_hints(owner, include_extras=True)
    parts = fields(cast("Any", owner))
    known = {item.name for item in parts}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise RecipeError(name, f"'{name}' is not a field of a recipe. Known are: {', '.join(sorted(known))}.")
        values[name] = _fit(name, hints[name], value)
    for item in parts:
        if item.name not in values and item.default is MISSING and item.default_factory is MISSING:
            raise RecipeError(item.name, f"The {owner.__name__.lower()}'s {item.name} is missing.")
    return owner(**values)


def _fit(name: str, hint: Any, value: Any) -> Any:
    """`value` as the annotated type asks, or RecipeError."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    supertype = getattr(hint, "__supertype__", None)
    if supertype is not None:
        hint = supertype
    origin = get_origin(hint)
    if is_dataclass(hint):
        return _build(cast("type[Any]", hint), _mapping(name, value))
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise RecipeError(name, f"'{name}' has to be a list.")
        return tuple(_fit(name, get_args(hint)[0], part) for part in cast("list[Any]", value))
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
        try:
            return float(value)
        except OverflowError as error:
            raise RecipeError(name, f"'{name}' is far too large.") from error
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)
    wanted = origin or hint
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise RecipeError(name, f"'{name}' has the wrong type: {type(value).__name__}.")
    return value

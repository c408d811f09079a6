"""Parameters: what an annotation says of a field of a Recipe, and the check that reads it."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

SEED_LIMIT = 2**32
LONGEST_TEXT = 100_000
DEEPEST = 16
"""Levels of what add-ons' panels may hold."""


@dataclass(frozen=True)
class Range:
    low: float
    high: float
    step: float


@dataclass(frozen=True)
class Label:
    text: str
    hint: str = ""


@dataclass(frozen=True)
class Parameter:
    """One field, found by its path: "steps", "hires.scale", "controls.0.weight".

    owner    -- the dataclass that declares it
    kind     -- its type without annotations and None: int, a Literal, a dataclass, a tuple, …
    optional -- it may be None
    default  -- None for a field that has to be given
    """

    path: str
    owner: type[Any]
    kind: Any
    optional: bool
    label: Label
    limits: Range | None
    default: Any


class RecipeError(ValueError):
    """A recipe that cannot be made. `field` is the parameter at fault, `str(error)` a sentence for the user."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@cache
def parameter(owner: type[Any], path: str) -> Parameter:
    """The field that a path leads to, through parts and lists. Raises KeyError for a path that leads nowhere."""
    head, _, rest = path.partition(".")
    hint = get_type_hints(owner, include_extras=True)[head]
    notes = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    kind, optional = _plain(get_args(hint)[0] if get_origin(hint) is Annotated else hint)
    if rest:
        if get_origin(kind) is tuple:
            index, _, rest = rest.partition(".")
            kind = get_args(kind)[0] if index.isdecimal() else None
        if not is_dataclass(kind) or not rest:
            raise KeyError(path)
        inner = parameter(cast("type[Any]", kind), rest)
        return Parameter(path, inner.owner, inner.kind, inner.optional, inner.label, inner.limits, inner.default)
    label = next((note for note in notes if isinstance(note, Label)), Label(head))
    limits = next((note for note in notes if isinstance(note, Range)), None)
    return Parameter(path, owner, kind, optional, label, limits, _default(owner, head))


def values(held: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Path and value of each field of a dataclass, parts and lists of parts taken apart."""
    for item in fields(held):
        value: Any = getattr(held, item.name)
        path = f"{prefix}{item.name}"
        if is_dataclass(value):
            yield from values(value, f"{path}.")
            continue
        parts = _parts(value)
        if parts and is_dataclass(parts[0]):
            for index, part in enumerate(parts):
                yield from values(part, f"{path}.{index}.")
            continue
        yield path, value


def facts(owner: type[Any], name: str) -> tuple[Label, Range | None]:
    """The label and range that the annotation of `owner.name` declares."""
    found = parameter(owner, name)
    return found.label, found.limits


def check_fields(value: Any) -> None:
    """Raise RecipeError for the first value of a dataclass, or of one within it, that is out of its range."""
    for item in fields(value):
        held: Any = getattr(value, item.name)
        for part in _parts(held):
            if is_dataclass(part):
                check_fields(part)
        label, limits = facts(type(value), item.name)
        _check_text(item.name, label, held)
        if limits is None or held is None:
            continue
        if not limits.low <= held <= limits.high:
            raise RecipeError(
                item.name,
                f"{label.text} is {_shown(held)}, but has to lie between {limits.low:g} and {limits.high:g}.",
            )


def _check_text(name: str, label: Label, held: Any) -> None:
    """Raise RecipeError for text that no file can hold, or that is beyond all reason."""
    left: list[tuple[Any, int]] = [(held, 0)]
    while left:
        part, depth = left.pop()
        if isinstance(part, str):
            if len(part) > LONGEST_TEXT:
                raise RecipeError(name, f"{label.text} is longer than {LONGEST_TEXT} characters.")
            if any("\ud800" <= letter <= "\udfff" for letter in part):
                raise RecipeError(name, f"{label.text} holds half of a character.")
        elif isinstance(part, Mapping | list | tuple):
            if depth > DEEPEST:
                raise RecipeError(name, f"{label.text} is nested too deeply.")
            inner = cast("Any", part)
            parts = (*inner.keys(), *inner.values()) if isinstance(part, Mapping) else inner
            left += [(one, depth + 1) for one in parts]


def _shown(number: float) -> str:
    try:
        return f"{number:g}"
    except OverflowError:
        return "far too large"


def _parts(held: Any) -> tuple[Any, ...]:
    return cast("tuple[Any, ...]", held) if isinstance(held, tuple) else (held,)


def _plain(hint: Any) -> tuple[Any, bool]:
    """The type without None and NewType, and whether None was in it."""
    optional = get_origin(hint) in (Union, UnionType) and type(None) in get_args(hint)
    if optional:
        hint = next(option for option in get_args(hint) if option is not type(None))
    return getattr(hint, "__supertype__", hint), optional


def _default(owner: type[Any], name: str) -> Any:
    item = next(item for item in fields(owner) if item.name == name)
    if item.default is not MISSING:
        return item.default
    return None if item.default_factory is MISSING else item.default_factory()

"""Parameters: what an annotation says of a field of a Recipe, and the check that reads it."""

from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

SEED_LIMIT = 2**32


@dataclass(frozen=True)
class Range:
    low: float
    high: float
    step: float


@dataclass(frozen=True)
class Label:
    text: str
    hint: str = ""


class RecipeError(ValueError):
    """A recipe that cannot be made. `field` is the parameter at fault, `str(error)` a sentence for the user."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def facts(owner: type[Any], name: str) -> tuple[Label, Range | None]:
    """The label and range that the annotation of `owner.name` declares."""
    hint = get_type_hints(owner, include_extras=True)[name]
    notes = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    label = next((note for note in notes if isinstance(note, Label)), Label(name))
    return label, next((note for note in notes if isinstance(note, Range)), None)


def check_fields(value: Any) -> None:
    """Raise RecipeError for the first value of a dataclass, or of one within it, that is out of its range."""
    for item in fields(value):
        held: Any = getattr(value, item.name)
        for part in _parts(held):
            if is_dataclass(part):
                check_fields(part)
        label, limits = facts(type(value), item.name)
        if limits is None or held is None:
            continue
        if not limits.low <= held <= limits.high:
            raise RecipeError(
                item.name,
                f"{label.text} is {held:g}, but has to lie between {limits.low:g} and {limits.high:g}.",
            )


def _parts(held: Any) -> tuple[Any, ...]:
    return cast("tuple[Any, ...]", held) if isinstance(held, tuple) else (held,)

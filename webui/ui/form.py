"""The form and the recipe: what the controls hold becomes a Recipe, and the other way round. Pure.

A control is named by the path of its field: "steps", "sampling.eta", "hires.scale", "source.mask.blur",
"controls.0.weight". A part that a recipe may lack has a control for its presence: "hires.enabled".
Fields without a control on the page are carried: they keep the values that were pasted, and are named so too.
"""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, Literal, cast, get_origin

from pipelines.parameter import Parameter, parameter
from pipelines.parameter import values as values_of
from pipelines.recipe import SEED_LIMIT, Recipe, RecipeError, Task
from pipelines.recipe_json import from_paths

FITTED = (
    "width",
    "height",
    "steps",
    "guidance",
    "sampler",
    "schedule",
    "clip_skip",
    "finish.enabled",
    "finish.upscaler",
    "finish.scale",
)
"""Controls whose starting value depends on the model."""

SEEDS = ("seed", "sampling.variation_seed")
"""Controls that show -1 where a seed is to be drawn."""

ENABLED = ".enabled"
_IMAGES = ("source.image", "source.sketch", "source.mask.image")
_EXTENDED = ("source.extend.left", "source.extend.top", "source.extend.right", "source.extend.bottom")
_NOT_CARRIED = ("checkpoint", *SEEDS, *_IMAGES, *_EXTENDED)


def read(task: Task, values: Mapping[str, object]) -> Recipe:
    """The recipe that a filled form asks for. values: of the controls, and what is carried.

    Raises RecipeError with a sentence for the first control that holds nothing usable. Ranges and names are
    checked later, where every recipe is checked.
    """
    absent = tuple(name.removesuffix("enabled") for name in values if name.endswith(ENABLED) and not values[name])
    if task == "text":
        absent += ("source.",)
    elif not values.get("source.image"):
        raise RecipeError("source", "Open a picture first.")
    elif task in ("image", "finish"):
        absent += ("source.mask.",)
    elif not any(values.get(name) for name in ("source.mask.image", *_EXTENDED)):
        raise RecipeError("mask", "Paint what should change, or extend the picture.")
    if values.get("controls.0.enabled") and not values.get("controls.0.image"):
        raise RecipeError("controls.0.image", "Open a picture for ControlNet, or switch it off.")
    fields: dict[str, Any] = {}
    for name, value in values.items():
        if name.startswith(absent):
            continue
        if name.endswith(ENABLED):
            fields.setdefault(name.removesuffix(ENABLED), {})
        else:
            fields[name] = value if _of_addon(name) else _taken(_known(name), value)
    if task == "finish":
        fields["finish.only"] = True
        if not fields.get("finish.upscaler"):
            raise RecipeError("finish.upscaler", "Choose an upscaler.")
    return from_paths(fields)


def show(recipe: Recipe, names: Iterable[str]) -> dict[str, object]:
    """What the controls of these names have to hold to ask for this recipe again.

    Controls of a part that the recipe lacks are left out, but for the one that switches it off.
    """
    held = _held(recipe)
    shown: dict[str, object] = {}
    for name in names:
        if name.endswith(ENABLED):
            part = name.removesuffix("enabled")
            shown[name] = any(path.startswith(part) for path in held)
            if _of_addon(name):
                shown[name] = name.split(".")[1] in recipe.extras
        elif name in held:
            shown[name] = -1 if name in SEEDS and held[name] is None else held[name]
    return shown


def carried(recipe: Recipe, names: Iterable[str]) -> dict[str, object]:
    """What a recipe asks for beyond the usual in fields that are none of these names, to be read again."""
    controls = frozenset(names)
    rest: dict[str, object] = {}
    for name, value in values_of(recipe):
        for part in _optional_parts(name):
            if f"{part}{ENABLED}" not in controls and part.partition(".")[0] != "source":
                rest[f"{part}{ENABLED}"] = True
        if name == "extras":
            value = {addon: held for addon, held in recipe.extras.items() if f"extras.{addon}{ENABLED}" not in controls}
        unusual = value != parameter(Recipe, name).default
        if unusual and name not in controls and name not in _NOT_CARRIED:
            rest[name] = value
    return rest


def told(values: Mapping[str, object]) -> str:
    """Carried values in words: "Emphasis none, Colour correction"."""
    words: list[str] = []
    for name, value in values.items():
        if name.endswith(ENABLED):
            words.append(name.removesuffix(ENABLED).replace(".", " ").capitalize())
            continue
        label = parameter(Recipe, name).label.text
        words.append(label if value is True else f"{label} {short(value)}")
    return ", ".join(words)


def short(value: object) -> str:
    """A value as a title tells it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        value = ", ".join(cast("Mapping[str, object]", value))
    if isinstance(value, list | tuple):
        return str(len(cast("list[object]", value)))
    text = "" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def fit(values: Mapping[str, object], before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, object]:
    """New values for the controls that still hold what the last model proposed.

    values -- what the controls hold; before, after -- what the last and the new model propose
    """
    changed: dict[str, object] = {}
    for name in FITTED:
        proposed = _proposed(name, after)
        if values.get(name) == _proposed(name, before) and proposed != values.get(name):
            changed[name] = proposed
    return changed


def _of_addon(name: str) -> bool:
    """Whether it is a control of an add-on's panel: "extras.ADDON.OPTION". Its values are checked with the panel."""
    return name.startswith("extras.") and name.count(".") == 2


def _held(recipe: Recipe) -> dict[str, object]:
    """Every field's value by its path, those of add-ons' panels too."""
    held = dict(values_of(recipe))
    for addon, options in recipe.extras.items():
        if isinstance(options, dict):
            held |= {f"extras.{addon}.{name}": value for name, value in options.items()}
    return held


def _proposed(name: str, proposals: Mapping[str, object]) -> object:
    if name.endswith(ENABLED):
        part = name.removesuffix("enabled")
        return any(path.startswith(part) for path in proposals)
    return proposals.get(name, parameter(Recipe, name).default)


def _known(name: str) -> Parameter:
    try:
        return parameter(Recipe, name)
    except KeyError:
        raise RecipeError(name, f"'{name}' is not a field of a recipe.") from None


def _optional_parts(name: str) -> Iterable[str]:
    """The parts on the way to a field that a recipe may lack: "hires", "controls.0"."""
    steps = name.split(".")[:-1]
    for length in range(1, len(steps) + 1):
        part = ".".join(steps[:length])
        if steps[length - 1].isdecimal() or parameter(Recipe, part).optional:
            yield part


def _taken(known: Parameter, value: object) -> object:
    """What a control holds, as a recipe takes it."""
    if known.path in SEEDS:
        return _seed(known, value)
    if value is None and known.optional:
        return None
    if known.kind in (int, float):
        number = _number(known, value)
        return round(number) if known.kind is int else number
    if known.kind is str or get_origin(known.kind) is Literal:
        return str(value) if value else known.default
    return bool(value) if known.kind is bool else value


def _seed(known: Parameter, value: object) -> int | None:
    seed = -1 if value is None else round(_number(known, value))
    if not -1 <= seed < SEED_LIMIT:
        raise RecipeError(
            known.path, f"The {known.label.text.lower()} has to lie between 0 and {SEED_LIMIT - 1}; -1 draws a new one."
        )
    return None if seed == -1 else seed


def _number(known: Parameter, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise RecipeError(known.path, f"{known.label.text} needs a number.")
    return float(value)

"""The form and the recipe: what the controls hold becomes a Recipe, and the other way round. Pure."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, cast

from pipelines.recipe import (
    SEED_LIMIT,
    Area,
    Fill,
    ImageRef,
    Mask,
    Recipe,
    RecipeError,
    Resize,
    Source,
    Task,
    facts,
)

FIELDS = (
    "prompt",
    "negative",
    "width",
    "height",
    "steps",
    "guidance",
    "count",
    "seed",
    "sampler",
    "schedule",
    "batch",
    "clip_skip",
)
"""Controls that every task has, named as in Recipe."""

SOURCE_FIELDS = ("strength", "resize")
MASK_FIELDS = ("blur", "fill", "area", "padding", "invert")

FITTED = ("width", "height", "steps", "guidance", "sampler", "schedule", "clip_skip")
"""Controls whose starting value depends on the model."""


def fields(task: Task) -> tuple[str, ...]:
    """Names of the controls of a task's form, without pictures and model."""
    if task == "text":
        return FIELDS
    return FIELDS + SOURCE_FIELDS if task == "image" else FIELDS + SOURCE_FIELDS + MASK_FIELDS


def read(task: Task, values: Mapping[str, object]) -> Recipe:
    """The recipe that a filled form asks for.

    Raises RecipeError with a sentence for the first control that holds nothing usable. Ranges and names are
    checked later, where every recipe is checked.
    """
    source = _source(task, values)
    seed = _whole("seed", values)
    if not -1 <= seed < SEED_LIMIT:
        raise RecipeError("seed", f"The seed has to lie between 0 and {SEED_LIMIT - 1}; -1 draws a new one.")
    return Recipe(
        prompt=str(values.get("prompt") or ""),
        negative=str(values.get("negative") or ""),
        checkpoint=str(values.get("checkpoint") or ""),
        width=_whole("width", values),
        height=_whole("height", values),
        steps=_whole("steps", values),
        guidance=_number(Recipe, "guidance", values),
        sampler=str(values.get("sampler") or Recipe.sampler),
        schedule=str(values.get("schedule") or Recipe.schedule),
        seed=None if seed == -1 else seed,
        count=_whole("count", values),
        batch=_whole("batch", values),
        clip_skip=_whole("clip_skip", values),
        source=source,
    )


def show(recipe: Recipe) -> dict[str, object]:
    """What the controls have to hold to ask for this recipe again; fields(recipe.task) and the checkpoint."""
    values: dict[str, object] = {name: getattr(recipe, name) for name in (*FIELDS, "checkpoint")}
    values["seed"] = -1 if recipe.seed is None else recipe.seed
    if recipe.source is not None:
        values |= {name: getattr(recipe.source, name) for name in SOURCE_FIELDS}
        if recipe.source.mask is not None:
            values |= {name: getattr(recipe.source.mask, name) for name in MASK_FIELDS}
    return values


def fit(values: Mapping[str, object], before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, object]:
    """New values for the controls that still hold what the last model proposed.

    values -- what the controls hold; before, after -- what the last and the new model propose
    """
    plain: dict[str, object] = {name: getattr(Recipe, name) for name in FITTED}
    changed: dict[str, object] = {}
    for name in FITTED:
        proposed = after.get(name, plain[name])
        untouched = values.get(name) == before.get(name, plain[name])
        if untouched and proposed != values.get(name):
            changed[name] = proposed
    return changed


def _source(task: Task, values: Mapping[str, object]) -> Source | None:
    if task == "text":
        return None
    image = str(values.get("image") or "")
    if not image:
        raise RecipeError("source", "Open a picture first.")
    mask = _mask(values) if task == "inpaint" else None
    return Source(
        image=ImageRef(image),
        strength=_number(Source, "strength", values),
        resize=cast("Resize", values.get("resize") or Source.resize),
        mask=mask,
    )


def _mask(values: Mapping[str, object]) -> Mask:
    image = str(values.get("mask") or "")
    if not image:
        raise RecipeError("mask", "Paint what should change.")
    return Mask(
        image=ImageRef(image),
        blur=_number(Mask, "blur", values),
        fill=cast("Fill", values.get("fill") or Mask.fill),
        area=cast("Area", values.get("area") or Mask.area),
        padding=_whole("padding", values, Mask),
        invert=bool(values.get("invert", Mask.invert)),
    )


def _number(owner: type[Any], name: str, values: Mapping[str, object]) -> float:
    """A number, or the field's own default where the form has no such control."""
    value = values[name] if name in values else getattr(owner, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise RecipeError(name, f"{facts(owner, name)[0].text} needs a number.")
    return float(value)


def _whole(name: str, values: Mapping[str, object], owner: type[Any] = Recipe) -> int:
    if name == "seed" and values.get(name) is None:
        return -1
    return round(_number(owner, name, values))

"""Recipe ↔ what a picture carries: the parameters text for people, the whole recipe as JSON for us."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipelines.catalogue import Catalogue, CheckpointEntry
from pipelines.picture import Picture
from pipelines.recipe import Recipe, RecipeError
from pipelines.recipe_json import from_json, to_json
from webui.store import codec
from webui.store.infotext import Infotext, read, write

VERSION = "Snowfox 0.1.0"
CHUNK = "snowfox"

_FILLS = {"blurred": "fill", "noise": "latent noise", "empty": "latent nothing"}
_LARGEST_TEXT = 256 * 1024


@dataclass(frozen=True)
class Described:
    """What a picture says of itself. text: its parameters text; recipe: as far as it could be read."""

    text: str
    recipe: Recipe
    exact: bool


def parameters(recipe: Recipe, seed: int, checkpoint: CheckpointEntry | None) -> str:
    """The parameters text of one picture of a resolved recipe."""
    source = recipe.source
    mask = source.mask if source else None
    values = {
        "Steps": str(recipe.steps),
        "Sampler": recipe.sampler,
        "Schedule type": recipe.schedule,
        "CFG scale": f"{recipe.guidance:g}",
        "Seed": str(seed),
        "Size": f"{recipe.width}x{recipe.height}",
        "Model hash": checkpoint.short_hash if checkpoint else "",
        "Model": recipe.checkpoint,
        "Denoising strength": f"{source.strength:g}" if source else "",
        "Clip skip": str(recipe.clip_skip) if recipe.clip_skip > 1 else "",
        "RNG": "CPU",
    }
    if mask:
        values |= {
            "Mask mode": "Inpaint not masked" if mask.invert else "",
            "Mask blur": f"{mask.blur:g}",
            "Inpaint area": "Only masked" if mask.area == "masked" else "",
            "Masked area padding": str(mask.padding) if mask.area == "masked" else "",
            "Masked content": _FILLS.get(mask.fill, ""),
        }
    values["Version"] = VERSION
    return write(Infotext(recipe.prompt, recipe.negative, values))


def png(picture: Picture, recipe: Recipe, seed: int, checkpoint: CheckpointEntry | None, identity: str) -> bytes:
    """The finished file: pixels, parameters text, and the recipe of just this picture as JSON."""
    single = replace(recipe, seed=seed, count=1, batch=1)
    record = {"id": identity, "version": VERSION, "recipe": to_json(single)}
    texts = {
        "parameters": parameters(recipe, seed, checkpoint),
        CHUNK: json.dumps(record, ensure_ascii=False),
    }
    return codec.png(picture, texts)


def described(data: bytes, catalogue: Catalogue | None) -> Described | None:
    """What a picture file says of itself; None when it says nothing. Raises codec.BadPicture."""
    texts = codec.describe(data)
    text = texts.get("parameters", "")[:_LARGEST_TEXT]
    ours = own(texts)
    if ours:
        return Described(text, ours[1], exact=True)
    return Described(text, from_text(text, catalogue), exact=False) if text.strip() else None


def own(texts: Mapping[str, str]) -> tuple[str, Recipe] | None:
    """Identity and recipe from our own chunk; None when there is none or it cannot be read."""
    try:
        record: dict[str, Any] = json.loads(texts[CHUNK][:_LARGEST_TEXT])
        return str(record["id"]), from_json(record["recipe"])
    except (KeyError, TypeError, ValueError):
        return None


def from_text(text: str, catalogue: Catalogue | None = None) -> Recipe:
    """The recipe that a parameters text tells of. What it leaves out takes its default; a source is not in it."""
    info = read(text)
    values = info.values
    recipe = Recipe(prompt=info.prompt, negative=info.negative)
    numbers = {
        "steps": values.get("Steps"),
        "guidance": values.get("CFG scale"),
        "seed": values.get("Seed"),
        "width": values.get("Size-1"),
        "height": values.get("Size-2"),
        "clip_skip": values.get("Clip skip"),
    }
    for name, value in numbers.items():
        recipe = _with_number(recipe, name, value)
    sampler, schedule = _sampler(values, catalogue)
    return replace(recipe, sampler=sampler, schedule=schedule, checkpoint=_checkpoint(values, catalogue))


def _with_number(recipe: Recipe, name: str, value: str | None) -> Recipe:
    try:
        return from_json({**to_json(recipe), name: float(value)}) if value else recipe
    except (RecipeError, ValueError, OverflowError):
        return recipe


def _sampler(values: Mapping[str, str], catalogue: Catalogue | None) -> tuple[str, str]:
    """Sampler and schedule. Texts from before version 1.9 hold both in one: "DPM++ 2M Karras"."""
    sampler = values.get("Sampler", Recipe.sampler)
    schedule = values.get("Schedule type", "")
    if catalogue and not schedule and not catalogue.sampler(sampler):
        name, _, last = sampler.rpartition(" ")
        if catalogue.sampler(name) and catalogue.schedule(last):
            sampler, schedule = name, last
    if catalogue:
        entry = catalogue.sampler(sampler)
        sampler = entry.name if entry else sampler
        schedule = catalogue.schedule(schedule) or schedule
    return sampler, schedule or Recipe.schedule


def _checkpoint(values: Mapping[str, str], catalogue: Catalogue | None) -> str:
    """The local checkpoint of that hash or name; "" (the chosen one) where there is none."""
    if catalogue is None:
        return values.get("Model", "")
    digits, name = values.get("Model hash", ""), values.get("Model", "")
    for entry in catalogue.checkpoints:
        if digits and entry.sha256.startswith(digits):
            return entry.name
    for entry in catalogue.checkpoints:
        if name and name in (entry.name, entry.name.rpartition("/")[2]):
            return entry.name
    return ""

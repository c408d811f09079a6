"""The second pass, as the parameters text holds it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipelines.recipe import Hires, Recipe, RecipeError, check
from pipelines.recipe_json import from_json, to_json
from webui.store.fidelity import Fidelity
from webui.store.parts import named

_SAME = {"Use same sampler", "Use same scheduler", "Use same checkpoint"}
_TEXTS: Mapping[str, str] = {
    "Hires upscaler": "upscaler",
    "Hires sampler": "sampler",
    "Hires schedule type": "schedule",
    "Hires prompt": "prompt",
    "Hires negative prompt": "negative",
}
_NUMBERS: Mapping[str, str] = {
    "Hires upscale": "scale",
    "Hires resize-1": "width",
    "Hires resize-2": "height",
    "Hires steps": "steps",
    "Hires CFG Scale": "guidance",
    "Denoising strength": "strength",
}

KEYS = frozenset({*_TEXTS, *_NUMBERS, "Hires checkpoint"})
"""What is read here, where there is a second pass."""


def strength(hires: Hires | None) -> str:
    """The pair of the fixed part."""
    return f"{hires.strength:g}" if hires else ""


def pairs(hires: Hires | None, digits: str = "") -> dict[str, str]:
    """The others. digits: the hash of the pass's own checkpoint, "" when it has none or it is not known."""
    if hires is None:
        return {}
    sized = bool(hires.width or hires.height)
    return {
        "Hires checkpoint": f"{hires.checkpoint} [{digits}]" if digits else hires.checkpoint,
        "Hires sampler": hires.sampler,
        "Hires prompt": hires.prompt,
        "Hires negative prompt": hires.negative,
        "Hires schedule type": hires.schedule,
        "Hires CFG Scale": f"{hires.guidance:g}" if hires.guidance else "",
        "Hires upscale": "" if sized else f"{hires.scale:g}",
        "Hires resize": f"{hires.width}x{hires.height}" if sized else "",
        "Hires steps": str(hires.steps) if hires.steps else "",
        "Hires upscaler": hires.upscaler,
    }


def told(values: Mapping[str, str]) -> bool:
    """Whether a text tells of a second pass."""
    return any(key in values for key in ("Hires upscale", "Hires upscaler", "Hires resize-1"))


def recalled(values: Mapping[str, str], report: dict[str, Fidelity]) -> tuple[Hires, str]:
    """What the pairs say, and the hash of the pass's own checkpoint; `report` gets a line for each."""
    hires = Hires()
    for key, field in _TEXTS.items():
        text = values.get(key, "")
        if text and text not in _SAME:
            hires = replace(hires, **{field: text})
            report[key] = "exact"
    for key, field in _NUMBERS.items():
        if key not in values:
            continue
        changed = _with(hires, field, values[key])
        report[key] = "exact" if changed else "lost"
        hires = changed or hires
    name, digits = named(values.get("Hires checkpoint", ""))
    return (hires, "") if name in _SAME else (replace(hires, checkpoint=name), digits)


def _with(hires: Hires, field: str, value: str) -> Hires | None:
    held: Any = to_json(Recipe(hires=hires))["hires"]
    try:
        recipe = from_json({"hires": {**held, field: float(value)}})
        check(recipe)
    except (RecipeError, ValueError, OverflowError):
        return None
    return recipe.hires

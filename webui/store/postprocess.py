"""What is done to finished pictures, as the parameters text holds it."""

from collections.abc import Mapping
from typing import Any

from pipelines.recipe import Finish, Recipe, RecipeError, check
from pipelines.recipe_json import from_json
from webui.store.fidelity import Fidelity

_UPSCALER = "Postprocess upscaler"
_NUMBERS: Mapping[str, str] = {
    "Postprocess upscale by": "scale",
    "Postprocess upscale to-1": "width",
    "Postprocess upscale to-2": "height",
    "Postprocess upscaler 2 visibility": "second_share",
}
_CROP = "Postprocess crop to"

KEYS = frozenset({*_NUMBERS, _UPSCALER, f"{_UPSCALER} 2", f"{_CROP}-1", f"{_CROP}-2"})
"""What is read here, where there is an upscaler."""


def pairs(finish: Finish | None) -> dict[str, str]:
    """Empty values are left out of the text."""
    if finish is None or not finish.upscaler:
        return {}
    sized = bool(finish.width or finish.height)
    size = f"{finish.width}x{finish.height}"
    second = finish.second if finish.second_share else ""
    return {
        "Postprocess upscale by": "" if sized else f"{finish.scale:g}",
        "Postprocess upscale to": size if sized else "",
        _CROP: size if finish.width and finish.height and finish.crop else "",
        _UPSCALER: finish.upscaler,
        f"{_UPSCALER} 2": second,
        "Postprocess upscaler 2 visibility": f"{finish.second_share:g}" if second else "",
    }


def recalled(values: Mapping[str, str], report: dict[str, Fidelity]) -> Finish | None:
    """What the pairs say; None where they tell of no upscaler. `report` gets a line for each."""
    upscaler = values.get(_UPSCALER, "")
    if not upscaler or upscaler == "None":
        return None
    held: dict[str, Any] = {"upscaler": upscaler, "second": values.get(f"{_UPSCALER} 2", "")}
    if "Postprocess upscale to-1" in values:
        held["crop"] = f"{_CROP}-1" in values
    report |= dict.fromkeys(KEYS & values.keys(), "exact")
    for key, field in _NUMBERS.items():
        if key not in values:
            continue
        try:
            tried = {**held, field: float(values[key])}
            check(from_json({"finish": tried}))
        except (RecipeError, ValueError, OverflowError):
            report[key] = "lost"
        else:
            held = tried
    if held["second"] and "second_share" not in held:
        # Elsewhere the share is not written.
        held["second_share"], report[f"{_UPSCALER} 2"] = 0.5, "nearest"
    recipe: Recipe = from_json({"finish": held})
    return recipe.finish

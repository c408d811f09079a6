"""Controls, as the parameters text tells of them."""

from collections.abc import Sequence

from pipelines.asset import Used
from pipelines.recipe import Recipe

_RESIZES = {"stretch": "Just Resize", "crop": "Crop and Resize", "fill": "Resize and Fill", "latent": "Just Resize"}
_MODES = {
    "balanced": "Balanced",
    "prompt": "My prompt is more important",
    "control": "ControlNet is more important",
}


def pairs(recipe: Recipe, used: Sequence[Used]) -> dict[str, str]:
    """One pair for each control, as the ControlNet extension writes it."""
    digits = {asset.name: asset.hash for asset in used if asset.kind == "controlnet"}
    pairs: dict[str, str] = {}
    for number, control in enumerate(recipe.controls):
        mark = f" [{digits[control.model][:8]}]" if digits.get(control.model) else ""
        parts = {
            "Module": control.preprocessor or "none",
            "Model": f"{control.model}{mark}",
            "Weight": f"{control.weight:g}",
            "Resize Mode": _RESIZES[control.resize],
            "Processor Res": str(control.resolution) if control.resolution else "",
            "Threshold A": f"{control.low:g}",
            "Threshold B": f"{control.high:g}",
            "Guidance Start": f"{control.start:g}",
            "Guidance End": f"{control.end:g}",
            "Control Mode": _MODES[control.mode],
        }
        pairs[f"ControlNet {number}"] = ", ".join(f"{key}: {value}" for key, value in parts.items() if value)
    return pairs

"""Sidecar: the .yaml beside a checkpoint in which the original programs look for what shapes do not tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import yaml

LARGEST = 256 * 1024


@dataclass(frozen=True)
class Sidecar:
    """What the file says; None where it says nothing.

    prediction -- what the U-Net predicts
    heads      -- of its attention on each level; head_width: channels of one head
    betas      -- the first and the last of the noise schedule; as usual where it says nothing
    scaling    -- of the latents
    """

    prediction: Literal["epsilon", "v"] | None = None
    heads: int | None = None
    head_width: int | None = None
    betas: tuple[float, float] = (0.00085, 0.012)
    scaling: float | None = None


def beside(checkpoint: Path) -> Sidecar:
    """That of a single file. One that is missing, broken or of another form says nothing."""
    path = checkpoint.with_suffix(".yaml")
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return Sidecar()
        said = yaml.safe_load(path.read_bytes())
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return Sidecar()
    model = _part(_part(said, "model"), "params")
    unet = _part(_part(model, "unet_config"), "params")
    start, end = _number(model, "linear_start"), _number(model, "linear_end")
    heads, width = _number(unet, "num_heads"), _number(unet, "num_head_channels")
    v = model.get("parameterization") == "v"
    return Sidecar(
        prediction="v" if v else "epsilon" if model.get("parameterization") == "eps" else None,
        heads=int(heads) if heads and heads >= 1 else None,
        head_width=int(width) if width and width >= 1 else None,
        betas=(start, end) if start and end and 0 < start < end < 1 else Sidecar.betas,
        scaling=_number(model, "scale_factor") or None,
    )


def _part(value: object, name: str) -> Mapping[str, Any]:
    part = cast("Mapping[str, Any]", value).get(name) if isinstance(value, Mapping) else None
    return cast("Mapping[str, Any]", part) if isinstance(part, Mapping) else {}


def _number(part: Mapping[str, Any], name: str) -> float | None:
    value = part.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

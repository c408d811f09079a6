"""Seams: pictures whose opposite edges fit together. Every convolution sees the other edge beyond its own."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.nn import functional

from pipelines.recipe import Tiling

_MARK = "_seamless"


def close(parts: Iterable[torch.nn.Module], tiling: Tiling) -> None:
    """Make the convolutions of these networks go round in the directions of `tiling`; "off" undoes it exactly.

    A layer that pads its input itself, as an autoencoder does on its way down, stays as it is.
    """
    for part in parts:
        for layer in part.modules():
            if not isinstance(layer, torch.nn.Conv2d) or getattr(layer, _MARK, "off") == tiling:
                continue
            vars(layer).pop("_conv_forward", None)
            vars(layer).pop(_MARK, None)
            if tiling != "off":
                vars(layer)["_conv_forward"] = _round(layer, tiling)
                vars(layer)[_MARK] = tiling


def _round(layer: torch.nn.Conv2d, tiling: Tiling) -> Callable[..., torch.Tensor]:
    """What takes the place of the layer's own method of that name, until it is removed from the instance."""
    tall, wide = layer.padding if isinstance(layer.padding, tuple) else (0, 0)
    across = wide if tiling in ("both", "horizontal") else 0
    down = tall if tiling in ("both", "vertical") else 0

    def forward(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        padded: Any = functional.pad(x, (across, across, down, down), mode="circular")
        rest = tall - down, wide - across
        return functional.conv2d(padded, weight, bias, layer.stride, rest, layer.dilation, layer.groups)

    return forward

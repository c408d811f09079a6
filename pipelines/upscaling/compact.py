"""Compact: the small upscaling network of Real-ESRGAN (Wang et al. 2021; `SRVGGNetCompact` in its sources).

A chain of convolutions at the size of the input finds what is added to the picture enlarged by repetition. Its files
are known by their keys alone: body.0 is the first convolution, body.1 its activation, and so on to the last.
"""

import math
from collections.abc import Mapping

import torch
from torch import nn


class Compact(nn.Module):
    """scale: 1 .. 8. Pictures are RGB, (pictures, 3, height, width), 0 .. 1."""

    def __init__(self, width: int, depth: int, scale: int) -> None:
        """width: channels; depth: convolutions between the first and the last."""
        super().__init__()
        self.scale = scale
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.PReLU(width)]
        for _ in range(depth):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.PReLU(width)]
        layers.append(nn.Conv2d(width, 3 * scale**2, 3, padding=1))
        self.body = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        added = nn.functional.pixel_shuffle(self.body(x), self.scale)
        return added + nn.functional.interpolate(x, scale_factor=self.scale, mode="nearest")


def compact(state: Mapping[str, torch.Tensor]) -> Compact | None:
    """The network with these weights; None where they are not those of one."""
    state = {key.removeprefix("params."): value for key, value in state.items()}
    last = (len([key for key in state if key.endswith(".bias")]) - 1) * 2
    first, end = state.get("body.0.weight"), state.get(f"body.{last}.weight")
    if last < 2 or first is None or end is None or first.shape[1:] != (3, 3, 3) or end.shape[0] % 3:
        return None
    width, scale = first.shape[0], math.isqrt(end.shape[0] // 3)
    with torch.device("meta"):
        network = Compact(width, last // 2 - 1, scale)
    wanted = {key: value.shape for key, value in network.state_dict().items()}
    if wanted != {key: value.shape for key, value in state.items()}:
        return None
    network.load_state_dict(state, assign=True)
    return network.requires_grad_(False).eval()

"""Disguises: pictures with an alpha channel turned, bent, recoloured, set on any background and blurred, in batches.

So a judge learns what a thing is rather than how one set of emoji draws it. All on the CPU, 64 × 64 pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipelines.training.backdrop import COLOURS, SCENES, scene
from pipelines.training.emoji import Library

SIDE = 64


def shrink(pictures: Tensor) -> Tensor:
    """[n, c, h, w] → [n, c, 64, 64] by mean values."""
    return functional.interpolate(pictures, size=(SIDE, SIDE), mode="area")


def sprites_of(library: Library) -> Tensor:
    """[n, 4, 64, 64] of 0..1, half precision, colours multiplied by alpha."""
    parts: list[Tensor] = []
    for start in range(0, len(library.pixels), 256):
        pixels = torch.from_numpy(np.array(library.pixels[start : start + 256])).permute(0, 3, 1, 2).float() / 255
        pixels[:, :3] *= pixels[:, 3:]
        parts.append(shrink(pixels).half())
    return torch.cat(parts)


def scenes(count: int, seed: int) -> Tensor:
    """[count × 8, 3, 64, 64] of 0..1: every scene `count` times."""
    random = np.random.default_rng(seed)
    made = np.stack([scene(name, random) for _ in range(count) for name in SCENES])
    return shrink(torch.from_numpy(made).permute(0, 3, 1, 2) / 255).clamp(0, 1)


@dataclass(frozen=True)
class Disguise:
    """Draws disguises; `scenery` [m, 3, 64, 64] serves as backgrounds, `named` [12, 3] are the plain colours."""

    scenery: Tensor
    named: Tensor

    def __call__(self, sprites: Tensor, generator: torch.Generator) -> Tensor:
        """Sprites [n, 4, 64, 64] → pictures [n, 3, 64, 64] of 0..1."""
        moved = functional.grid_sample(
            sprites, paths(len(sprites), generator), mode="bilinear", padding_mode="zeros", align_corners=False
        )
        colour, alpha = moved[:, :3], moved[:, 3:]
        colour = recolour(colour, alpha, generator)
        made = colour + self.backgrounds(len(sprites), generator) * (1 - alpha)
        return soften(made, generator)

    def backgrounds(self, count: int, generator: torch.Generator) -> Tensor:
        """[count, 3, 64, 64]: white, a named colour, any colour, or a scene."""
        kind = torch.rand(count, 1, 1, 1, generator=generator)
        named = self.named[torch.randint(len(self.named), (count,), generator=generator)][:, :, None, None]
        any_colour = torch.rand(count, 3, 1, 1, generator=generator)
        scenery = self.scenery[torch.randint(len(self.scenery), (count,), generator=generator)]
        plain = torch.where(kind < 0.4, torch.ones(1, 3, 1, 1), torch.where(kind < 0.6, named, any_colour))
        return torch.where(kind < 0.85, plain.expand(-1, -1, SIDE, SIDE), scenery)


def new_disguise(seed: int) -> Disguise:
    return Disguise(scenes(8, seed), torch.tensor(list(COLOURS.values())) / 255)


def paths(count: int, generator: torch.Generator) -> Tensor:
    """[count, 64, 64, 2] sampling grids: turned, sized, shifted, mirrored, and gently bent."""

    def normal(spread: float) -> Tensor:
        return torch.randn(count, generator=generator) * spread

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    angle, size, aspect = normal(0.14), between(0.6, 1.05), between(0.9, 1.1)
    mirror = torch.where(torch.rand(count, generator=generator) < 0.25, -1.0, 1.0)
    cos, sin = angle.cos() / size, angle.sin() / size
    across, down = between(-0.16, 0.16), between(-0.16, 0.16)
    rows = torch.stack([cos * mirror * aspect, -sin * aspect, across, sin * mirror, cos, down], dim=1)
    grid = functional.affine_grid(rows.view(count, 2, 3), [count, 4, SIDE, SIDE], align_corners=False)
    bend = torch.randn(count, 2, 5, 5, generator=generator) * between(0, 0.05)[:, None, None, None]
    return grid + functional.interpolate(bend, size=(SIDE, SIDE), mode="bicubic").permute(0, 2, 3, 1)


def turn_hue(angle: Tensor) -> Tensor:
    """[n, 3, 3] rotations of colours about the grey axis, by angles [n]."""
    third, root = 1 / 3, math.sqrt(1 / 3)
    cos, sin = angle.cos(), angle.sin()
    same, next_, last = cos + third * (1 - cos), third * (1 - cos) - root * sin, third * (1 - cos) + root * sin
    return torch.stack([same, next_, last, last, same, next_, next_, last, same], dim=1).view(-1, 3, 3)


def recolour(colour: Tensor, alpha: Tensor, generator: torch.Generator) -> Tensor:
    """Colours [n, 3, h, w] (times alpha) with other hues, now and then without any, lighter or darker."""
    count = len(colour)
    far = torch.rand(count, generator=generator) < 0.3
    angle = torch.where(far, torch.rand(count, generator=generator) * 6.28, torch.randn(count, generator=generator) / 6)
    colour = torch.einsum("nij,njhw->nihw", turn_hue(angle), colour)
    grey = colour.mean(1, keepdim=True)
    vivid = 0.6 + 0.7 * torch.rand(count, 1, 1, 1, generator=generator)
    vivid = torch.where(torch.rand(count, 1, 1, 1, generator=generator) < 0.08, torch.zeros(()), vivid)
    light = 0.8 + 0.4 * torch.rand(count, 1, 1, 1, generator=generator)
    colour = (grey + (colour - grey) * vivid) * light
    return torch.minimum(colour.clamp(min=0), alpha)


def soften(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Blurred by up to 1.3 pixels and with a little noise, as a small model paints."""
    count = len(pictures)
    spread = 0.2 + 1.1 * torch.rand(count, generator=generator)
    line = torch.exp(-0.5 * (torch.arange(-3, 4)[None] / spread[:, None]) ** 2)
    line = line / line.sum(1, keepdim=True)
    kernel = (line[:, :, None] * line[:, None, :])[:, None].repeat_interleave(3, 0)
    blurred = functional.conv2d(pictures.reshape(1, count * 3, SIDE, SIDE), kernel, padding=3, groups=count * 3)
    made = blurred.view(count, 3, SIDE, SIDE)
    edge = functional.conv2d(torch.ones(1, 1, SIDE, SIDE), torch.ones(1, 1, 7, 7), padding=3) / 49
    made = torch.where(edge < 1, pictures, made)
    noise = torch.randn(made.shape, generator=generator) * (0.03 * torch.rand(count, 1, 1, 1, generator=generator))
    return (made + noise).clamp(0, 1)

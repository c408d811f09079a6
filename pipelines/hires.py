"""Hires: the second pass, which draws a picture over again at a larger size."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from PIL import Image

from pipelines.family import Order, Start
from pipelines.passes import LATENT_UPSCALERS
from pipelines.recipe import Hires
from pipelines.samplers import Sampler

_LATENT: Mapping[str, tuple[str, bool]] = MappingProxyType(
    dict(
        zip(
            LATENT_UPSCALERS,
            (
                ("bilinear", False),
                ("bilinear", True),
                ("bicubic", False),
                ("bicubic", True),
                ("nearest", False),
                ("nearest-exact", False),
            ),
            strict=True,
        )
    )
)
"""How torch.nn.functional.interpolate is asked: mode, antialias."""


@dataclass(frozen=True)
class Target:
    """Where a second pass goes: enlarged to width x height, of which cut_x and cut_y pixels are cut off."""

    width: int
    height: int
    cut_x: int = 0
    cut_y: int = 0


def target(hires: Hires, width: int, height: int) -> Target:
    """For a first pass of that size. Both sides given: what is enlarged covers them, and the rest is cut off."""
    if not hires.width and not hires.height:
        return Target(int(width * hires.scale), int(height * hires.scale))
    wider = not hires.height or (hires.width != 0 and width * hires.height < hires.width * height)
    large = (hires.width, hires.width * height // width) if wider else (hires.height * width // height, hires.height)
    if not hires.width or not hires.height:
        return Target(*large)
    return Target(*large, large[0] - hires.width, large[1] - hires.height)


def is_latent(upscaler: str) -> bool:
    """Whether latents are enlarged, rather than the picture."""
    return upscaler in _LATENT


def enlarged(latents: torch.Tensor, upscaler: str, to: Target, factor: int) -> torch.Tensor:
    """Latents enlarged to a target. factor: pixels of a side that one latent pixel stands for."""
    mode, antialias = _LATENT[upscaler]
    size = to.height // factor, to.width // factor
    return torch.nn.functional.interpolate(latents, size=size, mode=mode, antialias=antialias)


def cut(latents: torch.Tensor, to: Target, factor: int) -> torch.Tensor:
    """The middle of enlarged latents."""
    x, y = to.cut_x // factor, to.cut_y // factor
    height, width = latents.shape[2:]
    return latents[:, :, y // 2 : height - (y + 1) // 2, x // 2 : width - (x + 1) // 2]


def whole(image: Image.Image, factor: int) -> Image.Image:
    """A picture without what does not fill a latent pixel."""
    return image.crop((0, 0, image.width // factor * factor, image.height // factor * factor))


def second(first: Order, hires: Hires, sampler: Sampler, schedule: str) -> Order:
    """The order of the second pass; what it starts from is put in later. What is "" or 0 is as in the first pass."""
    steps = hires.steps or first.steps
    merging = first.sampling.token_merging_hires or first.sampling.token_merging
    return replace(
        first,
        sampling=replace(first.sampling, token_merging=merging),
        prompt=hires.prompt or first.prompt,
        negative=hires.negative or first.negative,
        steps=steps,
        guidance=hires.guidance or first.guidance,
        sampler=sampler,
        schedule=schedule,
        after=first.steps * first.sampler.calls,
    )


def started(order: Order, latents: torch.Tensor, strength: float, factor: int) -> Order:
    """The order with the latents that it puts noise on."""
    height, width = latents.shape[2:]
    start = Start(latents, strength, whole=True)
    return replace(order, start=start, width=width * factor, height=height * factor)

"""Denoising: the loop that drives a sampler over a U-Net, and hands back every step."""

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal

import torch

from pipelines.samplers import Steps
from pipelines.schedules import NoiseTable

Prediction = Literal["epsilon", "v"]
Predict = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""(x of unit scale, timesteps (batch,), conditioning (batch, tokens, width)) -> the network's output, fp32."""


class Stopped(Exception):
    """The job was cancelled."""


class NotANumber(Exception):
    """The model's output is not finite."""


@dataclass(frozen=True)
class Denoised:
    """After step `index` (from 1) of `total`. estimate: the clean latents as the model sees them, the batch's shape."""

    index: int
    total: int
    estimate: torch.Tensor


@dataclass(frozen=True)
class Blend:
    """Inpainting: outside the mask the estimate is the source.

    mask -- 1 is repainted, 0 kept, broadcasts over a latent; source -- the clean latents
    """

    mask: torch.Tensor
    source: torch.Tensor

    def __call__(self, latent: torch.Tensor) -> torch.Tensor:
        return latent * self.mask + self.source * (1 - self.mask)


class Denoiser:
    """denoised = f(x, sigma) of a discrete diffusion model under classifier-free guidance (Ho, Salimans 2022).

    The network is asked at the (fractional) timestep whose noise level is sigma, with x brought to unit scale
    (Karras et al. 2022, table 1: VP preconditioning; Salimans, Ho 2022 for v).
    """

    def __init__(
        self,
        predict: Predict,
        table: NoiseTable,
        prediction: Prediction,
        condition: torch.Tensor,
        negative: torch.Tensor | None,
        guidance: float,
        group: int,
    ) -> None:
        """condition, negative: (1, tokens, width), negative None: no guidance. group: pictures in one call."""
        self._predict = predict
        self._table = table
        self._prediction = prediction
        self._condition = condition
        self._negative = negative
        self._guidance = guidance
        self._group = max(1, group)

    def __call__(self, x: torch.Tensor, sigma: float) -> torch.Tensor:
        """x: (batch, channels, height, width), fp32. Returns the same shape."""
        scale = 1 / math.sqrt(sigma**2 + 1)
        timestep = self._table.timestep(sigma)
        outputs = [self._guided(part, timestep) for part in (x * scale).split(self._group)]
        output = outputs[0] if len(outputs) == 1 else torch.cat(outputs)
        if self._prediction == "v":
            return x * scale**2 - output * (sigma * scale)
        return x - output * sigma

    def _guided(self, x: torch.Tensor, timestep: float) -> torch.Tensor:
        count = x.shape[0]
        condition = self._condition.expand(count, -1, -1)
        if self._negative is None:
            return self._predict(x, x.new_full((count,), timestep), condition)
        both = torch.cat([self._negative.expand(count, -1, -1), condition])
        output = self._predict(torch.cat([x, x]), x.new_full((2 * count,), timestep), both)
        without, along = output.chunk(2)
        return without + (along - without) * self._guidance


def denoise(
    steps: Steps,
    denoiser: Callable[[torch.Tensor, float], torch.Tensor],
    total: int,
    cancelled: Callable[[], bool],
    calls: int = 1,
    blend: Blend | None = None,
) -> Generator[Denoised, None, torch.Tensor]:
    """Drive a sampler to its end; yields after each of `total` steps and returns the last latent.

    calls -- model calls a step of this sampler makes (the last may make fewer)
    Raises Stopped when `cancelled` says so, asked before each call of the model, and NotANumber.
    """
    done = count = 0
    try:
        point, sigma = next(steps)
        while True:
            if cancelled():
                raise Stopped
            estimate = denoiser(point, sigma)
            if not bool(torch.isfinite(estimate).all()):
                raise NotANumber
            if blend is not None:
                estimate = blend(estimate)
            count += 1
            point, sigma = steps.send(estimate)
            if count // calls > done and done < total - 1:
                done += 1
                yield Denoised(done, total, estimate)
    except StopIteration as stop:
        result: torch.Tensor = stop.value
    if count:
        yield Denoised(total, total, estimate)  # pyright: ignore[reportPossiblyUnboundVariable]
    return result

"""Latent model: text encoder, U-Net and autoencoder, and how they make pictures. What SD 1.x and its kin share."""

import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL import Image

from pipelines.denoise import Blend, Denoised, Denoiser, NotANumber, Prediction, Stopped, denoise
from pipelines.device import Device
from pipelines.family import Model, Order, Progress, Start
from pipelines.latents import Autoencoder, latent_mask, to_images
from pipelines.noise import BrownianNoise, SeededNoise, Variations
from pipelines.preview import LatentColours
from pipelines.prompt.conditioning import Pass, condition
from pipelines.prompt.encoder import ClipText
from pipelines.samplers import Noise
from pipelines.schedules import NoiseTable


@dataclass(frozen=True)
class Parts:
    """unet: a diffusers UNet2DConditionModel, computing in `dtype`."""

    text: ClipText
    unet: Any
    dtype: torch.dtype
    autoencoder: Autoencoder
    table: NoiseTable
    prediction: Prediction
    colours: LatentColours


class LatentModel(Model):
    def __init__(self, parts: Parts, device: Device, size: int) -> None:
        """size: bytes of all weights in memory."""
        self.bytes = size
        self.side_step = parts.autoencoder.factor
        self.parts = parts
        self._device = device

    def components(self) -> Mapping[str, Any]:
        return {"unet": self.parts.unet, "te": self.parts.text.model}

    def make(self, order: Order, cancelled: Callable[[], bool]) -> Generator[Progress, None, list[Image.Image]]:
        if order.sampler.adaptive and len(order.seeds) > 1:
            return (yield from self._one_by_one(order, cancelled))
        parts, sampler, settings = self.parts, order.sampler, order.sampling
        shape = parts.autoencoder.shape(order.width, order.height)
        denoiser = self.denoiser(order)
        fresh = SeededNoise(order.seeds, shape, self._device.name, settings.noise, settings.seed_delta)
        levels = sampler.sigmas(order.schedule, order.steps, parts.table, settings)
        # A Brownian path spans the whole schedule, also where a picture goes through its end only.
        noise = self._noise(order, fresh, levels, shape)
        first = self._first(order, fresh)
        blend: Blend | None = None
        if order.start is None:
            x = first * (math.sqrt(1 + levels[0] ** 2) if sampler.preserving else levels[0])
        else:
            levels, start = sampler.shortened(levels, order.steps, order.start.strength, parts.table)
            source = parts.autoencoder.encode(order.start.image, order.seeds)
            source, blend = self._filled(order.start, source, first, sampler.preserving)
            x = (source + first * start) * (math.hypot(1, levels[0]) / math.hypot(1, start))
        # The samplers compute in plain fp32 between the calls of the network.
        steps = sampler.steps(x, levels, noise, settings)
        x = yield from self._watched(denoise(steps, denoiser, len(levels) - 1, cancelled, sampler.calls, blend))
        if sampler.preserving and levels[-1] > 0:
            x = x / math.sqrt(1 + levels[-1] ** 2)
        if blend is not None:
            x = blend(x)
        if cancelled():
            raise Stopped
        decoded = parts.autoencoder.decode(x, order.light)
        if not bool(torch.isfinite(decoded).all()):
            raise NotANumber
        return to_images(decoded)

    def denoiser(self, order: Order) -> Denoiser:
        parts = self.parts
        words = (
            order.embeddings.within(f"{order.prompt}\n{order.negative}", parts.text.width) if order.embeddings else {}
        )

        def encode(texts: Mapping[str, int]) -> dict[str, torch.Tensor]:
            encoded = parts.text.encode(texts, skip=order.clip_skip, emphasis=order.emphasis, vectors=words)
            return {text: value.to(self._device.name, parts.dtype) for text, value in encoded.items()}

        run = Pass(order.steps, order.sampler.calls, old=order.old_editing)
        guidance = order.guidance * order.sampler.guidance
        # The negative prompt is left out for guidance 1 only where nobody asks for it.
        asked = 0.0 if order.sampler.needs_plain else guidance
        conditioning = condition(order.prompt, order.negative, asked, run, encode)
        # On a CPU larger calls save nothing, and one picture a call keeps its numbers free of the batch's size.
        group = 1 if order.light or self._device.kind == "cpu" else len(order.seeds)
        return Denoiser(
            self._predict, parts.table, parts.prediction, conditioning, guidance, group, order.sampler.needs_plain
        )

    @torch.inference_mode()
    def _predict(self, x: torch.Tensor, timesteps: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        parts = self.parts
        answer = parts.unet(x.to(parts.dtype), timesteps, encoder_hidden_states=condition, return_dict=False)
        return answer[0].float()

    def _noise(self, order: Order, fresh: SeededNoise, levels: list[float], shape: tuple[int, ...]) -> Noise:
        above = [level for level in levels if level > 0]
        if order.sampler.brownian and len(above) > 1:
            return BrownianNoise(order.seeds, shape, min(above), max(above), self._device.name, order.sampling.noise)
        return fresh

    def _first(self, order: Order, fresh: SeededNoise) -> torch.Tensor:
        settings, factor = order.sampling, self.parts.autoencoder.factor
        size = settings.resize_height // factor, settings.resize_width // factor
        return fresh.first(Variations(order.variation_seeds, settings.variation), size if all(size) else None)

    def _one_by_one(self, order: Order, cancelled: Callable[[], bool]) -> Generator[Progress, None, list[Image.Image]]:
        """A sampler that looks at the whole batch would give a picture in company other pixels than alone."""
        made: list[Image.Image] = []
        for index, seed in enumerate(order.seeds):
            single = replace(order, seeds=(seed,), variation_seeds=order.variation_seeds[index : index + 1])
            made += yield from self.make(single, cancelled)
        return made

    def _filled(
        self, start: Start, source: torch.Tensor, first: torch.Tensor, preserving: bool
    ) -> tuple[torch.Tensor, Blend | None]:
        """The source latents with the painted part as the recipe wants it, and what blends them in at each step."""
        if start.mask is None:
            return source, None
        mask = latent_mask(start.mask, source.shape[3], source.shape[2], self._device.name)
        if start.fill == "noise":
            source = source * (1 - mask) + first * mask
        elif start.fill == "empty":
            source = source * (1 - mask)
        return source, Blend(mask, source, early=preserving)

    def _watched(self, steps: Generator[Denoised, None, torch.Tensor]) -> Generator[Progress, None, torch.Tensor]:
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return stop.value
            yield Progress(step.index, step.total, self.parts.colours.picture(step.estimate[0]))

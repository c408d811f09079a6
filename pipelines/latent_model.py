"""Latent model: text encoder, U-Net and autoencoder, and how they make pictures. What SD 1.x and its kin share."""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from PIL import Image

from pipelines import seams
from pipelines.control.guide import Guide, Unit
from pipelines.denoise import (
    Blend,
    Denoised,
    Denoiser,
    Handover,
    NotANumber,
    Prediction,
    Stopped,
    Thrift,
    denoise,
)
from pipelines.device import Device
from pipelines.family import Model, ModelError, Order, Progress, Start
from pipelines.latents import Autoencoder, latent_mask, to_images
from pipelines.networks.names import TEXT_ENCODERS
from pipelines.noise import BrownianNoise, SeededNoise, Variations
from pipelines.preview import Preview
from pipelines.prompt.conditioning import Pass, condition, texts
from pipelines.prompt.encoder import Condition, JointText
from pipelines.samplers import Noise
from pipelines.schedules import NoiseTable
from pipelines.soft_inpainting import changed
from pipelines.token_merging import TokenMerging

Ids = Literal["", "sizes", "score"]

BEAUTIFUL, UGLY = 6.0, 2.5
"""Aesthetic scores that the refiner is told with the prompt and with the negative one."""


@dataclass(frozen=True)
class Parts:
    """unet: a diffusers UNet2DConditionModel, computing in `dtype`.

    ids        -- what SDXL's networks are told besides: the picture's size, where it was cut and what it is cut to
                  (Podell et al. 2023, 2.2), or an aesthetic score in place of the last
    zero_empty -- an empty negative prompt is nothing at all, not the encoding of an empty text
    """

    text: JointText
    unet: Any
    dtype: torch.dtype
    autoencoder: Autoencoder
    table: NoiseTable
    prediction: Prediction
    colours: Preview
    ids: Ids = ""
    zero_empty: bool = False


@dataclass(frozen=True)
class Way:
    """whole: the noise levels of the full schedule; levels: those gone through, the last is where the picture is taken;
    start: that of the noise put on a picture."""

    whole: list[float]
    levels: list[float]
    start: float


class LatentModel(Model):
    def __init__(self, parts: Parts, device: Device, size: int) -> None:
        """size: bytes of all weights in memory."""
        self.bytes = size
        self.side_step = parts.autoencoder.factor
        self.parts = parts
        self._device = device
        self._merging = TokenMerging(parts.unet)
        self._own_vae = parts.autoencoder
        self._units: tuple[Unit, ...] = ()

    @property
    def autoencoder(self) -> Autoencoder:
        return self._own_vae

    def use_vae(self, vae: Autoencoder | None) -> None:
        self.parts = replace(self.parts, autoencoder=vae or self._own_vae)

    def use_controls(self, units: Sequence[Unit]) -> None:
        self._units = tuple(units)

    def remarks(self) -> tuple[str, ...]:
        if not self.parts.autoencoder.raised:
            return ()
        return ("The VAE gave values that are no numbers in half precision; it works in full precision now.",)

    def components(self) -> Mapping[str, Any]:
        texts = (part.model for part in self.parts.text.parts)
        return {"unet": self.parts.unet, **dict(zip(TEXT_ENCODERS, texts, strict=False))}

    def words(self, order: Order) -> tuple[str, ...]:
        said = texts(order.prompt, order.negative, self._run(order))
        return self.parts.text.spoken(said, self._vectors(order), order.emphasis)

    def prepare(self, order: Order) -> None:
        seams.close((self.parts.unet, self.parts.autoencoder.module), order.tiling)
        self._merging.use(order.sampling.token_merging)

    def steps(self, order: Order) -> int:
        return len(self._way(order).levels) - 1

    def draw(self, order: Order, cancelled: Callable[[], bool]) -> Generator[Progress, None, torch.Tensor]:
        if order.sampler.adaptive and len(order.seeds) > 1:
            return (yield from self._one_by_one(order, cancelled))
        way = self._way(order)
        shape = self._shape(order)
        fresh = SeededNoise(order.seeds, shape, self._device.name, order.sampling.noise, order.sampling.seed_delta)
        noise = self._noise(order, fresh, way, shape)
        x, blend = self._beginning(order, way, self._first(order, fresh))
        denoiser = self._watchful(order, self.denoiser(order, self._beside(order)))
        # The samplers compute in plain fp32 between the calls of the network.
        steps = order.sampler.steps(x, way.levels, noise, order.sampling)
        count = len(way.levels) - 1
        asked = denoiser if order.wrap is None else order.wrap(denoiser)
        x = yield from self._watched(denoise(steps, asked, count, cancelled, order.sampler.calls, blend))
        if order.sampler.preserving and way.levels[-1] > 0:
            x = x / math.sqrt(1 + way.levels[-1] ** 2)
        if cancelled():
            raise Stopped
        return x if blend is None else blend(x, 0.0)

    def changed(self, order: Order, latents: torch.Tensor) -> list[Image.Image]:
        start = order.start
        if start is None or start.soft is None or start.mask is None:
            return []
        way = self._way(order)
        shape = self._shape(order)
        fresh = SeededNoise(order.seeds, shape, self._device.name, order.sampling.noise, order.sampling.seed_delta)
        _, blend = self._beginning(order, way, self._first(order, fresh))
        if blend is None:
            return []
        return changed(blend.source, latents, blend.mask, start.soft, (order.width, order.height))

    def encode(self, images: Sequence[Image.Image], seeds: tuple[int, ...]) -> torch.Tensor:
        return self.parts.autoencoder.encode(images, seeds)

    def decode(self, latents: torch.Tensor, light: bool = False) -> list[Image.Image]:
        decoded = self.parts.autoencoder.decode(latents, light)
        if not bool(torch.isfinite(decoded).all()):
            raise NotANumber
        return to_images(decoded)

    def denoiser(self, order: Order, beside: torch.Tensor | None = None) -> Denoiser:
        """beside: further channels that the network sees, (pictures, channels, height, width)."""
        parts = self.parts
        words = self._vectors(order)

        def encode(texts: Mapping[str, int], score: float = BEAUTIFUL) -> dict[str, Condition]:
            encoded = parts.text.encode(texts, skip=order.clip_skip, emphasis=order.emphasis, vectors=words)
            ids = self._ids(order, score)
            return {text: value._replace(ids=ids).to(self._device.name, parts.dtype) for text, value in encoded.items()}

        def encode_negative(texts: Mapping[str, int]) -> dict[str, Condition]:
            encoded = encode(texts, UGLY)
            if parts.zero_empty and not any(texts):
                return {text: told.nothing() for text, told in encoded.items()}
            return encoded

        guidance = order.guidance * order.sampler.guidance
        # The negative prompt is left out for guidance 1 only where nobody asks for it.
        asked = 0.0 if order.sampler.needs_plain or self._edits else guidance
        conditioning = condition(
            order.prompt, order.negative, asked, self._run(order), encode, encode_negative, order.sampling.pad
        )
        # On a CPU larger calls save nothing, and one picture a call keeps its numbers free of the batch's size.
        group = 1 if order.light or self._device.kind == "cpu" else len(order.seeds)
        return Denoiser(
            self._predict,
            parts.table,
            parts.prediction,
            conditioning,
            guidance,
            group,
            order.sampler.needs_plain,
            beside=beside,
            image_guidance=order.image_guidance if self._edits else None,
            thrift=_thrift(order),
            rescale=order.sampling.rescale,
            steer=self._guide(order),
        )

    def _guide(self, order: Order) -> Guide | None:
        if not self._units:
            return None
        autoencoder = self.parts.autoencoder
        _, height, width = self._shape(order)
        size = width * autoencoder.factor, height * autoencoder.factor
        soft = order.after is not None
        return Guide(self._units, size, autoencoder.channels, self._device.name, self.parts.dtype, soft)

    def _run(self, order: Order) -> Pass:
        return Pass(order.steps, order.sampler.calls, order.after, order.old_editing)

    def _vectors(self, order: Order) -> list[Mapping[str, torch.Tensor]]:
        """Trained words that may stand in the prompts, for each text model."""
        known, both = order.embeddings, f"{order.prompt}\n{order.negative}"
        return [known.within(both, part.width) if known else {} for part in self.parts.text.parts]

    def _watchful(self, order: Order, first: Denoiser) -> Denoiser | Handover:
        """The denoiser, or one that gives over to the order's successor on the way."""
        successor = order.successor
        if successor is None:
            return first
        successor.model = None

        def second() -> Denoiser:
            model = successor.take(order)
            if (
                not isinstance(model, LatentModel)
                or model.parts.autoencoder.channels != self.parts.autoencoder.channels
            ):
                raise ModelError("The refiner is of another kind than the model: it cannot go on with its picture.")
            return model.denoiser(replace(order, successor=None), model._beside(order))

        return Handover(first, second, successor.at, successor.by_steps, _calls(order))

    @torch.inference_mode()
    def _predict(self, x: torch.Tensor, timesteps: torch.Tensor, told: Condition) -> torch.Tensor:
        parts = self.parts
        more = None if told.pooled is None else {"text_embeds": told.pooled, "time_ids": told.ids}
        answer = parts.unet(
            x.to(parts.dtype),
            timesteps,
            encoder_hidden_states=told.tokens,
            added_cond_kwargs=more,
            down_block_additional_residuals=told.residuals[:-1] or None,
            mid_block_additional_residual=told.residuals[-1] if told.residuals else None,
            return_dict=False,
        )
        return answer[0].float()

    def _ids(self, order: Order, score: float) -> torch.Tensor | None:
        """Height and width of the picture, where it was cut (nowhere), and what it is cut to or how beautiful it is."""
        height, width = (side * self.parts.autoencoder.factor for side in self._shape(order)[1:])
        match self.parts.ids:
            case "sizes":
                return torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32)
            case "score":
                return torch.tensor([[height, width, 0, 0, score]], dtype=torch.float32)
            case _:
                return None

    @property
    def _extra(self) -> int:
        """Channels that the network takes beside those of a latent."""
        return int(self.parts.unet.config.in_channels) - self.parts.autoencoder.channels

    @property
    def _edits(self) -> bool:
        """Whether it is InstructPix2Pix, which sees the picture it starts from."""
        return self._extra == self.parts.autoencoder.channels

    def _beside(self, order: Order) -> torch.Tensor | None:
        """What the network sees beside x: the picture to edit; or the mask and the picture without the masked part."""
        autoencoder, start = self.parts.autoencoder, order.start
        if self._extra == 0:
            return None
        _, height, width = self._shape(order)
        size = width * autoencoder.factor, height * autoencoder.factor
        source = start.source if start is not None and isinstance(start.source, Image.Image) else None
        if source is not None and source.size != size:
            source = source.resize(size, Image.Resampling.LANCZOS)
        if self._edits:
            if source is None:
                raise ModelError("This model changes a picture: give it one to start from (img2img).")
            return autoencoder.mean(source).expand(len(order.seeds), -1, -1, -1)
        mask = start.mask.convert("L").point([0] * 128 + [255] * 128) if start and start.mask else None
        grey = Image.new("RGB", size, (128, 128, 128))
        # Without a mask all of it is to be painted.
        shown = grey
        if start is not None and source is not None and mask is not None:
            shown = Image.blend(source, Image.composite(grey, source, mask), start.hidden)
        small = (
            torch.ones(1, 1, height, width, device=self._device.name)
            if mask is None
            else latent_mask(mask, width, height, self._device.name)
        )
        pictures = autoencoder.encode([shown], order.seeds)
        return torch.cat([small.expand(len(order.seeds), -1, -1, -1), pictures], dim=1)

    def _shape(self, order: Order) -> tuple[int, int, int]:
        """Of one picture's latent."""
        start = order.start
        if start is not None and isinstance(start.source, torch.Tensor):
            channels, height, width = start.source.shape[1:]
            return channels, height, width
        return self.parts.autoencoder.shape(order.width, order.height)

    def _way(self, order: Order) -> Way:
        sampler, start, table = order.sampler, order.start, self.parts.table
        if start is None:
            levels = sampler.sigmas(order.schedule, order.steps, table, order.sampling)
            return Way(levels, levels, levels[0])
        # As is customary, a picture's steps count the whole way from pure noise: 20 steps at 0.5 make about half as
        # many, and a schedule that ends at 0 has that last step besides.
        whole = int(order.steps / _strength(start)) if start.whole else order.steps
        kept = _kept(order, start)
        levels = sampler.sigmas(order.schedule, whole, table, order.sampling)
        rest, level = sampler.shortened(levels, whole, kept, table)
        return Way(levels, rest, level)

    def _noise(self, order: Order, fresh: SeededNoise, way: Way, shape: tuple[int, ...]) -> Noise:
        above = [level for level in way.whole if level > 0]
        if order.sampler.brownian and len(above) > 1:
            return BrownianNoise(order.seeds, shape, min(above), max(above), self._device.name, order.sampling.noise)
        return fresh

    def _first(self, order: Order, fresh: SeededNoise) -> torch.Tensor:
        settings, factor = order.sampling, self.parts.autoencoder.factor
        size = settings.resize_height // factor, settings.resize_width // factor
        return fresh.first(Variations(order.variation_seeds, settings.variation), size if all(size) else None)

    def _beginning(self, order: Order, way: Way, first: torch.Tensor) -> tuple[torch.Tensor, Blend | None]:
        """x at the first level, and what holds the unpainted part in place."""
        preserving, level, start = order.sampler.preserving, way.levels[0], order.start
        if start is None:
            rounded = preserving or order.sampling.sgm_noise
            return first * (math.sqrt(1 + level**2) if rounded else level), None
        source = self._source(order, start)
        source, blend = self._filled(start, source, first, preserving)
        # The multiplier is for pictures that were given; a second pass has noise of full strength.
        given = not isinstance(start.source, torch.Tensor)
        first = first * order.sampling.noise_multiplier if given else first
        amount = way.start + order.sampling.extra_noise
        return (source + first * amount) * (math.hypot(1, level) / math.hypot(1, way.start)), blend

    def _source(self, order: Order, start: Start) -> torch.Tensor:
        """The latents of what the order starts from, (pictures, channels, height, width)."""
        if isinstance(start.source, torch.Tensor):
            return start.source.to(self._device.name, torch.float32)
        source = self.encode([start.source], order.seeds)
        size = self._shape(order)[1:]
        if source.shape[2:] == size:
            return source
        return torch.nn.functional.interpolate(source, size=size, mode="bilinear")

    def _one_by_one(self, order: Order, cancelled: Callable[[], bool]) -> Generator[Progress, None, torch.Tensor]:
        """A sampler that looks at the whole batch would give a picture in company other pixels than alone."""
        made: list[torch.Tensor] = []
        for index, seed in enumerate(order.seeds):
            single = replace(order, seeds=(seed,), variation_seeds=order.variation_seeds[index : index + 1])
            start = order.start
            if start is not None and isinstance(start.source, torch.Tensor):
                single = replace(single, start=replace(start, source=start.source[index : index + 1]))
            made.append((yield from self.draw(single, cancelled)))
        return torch.cat(made)

    def _filled(
        self, start: Start, source: torch.Tensor, first: torch.Tensor, preserving: bool
    ) -> tuple[torch.Tensor, Blend | None]:
        """The source latents with the painted part as the recipe wants it, and what blends them in at each step."""
        if start.mask is None:
            return source, None
        mask = latent_mask(start.mask, source.shape[3], source.shape[2], self._device.name, start.soft is not None)
        if start.fill == "noise":
            source = source * (1 - mask) + first * mask
        elif start.fill == "empty":
            source = source * (1 - mask)
        return source, Blend(mask, source, preserving, start.soft)

    def _watched(self, steps: Generator[Denoised, None, torch.Tensor]) -> Generator[Progress, None, torch.Tensor]:
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return stop.value
            yield Progress(step.index, step.total, self.parts.colours.picture(step.estimate[0]))


def _strength(start: Start) -> float:
    return min(start.strength, 0.999)


def _kept(order: Order, start: Start) -> int:
    """The steps of the way from pure noise that a picture goes through; one more where the levels end at 0."""
    return order.steps - 1 if start.whole else int(_strength(start) * order.steps)


def _calls(order: Order) -> int:
    """How often the network will be asked, as other programs count it."""
    steps = order.steps if order.start is None else _kept(order, order.start) + 1
    return steps * order.sampler.calls


def _thrift(order: Order) -> Thrift:
    asked = order.sampling
    return Thrift(asked.skip_early, asked.min_uncond, asked.min_uncond_all, order.sampler.preserving, _calls(order))

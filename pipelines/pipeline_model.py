"""Pipeline model: a diffusers pipeline, driven by our samplers.

The pipeline encodes the prompt and calls its network; the noise, the levels, the sampler, the picture to start from and
the mask are ours, through the scheduler that it is given. So every family has the same samplers, seeds and tasks.
"""

import inspect
import math
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from PIL import Image

from pipelines.denoise import Blend, NotANumber, Stopped
from pipelines.device import Device
from pipelines.family import Model, ModelError, Order, Progress
from pipelines.followed import followed
from pipelines.generator_scheduler import NEAREST, Drive, GeneratorScheduler, Kind
from pipelines.latents import Autoencoder, latent_mask, to_images
from pipelines.noise import BrownianNoise, SeededNoise, Variations
from pipelines.preview import LatentColours
from pipelines.prompt import networks, uncommented
from pipelines.prompt.plain import plain
from pipelines.samplers import Noise

Packing = Literal["", "squares", "tokens", "frames"]
"""How a pipeline holds latents: as they are; squares of four pixels as one token (FLUX.1); each pixel as a token
(FLUX.2, which packs what it is given itself); as films of one frame with the channels last (Kandinsky 5)."""

Guidance = Literal["cfg", "true", "embedded"]
"""Which argument of the pipeline is the recipe's CFG: guidance_scale with a negative prompt; true_cfg_scale; or
guidance_scale as a number that the network is told, without a negative prompt."""

Shift = Callable[[int, int], float]
"""(tokens of 16 x 16 pixels, steps) -> the shift of the levels."""


@dataclass(frozen=True)
class Way:
    """What a family's pipelines are like.

    levels   -- arguments of the scheduler: those of the noise table, or what the network predicts
    terminal -- the last level above 0 to which the others are stretched; 0: as they come
    more     -- arguments for every call
    """

    packing: Packing = ""
    guidance: Guidance = "cfg"
    shift: Shift = lambda tokens, steps: 1.0
    prediction: Kind = "flow"
    levels: Mapping[str, Any] = field(default_factory=dict[str, Any])
    terminal: float = 0.0
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Parts:
    """pipelines: for "text" (which does "image" and "inpaint" too), "edit", and "fill" (inpainting with the mask as an
    input of the network); what is not there cannot be done."""

    pipelines: Mapping[str, Any]
    autoencoder: Autoencoder
    colours: LatentColours
    way: Way


class PipelineModel(Model):
    def __init__(self, parts: Parts, device: Device, size: int, side_step: int) -> None:
        """size: bytes of all weights in memory."""
        self.bytes = size
        self.side_step = side_step
        self.parts = parts
        self._device = device
        self._networks = ""
        """The tags of the prompt at hand: with other networks the same words are read in another way."""
        for pipe in parts.pipelines.values():
            pipe.set_progress_bar_config(disable=True)
            _remembering(pipe, lambda: self._networks)

    def components(self) -> Mapping[str, Any]:
        pipe = next(iter(self.parts.pipelines.values()))
        found = {
            "unet": getattr(pipe, "transformer", None) or getattr(pipe, "unet", None),
            "te": getattr(pipe, "text_encoder", None),
            "te2": getattr(pipe, "text_encoder_2", None),
            # The second one, where it is the last, is what some trainers number as the third.
            "te3": getattr(pipe, "text_encoder_3", None) or getattr(pipe, "text_encoder_2", None),
        }
        return {name: part for name, part in found.items() if isinstance(part, torch.nn.Module)}

    def prepare(self, order: Order) -> None:
        self._networks = repr(networks(uncommented(order.prompt))[1])

    def steps(self, order: Order) -> int:
        return self._made(order) * len(order.seeds)

    def draw(self, order: Order, cancelled: Callable[[], bool]) -> Generator[Progress, None, torch.Tensor]:
        """One picture after another: at their sizes together is hardly quicker, and one needs less memory."""
        made: list[torch.Tensor] = []
        for place, seed in enumerate(order.seeds):
            single = replace(order, seeds=(seed,), variation_seeds=order.variation_seeds[place : place + 1])
            start = order.start
            if start is not None and isinstance(start.source, torch.Tensor):
                single = replace(single, start=replace(start, source=start.source[place : place + 1]))
            before = place * self._made(order)
            made.append((yield from self._one(single, before, self.steps(order), cancelled)))
        return torch.cat(made)

    def encode(self, images: Sequence[Image.Image], seeds: tuple[int, ...]) -> torch.Tensor:
        return self.parts.autoencoder.encode(images, seeds)

    def decode(self, latents: torch.Tensor, light: bool = False) -> list[Image.Image]:
        decoded = self.parts.autoencoder.decode(latents, light)
        if not bool(torch.isfinite(decoded).all()):
            raise NotANumber
        return to_images(decoded)

    def _made(self, order: Order) -> int:
        """Steps of one picture."""
        start = order.start
        if start is None or start.whole:
            return order.steps
        return max(1, min(order.steps, int(order.steps * start.strength)))

    def _one(
        self, order: Order, before: int, total: int, cancelled: Callable[[], bool]
    ) -> Generator[Progress, None, torch.Tensor]:
        way, start = self.parts.way, order.start
        shape = self._shape(order)
        height, width = shape[1:]
        factor = self.parts.autoencoder.factor
        tokens = height * factor // 16 * (width * factor // 16)
        steps = self._made(order)
        whole = order.steps if start is None or not start.whole else math.ceil(steps / max(0.01, start.strength))
        scheduler = self._scheduler(order, way.shift(tokens, whole))
        levels = _stretched(scheduler.levels(whole), way.terminal if order.schedule.casefold() == "automatic" else 0)
        levels = levels if start is None else levels[max(0, len(levels) - 1 - steps) :]
        fresh = SeededNoise(order.seeds, shape, self._device.name, order.sampling.noise, order.sampling.seed_delta)
        x, blend = self._beginning(order, levels[0], self._first(order, fresh))

        def work(report: Callable[[torch.Tensor], None]) -> None:
            def see(estimate: torch.Tensor) -> torch.Tensor:
                if cancelled():
                    raise Stopped
                if not bool(torch.isfinite(estimate).all()):
                    raise NotANumber
                clean = unpacked(estimate, way.packing, height, width)
                clean = clean if blend is None else blend(clean, 0.0)
                report(clean)
                return packed(clean, way.packing)

            scheduler.drive = Drive(packed(x, way.packing), levels, see, order.sampling)
            scheduler.noise = lambda like: self._noise(order, fresh, levels, shape)
            self._call(order, scheduler, x, (width * factor, height * factor), len(levels) - 1)

        done = 0
        for calls, estimate in enumerate(followed(work), 1):
            if calls // order.sampler.calls > done and done < steps - 1:
                done += 1
                yield Progress(before + done, total, self.parts.colours.picture(estimate[0]))
            last = estimate
        # The last step of a sampler of higher order asks less often.
        yield Progress(before + steps, total, self.parts.colours.picture(last[0]))  # pyright: ignore[reportPossiblyUnboundVariable]
        result = scheduler.result
        assert result is not None
        clean = unpacked(result, way.packing, height, width)
        return clean if blend is None else blend(clean, 0.0)

    def _call(
        self, order: Order, scheduler: GeneratorScheduler, x: torch.Tensor, size: tuple[int, int], count: int
    ) -> None:
        way, start = self.parts.way, order.start
        kind = "edit" if order.references else "text"
        if start is not None and start.mask is not None and "fill" in self.parts.pipelines:
            kind = "fill"
        pipe = self.parts.pipelines.get(kind)
        if pipe is None:
            raise ModelError("This model cannot do that: choose another task, or another model.")
        if kind == "edit" and order.start is not None:
            raise ModelError("A picture to start from and reference pictures do not go together with this model.")
        pipe.scheduler = scheduler
        _free_in_size(pipe, size)
        inner = x if way.packing == "tokens" else packed(x, way.packing)
        given: dict[str, Any] = {
            "prompt": plain(order.prompt),
            "width": size[0],
            "height": size[1],
            "num_inference_steps": count,
            "latents": inner,
            "output_type": "latent",
            "generator": torch.Generator("cpu").manual_seed(order.seeds[0]),
            # One family would choose among sizes of one million pixels.
            "max_area": size[0] * size[1],
            "_auto_resize": False,
        }
        wanted = plain(order.negative)
        match way.guidance:
            case "cfg":
                given |= {"guidance_scale": order.guidance, "negative_prompt": wanted}
            case "true":
                given |= {"true_cfg_scale": order.guidance, "negative_prompt": wanted or " "}
            case "embedded":
                given["guidance_scale"] = order.guidance
        if kind == "edit":
            pictures = [_referred(picture, size[0] * size[1]) for picture in order.references]
            given["image"] = pictures if len(pictures) > 1 else pictures[0]
        if kind == "fill" and start is not None and isinstance(start.source, Image.Image):
            given |= {"image": start.source, "mask_image": start.mask}
        known = inspect.signature(pipe.__call__).parameters
        with warnings.catch_warnings():
            # What a library says about its own future is nothing to a user.
            warnings.simplefilter("ignore", FutureWarning)
            pipe(**{name: value for name, value in {**given, **way.more}.items() if name in known})

    def _scheduler(self, order: Order, shift: float) -> GeneratorScheduler:
        way = self.parts.way
        try:
            return GeneratorScheduler(
                order.sampler.name, order.schedule, prediction_type=way.prediction, shift=shift, **way.levels
            )
        except ValueError as error:
            raise ModelError(
                f"The sampler {order.sampler.name} cannot work with this model.", "Choose another, such as Euler."
            ) from error

    def _shape(self, order: Order) -> tuple[int, int, int]:
        start = order.start
        if start is not None and isinstance(start.source, torch.Tensor):
            channels, height, width = start.source.shape[1:]
            return channels, height, width
        return self.parts.autoencoder.shape(order.width, order.height)

    def _first(self, order: Order, fresh: SeededNoise) -> torch.Tensor:
        settings, factor = order.sampling, self.parts.autoencoder.factor
        size = settings.resize_height // factor, settings.resize_width // factor
        return fresh.first(Variations(order.variation_seeds, settings.variation), size if all(size) else None)

    def _beginning(self, order: Order, level: float, first: torch.Tensor) -> tuple[torch.Tensor, Blend | None]:
        """The latents at the first level, and what holds the unpainted part in place."""
        flow, start = self.parts.way.prediction == "flow", order.start
        if start is None:
            return first * (1.0 if flow else level), None
        if isinstance(start.source, torch.Tensor):
            source = start.source.to(first.device, torch.float32)
        else:
            size = order.width, order.height
            same = start.source if start.source.size == size else start.source.resize(size, Image.Resampling.LANCZOS)
            source = self.encode([same], order.seeds)
        blend: Blend | None = None
        if start.mask is not None:
            mask = latent_mask(start.mask, source.shape[3], source.shape[2], self._device.name)
            blend = Blend(mask, source)
            if start.fill == "noise":
                source = source * (1 - mask) + first * mask
            elif start.fill == "empty":
                source = source * (1 - mask)
        return source * (1 - level if flow else 1) + first * level, blend

    def _noise(self, order: Order, fresh: SeededNoise, levels: Sequence[float], shape: tuple[int, ...]) -> Noise:
        """What the sampler draws, in the form of the pipeline."""
        packing, flow = self.parts.way.packing, self.parts.way.prediction == "flow"
        draw: Noise = fresh
        if order.sampler.brownian:
            inner = [level / (1 - level) if flow and level < 1 else level for level in levels if level > 0]
            high = NEAREST / (1 - NEAREST) if flow else max(inner)
            draw = BrownianNoise(order.seeds, shape, min(inner), high, self._device.name, order.sampling.noise)
        return lambda sigma, sigma_next: packed(draw(sigma, sigma_next), packing)


def packed(latent: torch.Tensor, packing: Packing) -> torch.Tensor:
    """(pictures, channels, height, width) in the form of a pipeline."""
    match packing:
        case "squares":
            return torch.nn.functional.pixel_unshuffle(latent, 2).flatten(2).transpose(1, 2)
        case "tokens":
            return latent.flatten(2).transpose(1, 2)
        case "frames":
            return latent.permute(0, 2, 3, 1)[:, None]
        case _:
            return latent


def unpacked(x: torch.Tensor, packing: Packing, height: int, width: int) -> torch.Tensor:
    """The other way: (pictures, channels, height, width)."""
    match packing:
        case "squares":
            small = x.transpose(1, 2).unflatten(2, (height // 2, width // 2))
            return torch.nn.functional.pixel_shuffle(small, 2)
        case "tokens":
            return x.transpose(1, 2).unflatten(2, (height, width))
        case "frames":
            return x[:, 0].permute(0, 3, 1, 2)
        case _:
            return x


def _referred(picture: Image.Image, area: int) -> Image.Image:
    """A reference picture in no more pixels than that, its sides multiples of 16 and at least 64."""
    part = min(1.0, math.sqrt(area / (picture.width * picture.height)))
    part = max(part, 64 / min(picture.size))
    size = (round(picture.width * part / 16) * 16, round(picture.height * part / 16) * 16)
    return picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)


def _stretched(levels: list[float], terminal: float) -> list[float]:
    if not terminal or len(levels) < 2 or not 0 < levels[-2] < 1:
        return levels
    scale = (1 - levels[-2]) / (1 - terminal)
    return [*(1 - (1 - level) / scale for level in levels[:-1]), levels[-1]]


def _remembering(pipe: Any, circumstances: Callable[[], str]) -> None:
    """The pipeline encodes the last prompts once only, not for each picture of a job again.

    circumstances -- what else the encoding depends on
    """
    encode: Callable[..., Any] = pipe.encode_prompt
    known: dict[str, Any] = {}

    def remembered(*arguments: Any, **named: Any) -> Any:
        values = [*arguments, *named.values()]
        if any(isinstance(value, torch.Tensor | Image.Image) for value in values) or "image" in named:
            return encode(*arguments, **named)
        key = repr((circumstances(), arguments, sorted(named.items(), key=lambda item: item[0])))
        if key not in known:
            for old in list(known)[:-1]:
                del known[old]
            known[key] = encode(*arguments, **named)
        return known[key]

    pipe.encode_prompt = remembered


def _free_in_size(pipe: Any, size: tuple[int, int]) -> None:
    """Two families choose the nearest of a few sizes; what was asked for is made."""
    if hasattr(pipe, "resolutions"):
        pipe.resolutions = [size]
    if type(pipe).__name__.startswith("HiDream"):
        pipe.default_sample_size = math.sqrt(size[0] * size[1]) / pipe.vae_scale_factor * (1 + 1e-9)

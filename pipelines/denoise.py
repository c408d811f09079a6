"""Denoising: the loop that drives a sampler over a U-Net, and hands back every step."""

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from pipelines.prompt.conditioning import Conditioning, Told
from pipelines.prompt.encoder import Condition
from pipelines.samplers import Steps
from pipelines.schedules import NoiseTable
from pipelines.soft_inpainting import mixed
from pipelines.source import Soft

Prediction = Literal["epsilon", "v"]
Predict = Callable[[torch.Tensor, torch.Tensor, Condition], torch.Tensor]
"""(x of unit scale, timesteps (batch,), what each is told) -> the network's output, fp32."""

Steer = Callable[[torch.Tensor, torch.Tensor, Condition, float, Sequence[bool]], Condition]
"""(as Predict; the part of the calls that are done, which of the batch follow the prompt) -> what each is told then."""


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

    mask  -- 1 is repainted, 0 kept, broadcasts over a latent; source -- the clean latents
    soft  -- the mask's grey counts: it says how much of the source is mixed in
    early -- what the model is shown is the source there, in place of its answer: so do the programs from which the
             samplers in "variance preserving" form came
    """

    mask: torch.Tensor
    source: torch.Tensor
    early: bool = False
    soft: Soft | None = None

    def __call__(self, latent: torch.Tensor, sigma: float) -> torch.Tensor:
        """sigma: the noise level at which `latent` is the estimate; 0 for the last latents."""
        if self.soft is None:
            return latent * self.mask + self.source * (1 - self.mask)
        # What is drawn in the end is kept as it is: pixels decide.
        return mixed(self.source, latent, self.mask, sigma, self.soft) if sigma > 0 else latent


@dataclass(frozen=True)
class Thrift:
    """When a call leaves out the negative prompt, as A1111's web UI does: the prompt then counts for itself.

    early    -- the part of the calls, from the first on; 0: none
    below    -- the noise level under which every second call leaves it out; 0: none
    all      -- every call under that level
    timestep -- `below` is a timestep: so it is where samplers are in "variance preserving" form
    total    -- how many calls are expected
    """

    early: float = 0.0
    below: float = 0.0
    all: bool = False
    timestep: bool = False
    total: int = 1

    def at(self, call: int, sigma: float, timestep: float) -> bool:
        """Whether call `call` (from 0) at this noise level leaves it out."""
        if self.early and call / self.total <= self.early:
            return True
        return (self.all or call % 2 == 1) and (timestep if self.timestep else sigma) < self.below


FULL = Thrift()


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
        conditioning: Conditioning,
        guidance: float,
        group: int,
        both: bool = False,
        beside: torch.Tensor | None = None,
        image_guidance: float | None = None,
        thrift: Thrift = FULL,
        rescale: float = 0.0,
        steer: Steer | None = None,
    ) -> None:
        """group: pictures in one call. Each use of a Denoiser is one call: it counts them for `conditioning`.

        both           -- hand out the guided estimate and the one without the prompt
        beside         -- (batch, channels, height, width): further channels that the network sees beside x, as the mask
                          and the rest of the picture in inpainting models
        image_guidance -- how closely the picture in `beside` is followed (Brooks et al. 2022, 3.2.1); None: no such
                          guidance
        steer          -- what control networks add to what the network is told
        rescale        -- how much of the contrast that guidance adds is taken back (Lin et al. 2023, 3.4), 0 .. 1
        """
        self._predict = predict
        self._table = table
        self._prediction = prediction
        self._conditioning = conditioning
        self._calls = 0
        self._guidance = guidance
        self._group = max(1, group)
        self._both = both
        self._beside = beside
        self._image_guidance = image_guidance
        self._thrift = thrift
        self._rescale = rescale
        self._steer = steer

    @property
    def calls(self) -> int:
        """How often it was asked."""
        return self._calls

    def completed(self, sigma: float) -> float:
        """The part of the noise that is gone at a level: 0 .. 1, by the nearest timestep."""
        return (len(self._table) - 1 - self._table.nearest(sigma)) / len(self._table)

    def after(self, calls: int) -> "Denoiser":
        """Itself, when another was asked so often before."""
        self._calls = calls
        return self

    def __call__(self, x: torch.Tensor, sigma: float) -> torch.Tensor:
        """x: (batch, channels, height, width), fp32. Returns the same shape; two of them, stacked, if `both`."""
        scale = 1 / math.sqrt(sigma**2 + 1)
        timestep = self._table.timestep(sigma)
        told = self._conditioning.at(self._calls)
        alone = self._image_guidance is None and self._thrift.at(self._calls, sigma, timestep)
        self._calls += 1
        shown = x * scale if self._beside is None else torch.cat([x * scale, self._beside], dim=1)
        outputs = [self._guided(part, timestep, told, alone) for part in shown.split(self._group)]
        output = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-4)
        if self._prediction == "v":
            return x * scale**2 - output * (sigma * scale)
        return x - output * sigma

    def _guided(self, x: torch.Tensor, timestep: float, told: Told, alone: bool) -> torch.Tensor:
        """Each part of the prompt pulls away from the negative one by its weight (Liu et al. 2022).

        alone -- without the negative prompt: from the first part instead, and by the bare weights
        """
        along = [condition for condition, _ in told.parts]
        if told.negative is None:
            return self._asked(x, timestep, along)[0]
        if alone:
            outputs = self._asked(x, timestep, along)
            without, scale = outputs[0], 1.0
        else:
            without, *outputs = self._asked(x, timestep, [told.negative, *along], told.negative)
            scale = self._guidance
        pull = torch.zeros_like(without)
        for output, (_, weight) in zip(outputs, told.parts, strict=True):
            pull = pull + (output - without) * weight
        result = without
        if self._image_guidance is not None and self._beside is not None:
            own = x.shape[1] - self._beside.shape[1]
            hidden = torch.cat([x[:, :own], torch.zeros_like(x[:, own:])], dim=1)
            blank = self._asked(hidden, timestep, [told.negative], told.negative)[0]
            result = blank + (without - blank) * self._image_guidance
        result = result + pull * scale
        if self._rescale and not alone:
            result = rescaled(result, without + pull, self._rescale)
        return torch.stack([result, without]) if self._both else result

    def _asked(
        self, x: torch.Tensor, timestep: float, conditions: list[Condition], against: Condition | None = None
    ) -> list[torch.Tensor]:
        """The network's answer to each condition. Those of equal length are asked together; none is padded.

        against -- the negative prompt, where it is among them
        """
        count = x.shape[0]
        answers: dict[int, torch.Tensor] = {}
        for length in {condition.tokens.shape[1] for condition in conditions}:
            places = [place for place, condition in enumerate(conditions) if condition.tokens.shape[1] == length]
            context = _repeated([conditions[place] for place in places], count)
            times = x.new_full((count * len(places),), timestep)
            shown = torch.cat([x] * len(places))
            if self._steer is not None:
                along = [conditions[place] is not against for place in places for _ in range(count)]
                context = self._steer(shown, times, context, (self._calls - 1) / self._thrift.total, along)
            output = self._predict(shown, times, context)
            answers |= dict(zip(places, output.chunk(len(places)), strict=True))
        return [answers[place] for place in range(len(conditions))]


def rescaled(guided: torch.Tensor, plain: torch.Tensor, share: float) -> torch.Tensor:
    """Guided outputs with the spread of those of the prompt alone, mixed in by `share` (Lin et al. 2023, 3.4)."""
    axes = tuple(range(1, guided.dim()))
    ratio = plain.std(axes, keepdim=True) / guided.std(axes, keepdim=True).clamp(min=1e-12)
    return guided * (share * ratio + (1 - share))


class Handover:
    """A denoiser that gives over to another on the way, as A1111's refiner does.

    at       -- the part of the noise (`by_calls`: of the calls) after which the second takes over; 1 is never
    second   -- makes it, when its time has come
    total    -- how many calls are expected
    """

    def __init__(self, first: Denoiser, second: Callable[[], Denoiser], at: float, by_calls: bool, total: int) -> None:
        self._now = first
        self._second: Callable[[], Denoiser] | None = second
        self._at = at
        self._by_calls = by_calls
        self._total = total

    def __call__(self, x: torch.Tensor, sigma: float) -> torch.Tensor:
        """As Denoiser."""
        if self._second is not None:
            done = self._now.calls / self._total if self._by_calls else self._now.completed(sigma)
            if done >= self._at:
                self._now, self._second = self._second().after(self._now.calls), None
        return self._now(x, sigma)


def _repeated(conditions: list[Condition], count: int) -> Condition:
    """Each of them `count` times, in one batch."""

    def joined(values: Iterable[torch.Tensor | None]) -> torch.Tensor | None:
        given = [value.expand(count, *value.shape[1:]) for value in values if value is not None]
        return torch.cat(given) if given else None

    tokens = torch.cat([condition.tokens.expand(count, -1, -1) for condition in conditions])
    return Condition(tokens, joined(c.pooled for c in conditions), joined(c.ids for c in conditions))


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
            shown = point
            if blend is not None and blend.early:
                scale = math.sqrt(1 + sigma**2)
                shown = blend(point / scale, sigma) * scale
            estimate = denoiser(shown, sigma)
            if shown is not point:
                # The noise that was found is taken from the point itself.
                estimate = estimate + (point - shown)
            if not bool(torch.isfinite(estimate).all()):
                raise NotANumber
            if blend is not None and not blend.early:
                estimate = blend(estimate, sigma)
            count += 1
            point, sigma = steps.send(estimate)
            if count // calls > done and done < total - 1:
                done += 1
                yield Denoised(done, total, estimate[0] if estimate.dim() > shown.dim() else estimate)
    except StopIteration as stop:
        result: torch.Tensor = stop.value
    if count:
        yield Denoised(total, total, estimate[0] if estimate.dim() > result.dim() else estimate)  # pyright: ignore[reportPossiblyUnboundVariable]
    return result

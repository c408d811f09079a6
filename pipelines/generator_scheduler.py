"""Generator scheduler: any of the samplers inside any diffusers pipeline.

A pipeline asks its scheduler for timesteps, calls the network at each, and hands the answer to `step`. A sampler asks
for the points at which it wants the network. A dry run tells those points beforehand: so one can play the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.schedulers.scheduling_utils import SchedulerMixin, SchedulerOutput

from pipelines import samplers, schedules
from pipelines.recipe import Sampling
from pipelines.samplers import Noise, Steps
from pipelines.schedules import NoiseTable

Kind = Literal["flow", "epsilon", "v_prediction"]

NEAREST = 0.999
"""A flow begins in pure noise, whose level in the form of the stochastic samplers would be infinite."""


@dataclass(frozen=True)
class Drive:
    """A way through the noise that is laid out beforehand, whatever the pipeline proposes.

    x        -- the latents at the first level, in the pipeline's form, fp32: the pipeline's own are not looked at
    levels   -- falling, the last one 0
    see      -- is shown each estimate of the clean latents and returns the one to go on with; may raise, to stop
    settings -- what the recipe says of the sampler
    """

    x: torch.Tensor
    levels: Sequence[float]
    see: Callable[[torch.Tensor], torch.Tensor]
    settings: Sampling


class GeneratorScheduler(SchedulerMixin, ConfigMixin):
    """Samplers that draw noise need `noise`, which makes their source for the latents' shape and device.

    drive -- see there; result: then holds the last latents, fp32
    """

    noise: Callable[[torch.Tensor], Noise] | None = None
    drive: Drive | None = None
    result: torch.Tensor | None = None

    @register_to_config
    def __init__(
        self,
        sampler: str = "Euler",
        schedule: str = "Automatic",
        prediction_type: Kind = "flow",
        shift: float = 1.0,
        use_dynamic_shifting: bool = False,
        base_image_seq_len: int = 256,
        max_image_seq_len: int = 4096,
        base_shift: float = 0.5,
        max_shift: float = 1.15,
        num_train_timesteps: int = 1000,
        beta_start: float = 0.00085,
        beta_end: float = 0.012,
        beta_schedule: Literal["scaled_linear", "linear"] = "scaled_linear",
        use_flow_sigmas: bool = True,
    ) -> None:
        """prediction_type: what the network predicts. The names are those of diffusers' own schedulers, which pipelines
        look for. use_flow_sigmas: pipelines that would bring levels of their own let this one choose.

        Raises ValueError for a sampler that cannot work here.
        """
        found = samplers.find(sampler)
        if found is None:
            raise ValueError(f"There is no sampler '{sampler}'.")
        if found.adaptive or found.needs_plain:
            raise ValueError(f"{found.name} cannot work inside a diffusers pipeline.")
        self._sampler = found
        self.order = found.calls
        self._prediction = prediction_type
        self._schedule = schedule
        self._train = num_train_timesteps
        self._shift = shift
        self._dynamic = use_dynamic_shifting
        self._betas = beta_start, beta_end
        self._linear = beta_schedule == "linear"
        self._levels: list[float] = []
        self._points: list[float] = []
        self._steps: Steps | None = None
        self._done = 0
        self._x: torch.Tensor | None = None
        self.timesteps = torch.zeros(0)
        self.sigmas = torch.zeros(0)
        self.begin_index: int | None = None
        self.num_inference_steps = 0

    @property
    def init_noise_sigma(self) -> float:
        """What the pipeline's first noise is multiplied with."""
        return 1.0 if self._prediction == "flow" or self.drive else self._levels[0]

    def set_begin_index(self, begin_index: int = 0) -> None:
        """Image to image begins further down."""
        self.begin_index = begin_index

    def set_timesteps(
        self,
        num_inference_steps: int | None = None,
        device: torch.device | str | None = None,
        sigmas: Sequence[float] | None = None,
        mu: float | None = None,
        timesteps: Any = None,
    ) -> None:
        """mu: log of the shift, as pipelines work it out from the picture's size. timesteps: not used, sigmas tell."""
        table = self._table(mu)
        if self.drive is not None:
            levels = list(self.drive.levels)
            self._x = self.drive.x
        elif sigmas is None:
            levels = self._chosen(num_inference_steps or 1, table)
        else:
            shift = table.shift if isinstance(table, schedules.FlowTable) else 1.0
            levels = [schedules.shifted(float(sigma), shift) for sigma in sigmas]
            levels = levels if levels[-1] == 0 else [*levels, 0.0]
        self._levels = levels if self._plain else [min(level, NEAREST) for level in levels]
        self._points = _dry(self._sampler, [self._inner(level) for level in self._levels])
        points = [self._outer(point) for point in self._points]
        times = points if self._prediction == "flow" else [table.timestep(point) for point in points]
        scale = self._train if self._prediction == "flow" else 1
        self.timesteps = torch.tensor([time * scale for time in times], dtype=torch.float32, device=device)
        self.sigmas = torch.tensor([*points, self._levels[-1]], dtype=torch.float32)
        self.num_inference_steps = len(self._levels) - 1
        self._steps, self._done, self.begin_index = None, 0, None

    def scale_model_input(self, sample: torch.Tensor, timestep: Any = None) -> torch.Tensor:
        """x as the network wants it."""
        if self._prediction == "flow":
            return sample
        return sample / (self._points[min(self._place(), len(self._points) - 1)] ** 2 + 1) ** 0.5

    def scale_noise(self, sample: torch.Tensor, timestep: Any, noise: torch.Tensor | None = None) -> torch.Tensor:
        """The start of image to image: `sample` with noise of that timestep."""
        drawn = torch.zeros_like(sample) if noise is None else noise
        first = float(torch.as_tensor(timestep).flatten()[0])
        sigma = first / self._train if self._prediction == "flow" else self._table(None).sigma(first)
        return sample * (1 - sigma) + drawn * sigma if self._prediction == "flow" else sample + drawn * sigma

    def add_noise(self, original_samples: torch.Tensor, noise: torch.Tensor, timesteps: Any) -> torch.Tensor:
        """As scale_noise, for the pipelines that know this name."""
        return self.scale_noise(original_samples, timesteps, noise)

    def step(
        self, model_output: torch.Tensor, timestep: Any, sample: torch.Tensor, return_dict: bool = True, **ignored: Any
    ) -> SchedulerOutput | tuple[torch.Tensor]:
        """The network's answer at `sample`; returns the next point at which it is asked, or the end."""
        place = self._place()
        level, x = self._points[place], sample.float() if self._x is None else self._x
        outer = self._outer(level)
        answer = model_output.float()
        if self._prediction == "v_prediction":
            denoised = x / (level**2 + 1) - answer * (level / (level**2 + 1) ** 0.5)
        else:
            denoised = x - answer * (outer if self._prediction == "flow" else level)
        if self.drive is not None:
            denoised = self.drive.see(denoised)
        if self._steps is None:
            self._steps = self._begun(x if self._plain else x / (1 - outer), place)
        try:
            point, level = self._steps.send(denoised)
            self._done += 1
            made = point if self._plain else point / (1 + level)
        except StopIteration as stop:
            made, self._steps, self._done = stop.value, None, 0
        if self.drive is not None:
            self._x = self.result = made
        result = made.to(sample.dtype)
        return SchedulerOutput(prev_sample=result) if return_dict else (result,)

    def levels(self, count: int) -> list[float]:
        """The levels of so many steps, by the sampler's and the recipe's schedule."""
        return self._chosen(count, self._table(None))

    def __len__(self) -> int:
        return self._train

    @property
    def _plain(self) -> bool:
        """Whether the sampler works on the pipeline's own x and levels. Deterministic ones solve a flow's ODE as it is;
        where noise is added the flow is brought to the form "clean + sigma noise" first."""
        return self._prediction != "flow" or not self._sampler.stochastic

    def _inner(self, level: float) -> float:
        return level if self._plain else level / (1 - level)

    def _outer(self, level: float) -> float:
        return level if self._plain else level / (1 + level)

    def _place(self) -> int:
        return (self.begin_index or 0) + self._done

    def _table(self, mu: float | None) -> NoiseTable:
        if self._prediction != "flow":
            make = schedules.linear_table if self._linear else schedules.scaled_linear_table
            return make(*self._betas, self._train)
        shift = torch.e**mu if self._dynamic and mu is not None else self._shift
        return schedules.flow_table(shift, self._train)

    def _chosen(self, count: int, table: NoiseTable) -> list[float]:
        if isinstance(table, schedules.FlowTable) and self._schedule.casefold() == "automatic":
            # What flow models are sampled with: even before the shift, the last step to 0.
            return [*(schedules.shifted(1 - step / count, table.shift) for step in range(count)), 0.0]
        levels = self._sampler.sigmas(self._schedule, count, table)
        return levels if levels[-1] == 0 else [*levels, 0.0]

    def _begun(self, x: torch.Tensor, place: int) -> Steps:
        """The sampler, at the point where it waits for the answer of `place`."""
        noise = self.noise(x) if self.noise is not None else _silent(self._sampler.name)
        first = self._points[place]
        rest = [level for level in map(self._inner, self._levels) if level <= first + 1e-9]
        drive = self.drive
        steps = self._sampler.steps(x, rest, noise, drive.settings) if drive else self._sampler.told(x, rest, noise)
        next(steps)
        return steps


def _silent(name: str) -> Noise:
    def refuse(sigma: float, sigma_next: float) -> torch.Tensor:
        raise ValueError(f"{name} needs a source of noise: set `noise`.")

    return refuse


def _dry(sampler: samplers.Sampler, levels: Sequence[float]) -> list[float]:
    """The levels at which the sampler asks, in order. They do not depend on the answers."""
    nothing = torch.zeros(1)
    asked: list[float] = []
    steps = sampler.told(nothing, levels, lambda sigma, sigma_next: nothing)
    try:
        _, sigma = next(steps)
        while True:
            asked.append(sigma)
            _, sigma = steps.send(nothing)
    except StopIteration:
        return asked

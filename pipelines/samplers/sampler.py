"""Sampler: a rule under the name that people know."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch

from pipelines import schedules
from pipelines.recipe import Sampling
from pipelines.samplers.rule import Churn, Noise, Rule, Steps

_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Sampler:
    """A rule under the name that people know.

    aliases      -- other names
    schedule     -- what the schedule "Automatic" stands for
    spacing      -- noise levels of its own for "Automatic"
    fixed        -- `spacing` is used whatever schedule is asked for
    even         -- of the part of a way, too, the levels are even in the timestep
    options      -- what its rule can be told: "eta", "s_noise", "churn"
    eta          -- when the recipe leaves it open
    calls        -- model calls a step, by which steps of the prompt are counted; a few samplers make some more
    discards     -- one level more is made, and the one before the last left out
    preserving   -- defined in the "variance preserving" form: the first noise is scaled by sqrt(1 + sigma²), and what
                    noise is left at the end is taken in that form too
    stops_early  -- the levels end above 0: the last of them is where the picture is taken
    brownian     -- draws its noise from a Brownian path
    renews       -- draws fresh noise in its steps, whatever the options
    needs_plain  -- is sent the estimate without the prompt as well
    guidance     -- factor for the guidance asked for (CFG++ counts on another scale)
    adaptive     -- chooses its levels itself, by what it sees: pictures have to be made one by one
    """

    name: str
    rule: Rule
    aliases: tuple[str, ...] = ()
    schedule: str = "Uniform"
    spacing: schedules.Spacing | None = None
    fixed: bool = False
    even: bool = False
    options: tuple[str, ...] = ()
    eta: float = 0.0
    calls: int = 1
    discards: bool = False
    preserving: bool = False
    stops_early: bool = False
    brownian: bool = False
    renews: bool = False
    needs_plain: bool = False
    guidance: float = 1.0
    adaptive: bool = False

    @property
    def stochastic(self) -> bool:
        """Whether it draws noise when nothing is asked for."""
        return self.renews or self.eta > 0

    def sigmas(
        self, schedule: str, n: int, table: schedules.NoiseTable, settings: Sampling | None = None
    ) -> list[float]:
        """The noise levels of `n` steps; ValueError for an unknown schedule."""
        given = settings or Sampling()
        automatic = schedule.casefold() == "automatic"
        if self.spacing is not None and (self.fixed or automatic):
            levels = self.spacing(n, table, schedules.Span())
            return levels if self.stops_early else [*levels, 0.0]
        span = schedules.Span(given.sigma_min or None, given.sigma_max or None, given.rho or None)
        discards = self.discards or given.discard
        levels = schedules.levels(self.schedule if automatic else schedule, n + discards, table, span)
        return [*levels[:-2], levels[-1]] if discards else levels

    def shortened(
        self, levels: list[float], steps: int, kept: int, table: schedules.NoiseTable
    ) -> tuple[list[float], float]:
        """The end of a schedule of `steps` that a picture goes through: `kept` steps and one more, at least that one;
        and the level of the noise that is put on the picture.

        Where the levels stop above 0 the noise put on is that of one level more than the first to be asked at.
        """
        if not self.stops_early:
            rest = levels[max(0, min(steps - kept - 1, len(levels) - 2)) :]
            return rest, rest[0]
        timesteps = schedules.ddim(steps, table)
        rest = timesteps[-max(2, kept) :]
        start = timesteps[max(0, len(timesteps) - 1 - kept)] if kept > 1 else rest[0]
        if self.even:
            count, first = len(rest), table.timestep(rest[0])
            rest = [table.sigma(first * (1 - step / count)) for step in range(count + 1)]
        return rest, start

    def steps(self, x: torch.Tensor, sigmas: Sequence[float], noise: Noise, settings: Sampling) -> Steps:
        """The rule at work, with what the recipe says of it."""
        eta = self.eta if settings.eta is None else settings.eta
        churn = Churn(settings.s_churn, settings.s_tmin, settings.s_tmax or math.inf, settings.s_noise)
        given: dict[str, Any] = {"eta": eta, "s_noise": settings.s_noise, "churn": churn}
        return self.rule(x, sigmas, noise, **{name: given[name] for name in self.options})

    def told(
        self, x: torch.Tensor, sigmas: Sequence[float], noise: Noise, options: Mapping[str, float] = _NOTHING
    ) -> Steps:
        """The rule at work as published: options are named as there (eta, s_noise, s_churn, s_tmin, s_tmax)."""
        given: dict[str, Any] = dict(options)
        if "churn" in self.options:
            names = {"s_churn": "amount", "s_tmin": "low", "s_tmax": "high", "s_noise": "noise"}
            churn = Churn(**{field: given.pop(name) for name, field in names.items() if name in given})
            given["churn"] = churn
        return self.rule(x, sigmas, noise, **given)

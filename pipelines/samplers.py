"""Samplers: the rules by which noise becomes a picture, each a generator over plain tensors.

A rule yields the point `(x, sigma)` at which it wants the model, is sent the denoised estimate (what the model thinks
x would be without its noise), and returns the last x. It knows nothing of models, guidance, masks or events.

x is in the "variance exploding" form: a clean latent plus noise of standard deviation sigma. `sigmas` falls; the last
is usually 0.
"""

import itertools
import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from pipelines import schedules

Steps = Generator[tuple[torch.Tensor, float], torch.Tensor, torch.Tensor]
Noise = Callable[[float, float], torch.Tensor]
"""(sigma, sigma_next) -> fresh noise of unit variance, shaped like x."""


class Rule(Protocol):
    def __call__(self, x: torch.Tensor, sigmas: Sequence[float], noise: Noise) -> Steps: ...


@dataclass(frozen=True)
class Sampler:
    """A rule under the name that people know.

    aliases      -- other names
    schedule     -- what the schedule "Automatic" stands for
    spacing      -- noise levels of its own for "Automatic"
    fixed        -- `spacing` is used whatever schedule is asked for
    calls        -- model calls a step
    preserving   -- defined in the "variance preserving" form: the first noise is scaled by sqrt(1 + sigma²), and what
                    noise is left at the end is taken in that form too
    stops_early  -- the levels end above 0: the last of them is where the picture is taken
    brownian     -- draws its noise from a Brownian path
    """

    name: str
    rule: Rule
    aliases: tuple[str, ...] = ()
    schedule: str = "Uniform"
    spacing: schedules.Spacing | None = None
    fixed: bool = False
    calls: int = 1
    preserving: bool = False
    stops_early: bool = False
    brownian: bool = False

    def sigmas(self, schedule: str, n: int, table: schedules.NoiseTable) -> list[float]:
        """The noise levels of `n` steps; ValueError for an unknown schedule."""
        automatic = schedule.casefold() == "automatic"
        if self.spacing is not None and (self.fixed or automatic):
            levels = self.spacing(n, table)
            return levels if self.stops_early else [*levels, 0.0]
        return schedules.sigmas(self.schedule if automatic else schedule, n, table).tolist()


def sample(
    name: str,
    denoise: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    sigmas: torch.Tensor | Sequence[float],
    noise: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
) -> torch.Tensor:
    """Run the sampler of that name (or alias) over any `denoise(x, sigma) -> denoised`: the seam for comparisons.

    x      -- the start, already scaled: clean + sigmas[0] * noise
    sigmas -- falling noise levels
    noise  -- (sigma, sigma_next) -> unit noise; without it a sampler that needs noise raises ValueError
    Sigmas are handed over as tensors without dimensions. Raises ValueError for an unknown name.
    """
    sampler = find(name)
    if sampler is None:
        raise ValueError(f"There is no sampler '{name}'. Known are: {', '.join(s.name for s in SAMPLERS)}.")

    def scalar(value: float) -> torch.Tensor:
        return torch.tensor(value, dtype=x.dtype, device=x.device)

    def drawn(sigma: float, sigma_next: float) -> torch.Tensor:
        if noise is None:
            raise ValueError(f"{sampler.name} needs a source of noise.")
        return noise(scalar(sigma), scalar(sigma_next))

    steps = sampler.rule(x, [float(sigma) for sigma in sigmas], drawn)
    try:
        point, sigma = next(steps)
        while True:
            point, sigma = steps.send(denoise(point, scalar(sigma)))
    except StopIteration as stop:
        return stop.value


def find(name: str) -> Sampler | None:
    """By name or alias, upper and lower case alike."""
    wanted = name.casefold()
    for sampler in SAMPLERS:
        if wanted in (sampler.name.casefold(), *(alias.casefold() for alias in sampler.aliases)):
            return sampler
    return None


def euler(x: torch.Tensor, sigmas: Sequence[float], noise: Noise) -> Steps:
    """Euler's method on the probability-flow ODE (Karras et al. 2022, algorithm 2 without churn). Order 1."""
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        x = x + (x - denoised) * ((after - sigma) / sigma)
    return x


def euler_a(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, eta: float = 1.0) -> Steps:
    """Ancestral Euler steps: down past the next level, then up again with fresh noise (Song et al. 2020)."""
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        down, up = ancestral(sigma, after, eta)
        x = x + (x - denoised) * ((down - sigma) / sigma)
        if up > 0:
            x = x + noise(sigma, after) * up
    return x


def heun(x: torch.Tensor, sigmas: Sequence[float], noise: Noise) -> Steps:
    """Heun's method (Karras et al. 2022, algorithm 1): the slope is the mean of both ends. Order 2."""
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        slope = (x - denoised) / sigma
        if after == 0:
            return x + slope * (after - sigma)
        trial = x + slope * (after - sigma)
        denoised = yield trial, after
        slope = (slope + (trial - denoised) / after) / 2
        x = x + slope * (after - sigma)
    return x


def dpmpp_2m(x: torch.Tensor, sigmas: Sequence[float], noise: Noise) -> Steps:
    """DPM-Solver++(2M): exact in the linear part, the last estimate gives the second order (Lu et al. 2022, alg. 2)."""
    previous, before = None, 0.0
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        if after == 0:
            # The step in log sigma is infinite: its limit is the estimate itself.
            return denoised
        step = math.log(sigma / after)
        estimate = denoised
        if previous is not None:
            part = step / (2 * math.log(before / sigma))
            estimate = denoised * (1 + part) - previous * part
        x = x * (after / sigma) + estimate * -math.expm1(-step)
        previous, before = denoised, sigma
    return x


def dpmpp_2m_sde(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, eta: float = 1.0) -> Steps:
    """SDE-DPM-Solver++(2M), midpoint form: as 2M, with `eta` of the noise renewed each step (Lu et al. 2022)."""
    previous, before = None, 0.0
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        if after == 0:
            return denoised
        step = math.log(sigma / after)
        share = -math.expm1(-step * (1 + eta))
        x = x * (after / sigma * math.exp(-eta * step)) + denoised * share
        if previous is not None:
            x = x + (denoised - previous) * (share / 2 * step / math.log(before / sigma))
        if eta > 0:
            x = x + noise(sigma, after) * (after * math.sqrt(-math.expm1(-2 * eta * step)))
        previous, before = denoised, sigma
    return x


def ddim(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, eta: float = 0.0) -> Steps:
    """DDIM (Song, Meng, Ermon 2020): in this form its update is the ancestral Euler step; `eta` 0 is deterministic."""
    return (yield from euler_a(x, sigmas, noise, eta=eta))


def lcm(x: torch.Tensor, sigmas: Sequence[float], noise: Noise) -> Steps:
    """Multistep consistency sampling: take the estimate, add noise for the next level (Luo et al. 2023)."""
    for sigma, after in itertools.pairwise(sigmas):
        x = yield x, sigma
        if after > 0:
            x = x + noise(sigma, after) * after
    return x


def unipc(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, order: int = 3) -> Steps:
    """UniPC, multistep, data prediction, B1(h) = h (Zhao et al. 2023): a predictor, then a corrector that needs no
    further call. The order rises over the first steps and falls over the last ones."""
    total = len(sigmas) - 1
    estimates: list[torch.Tensor] = []
    levels: list[float] = []
    denoised = yield x, sigmas[0]
    for index in range(1, total + 1):
        estimates, levels = [*estimates, denoised][-order:], [*levels, sigmas[index - 1]][-order:]
        after, now = sigmas[index], levels[-1]
        if after == 0:
            return denoised
        step = math.log(now / after)
        rank = min(order, index, total + 1 - index)
        # Differences to the newest estimate, over their distance in units of this step.
        ratios = [math.log(now / levels[-1 - back]) / step for back in range(1, rank)]
        slopes = [(estimates[-1 - back] - denoised) / ratio for back, ratio in enumerate(ratios, 1)]
        base = x * (after / now) - denoised * math.expm1(-step)
        matrix, right = _unipc_system([*ratios, 1.0], step)
        x = base
        if slopes:
            weights = [0.5] if rank == 2 else torch.linalg.solve(matrix[:-1, :-1], right[:-1]).tolist()
            x = base + step * sum((slope * w for slope, w in zip(slopes, weights, strict=True)), torch.zeros_like(x))
        if index == total:
            return x
        newest = yield x, after
        weights = [0.5] if rank == 1 else torch.linalg.solve(matrix, right).tolist()
        terms = [*slopes, newest - denoised]
        x = base + step * sum((term * w for term, w in zip(terms, weights, strict=True)), torch.zeros_like(x))
        denoised = newest
    return x


def _unipc_system(ratios: list[float], step: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The matrix R and the vector b of the paper's theorem 3.1 for B(h) = h, with h negative for data prediction."""
    h = -step
    rows: list[list[float]] = []
    right: list[float] = []
    phi, factorial = math.expm1(h) / h - 1, 1
    for power in range(len(ratios)):
        rows.append([ratio**power for ratio in ratios])
        right.append(phi * factorial / h)
        factorial *= power + 2
        phi = phi / h - 1 / factorial
    return torch.tensor(rows, dtype=torch.float64), torch.tensor(right, dtype=torch.float64)


def ancestral(sigma: float, after: float, eta: float) -> tuple[float, float]:
    """Where to step down to, and how much noise brings the level up to `after` again: (down, up)."""
    if after == 0:
        return 0.0, 0.0
    up = min(after, eta * math.sqrt(after**2 * (sigma**2 - after**2) / sigma**2))
    return math.sqrt(after**2 - up**2), up


def _unipc_spacing(n: int, table: schedules.NoiseTable) -> list[float]:
    return schedules.uniform(n + 1, table)


SAMPLERS: tuple[Sampler, ...] = (
    Sampler("DPM++ 2M", dpmpp_2m, ("k_dpmpp_2m",), "Karras"),
    Sampler("DPM++ 2M SDE", dpmpp_2m_sde, ("k_dpmpp_2m_sde",), "Exponential", brownian=True),
    Sampler("Euler a", euler_a, ("k_euler_a", "k_euler_ancestral")),
    Sampler("Euler", euler, ("k_euler",)),
    Sampler("Heun", heun, ("k_heun",), calls=2),
    Sampler("DDIM", ddim, ("ddim",), spacing=schedules.ddim, fixed=True, preserving=True, stops_early=True),
    Sampler("UniPC", unipc, ("unipc",), spacing=_unipc_spacing, fixed=True, preserving=True, stops_early=True),
    Sampler("LCM", lcm, ("k_lcm",), spacing=schedules.lcm),
)

"""Schedules: how the noise level falls from step to step.

A noise level is sigma, the standard deviation of the noise over a latent of unit scale ("variance exploding" form,
Karras et al. 2022). A model knows a table of them, ascending, one for each of its (usually 1000) training timesteps.
"""

import itertools
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import torch


class NoiseTable:
    """A model's ascending sigmas; index = timestep. Positions between two entries are linear in log sigma."""

    def __init__(self, sigmas: torch.Tensor | Sequence[float]) -> None:
        values = [float(value) for value in sigmas]
        if len(values) < 2 or any(b <= a for a, b in itertools.pairwise(values)) or values[0] <= 0:
            raise ValueError("A noise table needs at least two positive sigmas in ascending order.")
        self.sigmas: tuple[float, ...] = tuple(values)
        self._logs = [math.log(value) for value in values]

    def __len__(self) -> int:
        return len(self.sigmas)

    def __getitem__(self, timestep: int) -> float:
        return self.sigmas[timestep]

    @property
    def low(self) -> float:
        return self.sigmas[0]

    @property
    def high(self) -> float:
        return self.sigmas[-1]

    def timestep(self, sigma: float) -> float:
        """The (fractional) timestep of a noise level; levels off the table give its ends."""
        if sigma <= self.sigmas[0]:
            return 0.0
        if sigma >= self.sigmas[-1]:
            return float(len(self.sigmas) - 1)
        log = math.log(sigma)
        right = min(max(1, bisect_right(self._logs, log)), len(self._logs) - 1)
        left = right - 1
        return left + (log - self._logs[left]) / (self._logs[right] - self._logs[left])

    def sigma(self, timestep: float) -> float:
        """The noise level at a (fractional) timestep in 0 .. len - 1."""
        left = max(0, min(math.floor(timestep), len(self.sigmas) - 2))
        part = timestep - left
        if part == 0:
            return self.sigmas[left]
        return math.exp((1 - part) * self._logs[left] + part * self._logs[left + 1])


Spacing = Callable[[int, NoiseTable], list[float]]
"""`n` descending sigmas above zero for `n` steps."""


def scaled_linear_table(
    start: float = 0.00085, end: float = 0.012, steps: int = 1000, zero_terminal_snr: bool = False
) -> NoiseTable:
    """The table of Stable Diffusion: beta rises linearly in its square root (Rombach et al. 2022).

    zero_terminal_snr -- rescaled so that the last timestep is pure noise (Lin et al. 2023), for models trained so
    """
    betas = torch.linspace(start**0.5, end**0.5, steps, dtype=torch.float64) ** 2
    kept = torch.cumprod(1 - betas, 0)
    if zero_terminal_snr:
        root = kept.sqrt()
        root = (root - root[-1]) * root[0] / (root[0] - root[-1])
        kept = root**2
        # Exactly zero would be an infinite sigma.
        kept[-1] = 4.8973451890853435e-08
    return NoiseTable(((1 - kept) / kept).sqrt())


def sigmas(name: str, n: int, table: NoiseTable | torch.Tensor | Sequence[float]) -> torch.Tensor:
    """The `n` + 1 falling noise levels of schedule `name`, the last one 0.

    name  -- as in SCHEDULES, upper and lower case alike; "Automatic" is Uniform here: what it stands for is a matter
             of the sampler
    table -- a model's ascending sigmas
    Raises ValueError for an unknown name or n < 1.
    """
    spacing = {known.casefold(): value for known, value in SCHEDULES.items()}.get(name.casefold())
    if spacing is None:
        raise ValueError(f"There is no schedule '{name}'. Known are: {', '.join(SCHEDULES)}.")
    if n < 1:
        raise ValueError("A schedule needs at least one step.")
    known = table if isinstance(table, NoiseTable) else NoiseTable(table)
    return torch.tensor([*spacing(n, known), 0.0], dtype=torch.float32)


def uniform(n: int, table: NoiseTable) -> list[float]:
    """Even in the timestep, from the last to the first."""
    return [table.sigma(timestep) for timestep in _even(len(table) - 1, 0, n)]


def karras(n: int, table: NoiseTable, rho: float = 7.0) -> list[float]:
    """Even in sigma to the power 1/rho (Karras et al. 2022, eq. 5)."""
    return [value**rho for value in _even(table.high ** (1 / rho), table.low ** (1 / rho), n)]


def exponential(n: int, table: NoiseTable) -> list[float]:
    """Even in log sigma."""
    return [math.exp(value) for value in _even(math.log(table.high), math.log(table.low), n)]


def sgm_uniform(n: int, table: NoiseTable) -> list[float]:
    """Even in the timestep with the last one left out: the schedule of Stability's generative-models."""
    return [table.sigma(timestep) for timestep in _even(len(table) - 1, 0, n + 1)[:-1]]


def simple(n: int, table: NoiseTable) -> list[float]:
    """Every len/n-th entry of the table from the top."""
    return [table[-(1 + int(step * len(table) / n))] for step in range(n)]


def ddim(n: int, table: NoiseTable) -> list[float]:
    """ "Leading" timesteps with an offset of one: 1, 1 + 1000 // n, … (Song et al. 2020, as in latent diffusion)."""
    top = len(table) - 1
    if n == 1:
        # The formula would give the lowest level alone, and no step at all.
        return [table[top], table[1]]
    timesteps = [min(step + 1, top) for step in range(0, len(table), max(1, len(table) // n))]
    return [table[timestep] for timestep in reversed(timesteps)]


def lcm(n: int, table: NoiseTable, originals: int = 50) -> list[float]:
    """Even among the `originals` timesteps that a latent consistency model was distilled at (Luo et al. 2023)."""
    skip = max(1, len(table) // originals)
    kept = NoiseTable(table.sigmas[skip - 1 :: skip])
    return [kept.sigma(timestep) for timestep in _even(len(kept) - 1, 0, n)]


def _even(first: float, last: float, n: int) -> list[float]:
    """`n` numbers from `first` to `last`; only `first` for n = 1."""
    if n == 1:
        return [float(first)]
    return [first + (last - first) * step / (n - 1) for step in range(n - 1)] + [float(last)]


SCHEDULES: Mapping[str, Spacing] = MappingProxyType(
    {
        "Automatic": uniform,
        "Uniform": uniform,
        "Karras": karras,
        "Exponential": exponential,
        "SGM Uniform": sgm_uniform,
        "Simple": simple,
        "Normal": uniform,
    }
)

"""Schedules: how the noise level falls from step to step.

A noise level is sigma, the standard deviation of the noise over a latent of unit scale ("variance exploding" form,
Karras et al. 2022). A model knows a table of them, ascending, one for each of its (usually 1000) training timesteps.
"""

import itertools
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch


class NoiseTable:
    """A model's ascending sigmas; index = timestep. Positions between two entries are linear in log sigma."""

    def __init__(self, sigmas: torch.Tensor | Sequence[float], xl: bool = False) -> None:
        """xl: of Stable Diffusion XL, for which some schedules have levels of their own."""
        values = [float(value) for value in sigmas]
        if len(values) < 2 or any(b <= a for a, b in itertools.pairwise(values)) or values[0] <= 0:
            raise ValueError("A noise table needs at least two positive sigmas in ascending order.")
        self.sigmas: tuple[float, ...] = tuple(values)
        self.xl = xl
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

    def nearest(self, sigma: float) -> int:
        """The timestep whose noise level is nearest."""
        right = min(bisect_right(self.sigmas, sigma), len(self.sigmas) - 1)
        left = max(0, right - 1)
        return left if sigma - self.sigmas[left] <= self.sigmas[right] - sigma else right

    def sigma(self, timestep: float) -> float:
        """The noise level at a (fractional) timestep in 0 .. len - 1."""
        left = max(0, min(math.floor(timestep), len(self.sigmas) - 2))
        part = timestep - left
        if part == 0:
            return self.sigmas[left]
        return math.exp((1 - part) * self._logs[left] + part * self._logs[left + 1])


@dataclass(frozen=True)
class Span:
    """What a schedule may be told besides. low, high: other ends than the table's; rho: its curvature."""

    low: float | None = None
    high: float | None = None
    rho: float | None = None


TABLE = Span()
"""The table's own ends."""

Spacing = Callable[[int, NoiseTable, Span], list[float]]
"""The descending sigmas of `n` steps, without the 0 at the end."""


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


def linear_table(start: float = 0.0001, end: float = 0.02, steps: int = 1000) -> NoiseTable:
    """The table of models whose beta rises linearly (Ho et al. 2020)."""
    kept = torch.cumprod(1 - torch.linspace(start, end, steps, dtype=torch.float64), 0)
    return NoiseTable(((1 - kept) / kept).sqrt())


class FlowTable(NoiseTable):
    """The levels of a flow-matching model: x = (1 - sigma) clean + sigma noise, the timestep even in sigma before the
    shift."""

    def __init__(self, shift: float = 1.0, steps: int = 1000) -> None:
        super().__init__([shifted((step + 1) / steps, shift) for step in range(steps)])
        self.shift = shift

    def timestep(self, sigma: float) -> float:
        plain = sigma / (self.shift - (self.shift - 1) * sigma)
        return max(0.0, min(len(self) - 1.0, plain * len(self) - 1))

    def sigma(self, timestep: float) -> float:
        return shifted((max(0.0, min(timestep, len(self) - 1.0)) + 1) / len(self), self.shift)


def flow_table(shift: float = 1.0, steps: int = 1000) -> FlowTable:
    """The table of a flow-matching model (Lipman et al. 2023; Esser et al. 2024 for the shift)."""
    return FlowTable(shift, steps)


def dynamic_shift(tokens: int, few: int = 256, many: int = 4096, low: float = 0.5, high: float = 1.15) -> float:
    """The shift that FLUX uses for a picture of so many tokens (16 x 16 pixels each): e to a straight line."""
    return math.exp(low + (high - low) * (tokens - few) / (many - few))


def shifted(sigma: float, shift: float) -> float:
    """A flow's level after the shift: more of the way is spent in the noise (Esser et al. 2024, section 5.3.2)."""
    return shift * sigma / (1 + (shift - 1) * sigma)


def sigmas(
    name: str, n: int, table: NoiseTable | torch.Tensor | Sequence[float], span: Span | None = None
) -> torch.Tensor:
    """The falling noise levels of schedule `name` for `n` steps: `n` + 1 of them, the last one 0.

    name  -- as in SCHEDULES, upper and lower case alike; "Automatic" is Uniform here: what it stands for is a matter
             of the sampler
    table -- a model's ascending sigmas
    Two are as people know them: KL Optimal ends at the lowest level above 0, and DDIM may have more steps than asked.
    Raises ValueError for an unknown name or n < 1.
    """
    known = table if isinstance(table, NoiseTable) else NoiseTable(table)
    return torch.tensor(levels(name, n, known, span or Span()), dtype=torch.float32)


def levels(name: str, n: int, table: NoiseTable, span: Span) -> list[float]:
    """As `sigmas`, in full precision."""
    known = find(name)
    if known is None:
        raise ValueError(f"There is no schedule '{name}'. Known are: {', '.join(SCHEDULES)}.")
    if n < 1:
        raise ValueError("A schedule needs at least one step.")
    made = SCHEDULES[known](n, table, span)
    return made if known == "KL Optimal" else [*made, 0.0]


def find(name: str) -> str | None:
    """The schedule's name as in SCHEDULES, by name or alias, upper and lower case alike."""
    wanted = name.casefold().replace("_", " ")
    wanted = ALIASES.get(wanted, wanted)
    return next((known for known in SCHEDULES if known.casefold() == wanted), None)


def uniform(n: int, table: NoiseTable, span: Span = TABLE) -> list[float]:
    """Even in the timestep, from the last to the first; the table's ends."""
    return [table.sigma(timestep) for timestep in _even(len(table) - 1, 0, n)]


def normal(n: int, table: NoiseTable, span: Span = TABLE) -> list[float]:
    """Even in the timestep, between the ends asked for."""
    low, high = _ends(table, span)
    return [table.sigma(timestep) for timestep in _even(table.timestep(high), table.timestep(low), n)]


def karras(n: int, table: NoiseTable, span: Span = TABLE) -> list[float]:
    """Even in sigma to the power 1/rho, rho 7 (Karras et al. 2022, eq. 5)."""
    low, high = _ends(table, span)
    rho = span.rho or 7.0
    return [value**rho for value in _even(high ** (1 / rho), low ** (1 / rho), n)]


def exponential(n: int, table: NoiseTable, span: Span = TABLE) -> list[float]:
    """Even in log sigma."""
    low, high = _ends(table, span)
    return [math.exp(value) for value in _even(math.log(high), math.log(low), n)]


def polyexponential(n: int, table: NoiseTable, span: Span = TABLE) -> list[float]:
    """A power of an even way, in log sigma; the power rho is 1 unless asked for (Katherine Crowson's k-diffusion)."""
    low, high = _ends(table, span)
    rho, base = span.rho or 1.0, math.log(low)
    return [math.exp(base + part**rho * (math.log(high) - base)) for part in _even(1, 0, n)]


def sgm_uniform(n: int, table: NoiseTable, span: Span = TABLE) -> list[float]:
    """Even in the timestep with the last one left out: the schedule of Stability's generative-models."""
    return normal(n + 1, table, span)[:-1]


def kl_optimal(n: int, table: NoiseTable, span: Span = TABLE) -> list[float]:
    """Even in arctan sigma: the least Kullback-Leibler bound for Gaussian data (Sabour et al. 2024, theorem 3.1).

    `n` + 1 levels, down to the lowest above 0.
    """
    low, high = _ends(table, span)
    return [math.tan(angle) for angle in _even(math.atan(high), math.atan(low), n + 1)]


def simple(n: int, table: NoiseTable, span: Span = TABLE) -> list[float]:
    """Every len/n-th entry of the table from the top."""
    return [table[-(1 + int(step * len(table) / n))] for step in range(n)]


def ddim(n: int, table: NoiseTable, span: Span = TABLE) -> list[float]:
    """ "Leading" timesteps with an offset of one: 1, 1 + 1000 // n, … (Song et al. 2020, as in latent diffusion)."""
    top = len(table) - 1
    if n == 1:
        # The formula would give the lowest level alone, and no step at all.
        return [table[top], table[1]]
    timesteps = [min(step + 1, top) for step in range(0, len(table), max(1, len(table) // n))]
    return [table[timestep] for timestep in reversed(timesteps)]


def ddim_leading(n: int, table: NoiseTable, span: Span = TABLE) -> list[float]:
    """The same for a sampler of any kind: entries 1, 1 + 1000 // n, … of the table, which may be more than n."""
    return [table[timestep] for timestep in reversed(range(1, len(table), max(1, len(table) // n)))]


def beta(n: int, table: NoiseTable, span: Span = TABLE) -> list[float]:
    """Quantiles of a beta distribution (0.6, 0.6) over the span of sigma (Lee et al. 2024, "Beta sampling")."""
    low, high = _ends(table, span)
    return [low + (high - low) * beta_quantile(part, 0.6, 0.6) for part in _even(1, 0, n)]


def turbo(n: int, table: NoiseTable, span: Span = TABLE) -> list[float]:
    """The ends of n even pieces of the timesteps: the levels that adversarially distilled models were trained at
    (Sauer et al. 2023)."""
    ends = [round(step * len(table) / n - 1) for step in range(n, 0, -1)]
    return [table[max(0, min(end, len(table) - 1))] for end in ends]


def lcm(n: int, table: NoiseTable, span: Span = TABLE, originals: int = 50) -> list[float]:
    """Even among the `originals` timesteps that a latent consistency model was distilled at (Luo et al. 2023)."""
    skip = max(1, len(table) // originals)
    kept = NoiseTable(table.sigmas[skip - 1 :: skip])
    return [kept.sigma(timestep) for timestep in _even(len(kept) - 1, 0, n)]


def fitted(plain: Sequence[float], xl: Sequence[float]) -> Spacing:
    """Levels that somebody found the best for a model (one list for Stable Diffusion XL), to `n` by going along them
    evenly in log sigma."""

    def spacing(n: int, table: NoiseTable, span: Span) -> list[float]:
        found = xl if table.xl else plain
        logs = [math.log(level) for level in found]
        made: list[float] = []
        for place in _even(0, len(logs) - 1, n):
            left = min(int(place), len(logs) - 2)
            made.append(math.exp(logs[left] + (place - left) * (logs[left + 1] - logs[left])))
        return made

    return spacing


def beta_quantile(part: float, a: float, b: float) -> float:
    """The x below which lies `part` of a beta distribution: by bisection of its distribution function."""
    if part <= 0 or part >= 1:
        return float(part >= 1)
    low, high = 0.0, 1.0
    for _ in range(60):
        centre = (low + high) / 2
        if _beta_below(centre, a, b) < part:
            low = centre
        else:
            high = centre
    return (low + high) / 2


def _beta_below(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Abramowitz, Stegun 26.5.8)."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_below(1 - x, b, a)
    if x <= 0:
        return 0.0
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    fraction = 1.0
    for m in range(60, 0, -1):
        odd = -(a + m - 1) * (a + b + m - 1) * x / ((a + 2 * m - 2) * (a + 2 * m - 1))
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        fraction = 1 + odd / (1 + even / fraction)
    return math.exp(scale) / (a * fraction)


def _ends(table: NoiseTable, span: Span) -> tuple[float, float]:
    low, high = span.low or table.low, span.high or table.high
    if low >= high:
        raise ValueError(f"The lowest noise level ({low:g}) has to lie below the highest ({high:g}).")
    return low, high


def _even(first: float, last: float, n: int) -> list[float]:
    """`n` numbers from `first` to `last`; only `first` for n = 1."""
    if n == 1:
        return [float(first)]
    return [first + (last - first) * step / (n - 1) for step in range(n - 1)] + [float(last)]


# Published by their authors: Align Your Steps (Sabour et al. 2024) in 11 and in 32 levels, GITS (Chen et al. 2024).
_AYS = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
_AYS_XL = (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029)
_GITS = (14.615, 4.617, 2.507, 1.236, 0.702, 0.402, 0.240, 0.156, 0.104, 0.094, 0.029)
_GITS_XL = (14.615, 4.734, 2.567, 1.529, 0.987, 0.652, 0.418, 0.268, 0.179, 0.127, 0.029)
# fmt: off
_AYS_32 = (
    14.615, 11.23951352, 8.64363081, 6.64729424, 5.57250862, 4.71648546, 3.99196065, 3.5195609, 3.13490466, 2.79228788,
    2.48773628, 2.21663865, 1.97508351, 1.7793172, 1.61475335, 1.46540953, 1.314849, 1.16642497, 1.03475547, 0.91573744,
    0.80748169, 0.71202361, 0.621739, 0.53065202, 0.4529096, 0.37491455, 0.27461819, 0.2011529, 0.14105873, 0.06682881,
    0.03166121, 0.015,
)
_AYS_32_XL = (
    14.615, 11.1491618, 8.50522127, 6.48827151, 5.43707402, 4.60398619, 3.89854704, 3.27407457, 2.74396527, 2.29968659,
    1.95448514, 1.67108715, 1.42878152, 1.23181009, 1.06789649, 0.92579443, 0.80290886, 0.69660121, 0.60436903,
    0.52852552, 0.46773344, 0.41393379, 0.36258186, 0.31008517, 0.26518925, 0.22326461, 0.17653877, 0.13959192,
    0.10587381, 0.05519369, 0.02877334, 0.015,
)
# fmt: on

SCHEDULES: Mapping[str, Spacing] = MappingProxyType(
    {
        "Automatic": uniform,
        "Uniform": uniform,
        "Karras": karras,
        "Exponential": exponential,
        "Polyexponential": polyexponential,
        "SGM Uniform": sgm_uniform,
        "KL Optimal": kl_optimal,
        "Align Your Steps": fitted(_AYS, _AYS_XL),
        "Align Your Steps GITS": fitted(_GITS, _GITS_XL),
        "Align Your Steps 11": fitted(_AYS, _AYS_XL),
        "Align Your Steps 32": fitted(_AYS_32, _AYS_32_XL),
        "Simple": simple,
        "Normal": normal,
        "DDIM": ddim_leading,
        "Beta": beta,
        "Turbo": turbo,
    }
)

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "sgmuniform": "sgm uniform",
        "ays": "align your steps",
        "ays gits": "align your steps gits",
        "ays 11": "align your steps 11",
        "ays 32": "align your steps 32",
        "ddim uniform": "ddim",
    }
)

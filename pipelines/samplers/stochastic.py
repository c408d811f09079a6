"""Multistep solvers of the reverse-time SDE."""

import itertools
import math
from collections.abc import Sequence

import torch

from pipelines.samplers.rule import Noise, Steps, mixed, moments, quadrature


def er_sde(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, s_noise: float = 1.0, order: int = 3) -> Steps:
    """ER-SDE-Solver-3 (Cui et al. 2023, "variance exploding", noise scale 5 of their table)."""
    estimates: list[tuple[torch.Tensor, float]] = []
    slopes: list[torch.Tensor] = []
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        if after == 0:
            return denoised
        ratio = _scale(after) / _scale(sigma)
        x = x * ratio + denoised * (1 - ratio)
        if estimates:
            last, level = estimates[-1]
            slope = (denoised - last) / (sigma - level)
            area = quadrature(lambda level: 1 / _scale(level), after, sigma)
            x = x + slope * (after - sigma + area * _scale(after))
            if slopes and order > 2:
                bend = (slope - slopes[-1]) / ((sigma - estimates[-2][1]) / 2)
                moment = quadrature(lambda level, sigma=sigma: (level - sigma) / _scale(level), after, sigma)
                x = x + bend * ((after - sigma) ** 2 / 2 + moment * _scale(after))
            slopes = [slope]
        estimates = [*estimates, (denoised, sigma)][-2:]
        spread = after**2 - (sigma * ratio) ** 2
        if spread > 0:
            x = x + noise(sigma, after) * (math.sqrt(spread) * s_noise)
    return x


def _scale(level: float) -> float:
    return level * (math.exp(level**0.3) + 10)


def sa_solver(
    x: torch.Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
    low: float = 0.6,
    high: float = 5.0,
) -> Steps:
    """SA-Solver (Xue et al. 2023): stochastic Adams in data prediction, a predictor of order 3 and a corrector of order
    4 that needs no further call.

    eta       -- the paper's tau between the levels low and high, outside of which it is 0 and the steps deterministic
    """
    estimates: list[tuple[torch.Tensor, float]] = []
    start, came, tau, drawn = x, 0.0, 0.0, None
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        estimates = [*estimates, (denoised, sigma)][-4:]
        if came > 0:
            # The step that led here once more, with the estimate found here.
            x = _adams(start, estimates, came, sigma, tau)
            if drawn is not None:
                x = x + drawn
        if after == 0:
            return denoised
        tau = eta if low <= sigma <= high else 0.0
        start, came, drawn = x, sigma, None
        x = _adams(start, estimates[-3:], sigma, after, tau)
        if tau > 0:
            spread = math.sqrt(-math.expm1(-2 * tau**2 * math.log(sigma / after)))
            drawn = noise(sigma, after) * (after * spread * s_noise)
            x = x + drawn
    return x


def _adams(
    x: torch.Tensor, estimates: Sequence[tuple[torch.Tensor, float]], sigma: float, after: float, tau: float
) -> torch.Tensor:
    """From sigma to after along the polynomial, in log sigma, through the estimates; without the noise."""
    rate, step = 1 + tau**2, math.log(sigma / after)
    # Time runs from -step to 0, the weight of an estimate decays with the distance from the end.
    integrals = [
        quadrature(lambda t, power=power: rate * math.exp(rate * t) * t**power, -step, 0.0)
        for power in range(len(estimates))
    ]
    nodes = [math.log(after / level) for _, level in estimates]
    return x * math.exp(-rate * step) + mixed([value for value, _ in estimates], moments(nodes, integrals))

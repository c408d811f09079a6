"""Samplers that ask the model again at the end of a step."""

import itertools
import math
from collections.abc import Sequence

import torch

from pipelines.samplers.rule import CALM, Churn, Noise, Steps, mixed


def heun(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, churn: Churn = CALM) -> Steps:
    """Heun's method (Karras et al. 2022, algorithm 1): the slope is the mean of both ends. Order 2."""
    for sigma, after in itertools.pairwise(sigmas):
        x, raised = churn(x, sigma, len(sigmas) - 1, noise)
        x = yield from _step(x, raised, after)
    return x


def heunpp2(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, churn: Churn = CALM) -> Steps:
    """Heun++ (Li et al. 2023): looks up to two levels ahead; each slope weighs as its level does against the first."""
    total = len(sigmas) - 1
    for index, sigma in enumerate(sigmas[:-1]):
        x, raised = churn(x, sigma, total, noise)
        # The last level is a goal, never a place to look from.
        ahead = sigmas[index + 1 : min(index + 3, total)]
        trial, level, slopes = x, raised, list[torch.Tensor]()
        for there in (*ahead, sigmas[index + 1]):
            denoised = yield trial, level
            slopes.append((trial - denoised) / level)
            trial, level = trial + slopes[-1] * (there - level), there
        weights = [there / (len(slopes) * sigmas[0]) for there in ahead]
        x = x + mixed(slopes, [1 - sum(weights), *weights]) * (sigmas[index + 1] - raised)
    return x


def restart(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, s_noise: float = 1.0) -> Steps:
    """Restart sampling (Xu et al. 2023): Heun's steps that go back up once or twice, from level 0.1 to level 2.

    With 20 steps or more part of them is spent on the way down again; then the way is Karras's (rho 7), whatever the
    levels given.
    """
    last: float | None = None
    for sigma, after in _restarts(list(sigmas)):
        if last is not None and last < sigma:
            x = x + noise(last, sigma) * (s_noise * math.sqrt(sigma**2 - last**2))
        x = yield from _step(x, sigma, after)
        last = after
    return x


def _restarts(sigmas: list[float]) -> list[tuple[float, float]]:
    """The steps, with the ones that are gone again."""
    low, high = 0.1, 2.0
    total = len(sigmas) - 1
    if total < 20 or sigmas[-2] <= 0:
        return list(itertools.pairwise(sigmas))
    again, times = (total // 4, 2) if total >= 36 else (9, 1)
    way = [*_karras(total - again * times, sigmas[0], sigmas[-2]), 0.0]
    bottom = min(range(len(way)), key=lambda index: abs(way[index] - low))
    top = min(range(len(way)), key=lambda index: abs(way[index] - high))
    steps = list(itertools.pairwise(way))
    if top >= bottom:
        return steps
    extra = list(itertools.pairwise(_karras(again + 1, way[top], way[bottom])))
    return [*steps[:bottom], *extra * times, *steps[bottom:]]


def _karras(n: int, high: float, low: float, rho: float = 7.0) -> list[float]:
    first, last = high ** (1 / rho), low ** (1 / rho)
    return [(first + (last - first) * step / max(1, n - 1)) ** rho for step in range(n)]


def _step(x: torch.Tensor, sigma: float, after: float) -> Steps:
    """One step of Heun's method; the last one, to level 0, is Euler's."""
    denoised = yield x, sigma
    slope = (x - denoised) / sigma
    if after == 0:
        return x + slope * (after - sigma)
    trial = x + slope * (after - sigma)
    denoised = yield trial, after
    slope = (slope + (trial - denoised) / after) / 2
    return x + slope * (after - sigma)

"""DPM-Solver of orders 1 to 3 (Lu et al. 2022), at fixed steps and at steps of its own choice."""

import math
from collections.abc import Generator, Sequence

import torch

from pipelines.samplers.rule import Noise, Steps, ancestral

Pair = Generator[tuple[torch.Tensor, float], torch.Tensor, tuple[torch.Tensor, torch.Tensor]]


def dpm_fast(
    x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, eta: float = 0.0, s_noise: float = 1.0
) -> Steps:
    """DPM-Solver-fast (Lu et al. 2022, section 3.4): steps of order 3, the rest of the calls in one of order 2 or 1.

    Of the levels only the first, the last above 0, and their number count: as many calls are made as there are steps.
    The noise of the last level stays.
    """
    calls = len(sigmas) - 1
    start, end = -math.log(sigmas[0]), -math.log(min(sigma for sigma in sigmas if sigma > 0))
    count = calls // 3 + 1
    orders = [3] * (count - 2) + [2, 1] if calls % 3 == 0 else [3] * (count - 1) + [calls % 3]
    for index, order in enumerate(orders):
        t = start + (end - start) * index / count
        until = start + (end - start) * (index + 1) / count
        x = yield from _renewed(x, t, until, end, order, noise, eta, s_noise)
    return x


def dpm_adaptive(
    x: torch.Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    eta: float = 0.0,
    s_noise: float = 1.0,
    relative: float = 0.05,
    absolute: float = 0.0078,
) -> Steps:
    """DPM-Solver-23 with a step size of its own choice (Lu et al. 2022, appendix C): the difference between order 2 and
    order 3, against the tolerances, tells how far the next step may go.

    Of the levels only the first and the last above 0 count. The noise of the last level stays.
    """
    t, end = -math.log(sigmas[0]), -math.log(min(sigma for sigma in sigmas if sigma > 0))
    # Of the error in the step's length: of a path with noise it is lower.
    power = 1.5 if eta > 0 else 3.0
    step, before = 0.05, x
    while t < end - 1e-5:
        until = min(end, t + step)
        goal, up = _down(t, until, end, eta)
        low, high = yield from _pair(x, t, goal)
        allowed = torch.maximum(low.abs(), before.abs()).mul(relative).clamp(min=absolute)
        error = float(torch.linalg.vector_norm((low - high) / allowed)) / math.sqrt(x.numel())
        factor = 1 + math.atan((1 / (error + 1e-8)) ** (1 / power) - 1)
        if factor >= 0.81:
            before, x = low, high
            if up > 0:
                x = x + noise(math.exp(-t), math.exp(-until)) * (up * s_noise)
            t = until
        step *= factor
    return x


def _down(t: float, until: float, end: float, eta: float) -> tuple[float, float]:
    """In t = -log sigma: where an ancestral step goes down to, at most `end`; and the noise that brings it up again."""
    if eta <= 0:
        return until, 0.0
    level = math.exp(-until)
    down, _ = ancestral(math.exp(-t), level, eta)
    goal = min(end, -math.log(down)) if down > 0 else end
    return goal, math.sqrt(max(0.0, level**2 - math.exp(-goal) ** 2))


def _renewed(
    x: torch.Tensor, t: float, until: float, end: float, order: int, noise: Noise, eta: float, s_noise: float
) -> Steps:
    goal, up = _down(t, until, end, eta)
    x = yield from _solved(x, t, goal, order)
    if eta > 0:
        # Asked for even where nothing is added: the numbers of a stream stay in step with the steps.
        x = x + noise(math.exp(-t), math.exp(-until)) * (up * s_noise)
    return x


def _solved(x: torch.Tensor, t: float, goal: float, order: int) -> Steps:
    """DPM-Solver of that order, from t to goal (both -log sigma)."""
    first = yield from _slope(x, t)
    if order == 1:
        return _first(x, first, t, goal)
    if order == 2:
        return (yield from _second(x, first, t, goal, 1 / 2))[0]
    _, second = yield from _second(x, first, t, goal, 1 / 3)
    return (yield from _third(x, first, second, t, goal))


def _pair(x: torch.Tensor, t: float, goal: float) -> Pair:
    """Order 2 and order 3 from the same calls."""
    first = yield from _slope(x, t)
    low, second = yield from _second(x, first, t, goal, 1 / 3)
    high = yield from _third(x, first, second, t, goal)
    return low, high


def _slope(x: torch.Tensor, t: float) -> Steps:
    """The model's noise estimate at t = -log sigma."""
    sigma = math.exp(-t)
    denoised = yield x, sigma
    return (x - denoised) / sigma


def _first(x: torch.Tensor, slope: torch.Tensor, t: float, goal: float) -> torch.Tensor:
    return x - slope * (math.exp(-goal) * math.expm1(goal - t))


def _second(x: torch.Tensor, first: torch.Tensor, t: float, goal: float, part: float) -> Pair:
    """Algorithm 4: x at the goal, and the slope found at `part` of the way."""
    h, sigma = goal - t, math.exp(-goal)
    between = t + part * h
    second = yield from _slope(_first(x, first, t, between), between)
    return _first(x, first, t, goal) - (second - first) * (sigma * math.expm1(h) / (2 * part)), second


def _third(x: torch.Tensor, first: torch.Tensor, second: torch.Tensor, t: float, goal: float) -> Steps:
    """Algorithm 5 with r1 = 1/3, at which `second` was found, and r2 = 2/3."""
    r1, r2 = 1 / 3, 2 / 3
    h, sigma = goal - t, math.exp(-goal)
    between = t + r2 * h
    curve = math.exp(-between) * r2 / r1 * (math.expm1(r2 * h) / (r2 * h) - 1)
    third = yield from _slope(_first(x, first, t, between) - (second - first) * curve, between)
    return _first(x, first, t, goal) - (third - first) * (sigma / r2 * (math.expm1(h) / h - 1))

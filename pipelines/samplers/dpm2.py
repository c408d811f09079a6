"""DPM-Solver-2: asks the model again in the middle of a step."""

import itertools
from collections.abc import Sequence

import torch

from pipelines.samplers.rule import CALM, Churn, Noise, Steps, ancestral, middle


def dpm2(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, churn: Churn = CALM) -> Steps:
    """DPM-Solver-2 (Lu et al. 2022, algorithm 1) as Karras et al. put it: the slope in the middle, in log sigma."""
    for sigma, after in itertools.pairwise(sigmas):
        x, raised = churn(x, sigma, len(sigmas) - 1, noise)
        x = yield from _midpoint(x, raised, after)
    return x


def dpm2_a(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, eta: float = 1.0, s_noise: float = 1.0) -> Steps:
    """DPM-Solver-2 in ancestral steps: down past the next level, then up again with fresh noise."""
    for sigma, after in itertools.pairwise(sigmas):
        down, up = ancestral(sigma, after, eta)
        x = yield from _midpoint(x, sigma, down)
        if up > 0:
            x = x + noise(sigma, after) * (up * s_noise)
    return x


def _midpoint(x: torch.Tensor, sigma: float, after: float) -> Steps:
    denoised = yield x, sigma
    slope = (x - denoised) / sigma
    if after > 0:
        between = middle(sigma, after)
        trial = x + slope * (between - sigma)
        denoised = yield trial, between
        slope = (trial - denoised) / between
    return x + slope * (after - sigma)

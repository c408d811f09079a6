"""Multistep samplers: earlier answers of the model give the higher order."""

import itertools
import math
from collections.abc import Sequence

import torch

from pipelines.samplers.rule import Noise, Steps, mixed, moments, moved, quadrature

ADAMS = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))
"""Adams-Bashforth weights for even steps, newest slope first, by the number of slopes known."""


def lms(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, order: int = 4) -> Steps:
    """Linear multistep in sigma (Katherine Crowson's k-diffusion, after Liu et al. 2022): a polynomial through the last
    slopes, integrated exactly over the uneven step."""
    slopes: list[torch.Tensor] = []
    for index, (sigma, after) in enumerate(itertools.pairwise(sigmas)):
        denoised = yield x, sigma
        slopes = [(x - denoised) / sigma, *slopes][:order]
        x = x + mixed(slopes, _uneven(sigmas, index, len(slopes), after))
    return x


def ipndm(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, order: int = 4) -> Steps:
    """Improved PNDM (Zhang, Chen 2022, appendix): the weights of even steps, also for uneven ones; low orders first."""
    slopes: list[torch.Tensor] = []
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        if after == 0:
            return denoised
        slopes = [(x - denoised) / sigma, *slopes][:order]
        x = x + mixed(slopes, ADAMS[len(slopes) - 1]) * (after - sigma)
    return x


def ipndm_v(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, order: int = 4) -> Steps:
    """Improved PNDM with weights for the uneven steps (Zhang, Chen 2022): LMS, but its end is the model's estimate."""
    slopes: list[torch.Tensor] = []
    for index, (sigma, after) in enumerate(itertools.pairwise(sigmas)):
        denoised = yield x, sigma
        if after == 0:
            return denoised
        slopes = [(x - denoised) / sigma, *slopes][:order]
        x = x + mixed(slopes, _uneven(sigmas, index, len(slopes), after))
    return x


def plms(x: torch.Tensor, sigmas: Sequence[float], noise: Noise) -> Steps:
    """Pseudo linear multistep (Liu et al. 2022, F-PNDM): IPNDM with one step of Heun's kind to start from.

    The first step makes two calls; the second of them is not kept as a slope.
    """
    slopes: list[torch.Tensor] = []
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        slope = (x - denoised) / sigma
        slopes = [slope, *slopes][:4]
        if len(slopes) > 1:
            slope = mixed(slopes, ADAMS[len(slopes) - 1])
        elif after > 0:
            trial = x + slope * (after - sigma)
            denoised = yield trial, after
            slope = (slope + (trial - denoised) / after) / 2
        x = x + slope * (after - sigma)
    return x


def deis(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, order: int = 3) -> Steps:
    """tAB-DEIS (Zhang, Chen 2022): the slopes' polynomial is one in the time t of the variance-preserving SDE."""
    slopes: list[torch.Tensor] = []
    for index, (sigma, after) in enumerate(itertools.pairwise(sigmas)):
        denoised = yield x, sigma
        if after == 0:
            return denoised
        slopes = [(x - denoised) / sigma, *slopes][:order]
        now = _time(sigma)
        nodes = [_time(sigmas[index - back]) - now for back in range(len(slopes))]

        # d sigma = sigma'(t) dt; by parts the derivative is not needed: ∫ t^k dσ = [t^k σ] - k ∫ t^(k-1) σ dt.
        until = _time(after) - now
        integrals = [after - sigma]
        for power in range(1, len(slopes)):
            rest = quadrature(lambda t, k=power, now=now: t ** (k - 1) * _level(now + t), 0.0, until)
            integrals.append(until**power * after - power * rest)
        x = x + mixed(slopes, moments(nodes, integrals))
    return x


def res_multistep(x: torch.Tensor, sigmas: Sequence[float], noise: Noise) -> Steps:
    """RES, multistep (Zhang et al. 2023, "Improved order analysis"): the refined exponential solver of order 2."""
    previous, before = None, 0.0
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        if after == 0:
            return denoised
        step = math.log(sigma / after)
        x_after = moved(x, denoised, sigma, after)
        if previous is not None:
            # phi_2(-h) h over the node c_2, which lies one step back.
            second = (step + math.expm1(-step)) / step
            x_after = x_after + (denoised - previous) * (second * step / math.log(before / sigma))
        x, previous, before = x_after, denoised, sigma
    return x


def _uneven(sigmas: Sequence[float], index: int, count: int, after: float) -> list[float]:
    """Adams-Bashforth weights, with the step's length in them, for the slopes at sigmas[index], [index - 1], …"""
    length = after - sigmas[index]
    nodes = [(sigmas[index - back] - sigmas[index]) / length for back in range(count)]
    return [weight * length for weight in moments(nodes, [1 / (power + 1) for power in range(count)])]


_BETA_LOW, _BETA_RANGE = 0.1, 19.9
"""The variance-preserving SDE of Song et al. 2021: beta rises from 0.1 to 20."""


def _time(sigma: float) -> float:
    return (math.sqrt(_BETA_LOW**2 + 2 * _BETA_RANGE * math.log1p(sigma**2)) - _BETA_LOW) / _BETA_RANGE


def _level(t: float) -> float:
    return math.sqrt(math.expm1(_BETA_LOW * t + _BETA_RANGE * t**2 / 2))

"""DPM-Solver++: exact in the linear part of the ODE or SDE, in data prediction (Lu et al. 2022, "DPM-Solver++")."""

import itertools
import math
from collections.abc import Sequence
from typing import Literal

import torch

from pipelines.samplers.rule import Noise, Steps, ancestral, middle, moved


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


def dpmpp_2s_a(
    x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, eta: float = 1.0, s_noise: float = 1.0
) -> Steps:
    """DPM-Solver++(2S) (Lu et al. 2022, algorithm 1) in ancestral steps: the estimate of the middle, in log sigma."""
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        down, up = ancestral(sigma, after, eta)
        if down > 0:
            between = middle(sigma, down)
            denoised = yield moved(x, denoised, sigma, between), between
        x = moved(x, denoised, sigma, down)
        if up > 0:
            x = x + noise(sigma, after) * (up * s_noise)
    return x


def dpmpp_sde(
    x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, eta: float = 1.0, s_noise: float = 1.0
) -> Steps:
    """DPM-Solver++ for the SDE, singlestep: the way to the middle, in log sigma, is an ancestral step as well."""
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        if after == 0:
            return denoised
        between = middle(sigma, after)
        down, up = ancestral(sigma, between, eta)
        trial = moved(x, denoised, sigma, down) + noise(sigma, between) * (up * s_noise)
        denoised = yield trial, between
        down, up = ancestral(sigma, after, eta)
        x = moved(x, denoised, sigma, down) + noise(sigma, after) * (up * s_noise)
    return x


def dpmpp_2m_sde(
    x: torch.Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
    form: Literal["midpoint", "heun"] = "midpoint",
) -> Steps:
    """SDE-DPM-Solver++(2M): as 2M, with `eta` of the noise renewed each step (Lu et al. 2022, appendix E).

    form -- how the second order's share is worked out: as half of the first's, or by its own integral
    """
    previous, before = None, 0.0
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        if after == 0:
            return denoised
        step = math.log(sigma / after)
        whole = step * (1 + eta)
        share = -math.expm1(-whole)
        x = x * (after / sigma * math.exp(-eta * step)) + denoised * share
        if previous is not None:
            second = share / 2 if form == "midpoint" else 1 - share / whole
            x = x + (denoised - previous) * (second * step / math.log(before / sigma))
        if eta > 0:
            x = x + noise(sigma, after) * (after * math.sqrt(-math.expm1(-2 * eta * step)) * s_noise)
        previous, before = denoised, sigma
    return x


def dpmpp_2m_sde_heun(
    x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, eta: float = 1.0, s_noise: float = 1.0
) -> Steps:
    """SDE-DPM-Solver++(2M) with the second order by its own integral."""
    return (yield from dpmpp_2m_sde(x, sigmas, noise, eta=eta, s_noise=s_noise, form="heun"))


def dpmpp_3m_sde(
    x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, eta: float = 1.0, s_noise: float = 1.0
) -> Steps:
    """SDE-DPM-Solver++(3M): a parabola through the last three estimates, over log sigma, integrated exactly."""
    past: list[tuple[torch.Tensor, float]] = []
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        if after == 0:
            return denoised
        step = math.log(sigma / after)
        whole = step * (1 + eta)
        x = x * math.exp(-whole) + denoised * -math.expm1(-whole)
        if past:
            # Distances and slopes in units of this step.
            second = math.expm1(-whole) / whole + 1
            near = math.log(past[-1][1] / sigma) / step
            slope = (denoised - past[-1][0]) / near
            if len(past) > 1:
                far = math.log(past[-2][1] / past[-1][1]) / step
                bend = (slope - (past[-1][0] - past[-2][0]) / far) / (near + far)
                slope = slope + bend * near
                x = x - bend * (second / whole - 0.5)
            x = x + slope * second
        if eta > 0:
            x = x + noise(sigma, after) * (after * math.sqrt(-math.expm1(-2 * eta * step)) * s_noise)
        past = [*past, (denoised, sigma)][-2:]
    return x

"""Samplers of first order: one call a step, no memory."""

import itertools
from collections.abc import Sequence

import torch

from pipelines import schedules
from pipelines.samplers.rule import CALM, Churn, Noise, Steps, ancestral, moved


def euler(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, churn: Churn = CALM) -> Steps:
    """Euler's method on the probability-flow ODE (Karras et al. 2022, algorithm 2). Order 1."""
    for sigma, after in itertools.pairwise(sigmas):
        x, raised = churn(x, sigma, len(sigmas) - 1, noise)
        denoised = yield x, raised
        x = x + (x - denoised) * ((after - raised) / raised)
    return x


def euler_a(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, eta: float = 1.0, s_noise: float = 1.0) -> Steps:
    """Ancestral Euler steps: down past the next level, then up again with fresh noise (Song et al. 2020)."""
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        down, up = ancestral(sigma, after, eta)
        x = x + (x - denoised) * ((down - sigma) / sigma)
        if up > 0:
            x = x + noise(sigma, after) * (up * s_noise)
    return x


def ddim(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, eta: float = 0.0) -> Steps:
    """DDIM (Song, Meng, Ermon 2020): in this form its update is the ancestral Euler step; `eta` 0 is deterministic."""
    return (yield from euler_a(x, sigmas, noise, eta=eta))


def ddpm(x: torch.Tensor, sigmas: Sequence[float], noise: Noise) -> Steps:
    """DDPM (Ho, Jain, Abbeel 2020) with the smaller of its two variances: DDIM's `eta` 1 (Song et al., section 4.1)."""
    return (yield from euler_a(x, sigmas, noise, eta=1.0))


def euler_cfg_pp(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, eta: float = 0.0) -> Steps:
    """CFG++ (Chung et al. 2024, algorithm 2): the estimate is guided, but the noise that stays is the unguided one."""
    for sigma, after in itertools.pairwise(sigmas):
        guided, plain = yield x, sigma
        down, up = ancestral(sigma, after, eta)
        x = guided + (x - plain) * (down / sigma)
        if up > 0:
            x = x + noise(sigma, after) * up
    return x


def lcm(x: torch.Tensor, sigmas: Sequence[float], noise: Noise) -> Steps:
    """Multistep consistency sampling: take the estimate, add noise for the next level (Luo et al. 2023)."""
    for sigma, after in itertools.pairwise(sigmas):
        x = yield x, sigma
        if after > 0:
            x = x + noise(sigma, after) * after
    return x


def tcd(
    x: torch.Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    eta: float = 0.3,
    table: schedules.NoiseTable | None = None,
) -> Steps:
    """Trajectory consistency distillation, strategic stochastic sampling (Zheng et al. 2024, algorithm 4): down to the
    part 1 - `eta` (the paper's gamma) of the next timestep, then up to it with fresh noise.

    table -- of the model; without one Stable Diffusion's
    """
    levels = table or schedules.scaled_linear_table()
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        if after == 0:
            return denoised
        # A level below the table's lowest stays where it is.
        down = min(after, levels.sigma((1 - eta) * levels.timestep(after)))
        x = moved(x, denoised, sigma, down)
        if down < after:
            x = x + noise(sigma, after) * (after**2 - down**2) ** 0.5
    return x


def gradient_estimation(x: torch.Tensor, sigmas: Sequence[float], noise: Noise, *, gamma: float = 2.0) -> Steps:
    """Gradient estimation (Permenter, Yuan 2023, algorithm 2): the last slope corrects Euler's."""
    last: torch.Tensor | None = None
    for sigma, after in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        if after == 0:
            return denoised
        slope = (x - denoised) / sigma
        x = x + (slope if last is None else slope * gamma + last * (1 - gamma)) * (after - sigma)
        last = slope
    return x

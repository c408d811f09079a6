"""UniPC: a predictor and a corrector that share their calls."""

import math
from collections.abc import Sequence

import torch

from pipelines.samplers.rule import Noise, Steps


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

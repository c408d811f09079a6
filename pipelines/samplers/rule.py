"""Rule: what a sampler is made of, and the few formulas that several share.

A rule yields the point `(x, sigma)` at which it wants the model, is sent the denoised estimate (what the model thinks
x would be without its noise), and returns the last x. It knows nothing of models, guidance, masks or events.

A rule that needs the model's answer without the prompt as well (CFG++) is sent both, stacked: guided, plain.

x is in the "variance exploding" form: a clean latent plus noise of standard deviation sigma. `sigmas` falls; the last
is usually 0.
"""

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import torch

Steps = Generator[tuple[torch.Tensor, float], torch.Tensor, torch.Tensor]
Noise = Callable[[float, float], torch.Tensor]
"""(sigma, sigma_next) -> fresh noise of unit variance, shaped like x."""

Rule = Callable[..., Steps]
"""(x, sigmas, noise, **options) -> steps. The options are named in Sampler.options."""


@dataclass(frozen=True)
class Churn:
    """Stochasticity of Karras et al. 2022, algorithm 2: some noise is added before a step, then removed by it.

    amount    -- S_churn, over all steps; 0 for none
    low, high -- S_tmin, S_tmax: the levels at which it happens
    noise     -- S_noise, the standard deviation of what is added
    """

    amount: float = 0.0
    low: float = 0.0
    high: float = math.inf
    noise: float = 1.0

    def __call__(self, x: torch.Tensor, sigma: float, steps: int, noise: Noise) -> tuple[torch.Tensor, float]:
        """x and its level with the noise added."""
        if self.amount <= 0:
            return x, sigma
        # Drawn in every step, so that the bounds do not change which numbers a later step gets.
        fresh = noise(sigma, sigma)
        if not self.low <= sigma <= self.high:
            return x, sigma
        raised = sigma * (1 + min(self.amount / steps, math.sqrt(2) - 1))
        return x + fresh * (self.noise * math.sqrt(raised**2 - sigma**2)), raised


CALM = Churn()


def ancestral(sigma: float, after: float, eta: float) -> tuple[float, float]:
    """Where to step down to, and how much noise brings the level up to `after` again: (down, up)."""
    if after == 0:
        return 0.0, 0.0
    up = min(after, eta * math.sqrt(after**2 * (sigma**2 - after**2) / sigma**2))
    return math.sqrt(after**2 - up**2), up


def moved(x: torch.Tensor, denoised: torch.Tensor, sigma: float, after: float) -> torch.Tensor:
    """x at level `after` if the estimate stayed the same: the first-order step of every solver here."""
    if after == 0:
        return denoised
    return denoised + (x - denoised) * (after / sigma)


def middle(sigma: float, after: float, part: float = 0.5) -> float:
    """The level `part` of the way, in log sigma."""
    return math.exp((1 - part) * math.log(sigma) + part * math.log(after))


def mixed(tensors: Sequence[torch.Tensor], weights: Sequence[float]) -> torch.Tensor:
    """The weighted sum."""
    total = tensors[0] * weights[0]
    for tensor, weight in zip(tensors[1:], weights[1:], strict=True):
        total = total + tensor * weight
    return total


def moments(nodes: Sequence[float], integrals: Sequence[float]) -> list[float]:
    """Weights of a polynomial through `nodes`: the w with sum w_j * nodes_j**k = integrals_k for each power k.

    Newton's divided differences in place of the (ill-conditioned) Vandermonde matrix's inverse.
    """
    order = len(nodes)
    # Coefficients of the Lagrange polynomial of each node, times the integrals of the powers.
    weights: list[float] = []
    for place, node in enumerate(nodes):
        coefficients = [1.0]
        for other in (*nodes[:place], *nodes[place + 1 :]):
            lower = [value / (node - other) for value in coefficients]
            coefficients = [
                (lower[power - 1] if power else 0.0) - (lower[power] * other if power < len(lower) else 0.0)
                for power in range(len(lower) + 1)
            ]
        weights.append(sum(coefficients[power] * integrals[power] for power in range(order)))
    return weights


def quadrature(function: Callable[[float], float], low: float, high: float, pieces: int = 8) -> float:
    """The integral of a smooth function, by Gauss's rule of order five on equal pieces."""
    nodes = ((0.0, 128 / 225), *((sign * p, w) for p, w in _GAUSS for sign in (-1, 1)))
    half = (high - low) / (2 * pieces)
    total = 0.0
    for piece in range(pieces):
        centre = low + half * (2 * piece + 1)
        total += sum(weight * function(centre + half * node) for node, weight in nodes)
    return total * half


_GAUSS = ((0.5384693101056831, 0.47862867049936647), (0.906179845938664, 0.23692688505618908))

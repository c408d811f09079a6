"""Samplers against what can be worked out by hand: Gaussian data, whose ideal denoiser and flow have closed forms."""

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipelines import samplers
from pipelines.samplers import SAMPLERS, sample

MEAN, SPREAD = 0.7, 0.5
VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "sampler_vectors.json").read_text())


def gaussian(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """The expected clean value, for data of N(MEAN, SPREAD²)."""
    return (SPREAD**2 * x + sigma**2 * MEAN) / (SPREAD**2 + sigma**2)


def flow(x: torch.Tensor, start: float, end: float) -> torch.Tensor:
    """Where the probability-flow ODE leads from noise level `start` to `end`."""
    return MEAN + (x - MEAN) * math.sqrt((SPREAD**2 + end**2) / (SPREAD**2 + start**2))


def falling(n: int, start: float = 10.0, end: float = 0.1) -> torch.Tensor:
    return torch.logspace(math.log10(start), math.log10(end), n + 1, dtype=torch.float64)


def error(name: str, n: int) -> float:
    x = torch.linspace(-20, 20, 9, dtype=torch.float64).reshape(1, 1, 3, 3)
    sigmas = falling(n)
    made = sample(name, gaussian, x, sigmas)
    return float((made - flow(x, float(sigmas[0]), float(sigmas[-1]))).abs().max())


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("Euler", 1),
        ("DDIM", 1),
        ("Heun", 2),
        ("DPM2", 2),
        ("DPM++ 2M", 2),
        ("RES multistep", 2),
        ("UniPC", 2),
    ],
)
def test_halving_the_step_divides_the_error_by_two_to_the_order(name: str, order: int) -> None:
    measured = math.log2(error(name, 80) / error(name, 160))
    assert order - 0.15 < measured < order + 1.2


@pytest.mark.parametrize("name", ["Heun", "DPM++ 2M", "UniPC"])
def test_second_order_beats_euler_at_the_same_cost(name: str) -> None:
    calls = samplers.find(name).calls  # type: ignore[union-attr]
    assert error(name, 40 // calls) < error("Euler", 40) / 3


@pytest.mark.parametrize("name", ["LMS", "IPNDM_V", "DEIS", "PLMS"])
def test_multistep_samplers_are_exact_to_four_digits(name: str) -> None:
    assert error(name, 80) < 2e-3


@pytest.mark.parametrize(
    ("name", "n"),
    [("Euler a", 300), ("DDPM", 300), ("DPM++ 2M SDE", 100), ("DPM++ 3M SDE", 100)],
)
def test_stochastic_samplers_reach_the_right_mean_and_spread(name: str, n: int) -> None:
    stream = torch.Generator().manual_seed(5)
    shape = (1, 1, 200, 200)
    sigmas = torch.cat([falling(n, 20, 0.02), torch.zeros(1, dtype=torch.float64)])

    def noise(sigma: torch.Tensor, sigma_next: torch.Tensor) -> torch.Tensor:
        return torch.randn(shape, generator=stream, dtype=torch.float64)

    start = MEAN + torch.randn(shape, generator=stream, dtype=torch.float64) * math.hypot(SPREAD, 20)
    made = sample(name, gaussian, start, sigmas, noise)
    assert float(made.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(made.std()) == pytest.approx(SPREAD, rel=0.03)


def test_dpmpp_2m_sde_without_fresh_noise_is_dpmpp_2m() -> None:
    x, sigmas = torch.full((1, 1, 1, 1), 9.0, dtype=torch.float64), [10.0, 4.0, 1.5, 0.5, 0.0]
    made = sample("DPM++ 2M SDE", gaussian, x, sigmas, eta=0.0)
    assert torch.allclose(made, sample("DPM++ 2M", gaussian, x, sigmas))


def test_lcm_returns_the_last_estimate_and_renoises_in_between() -> None:
    asked: list[tuple[float, float]] = []

    def noise(sigma: torch.Tensor, sigma_next: torch.Tensor) -> torch.Tensor:
        asked.append((float(sigma), float(sigma_next)))
        return torch.ones(1, 1, 1, 1)

    made = sample("LCM", lambda x, sigma: x * 0 + sigma, torch.zeros(1, 1, 1, 1), [8.0, 2.0, 0.0], noise)
    assert asked == [(8.0, 2.0)]
    assert made.item() == 2.0


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_a_perfect_estimate_is_reached_by_every_sampler(sampler: samplers.Sampler) -> None:
    """If the model always says the same, that is the picture, but for the last noise where a sampler leaves that."""
    target = torch.tensor([[[[0.3, -0.8]]]], dtype=torch.float64)
    made = sample(
        sampler.name,
        lambda x, sigma: target,
        torch.full_like(target, 14.0),
        [14.0, 6.0, 2.0, 0.7, 0.2, 0.0],
        lambda sigma, sigma_next: torch.ones_like(target),
    )
    left = 0.2 if sampler.name in ("DPM fast", "DPM adaptive") else 0.0
    assert torch.allclose(made, target, atol=1e-12 + 1.1 * left)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_every_sampler_works_with_a_single_step(sampler: samplers.Sampler) -> None:
    made = sample(sampler.name, gaussian, torch.full((1, 1, 1, 1), 9.0, dtype=torch.float64), [10.0, 0.0])
    assert torch.isfinite(made).all()


def noise_of_seven() -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    stream = np.random.default_rng(7)
    return lambda sigma, sigma_next: torch.from_numpy(stream.standard_normal(VECTORS["shape"]))


def curved(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """A denoiser that is not linear."""
    return torch.tanh(x / torch.sqrt(1 + sigma**2)) * 0.9 + 0.2 * torch.sin(x / (1 + sigma)) - 0.1


@pytest.mark.parametrize(
    "case", VECTORS["cases"], ids=lambda case: f"{case['sampler']}-{case['steps']}-{case['options']}"
)
def test_agreement_with_the_published_functions(case: dict[str, Any]) -> None:
    """The expected numbers are what k-diffusion 0.1.1.post1 made of `curved`, in double precision, from the same start
    over Karras's levels and with the same noise; for its churn the noise took the place of torch.randn_like."""
    n = max(case["steps"], 2)
    top, low = 14.6 ** (1 / 7), 0.03 ** (1 / 7)
    levels = [(top + (low - top) * step / (n - 1)) ** 7 for step in range(n)] + [0.0]
    start = torch.from_numpy(np.random.default_rng(3).standard_normal(VECTORS["shape"])) * 14.6
    calls: list[float] = []

    def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        calls.append(float(sigma))
        return curved(x, sigma)

    made = sample(case["sampler"], denoise, start, levels, noise_of_seven(), **case["options"])
    wanted = torch.tensor(case["end"], dtype=torch.float64).reshape(VECTORS["shape"])
    assert float((made - wanted).abs().max() / wanted.abs().max()) < 1e-6
    assert len(calls) == case["calls"]


def test_cfg_pp_keeps_the_unguided_noise() -> None:
    x = torch.full((1, 1, 1, 1), 5.0, dtype=torch.float64)
    made = sample("Euler CFG++", lambda x, sigma: (x * 0 + 1, x * 0 + 3), x, [4.0, 2.0])
    assert made.item() == pytest.approx(1 + (5 - 3) * 2 / 4)


def test_restart_goes_up_again() -> None:
    def asked(n: int) -> list[float]:
        levels: list[float] = []
        sigmas = [*falling(n - 1, 14.6, 0.03).tolist(), 0.0]

        def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            levels.append(float(sigma))
            return gaussian(x, sigma)

        start = torch.full((1, 1, 1, 1), 9.0, dtype=torch.float64)
        sample("Restart", denoise, start, sigmas, lambda sigma, sigma_next: torch.zeros_like(start))
        return levels

    climbs = [sum(after > 5 * before for before, after in itertools.pairwise(asked(n))) for n in (10, 20, 40)]
    assert climbs == [0, 1, 2]
    assert len(asked(20)) == 39


def test_churn_adds_and_removes_noise() -> None:
    x = torch.full((1, 1, 1, 1), 9.0, dtype=torch.float64)
    drawn: list[float] = []

    def noise(sigma: torch.Tensor, sigma_next: torch.Tensor) -> torch.Tensor:
        drawn.append(float(sigma))
        return torch.ones_like(x)

    calm, churned = (sample("Euler", gaussian, x, [8.0, 2.0, 0.5], noise, s_churn=value) for value in (0.0, 1.0))
    assert drawn == [8.0, 2.0]
    assert not torch.equal(calm, churned)


def test_names_and_aliases_are_found_in_any_case() -> None:
    assert samplers.find("k_EULER_a") is samplers.find("euler A")
    assert samplers.find("Euler b") is None
    with pytest.raises(ValueError, match="no sampler 'Euler b'"):
        sample("Euler b", gaussian, torch.zeros(1), [1.0, 0.0])


def test_no_name_is_given_twice() -> None:
    names = [name.casefold() for s in SAMPLERS for name in {s.name.casefold(), *map(str.casefold, s.aliases)}]
    assert len(names) == len(set(names))

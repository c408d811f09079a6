"""How far the samplers are from the published k-diffusion functions: the second table of `benchmarks.fidelity`.

The numbers to compare with lie in tests/pipelines/sampler_vectors.json: what k-diffusion 0.1.1.post1 made, in double
precision, of a denoiser that is not linear, from the same start, over the same levels and with the same noise.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipelines.samplers import sample

VECTORS = Path(__file__).parent.parent / "tests" / "pipelines" / "sampler_vectors.json"


def denoised(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    return torch.tanh(x / torch.sqrt(1 + sigma**2)) * 0.9 + 0.2 * torch.sin(x / (1 + sigma)) - 0.1


def difference(case: Mapping[str, Any], shape: list[int], precision: torch.dtype) -> float:
    """The largest difference, relative to the largest number."""
    n = case["steps"]
    top, low = 14.6 ** (1 / 7), 0.03 ** (1 / 7)
    levels = [(top + (low - top) * step / (n - 1)) ** 7 for step in range(n)] + [0.0]
    start = torch.from_numpy(np.random.default_rng(3).standard_normal(shape)) * 14.6
    made = sample(case["sampler"], denoised, start.to(precision), levels, _noise(shape, precision), **case["options"])
    wanted = torch.tensor(case["end"], dtype=torch.float64).reshape(shape)
    return float((made.double() - wanted).abs().max() / wanted.abs().max())


def table() -> str:
    """The worst case of each sampler, in the precision of the reference and in that of pictures."""
    vectors: dict[str, Any] = json.loads(VECTORS.read_text())
    cases: list[dict[str, Any]] = vectors["cases"]
    rows = ["| Sampler | Cases | float64 | float32 |", "|---|---|---|---|"]
    for name in dict.fromkeys(case["sampler"] for case in cases):
        own = [case for case in cases if case["sampler"] == name]
        worst = [
            max(difference(case, vectors["shape"], kind) for case in own) for kind in (torch.float64, torch.float32)
        ]
        rows.append(f"| {name} | {len(own)} | {worst[0]:.0e} | {worst[1]:.0e} |")
    return "\n".join([*rows, "", "Largest difference from k-diffusion 0.1.1.post1, relative."])


def _noise(shape: list[int], precision: torch.dtype) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    stream = np.random.default_rng(7)
    return lambda sigma, sigma_next: torch.from_numpy(stream.standard_normal(shape)).to(precision)

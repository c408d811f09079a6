"""All samplers, by the names and aliases that AUTOMATIC1111's web UI and Forge gave them."""

from collections.abc import Callable, Sequence

import torch

from pipelines import schedules
from pipelines.samplers.dpm2 import dpm2, dpm2_a
from pipelines.samplers.dpm_solver import dpm_adaptive, dpm_fast
from pipelines.samplers.dpmpp import dpmpp_2m, dpmpp_2m_sde, dpmpp_2m_sde_heun, dpmpp_2s_a, dpmpp_3m_sde, dpmpp_sde
from pipelines.samplers.euler import ddim, ddpm, euler, euler_a, euler_cfg_pp, gradient_estimation, lcm, tcd
from pipelines.samplers.heun import heun, heunpp2, restart
from pipelines.samplers.multistep import deis, ipndm, ipndm_v, lms, plms, res_multistep
from pipelines.samplers.sampler import Sampler
from pipelines.samplers.stochastic import er_sde, sa_solver
from pipelines.samplers.unipc import unipc

Denoise = Callable[[torch.Tensor, torch.Tensor], torch.Tensor | tuple[torch.Tensor, torch.Tensor]]

FRESH = ("eta", "s_noise")
CFG_PP = 1 / 12.5
"""The paper's guidance runs from 0 to 1; this puts the customary 7 at about the middle, as A1111 does."""


def _unipc_spacing(n: int, table: schedules.NoiseTable, span: schedules.Span) -> list[float]:
    return schedules.uniform(n + 1, table)


SAMPLERS: tuple[Sampler, ...] = (
    Sampler("DPM++ 2M", dpmpp_2m, ("k_dpmpp_2m", "dpmpp_2m"), "Karras"),
    Sampler(
        "DPM++ SDE", dpmpp_sde, ("k_dpmpp_sde", "dpmpp_sde"), "Karras", options=FRESH, eta=1.0, calls=2, brownian=True
    ),
    Sampler(
        "DPM++ 2M SDE",
        dpmpp_2m_sde,
        ("k_dpmpp_2m_sde", "dpmpp_2m_sde"),
        "Exponential",
        options=FRESH,
        eta=1.0,
        brownian=True,
    ),
    Sampler(
        "DPM++ 2M SDE Heun",
        dpmpp_2m_sde_heun,
        ("k_dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun"),
        "Exponential",
        options=FRESH,
        eta=1.0,
        brownian=True,
    ),
    Sampler(
        "DPM++ 2S a",
        dpmpp_2s_a,
        ("k_dpmpp_2s_a", "dpmpp_2s_ancestral"),
        "Karras",
        options=FRESH,
        eta=1.0,
        calls=2,
    ),
    Sampler(
        "DPM++ 3M SDE",
        dpmpp_3m_sde,
        ("k_dpmpp_3m_sde", "dpmpp_3m_sde"),
        "Exponential",
        options=FRESH,
        eta=1.0,
        discards=True,
        brownian=True,
    ),
    Sampler("Euler a", euler_a, ("k_euler_a", "k_euler_ancestral", "euler_ancestral"), options=FRESH, eta=1.0),
    Sampler("Euler", euler, ("k_euler",), options=("churn",)),
    Sampler("LMS", lms, ("k_lms",)),
    Sampler("Heun", heun, ("k_heun",), options=("churn",), calls=2),
    Sampler("DPM2", dpm2, ("k_dpm_2", "dpm_2"), "Karras", options=("churn",), calls=2, discards=True),
    Sampler(
        "DPM2 a",
        dpm2_a,
        ("k_dpm_2_a", "dpm_2_ancestral"),
        "Karras",
        options=FRESH,
        eta=1.0,
        calls=2,
        discards=True,
    ),
    Sampler("DPM fast", dpm_fast, ("k_dpm_fast", "dpm_fast"), options=FRESH, eta=1.0),
    Sampler("DPM adaptive", dpm_adaptive, ("k_dpm_ad", "dpm_adaptive"), options=FRESH, eta=1.0, adaptive=True),
    Sampler("Restart", restart, (), "Karras", options=("s_noise",), calls=2, renews=True),
    Sampler("DDIM", ddim, (), spacing=schedules.ddim, fixed=True, options=("eta",), preserving=True, stops_early=True),
    Sampler(
        "DDIM CFG++",
        euler_cfg_pp,
        ("ddim_cfgpp",),
        spacing=schedules.ddim,
        fixed=True,
        options=("eta",),
        preserving=True,
        stops_early=True,
        needs_plain=True,
        guidance=CFG_PP,
    ),
    Sampler("PLMS", plms, (), spacing=schedules.ddim, fixed=True, preserving=True, stops_early=True),
    Sampler(
        "UniPC", unipc, ("uni_pc",), spacing=_unipc_spacing, fixed=True, even=True, preserving=True, stops_early=True
    ),
    Sampler("LCM", lcm, ("k_lcm",), spacing=schedules.lcm, renews=True),
    Sampler("DDPM", ddpm, (), renews=True),
    Sampler("DEIS", deis),
    Sampler("HeunPP2", heunpp2, (), options=("churn",), calls=2),
    Sampler("IPNDM", ipndm),
    Sampler("IPNDM_V", ipndm_v, ("ipndm v",)),
    Sampler("TCD", tcd, (), spacing=schedules.lcm, options=("eta",), eta=0.3),
    Sampler("Euler CFG++", euler_cfg_pp, ("euler_cfg_pp",), options=("eta",), needs_plain=True, guidance=CFG_PP),
    Sampler("RES multistep", res_multistep, ("res_multistep",)),
    Sampler("Gradient estimation", gradient_estimation, ("gradient_estimation",)),
    Sampler("ER-SDE", er_sde, ("er_sde",), options=("s_noise",), renews=True),
    Sampler("SA-Solver", sa_solver, ("sa_solver",), options=FRESH, eta=1.0),
)


def find(name: str) -> Sampler | None:
    """By name or alias, upper and lower case alike."""
    wanted = name.casefold()
    for sampler in SAMPLERS:
        if wanted in (sampler.name.casefold(), *(alias.casefold() for alias in sampler.aliases)):
            return sampler
    return None


def sample(
    name: str,
    denoise: Denoise,
    x: torch.Tensor,
    sigmas: torch.Tensor | Sequence[float],
    noise: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    **options: float,
) -> torch.Tensor:
    """Run the sampler of that name (or alias) over any `denoise(x, sigma) -> denoised`: the seam for comparisons.

    x       -- the start, already scaled: clean + sigmas[0] * noise
    sigmas  -- falling noise levels
    noise   -- (sigma, sigma_next) -> unit noise; without it a sampler that needs noise raises ValueError
    options -- eta, s_noise, s_churn, s_tmin, s_tmax, where the sampler has them; else they are as published
    For CFG++ denoise may return two: guided, plain. Sigmas are handed over as tensors without dimensions.
    Raises ValueError for an unknown name.
    """
    sampler = find(name)
    if sampler is None:
        raise ValueError(f"There is no sampler '{name}'. Known are: {', '.join(s.name for s in SAMPLERS)}.")

    def scalar(value: float) -> torch.Tensor:
        return torch.tensor(value, dtype=x.dtype, device=x.device)

    def drawn(sigma: float, sigma_next: float) -> torch.Tensor:
        if noise is None:
            raise ValueError(f"{sampler.name} needs a source of noise.")
        return noise(scalar(sigma), scalar(sigma_next))

    def answer(point: torch.Tensor, sigma: float) -> torch.Tensor:
        estimate = denoise(point, scalar(sigma))
        guided, plain = estimate if isinstance(estimate, tuple) else (estimate, estimate)
        return torch.stack([guided, plain]) if sampler.needs_plain else guided

    steps = sampler.told(x, [float(sigma) for sigma in sigmas], drawn, options)
    try:
        point, sigma = next(steps)
        while True:
            point, sigma = steps.send(answer(point, sigma))
    except StopIteration as stop:
        return stop.value

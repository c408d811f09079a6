"""Samplers: what other programs call the ones we know."""

from collections.abc import Mapping

K_DIFFUSION: Mapping[str, str] = {
    "euler": "Euler",
    "euler_ancestral": "Euler a",
    "euler_cfg_pp": "Euler CFG++",
    "heun": "Heun",
    "heunpp2": "HeunPP2",
    "dpm_2": "DPM2",
    "dpm_2_ancestral": "DPM2 a",
    "lms": "LMS",
    "dpm_fast": "DPM fast",
    "dpm_adaptive": "DPM adaptive",
    "dpmpp_2s_ancestral": "DPM++ 2S a",
    "dpmpp_sde": "DPM++ SDE",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_3m_sde": "DPM++ 3M SDE",
    "ddpm": "DDPM",
    "lcm": "LCM",
    "ddim": "DDIM",
    "plms": "PLMS",
    "uni_pc": "UniPC",
    "ipndm": "IPNDM",
    "ipndm_v": "IPNDM_V",
    "deis": "DEIS",
    "restart": "Restart",
    "res_multistep": "RES multistep",
    "gradient_estimation": "gradient estimation",
    "er_sde": "ER-SDE",
    "sa_solver": "SA-Solver",
    "tcd": "TCD",
}

ALMOST: Mapping[str, str] = {
    "dpmpp_sde_gpu": "DPM++ SDE",
    "dpmpp_2m_sde_gpu": "DPM++ 2M SDE",
    "dpmpp_3m_sde_gpu": "DPM++ 3M SDE",
    "uni_pc_bh2": "UniPC",
    "dpmpp_2s": "DPM++ 2S a",
    "dpmpp_3m": "DPM++ 3M SDE",
    "pndm": "PLMS",
    "kdpm_2": "DPM2",
    "kdpm_2_a": "DPM2 a",
    "euler_a": "Euler a",
    "unipc": "UniPC",
}
"""Close relatives, or the same rule with other numbers."""

SCHEDULES: Mapping[str, str] = {
    "normal": "Normal",
    "karras": "Karras",
    "exponential": "Exponential",
    "sgm_uniform": "SGM Uniform",
    "simple": "Simple",
    "ddim_uniform": "DDIM",
    "beta": "Beta",
    "kl_optimal": "KL Optimal",
    "turbo": "Turbo",
    "align_your_steps": "Align Your Steps",
}


def sampler(name: str) -> tuple[str, bool]:
    """Our name, and whether it is the very same; the name itself where it is unknown."""
    if name in K_DIFFUSION:
        return K_DIFFUSION[name], True
    return ALMOST.get(name, name), False


def schedule(name: str) -> tuple[str, bool]:
    return SCHEDULES.get(name, name), name in SCHEDULES

"""Expert settings of sampling, as the parameters text holds them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipelines.recipe import NoiseSource, Padding, Recipe, RecipeError, Sampling, check
from pipelines.recipe_json import from_json, to_json
from webui.store.fidelity import Fidelity

_NUMBERS: Mapping[str, str] = {
    "Eta": "eta",
    "Eta DDIM": "eta",
    "Sigma churn": "s_churn",
    "Sigma tmin": "s_tmin",
    "Sigma tmax": "s_tmax",
    "Sigma noise": "s_noise",
    "Schedule min sigma": "sigma_min",
    "Schedule max sigma": "sigma_max",
    "Schedule rho": "rho",
    "ENSD": "seed_delta",
    "Variation seed": "variation_seed",
    "Variation seed strength": "variation",
    "Seed resize from-1": "resize_width",
    "Seed resize from-2": "resize_height",
    "NGMS": "min_uncond",
    "Skip Early CFG": "skip_early",
    "Extra noise": "extra_noise",
    "Noise multiplier": "noise_multiplier",
    "Token merging ratio": "token_merging",
    "Token merging ratio hr": "token_merging_hires",
    "CFG Rescale": "rescale",
    "CFG Rescale phi": "rescale",
}
_SWITCHES: Mapping[str, str] = {
    "Discard penultimate sigma": "discard",
    "SGM noise multiplier": "sgm_noise",
    "NGMS all steps": "min_uncond_all",
}
_PADS: Mapping[str, Padding] = {"Pad conds": "empty", "Pad conds v0": "repeat"}
_SOURCES: Mapping[str, NoiseSource] = {"CPU": "cpu", "NV": "nv", "GPU": "nv"}

KEYS = frozenset({*_NUMBERS, *_SWITCHES, *_PADS, "RNG"})
"""What is read here; a size is read in two parts."""


def early(sampling: Sampling) -> dict[str, str]:
    """The pairs between the model and the strength. Empty values are left out of the text."""
    varied = sampling.variation > 0 and sampling.variation_seed is not None
    width, height = sampling.resize_width, sampling.resize_height
    return {
        "Variation seed": str(sampling.variation_seed) if varied else "",
        "Variation seed strength": f"{sampling.variation:g}" if varied else "",
        "Seed resize from": f"{width}x{height}" if width and height else "",
    }


def middle(sampling: Sampling) -> dict[str, str]:
    """The pairs after clip skip. The numbers of the device are what a text that says nothing means."""
    rng = {"cpu": "CPU", "nv": "NV", "device": ""}[sampling.noise]
    return {
        "ENSD": str(sampling.seed_delta) if sampling.seed_delta else "",
        "Token merging ratio": _unless(sampling.token_merging, 0.0),
        "Token merging ratio hr": _unless(sampling.token_merging_hires, 0.0),
        "RNG": rng,
    }


def late(sampling: Sampling, sampler: str = "") -> dict[str, str]:
    """The pairs of the sampler and the schedule, where they differ from the usual."""
    eta = "Eta DDIM" if sampler.startswith("DDIM") else "Eta"
    usual = Sampling()
    pad = {way: key for key, way in _PADS.items()}.get(sampling.pad)
    return {
        "Schedule min sigma": _unless(sampling.sigma_min, usual.sigma_min),
        "Schedule max sigma": _unless(sampling.sigma_max, usual.sigma_max),
        "Schedule rho": _unless(sampling.rho, usual.rho),
        eta: _unless(sampling.eta, None),
        "Sigma churn": _unless(sampling.s_churn, usual.s_churn),
        "Sigma tmin": _unless(sampling.s_tmin, usual.s_tmin),
        "Sigma tmax": _unless(sampling.s_tmax, usual.s_tmax),
        "Sigma noise": _unless(sampling.s_noise, usual.s_noise),
        "NGMS": _unless(sampling.min_uncond, usual.min_uncond),
        "NGMS all steps": "True" if sampling.min_uncond and sampling.min_uncond_all else "",
        "Skip Early CFG": _unless(sampling.skip_early, usual.skip_early),
        **({pad: "True"} if pad else {}),
        "Discard penultimate sigma": "True" if sampling.discard else "",
        "SGM noise multiplier": "True" if sampling.sgm_noise else "",
        "Extra noise": _unless(sampling.extra_noise, usual.extra_noise),
        "CFG Rescale": _unless(sampling.rescale, usual.rescale),
    }


def _unless(value: float | None, usual: float | None) -> str:
    return "" if value is None or value == usual else f"{value:g}"


def recalled(values: Mapping[str, str], rng: str, report: dict[str, Fidelity]) -> Sampling:
    """What the pairs say; `report` gets a line for each that cannot be taken over.

    rng -- the source of noise, "GPU" where the text says nothing: an NVIDIA card's numbers are the likeliest
    """
    sampling = replace(Sampling(), noise=_SOURCES.get(rng, "cpu"), **_switched(values, report))
    if rng not in _SOURCES:
        report["RNG"] = "lost"
    elif rng == "GPU" and report.get("seed") == "exact":
        report["seed"] = "nearest"
    for key, name in _NUMBERS.items():
        if key not in values:
            continue
        changed = _with(sampling, name, values[key])
        report[key] = "exact" if changed else "lost"
        sampling = changed or sampling
    return sampling


def _switched(values: Mapping[str, str], report: dict[str, Fidelity]) -> dict[str, Any]:
    found: dict[str, Any] = {name: values.get(key) == "True" for key, name in _SWITCHES.items()}
    found["pad"] = next((way for key, way in _PADS.items() if values.get(key) == "True"), "off")
    report |= {key: "exact" for key in (*_SWITCHES, *_PADS) if values.get(key) == "True"}
    return found


def _with(sampling: Sampling, name: str, value: str) -> Sampling | None:
    try:
        given = {**_plain(sampling), name: float(value)}
        recipe = from_json({"sampling": given})
        check(recipe)
    except (RecipeError, ValueError, OverflowError):
        return None
    return recipe.sampling


def _plain(sampling: Sampling) -> dict[str, object]:
    found = to_json(Recipe(sampling=sampling))["sampling"]
    return found if isinstance(found, dict) else {}

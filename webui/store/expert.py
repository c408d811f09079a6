"""Expert settings of sampling, as the parameters text holds them."""

from collections.abc import Mapping
from dataclasses import replace

from pipelines.recipe import NoiseSource, Recipe, RecipeError, Sampling, check
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
}
_DISCARD = "Discard penultimate sigma"
_SOURCES: Mapping[str, NoiseSource] = {"CPU": "cpu", "NV": "nv", "GPU": "nv"}

KEYS = frozenset({*_NUMBERS, _DISCARD, "RNG"})
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
    return {"ENSD": str(sampling.seed_delta) if sampling.seed_delta else "", "RNG": rng}


def late(sampling: Sampling, sampler: str = "") -> dict[str, str]:
    """The pairs of the sampler and the schedule, where they differ from the usual."""
    eta = "Eta DDIM" if sampler.startswith("DDIM") else "Eta"
    usual = Sampling()
    pairs = {
        "Schedule min sigma": (sampling.sigma_min, usual.sigma_min),
        "Schedule max sigma": (sampling.sigma_max, usual.sigma_max),
        "Schedule rho": (sampling.rho, usual.rho),
        eta: (sampling.eta, usual.eta),
        "Sigma churn": (sampling.s_churn, usual.s_churn),
        "Sigma tmin": (sampling.s_tmin, usual.s_tmin),
        "Sigma tmax": (sampling.s_tmax, usual.s_tmax),
        "Sigma noise": (sampling.s_noise, usual.s_noise),
    }
    made = {key: f"{value:g}" for key, (value, plain) in pairs.items() if value is not None and value != plain}
    return made | {_DISCARD: "True" if sampling.discard else ""}


def recalled(values: Mapping[str, str], rng: str, report: dict[str, Fidelity]) -> Sampling:
    """What the pairs say; `report` gets a line for each that cannot be taken over.

    rng -- the source of noise, "GPU" where the text says nothing: an NVIDIA card's numbers are the likeliest
    """
    sampling = replace(Sampling(), noise=_SOURCES.get(rng, "cpu"), discard=values.get(_DISCARD) == "True")
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

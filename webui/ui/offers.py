"""Offers: what the lists of the form hold, by the names of the controls; from the engine's catalogue."""

from collections.abc import Mapping, Sequence

from pipelines.catalogue import Catalogue
from pipelines.control import hints
from pipelines.passes import LATENT_UPSCALERS, PLAIN_UPSCALERS
from webui.ui.widgets import Choices, word

KNOWN_SAMPLERS = ("DPM++ 2M", "Euler", "Euler a")
AS_BEFORE = "As in the first pass"
KNOWN_SCHEDULES = ("Automatic",)
"""Offered until the engine has announced its own."""


def offers(catalogue: Catalogue | None) -> dict[str, Choices]:
    """Every control whose list depends on what is installed. A name that is not in its list cannot be chosen."""
    samplers = [entry.name for entry in catalogue.samplers] if catalogue else list(KNOWN_SAMPLERS)
    schedules = list(catalogue.schedules) if catalogue else list(KNOWN_SCHEDULES)
    checkpoints = [entry.name for entry in catalogue.usable()] if catalogue else []
    upscalers = [*PLAIN_UPSCALERS, *(name for name in _upscalers(catalogue) if name not in PLAIN_UPSCALERS)]
    vaes = [entry.name for entry in catalogue.kind("vae")] if catalogue else []
    controls = [entry.name for entry in catalogue.kind("controlnet")] if catalogue else []
    return {
        "controls.0.model": [("Choose a model", ""), *_same(controls)],
        "controls.0.preprocessor": [("None", ""), *_preprocessors()],
        "sampler": _same(samplers),
        "schedule": _same(schedules),
        "hires.upscaler": _same([*LATENT_UPSCALERS, *upscalers]),
        "hires.sampler": [(AS_BEFORE, ""), *_same(samplers)],
        "hires.schedule": [(AS_BEFORE, ""), *_same(schedules)],
        "hires.checkpoint": [(AS_BEFORE, ""), *_same(checkpoints)],
        "finish.upscaler": [("None", ""), *_same(upscalers)],
        "finish.second": [("None", ""), *_same(upscalers)],
        "refiner.checkpoint": [("None", ""), *_same(checkpoints)],
        "vae": [("Automatic", ""), ("The model's own", "None"), *_same(vaes)],
    }


def spelled(values: Mapping[str, object], catalogue: Catalogue | None) -> dict[str, object]:
    """The values with names as this installation spells them; those it does not have are left out.

    Until the engine has said what there is, nothing is known to be there.
    """
    kept = dict(values)
    for name, offered in offers(catalogue).items():
        if name not in kept:
            continue
        known = {value.casefold(): value for _, value in offered}
        found = known.get(str(kept[name]).casefold())
        if name == "sampler" and found is None and catalogue is not None:
            entry = catalogue.sampler(str(kept[name]))
            found = entry.name if entry else None
        if found is None:
            del kept[name]
        else:
            kept[name] = found
    if "checkpoint" in kept:
        entry = catalogue.checkpoint(str(kept["checkpoint"])) if catalogue else None
        if entry is None or entry.problem:
            del kept["checkpoint"]
        else:
            kept["checkpoint"] = entry.name
    return kept


def _upscalers(catalogue: Catalogue | None) -> list[str]:
    return [entry.name for entry in catalogue.kind("upscaler")] if catalogue else []


def _preprocessors() -> list[tuple[str, str]]:
    return [(word(name), name) for name in hints.PREPROCESSORS if name not in ("", "none")]


def _same(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, name) for name in names]

"""Recall: the recipe that a parameters text tells of, and how faithfully."""

from collections.abc import Mapping
from dataclasses import replace

from pipelines.catalogue import Catalogue
from pipelines.prompt.tags import renamed
from pipelines.recipe import Emphasis, Recipe, RecipeError, check
from pipelines.recipe_json import from_json, to_json
from webui.store import expert
from webui.store.fidelity import Fidelity
from webui.store.infotext import Infotext, completed

_NUMBERS = {
    "steps": "Steps",
    "guidance": "CFG scale",
    "seed": "Seed",
    "width": "Size-1",
    "height": "Size-2",
    "clip_skip": "Clip skip",
}
_EMPHASES: Mapping[str, Emphasis] = {"No norm": "no norm", "Ignore": "ignore", "None": "none", "Original": "original"}
_SUFFIXES = (".safetensors", ".ckpt", ".pt")
_SHORTEST_HASH = 8
_NO_FIELD = frozenset({"Version", "App", "User", "Model hash", "Lora hashes", "TI hashes", "VAE hash", "Hashes"})
"""Keys that say nothing a recipe would have to hold."""

Report = dict[str, Fidelity]


def recalled(info: Infotext, catalogue: Catalogue | None = None) -> tuple[Recipe, Report]:
    """What the text leaves out takes its default; a source picture is not in it.

    catalogue -- None: names are taken as they are
    """
    values = completed(info)
    report: Report = {}
    recipe = Recipe(prompt=values.get("Prompt", info.prompt), negative=info.negative)
    report |= {name: "exact" for name in ("prompt", "negative") if getattr(recipe, name)}
    if catalogue is not None:
        recipe = replace(recipe, prompt=_renamed(recipe.prompt, info.values.get("Lora hashes", ""), catalogue))
    for name, key in _NUMBERS.items():
        if key in info.values:
            recipe, report[name] = _with_number(recipe, name, info.values[key])
    sampling = expert.recalled(info.values, values["RNG"], report)
    recipe = replace(recipe, sampling=sampling if "seed" in report else replace(sampling, noise=recipe.sampling.noise))
    recipe = _with_sampler(recipe, info.values, catalogue, report)
    recipe = _with_checkpoint(recipe, info.values, catalogue, report)
    recipe = _with_rules(recipe, info.values, values, report)
    used = {*_NUMBERS.values(), *_NO_FIELD, "Sampler", "Schedule type", "Model", "Emphasis", "RNG"}
    used |= {"Old prompt editing timelines", *expert.KEYS}
    report |= {key: "lost" for key in info.values if key not in used}
    return recipe, report


def _renamed(prompt: str, hashes: str, catalogue: Catalogue) -> str:
    """The prompt with the names that its LoRA have here, as far as their hashes are known."""
    local = {asset.hash: asset.name for asset in catalogue.kind("lora") if asset.hash}
    names: dict[str, str] = {}
    for pair in hashes.split(","):
        name, _, digits = pair.rpartition(":")
        here = local.get(digits.strip().lower())
        if here is not None:
            names[name.strip()] = here
    return renamed(prompt, names) if names else prompt


def _with_number(recipe: Recipe, name: str, value: str) -> tuple[Recipe, Fidelity]:
    try:
        changed = from_json({**to_json(recipe), name: float(value)})
        check(changed)
    except (RecipeError, ValueError, OverflowError):
        return recipe, "lost"
    return changed, "exact"


def _with_sampler(recipe: Recipe, values: Mapping[str, str], catalogue: Catalogue | None, report: Report) -> Recipe:
    """Texts from before version 1.9 hold sampler and schedule in one: "DPM++ 2M Karras"."""
    sampler, schedule = values.get("Sampler", ""), values.get("Schedule type", "")
    if catalogue is None:
        report |= {name: "exact" for name, given in (("sampler", sampler), ("schedule", schedule)) if given}
        return replace(recipe, sampler=sampler or recipe.sampler, schedule=schedule or recipe.schedule)
    if sampler and not schedule and not catalogue.sampler(sampler):
        name, _, last = sampler.rpartition(" ")
        if catalogue.sampler(name) and catalogue.schedule(last):
            sampler, schedule = name, last
    if sampler:
        entry = catalogue.sampler(sampler)
        report["sampler"] = "exact" if entry else "lost"
        recipe = replace(recipe, sampler=entry.name) if entry else recipe
    if schedule:
        known = catalogue.schedule(schedule)
        report["schedule"] = "exact" if known else "lost"
        recipe = replace(recipe, schedule=known) if known else recipe
    return recipe


def _with_checkpoint(recipe: Recipe, values: Mapping[str, str], catalogue: Catalogue | None, report: Report) -> Recipe:
    """The local checkpoint of that hash or else of that name; "" (the chosen one) where there is none."""
    digits, name = values.get("Model hash", "").lower(), values.get("Model", "")
    if not digits and not name:
        return recipe
    if catalogue is None:
        report["checkpoint"] = "exact"
        return replace(recipe, checkpoint=name)
    for entry in catalogue.checkpoints:
        if len(digits) >= _SHORTEST_HASH and entry.sha256.startswith(digits):
            report["checkpoint"] = "exact"
            return replace(recipe, checkpoint=entry.name)
    plain = name.replace("\\", "/")
    for suffix in _SUFFIXES:
        plain = plain.removesuffix(suffix)
    for wanted in (plain, plain.rpartition("/")[2]):
        for entry in catalogue.checkpoints:
            if wanted and wanted in (entry.name, entry.name.rpartition("/")[2]):
                # Another file may have this name.
                report["checkpoint"] = "nearest"
                return replace(recipe, checkpoint=entry.name)
    report["checkpoint"] = "lost"
    return recipe


def _with_rules(recipe: Recipe, said: Mapping[str, str], meant: Mapping[str, str], report: Report) -> Recipe:
    """How the prompt's brackets count."""
    emphasis = _EMPHASES.get(meant.get("Emphasis", "Original"))
    if "Emphasis" in said:
        report["emphasis"] = "exact" if emphasis else "lost"
    old = meant.get("Old prompt editing timelines") == "True"
    if old:
        report["old_editing"] = "exact"
    return replace(recipe, emphasis=emphasis or recipe.emphasis, old_editing=old)

"""Recall: the recipe that a parameters text tells of, and how faithfully."""

from collections.abc import Mapping
from dataclasses import replace

from pipelines.catalogue import Catalogue
from pipelines.passes import PLAIN_UPSCALERS
from pipelines.prompt.tags import renamed
from pipelines.recipe import Emphasis, Fill, ImageRef, Mask, Recipe, RecipeError, Resize, Source, check
from pipelines.recipe_json import from_json, to_json
from webui.store import expert, parts, postprocess, second
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
_FILLS: Mapping[str, Fill] = {"fill": "blurred", "latent noise": "noise", "latent nothing": "empty"}
_SUFFIXES = (".safetensors", ".ckpt", ".pt")
_SHORTEST_HASH = 8
_NO_FIELD = frozenset({"Version", "App", "User", "Model hash", "Lora hashes", "TI hashes", "VAE hash", "Hashes"})
"""Keys that say nothing a recipe would have to hold."""
_BROUGHT = ("Size-1", "Size-2", "Hires resize-1", "Hires resize-2", "Refiner switch by sampling steps")
_OF_SOURCES = frozenset(
    {"Denoising strength", "Mask blur", "Mask mode", "Masked content", "Inpaint area", "Masked area padding"}
)
"""Keys that count once the picture it was made from is known: see `source`."""

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
            recipe, report[name] = _with_number(recipe, name, values[key])
    old = {key: values[key] for key in ("Pad conds v0",) if key in values}
    sampling = expert.recalled({**info.values, **old}, values["RNG"], report)
    recipe = replace(recipe, sampling=sampling if "seed" in report else replace(sampling, noise=recipe.sampling.noise))
    recipe = _with_sampler(recipe, info.values, catalogue, report)
    recipe = _with_checkpoint(recipe, info.values, catalogue, report)
    recipe = _with_rules(recipe, info.values, values, report)
    recipe = _with_vae(recipe, info.values, catalogue, report)
    recipe = _with_parts(recipe, _said(info, values), catalogue, report)
    used = {*_NUMBERS.values(), *_NO_FIELD, "VAE", "Sampler", "Schedule type", "Model", "Emphasis", "RNG"}
    used |= {"Old prompt editing timelines", *expert.KEYS, *parts.KEYS}
    if started_from(info)[0]:
        used |= _OF_SOURCES
    if recipe.hires is not None:
        used |= second.KEYS
    recipe = _with_finish(recipe, info.values, catalogue, report)
    if recipe.finish is not None:
        used |= postprocess.KEYS
    report |= {key: "lost" for key in info.values if key not in used}
    return recipe, report


def source(info: Infotext, image: ImageRef, mask: ImageRef | None, resize: Resize = "stretch") -> Source:
    """What the text says of a picture that was made from another; which one and how it was fitted, it does not say.

    Raises RecipeError for values that are out of their range.
    """
    values = completed(info)
    part = None
    if mask is not None:
        part = Mask(
            mask,
            blur=_value(values.get("Mask blur"), Mask.blur),
            fill=_FILLS.get(values["Masked content"], "original"),
            area="masked" if values["Inpaint area"] == "Only masked" else "whole",
            padding=round(_value(values["Masked area padding"], Mask.padding)),
            invert=values["Mask mode"] == "Inpaint not masked",
        )
    made = Source(image, _value(values.get("Denoising strength"), Source.strength), resize, mask=part)
    check(Recipe(source=made))
    return made


def started_from(info: Infotext) -> tuple[bool, bool]:
    """Whether a picture was made from another, and whether with a mask."""
    return "Denoising strength" in info.values and not second.told(info.values), "Mask blur" in info.values


def _value(text: str | None, usual: float) -> float:
    try:
        return usual if text is None else float(text)
    except ValueError:
        return usual


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
    found, report["checkpoint"] = _local(name, digits, catalogue)
    return replace(recipe, checkpoint=found)


def _local(name: str, digits: str, catalogue: Catalogue | None) -> tuple[str, Fidelity]:
    """What a checkpoint of that hash, or else of that name, is called here; "" where there is none."""
    if catalogue is None:
        return name, "exact"
    for entry in catalogue.checkpoints:
        if len(digits) >= _SHORTEST_HASH and entry.sha256.startswith(digits):
            return entry.name, "exact"
    plain = name.replace("\\", "/")
    for suffix in _SUFFIXES:
        plain = plain.removesuffix(suffix)
    for wanted in (plain, plain.rpartition("/")[2]):
        for entry in catalogue.checkpoints:
            if wanted and wanted in (entry.name, entry.name.rpartition("/")[2]):
                # Another file may have this name.
                return entry.name, "nearest"
    return "", "lost"


def _said(info: Infotext, values: Mapping[str, str]) -> Mapping[str, str]:
    """The pairs that stand in the text, with those that old texts are brought up to date by."""
    brought = {key: values[key] for key in _BROUGHT if key in values and (key in info.values or values[key] != "0")}
    return {**info.values, **brought}


def _with_parts(recipe: Recipe, values: Mapping[str, str], catalogue: Catalogue | None, report: Report) -> Recipe:
    """Tiling, the second pass and the refiner."""
    if second.told(values):
        hires, digits = second.recalled(values, report)
        name = hires.checkpoint
        if name or digits:
            name, report["hires.checkpoint"] = _local(name, digits, catalogue)
        recipe = replace(recipe, hires=replace(hires, checkpoint=name))
    tiling = parts.tiled(values)
    if tiling != "off":
        report["tiling"] = "exact"
    said = parts.refined(values)
    if said is None:
        return replace(recipe, tiling=tiling)
    refiner, digits = said
    name, report["refiner"] = _local(refiner.checkpoint, digits, catalogue)
    return replace(recipe, tiling=tiling, refiner=replace(refiner, checkpoint=name) if name else None)


def _with_finish(recipe: Recipe, values: Mapping[str, str], catalogue: Catalogue | None, report: Report) -> Recipe:
    """What was done to the finished picture, where its upscalers are here."""
    said: Report = {}
    finish = postprocess.recalled(values, said)
    if finish is None:
        return recipe
    known = {entry.name for entry in catalogue.kind("upscaler")} | {*PLAIN_UPSCALERS} if catalogue else None
    if known is not None and not {finish.upscaler, finish.second or finish.upscaler} <= known:
        return recipe
    report |= said
    return replace(recipe, finish=finish)


def _with_vae(recipe: Recipe, values: Mapping[str, str], catalogue: Catalogue | None, report: Report) -> Recipe:
    """The local VAE of that hash or else of that name; "" (the usual one) where there is none."""
    digits, name = values.get("VAE hash", "").lower(), values.get("VAE", "")
    if not name or name in ("Automatic", "None"):
        return replace(recipe, vae="None") if name == "None" else recipe
    plain = name.replace("\\", "/").rpartition("/")[2]
    for suffix in _SUFFIXES:
        plain = plain.removesuffix(suffix)
    if catalogue is None:
        report["vae"] = "exact"
        return replace(recipe, vae=plain)
    known = catalogue.kind("vae")
    by_hash = next((asset for asset in known if len(digits) >= _SHORTEST_HASH and asset.hash.startswith(digits)), None)
    found = by_hash or next((asset for asset in known if asset.name == plain), None)
    report["vae"] = "lost" if found is None else "exact" if by_hash else "nearest"
    return replace(recipe, vae=found.name) if found else recipe


def _with_rules(recipe: Recipe, said: Mapping[str, str], meant: Mapping[str, str], report: Report) -> Recipe:
    """How the prompt's brackets count."""
    emphasis = _EMPHASES.get(meant.get("Emphasis", "Original"))
    if "Emphasis" in said:
        report["emphasis"] = "exact" if emphasis else "lost"
    old = meant.get("Old prompt editing timelines") == "True"
    if old:
        report["old_editing"] = "exact"
    return replace(recipe, emphasis=emphasis or recipe.emphasis, old_editing=old)

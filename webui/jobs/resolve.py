"""Resolving a recipe: every name in it as the catalogue spells it."""

from dataclasses import replace
from pathlib import PurePath

from pipelines.catalogue import AssetEntry, AssetKind, Catalogue, CheckpointEntry
from pipelines.passes import LATENT_UPSCALERS, PLAIN_UPSCALERS
from pipelines.recipe import Control, Finish, Hires, Recipe, RecipeError, Refiner


def resolve(recipe: Recipe, catalogue: Catalogue) -> Recipe:
    """The recipe with names as the catalogue spells them. Raises RecipeError for one it does not know."""
    finish = _finish(recipe.finish, catalogue)
    if recipe.task == "finish":
        # Nothing is drawn: it needs neither a model nor a sampler.
        return replace(recipe, finish=finish)
    checkpoint = _checkpoint(recipe.checkpoint, catalogue)
    family = catalogue.family(checkpoint.family)
    if family is not None and recipe.task not in family.tasks:
        raise RecipeError("checkpoint", f"{family.title} models cannot do this task ({recipe.task}).")
    return replace(
        recipe,
        checkpoint=checkpoint.name,
        sampler=_sampler(recipe.sampler, catalogue),
        schedule=_schedule(recipe.schedule, catalogue),
        hires=_hires(recipe.hires, catalogue),
        refiner=_refiner(recipe.refiner, catalogue),
        vae=_vae(recipe.vae, catalogue),
        controls=tuple(_control(number, control, catalogue) for number, control in enumerate(recipe.controls)),
        finish=finish,
    )


def _checkpoint(name: str, catalogue: Catalogue) -> CheckpointEntry:
    checkpoint = catalogue.checkpoint(name)
    if checkpoint is None and name:
        raise RecipeError("checkpoint", f"There is no model named '{name}'. {_known_models(catalogue)}")
    if checkpoint is None:
        raise RecipeError(
            "checkpoint", "There is no model yet. Put a .safetensors file into models/checkpoints, then press Rescan."
        )
    if checkpoint.problem:
        raise RecipeError("checkpoint", f"'{checkpoint.name}' cannot be used: {checkpoint.problem}")
    return checkpoint


def _sampler(name: str, catalogue: Catalogue) -> str:
    sampler = catalogue.sampler(name)
    if sampler is None:
        names = ", ".join(entry.name for entry in catalogue.samplers)
        raise RecipeError("sampler", f"There is no sampler named '{name}'. Known are {names}.")
    return sampler.name


def _schedule(name: str, catalogue: Catalogue) -> str:
    schedule = catalogue.schedule(name)
    if schedule is None:
        names = ", ".join(catalogue.schedules)
        raise RecipeError("schedule", f"There is no schedule named '{name}'. Known are {names}.")
    return schedule


def _hires(hires: Hires | None, catalogue: Catalogue) -> Hires | None:
    if hires is None:
        return None
    latent = next((name for name in LATENT_UPSCALERS if name.casefold() == hires.upscaler.casefold()), "")
    return replace(
        hires,
        upscaler=latent or _upscaler(hires.upscaler, "hires.upscaler", catalogue),
        sampler=_sampler(hires.sampler, catalogue) if hires.sampler else "",
        schedule=_schedule(hires.schedule, catalogue) if hires.schedule else "",
        checkpoint=_checkpoint(hires.checkpoint, catalogue).name if hires.checkpoint else "",
    )


def _finish(finish: Finish | None, catalogue: Catalogue) -> Finish | None:
    if finish is None:
        return None
    return replace(
        finish,
        upscaler=_upscaler(finish.upscaler, "finish.upscaler", catalogue),
        second=_upscaler(finish.second, "finish.second", catalogue),
    )


def _upscaler(name: str, field: str, catalogue: Catalogue) -> str:
    """By name in whatever case. A file with a problem is refused by the engine, which tells it."""
    if name in ("", "None"):
        return name
    files = [entry.name for entry in catalogue.assets if entry.kind == "upscaler"]
    known = [*PLAIN_UPSCALERS, *(name for name in files if name not in PLAIN_UPSCALERS)]
    found = next((entry for entry in known if entry.casefold() == name.casefold()), None)
    if found is None:
        raise RecipeError(
            field, f"There is no upscaler named '{name}'. Known are {', '.join(known)}; files go into models/upscalers."
        )
    return found


def _refiner(refiner: Refiner | None, catalogue: Catalogue) -> Refiner | None:
    if refiner is None:
        return None
    if not refiner.checkpoint:
        raise RecipeError("refiner.checkpoint", "Choose the refiner's model, or switch the refiner off.")
    second = _checkpoint(refiner.checkpoint, catalogue)
    return replace(refiner, checkpoint=second.name)


def _vae(name: str, catalogue: Catalogue) -> str:
    if name.casefold() in ("", "automatic"):
        return ""
    if name.casefold() == "none":
        return "None"
    found = _asset("vae", name, catalogue)
    if found is None:
        raise RecipeError("vae", f"There is no VAE named '{name}'. Put it into models/vae, then press Rescan.")
    return found.name


def _control(number: int, control: Control, catalogue: Catalogue) -> Control:
    """Other programs write the first digits of a model's hash behind its name."""
    name = control.model.partition(" [")[0]
    found = _asset("controlnet", name, catalogue)
    if found is None:
        what = f"There is no ControlNet named '{name}'." if name else "Choose a model for ControlNet."
        raise RecipeError(f"controls.{number}.model", f"{what} Its files belong into models/controlnet.")
    return replace(control, model=found.name)


def _asset(kind: AssetKind, name: str, catalogue: Catalogue) -> AssetEntry | None:
    """By name, also with the file's ending, upper and lower case alike."""
    wanted = name.casefold()
    for entry in catalogue.kind(kind):
        if wanted in (entry.name.casefold(), PurePath(entry.path).name.casefold()):
            return entry
    return None


def _known_models(catalogue: Catalogue) -> str:
    names = [entry.name for entry in catalogue.usable()]
    if not names:
        return "None was found: put a .safetensors file into models/checkpoints, then press Rescan."
    return f"Found are {', '.join(names[:8])}{' and more' if len(names) > 8 else ''}."

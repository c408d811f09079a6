"""Resolving a recipe: every name in it as the catalogue spells it."""

from dataclasses import replace

from pipelines.catalogue import Catalogue, CheckpointEntry
from pipelines.recipe import Recipe, RecipeError, Refiner


def resolve(recipe: Recipe, catalogue: Catalogue) -> Recipe:
    """The recipe with names as the catalogue spells them. Raises RecipeError for one it does not know."""
    if recipe.task == "finish":
        return recipe  # nothing is drawn: it needs neither a model nor a sampler
    checkpoint = _checkpoint(recipe.checkpoint, catalogue)
    family = catalogue.family(checkpoint.family)
    if family is not None and recipe.task not in family.tasks:
        raise RecipeError("checkpoint", f"{family.title} models cannot do this task ({recipe.task}).")
    return replace(
        recipe,
        checkpoint=checkpoint.name,
        sampler=_sampler(recipe.sampler, catalogue),
        schedule=_schedule(recipe.schedule, catalogue),
        refiner=_refiner(recipe.refiner, catalogue),
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


def _refiner(refiner: Refiner | None, catalogue: Catalogue) -> Refiner | None:
    if refiner is None:
        return None
    if not refiner.checkpoint:
        raise RecipeError("refiner.checkpoint", "Choose the refiner's model, or switch the refiner off.")
    second = _checkpoint(refiner.checkpoint, catalogue)
    return replace(refiner, checkpoint=second.name)


def _known_models(catalogue: Catalogue) -> str:
    names = [entry.name for entry in catalogue.usable()]
    if not names:
        return "None was found: put a .safetensors file into models/checkpoints, then press Rescan."
    return f"Found are {', '.join(names[:8])}{' and more' if len(names) > 8 else ''}."

"""Resolving a recipe: every name in it as the catalogue spells it."""

from dataclasses import replace

from pipelines.catalogue import Catalogue
from pipelines.recipe import Recipe, RecipeError


def resolve(recipe: Recipe, catalogue: Catalogue) -> Recipe:
    """The recipe with names as the catalogue spells them. Raises RecipeError for one it does not know."""
    if recipe.task == "finish":
        return recipe  # nothing is drawn: it needs neither a model nor a sampler
    checkpoint = catalogue.checkpoint(recipe.checkpoint)
    if checkpoint is None and recipe.checkpoint:
        raise RecipeError("checkpoint", f"There is no model named '{recipe.checkpoint}'. {_known_models(catalogue)}")
    if checkpoint is None:
        raise RecipeError(
            "checkpoint", "There is no model yet. Put a .safetensors file into models/checkpoints, then press Rescan."
        )
    if checkpoint.problem:
        raise RecipeError("checkpoint", f"'{checkpoint.name}' cannot be used: {checkpoint.problem}")
    sampler = catalogue.sampler(recipe.sampler)
    if sampler is None:
        names = ", ".join(entry.name for entry in catalogue.samplers)
        raise RecipeError("sampler", f"There is no sampler named '{recipe.sampler}'. Known are {names}.")
    schedule = catalogue.schedule(recipe.schedule)
    if schedule is None:
        names = ", ".join(catalogue.schedules)
        raise RecipeError("schedule", f"There is no schedule named '{recipe.schedule}'. Known are {names}.")
    family = catalogue.family(checkpoint.family)
    if family is not None and recipe.task not in family.tasks:
        raise RecipeError("checkpoint", f"{family.title} models cannot do this task ({recipe.task}).")
    return replace(recipe, checkpoint=checkpoint.name, sampler=sampler.name, schedule=schedule)


def _known_models(catalogue: Catalogue) -> str:
    names = [entry.name for entry in catalogue.usable()]
    if not names:
        return "None was found: put a .safetensors file into models/checkpoints, then press Rescan."
    return f"Found are {', '.join(names[:8])}{' and more' if len(names) > 8 else ''}."

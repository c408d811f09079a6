"""What the job service asks of add-ons."""

from dataclasses import replace
from typing import Protocol

from pipelines.recipe import Recipe
from webui.extension import Saved


class AddOns(Protocol):
    def prepare(self, recipe: Recipe) -> tuple[tuple[Recipe, ...], tuple[str, ...]]:
        """The recipes to queue in place of this one, and sentences for the user. Raises RecipeError."""
        ...

    def saved(self, saved: Saved) -> None:
        """A picture was written. Returns at once."""
        ...


class NoAddOns:
    """Where there are none."""

    def prepare(self, recipe: Recipe) -> tuple[tuple[Recipe, ...], tuple[str, ...]]:
        if not recipe.extras:
            return (recipe,), ()
        return (replace(recipe, extras={}),), ("Add-ons do not take part here; their settings are not used.",)

    def saved(self, saved: Saved) -> None:
        pass

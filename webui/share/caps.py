"""Caps: how much a guest may ask for."""

from dataclasses import dataclass

from pipelines.recipe import Recipe, RecipeError

_MEGAPIXEL = 1_000_000


@dataclass(frozen=True)
class Caps:
    """Limits of a shared page.

    waiting, together -- jobs that one guest, and all guests, may have in the queue besides the one that runs
    hourly            -- jobs of one guest in any 60 minutes
    area              -- pixels of the largest picture that a recipe leads to
    upload, pixels    -- bytes and pixels of a picture to start from
    disk              -- bytes of all pictures of one guest
    """

    guests: int = 16
    waiting: int = 2
    together: int = 8
    hourly: int = 30
    steps: int = 50
    pictures: int = 4
    area: int = 1_500_000
    upload: int = 10 * 2**20
    pixels: int = 16_000_000
    disk: int = 200 * 2**20

    def check(self, recipe: Recipe) -> None:
        """Raise RecipeError, with a sentence for the guest, for a recipe that is too much."""
        if recipe.total > self.pictures:
            raise RecipeError("count", f"On a shared page at most {self.pictures} pictures are made at a time.")
        second = recipe.hires.steps if recipe.hires else 0
        if max(recipe.steps, second) > self.steps:
            raise RecipeError("steps", f"On a shared page at most {self.steps} steps are made.")
        if _largest(recipe) > self.area:
            raise RecipeError(
                "width",
                f"On a shared page pictures have at most {self.area / _MEGAPIXEL:g} megapixels, enlarged ones too.",
            )


def _largest(recipe: Recipe) -> float:
    """Pixels of the largest picture on the way through a recipe."""
    width, height = float(recipe.width), float(recipe.height)
    areas = [width * height]
    hires = recipe.hires
    if hires is not None:
        wide = hires.width or (hires.height * width / height if hires.height else hires.scale * width)
        high = hires.height or (hires.width * height / width if hires.width else hires.scale * height)
        width, height = wide, high
        areas.append(width * height)
    finish = recipe.finish
    if finish is not None and (finish.upscaler or finish.second):
        wide = finish.width or (finish.height * width / height if finish.height else finish.scale * width)
        high = finish.height or (finish.width * height / width if finish.width else finish.scale * height)
        areas.append(wide * high)
    return max(areas)

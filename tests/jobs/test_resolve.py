"""Resolving: every name of a recipe as the catalogue spells it, or a sentence."""

import pytest

from pipelines.recipe import Recipe, RecipeError, Refiner
from webui.engines.fake import FAKE_CATALOGUE
from webui.jobs.resolve import resolve

FIRST = FAKE_CATALOGUE.usable()[0].name


def test_names_become_those_of_the_catalogue() -> None:
    found = resolve(Recipe(sampler="k_euler_a", schedule="AUTOMATIC", refiner=Refiner(FIRST)), FAKE_CATALOGUE)
    assert (found.checkpoint, found.sampler, found.schedule) == (
        FAKE_CATALOGUE.checkpoint("").name,  # pyright: ignore[reportOptionalMemberAccess]
        "Euler a",
        "Automatic",
    )
    assert found.refiner == Refiner(FIRST)


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        (Recipe(checkpoint="gone"), "There is no model named 'gone'. Found are"),
        (Recipe(sampler="gone"), "There is no sampler named 'gone'"),
        (Recipe(schedule="gone"), "There is no schedule named 'gone'"),
        (Recipe(refiner=Refiner("gone")), "There is no model named 'gone'"),
        (Recipe(refiner=Refiner("")), "Choose the refiner's model, or switch the refiner off."),
    ],
)
def test_a_name_that_is_not_there_is_told(recipe: Recipe, sentence: str) -> None:
    with pytest.raises(RecipeError) as caught:
        resolve(recipe, FAKE_CATALOGUE)
    assert sentence in str(caught.value)

"""Resolving: every name of a recipe as the catalogue spells it, or a sentence."""

from dataclasses import replace

import pytest

from pipelines.catalogue import AssetEntry
from pipelines.recipe import Control, ImageRef, Recipe, RecipeError, Refiner
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
        (Recipe(vae="gone"), "There is no VAE named 'gone'"),
        (Recipe(controls=(Control(ImageRef("0"), "gone"),)), "There is no ControlNet named 'gone'"),
        (Recipe(controls=(Control(ImageRef("0")),)), "Choose a model for ControlNet."),
        (Recipe(refiner=Refiner("")), "Choose the refiner's model, or switch the refiner off."),
    ],
)
def test_a_name_that_is_not_there_is_told(recipe: Recipe, sentence: str) -> None:
    with pytest.raises(RecipeError) as caught:
        resolve(recipe, FAKE_CATALOGUE)
    assert sentence in str(caught.value)


def test_other_programs_names_of_vaes_and_controls_are_understood() -> None:
    assets = (
        AssetEntry("vae", "fine", "/models/vae/fine.safetensors", 1),
        AssetEntry("controlnet", "Canny", "/models/controlnet/Canny.pth", 1),
    )
    catalogue = replace(FAKE_CATALOGUE, assets=assets)
    control = Control(ImageRef("0"), "canny [cab727d4]")
    found = resolve(Recipe(vae="Fine.safetensors", controls=(control,)), catalogue)
    assert (found.vae, found.controls[0].model) == ("fine", "Canny")
    assert [resolve(Recipe(vae=name), catalogue).vae for name in ("Automatic", "none", "")] == ["", "None", ""]

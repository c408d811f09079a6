"""The form: what the controls hold becomes a recipe, and back."""

from typing import Any

import pytest

from pipelines.recipe import ImageRef, Mask, Recipe, RecipeError, Source, Task
from webui.ui import form

PLAIN: dict[str, Any] = {
    "prompt": "a fox",
    "negative": "blurry",
    "checkpoint": "kit",
    "width": 128,
    "height": 96,
    "steps": 12,
    "guidance": 5.5,
    "count": 2,
    "seed": -1,
    "sampler": "Euler a",
    "schedule": "Karras",
    "batch": 3,
    "clip_skip": 2,
}
SOURCE: dict[str, Any] = {"image": "a" * 64, "strength": 0.6, "resize": "crop"}
MASK: dict[str, Any] = {"mask": "b" * 64, "blur": 8, "fill": "noise", "area": "masked", "padding": 16}


def test_words_only() -> None:
    recipe = form.read("text", PLAIN)
    assert recipe == Recipe(
        "a fox", "blurry", "kit", 128, 96, 12, 5.5, "Euler a", "Karras", None, count=2, batch=3, clip_skip=2
    )
    assert recipe.task == "text"


def test_a_seed_is_kept_and_minus_one_or_nothing_draws_one() -> None:
    assert form.read("text", PLAIN | {"seed": 7}).seed == 7
    assert form.read("text", PLAIN | {"seed": -1}).seed is None
    assert form.read("text", PLAIN | {"seed": None}).seed is None


@pytest.mark.parametrize("seed", [-2, 2**32])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(RecipeError, match="seed has to lie") as caught:
        form.read("text", PLAIN | {"seed": seed})
    assert caught.value.field == "seed"


def test_a_picture_to_start_from() -> None:
    recipe = form.read("image", PLAIN | SOURCE)
    assert recipe.source == Source(ImageRef("a" * 64), 0.6, "crop")
    assert recipe.task == "image"


def test_a_mask() -> None:
    recipe = form.read("inpaint", PLAIN | SOURCE | MASK)
    assert recipe.source is not None
    assert recipe.source.mask == Mask(ImageRef("b" * 64), 8.0, "noise", "masked", 16)
    assert recipe.task == "inpaint"


@pytest.mark.parametrize(
    ("task", "values", "field", "sentence"),
    [
        ("image", PLAIN, "source", "Open a picture first."),
        ("image", PLAIN | {"image": ""}, "source", "Open a picture first."),
        ("inpaint", PLAIN | {"mask": "b" * 64}, "source", "Open a picture first."),
        ("inpaint", PLAIN | SOURCE | {"mask": ""}, "mask", "Paint what should change."),
        ("text", PLAIN | {"steps": None}, "steps", "Steps needs a number."),
        ("text", PLAIN | {"width": "wide"}, "width", "Width needs a number."),
        ("text", PLAIN | {"guidance": float("nan")}, "guidance", "CFG needs a number."),
        ("text", PLAIN | {"height": float("inf")}, "height", "Height needs a number."),
    ],
)
def test_what_is_missing_is_told_in_a_sentence(task: Task, values: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(RecipeError) as caught:
        form.read(task, values)
    assert (caught.value.field, str(caught.value)) == (field, sentence)


def test_controls_that_a_form_does_not_have_take_the_defaults() -> None:
    assert form.read("text", {"prompt": "x"}) == Recipe("x")


@pytest.mark.parametrize("task", ["text", "image", "inpaint"])
def test_a_recipe_shown_and_read_again_is_the_same(task: Task) -> None:
    recipe = form.read(task, PLAIN | SOURCE | MASK | {"seed": 5})
    shown = form.show(recipe)
    assert set(form.fields(task)) <= set(shown)
    assert form.read(task, shown | {"image": "a" * 64, "mask": "b" * 64}) == recipe


def test_a_new_model_changes_what_was_not_touched() -> None:
    held = {"width": 512, "height": 768, "steps": 20, "guidance": 7.0, "sampler": "DPM++ 2M"}
    held |= {"schedule": "Automatic", "clip_skip": 1}
    after = {"width": 128, "height": 128, "steps": 30}
    assert form.fit(held, {}, after) == {"width": 128, "steps": 30}


def test_going_back_to_the_first_model_brings_its_values_back() -> None:
    held: dict[str, object] = {name: getattr(Recipe, name) for name in form.FITTED}
    small = {"width": 128, "height": 128}
    now = {**held, **form.fit(held, {}, small)}
    assert (now["width"], now["height"]) == (128, 128)
    assert form.fit(now, small, {}) == {"width": 512, "height": 512}

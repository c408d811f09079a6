"""The form: what the controls hold becomes a recipe, and back."""

import json
from typing import Any

import pytest

from pipelines.parameter import values
from pipelines.recipe import (
    Control,
    Extension,
    Finish,
    Hires,
    ImageRef,
    Loopback,
    Mask,
    Recipe,
    RecipeError,
    Refiner,
    Sampling,
    Soft,
    Source,
    Task,
)
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
SOURCE: dict[str, Any] = {"source.image": "a" * 64, "source.strength": 0.6, "source.resize": "crop"}
MASK: dict[str, Any] = {
    "source.mask.image": "b" * 64,
    "source.mask.blur": 8,
    "source.mask.fill": "noise",
    "source.mask.area": "masked",
    "source.mask.padding": 16,
}


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
    ("task", "held", "field", "sentence"),
    [
        ("image", PLAIN, "source", "Open a picture first."),
        ("image", PLAIN | {"source.image": ""}, "source", "Open a picture first."),
        ("inpaint", PLAIN | {"source.mask.image": "b" * 64}, "source", "Open a picture first."),
        ("inpaint", PLAIN | SOURCE, "mask", "Paint what should change, or extend the picture."),
        ("text", PLAIN | {"steps": None}, "steps", "Steps needs a number."),
        ("text", PLAIN | {"width": "wide"}, "width", "Width needs a number."),
        ("text", PLAIN | {"guidance": float("nan")}, "guidance", "CFG needs a number."),
        ("text", PLAIN | {"height": float("inf")}, "height", "Height needs a number."),
    ],
)
def test_what_is_missing_is_told_in_a_sentence(task: Task, held: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(RecipeError) as caught:
        form.read(task, held)
    assert (caught.value.field, str(caught.value)) == (field, sentence)


def test_controls_that_a_form_does_not_have_take_the_defaults() -> None:
    assert form.read("text", {"prompt": "x"}) == Recipe("x")


@pytest.mark.parametrize("task", ["text", "image", "inpaint"])
def test_a_recipe_shown_and_read_again_is_the_same(task: Task) -> None:
    held = PLAIN | SOURCE | MASK | {"seed": 5}
    recipe = form.read(task, held)
    shown = form.show(recipe, [name for name in held if not name.endswith("image")])
    pictures = {name: value for name, value in held.items() if name.endswith("image")}
    assert form.read(task, shown | pictures) == recipe


EXPERT = Recipe(
    "a fox",
    seed=5,
    emphasis="no norm",
    old_editing=True,
    tiling="both",
    sampling=Sampling(eta=0.5, variation_seed=9, variation=0.2, noise="nv", discard=True),
    hires=Hires(scale=1.5, sampler="Euler"),
    refiner=Refiner("other", 0.6),
    controls=(Control(ImageRef("c" * 64), "canny", weight=0.5), Control(ImageRef("d" * 64), "depth")),
    references=(ImageRef("e" * 64),),
    finish=Finish(),
    extras={"addon": {"a": 1}},
)


def test_every_field_can_be_a_control() -> None:
    names = [path for path, _ in values(EXPERT)]
    parts = ("hires", "refiner", "finish", "controls.0", "controls.1")
    shown = form.show(EXPERT, [*names, *(f"{part}.enabled" for part in parts)])
    assert (shown["sampling.eta"], shown["hires.scale"], shown["controls.1.model"]) == (0.5, 1.5, "depth")
    assert form.read("text", shown) == EXPERT


def test_what_has_no_control_is_carried() -> None:
    shown = form.show(EXPERT, [*PLAIN, "checkpoint", "sampling.variation_seed"])
    rest = form.carried(EXPERT, shown)
    assert form.read("text", {**json.loads(json.dumps(rest)), **shown}) == EXPERT
    assert form.told({"emphasis": "no norm", "old_editing": True, "hires.enabled": True, "hires.scale": 1.5}) == (
        "Emphasis no norm, Old prompt editing, Hires, Upscale by 1.5"
    )


def test_nothing_unusual_leaves_nothing_to_carry() -> None:
    assert form.carried(Recipe("a fox", "blurry", "kit", 64, 64, 3, seed=4), PLAIN) == {}


def test_a_part_that_is_switched_off_is_not_read() -> None:
    held = PLAIN | {"hires.enabled": False, "hires.scale": None, "hires.sampler": "Euler"}
    assert form.read("text", held).hires is None
    assert form.read("text", held | {"hires.enabled": True, "hires.scale": 1.5}).hires == Hires(1.5, sampler="Euler")
    assert form.show(Recipe(), ["hires.enabled", "hires.scale"]) == {"hires.enabled": False}


def test_a_middle_control_may_be_off() -> None:
    held = form.show(EXPERT, [f"controls.{index}.{name}" for index in (0, 1) for name in ("enabled", "image", "model")])
    recipe = form.read("text", held | {"controls.0.enabled": False})
    assert recipe.controls == (Control(ImageRef("d" * 64), "depth"),)


def test_a_variation_seed_is_drawn_at_minus_one() -> None:
    assert form.read("text", {"sampling.variation_seed": -1}).sampling.variation_seed is None
    assert form.show(Recipe(), ["sampling.variation_seed"]) == {"sampling.variation_seed": -1}


def test_an_empty_number_leaves_it_to_the_sampler() -> None:
    assert form.read("text", {"sampling.eta": None}).sampling.eta is None
    with pytest.raises(RecipeError, match="Sigma churn needs a number"):
        form.read("text", {"sampling.s_churn": None})


@pytest.mark.parametrize("name", ["no such", "hires.no such", "steps.deeper", "controls.x.weight", "seed.enabled.x"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(RecipeError, match="not a field of a recipe"):
        form.read("text", {name: 1})


def test_a_new_model_changes_what_was_not_touched() -> None:
    held = {"width": 512, "height": 768, "steps": 20, "guidance": 7.0, "sampler": "DPM++ 2M"}
    held |= {"schedule": "Automatic", "clip_skip": 1}
    after = {"width": 128, "height": 128, "steps": 30}
    assert form.fit(held, {}, after) == {"width": 128, "steps": 30}


def test_going_back_to_the_first_model_brings_its_values_back() -> None:
    held: dict[str, object] = {name: value for name, value in values(Recipe()) if name in form.FITTED}
    small = {"width": 128, "height": 128}
    now = {**held, **form.fit(held, {}, small)}
    assert (now["width"], now["height"]) == (128, 128)
    assert form.fit(now, small, {}) == {"width": 512, "height": 512}


def test_an_extended_picture_needs_no_mask() -> None:
    held = PLAIN | SOURCE | {"source.mask.image": "", "source.mask.blur": 8, "source.extend.left": 64}
    recipe = form.read("inpaint", held)
    assert recipe.source is not None
    assert (recipe.source.extend, recipe.task) == (Extension(left=64), "inpaint")
    assert recipe.source.mask == Mask(blur=8.0)


def test_soft_inpainting_and_loopback_are_parts_to_switch_on() -> None:
    held = PLAIN | SOURCE | MASK | {"source.mask.soft.bias": 2, "source.loopback.loops": 3}
    off = form.read("inpaint", held | {"source.mask.soft.enabled": False, "source.loopback.enabled": False})
    assert off.source is not None and off.source.mask is not None
    assert (off.source.mask.soft, off.source.loopback) == (None, None)
    on = form.read("inpaint", held | {"source.mask.soft.enabled": True, "source.loopback.enabled": True})
    assert on.source is not None and on.source.mask is not None
    assert (on.source.mask.soft, on.source.loopback) == (Soft(bias=2.0), Loopback(loops=3))


def test_small_pictures_are_finished_where_the_model_proposes_it() -> None:
    held: dict[str, object] = {"width": 512, "finish.enabled": False, "finish.upscaler": "", "finish.scale": 4.0}
    small = {"width": 128, "finish.upscaler": "ESRGAN_4x", "finish.scale": 2.0}
    changed = form.fit(held, {}, small)
    assert changed == {"width": 128, "finish.enabled": True, "finish.upscaler": "ESRGAN_4x", "finish.scale": 2.0}
    asked = form.read("text", {**held, **changed})
    assert asked.finish == Finish(upscaler="ESRGAN_4x", scale=2.0)
    # Switched off by hand it stays off, also with another model that proposes the same.
    off = {**held, **changed, "finish.enabled": False}
    assert form.read("text", off).finish is None
    assert "finish.enabled" not in form.fit(off, small, small)
    assert form.fit({**held, **changed}, small, {}) == held


def test_a_picture_is_finished_alone() -> None:
    held = {"source.image": "f" * 64, "source.sketch": "", "finish.upscaler": "Lanczos", "finish.scale": 2}
    recipe = form.read("finish", held)
    assert (recipe.task, recipe.finish) == ("finish", Finish(only=True, upscaler="Lanczos", scale=2.0))
    with pytest.raises(RecipeError, match="Open a picture first"):
        form.read("finish", {**held, "source.image": ""})
    with pytest.raises(RecipeError, match="Choose an upscaler"):
        form.read("finish", {**held, "finish.upscaler": ""})

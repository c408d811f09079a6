"""Flags of `webui generate`: fields of a recipe by customary names, and any field by its path."""

import argparse

import pytest

from pipelines.recipe import RecipeError
from pipelines.recipe_json import from_paths
from webui import flags


def given(*words: str) -> dict[str, object]:
    parser = argparse.ArgumentParser(argument_default=argparse.SUPPRESS)
    flags.add(parser)
    return flags.given(vars(parser.parse_args(words)))


def test_nothing_given_leaves_everything_to_the_model() -> None:
    assert given() == {}


def test_customary_names() -> None:
    words = ("--subseed", "7", "--subseed-strength", "0.2", "--eta", "0.5", "--tiling", "both", "--old-editing")
    recipe = from_paths(given(*words, "--refiner", "other", "--switch-at", "0.6", "--seed", "-1"))
    assert (recipe.sampling.variation_seed, recipe.sampling.variation, recipe.sampling.eta) == (7, 0.2, 0.5)
    assert (recipe.tiling, recipe.old_editing, recipe.seed) == ("both", True, None)
    assert recipe.refiner is not None and (recipe.refiner.checkpoint, recipe.refiner.switch_at) == ("other", 0.6)


def test_any_field_by_its_path() -> None:
    words = ("sampling.s_churn=10", "hires.scale = 1.5", "sampling.discard=on", "sampling.eta=none", "hires.prompt=a=b")
    recipe = from_paths(given(*(word for text in words for word in ("--set", text))))
    assert (recipe.sampling.s_churn, recipe.sampling.discard, recipe.sampling.eta) == (10.0, True, None)
    assert recipe.hires is not None and (recipe.hires.scale, recipe.hires.prompt) == (1.5, "a=b")
    assert from_paths(given("--set", 'extras={"moonlight": {"phase": 3}}')).extras == {"moonlight": {"phase": 3}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("s_churn=1", "Is sampling.s_churn meant?"),
        ("nonsense=1", "not a field of a recipe"),
        ("sampling.s_churn", "has no value"),
        ("sampling.s_churn=much", "Sigma churn needs a number, not 'much'."),
        ("sampling.discard=maybe", "either on or off"),
        ("extras={", "needs a JSON value"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_next_step(text: str, sentence: str) -> None:
    with pytest.raises(RecipeError) as caught:
        given("--set", text)
    assert sentence in str(caught.value)

"""The recipe: its JSON, its checks, and the seeds of its pictures."""

from dataclasses import replace
from typing import Any

import pytest

from pipelines.recipe import ImageRef, Mask, Recipe, RecipeError, Sampling, Source, check
from pipelines.recipe_json import from_json, to_json

WHOLE = Recipe(
    "a fox",
    seed=5,
    sampling=Sampling(eta=0.3, noise="nv", variation_seed=9, variation=0.2),
    source=Source(ImageRef("photo"), mask=Mask(ImageRef("painted"), fill="noise")),
    extras={"addon": {"a": 1}},
)


def test_every_part_comes_back_from_json() -> None:
    assert from_json(to_json(WHOLE)) == WHOLE
    assert from_json({"sampling": {"eta": 1}}).sampling.eta == 1.0
    assert from_json({}) == Recipe()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"sampling": {"etta": 1}}, "etta"),
        ({"sampling": 3}, "sampling"),
        ({"sampling": {"noise": "gpu"}}, "noise"),
        ({"source": {"strength": 0.5}}, "image"),
        ({"source": {"image": "x", "mask": {"image": 1}}}, "image"),
        ({"steps": "many"}, "steps"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], field: str) -> None:
    with pytest.raises(RecipeError) as caught:
        from_json(given)
    assert caught.value.field == field


def test_ranges_hold_in_nested_parts() -> None:
    check(WHOLE)
    with pytest.raises(RecipeError, match="Sigma churn is 101"):
        check(replace(WHOLE, sampling=Sampling(s_churn=101)))


def test_seeds_count_up_and_variations_keep_theirs() -> None:
    plain = Recipe(seed=2**32 - 1, sampling=Sampling(variation_seed=9))
    assert [plain.seed_of(index) for index in range(2)] == [2**32 - 1, 0]
    assert plain.starting_at(1).sampling.variation_seed == 9
    third = WHOLE.starting_at(2)
    assert (third.seed, third.sampling.variation_seed) == (5, 11)

"""Within a pass: the refiner, rescaled and thrifty guidance, edges that fit, merged tokens, added noise."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipelines import seams
from pipelines.denoise import Denoiser, Handover, Thrift
from pipelines.prompt.conditioning import Conditioning, Level, Timeline
from pipelines.prompt.encoder import Condition
from pipelines.recipe import Recipe, Refiner, Sampling, Source
from pipelines.runner import Runner
from pipelines.schedules import scaled_linear_table
from pipelines.token_merging import matched
from tests.pipelines.test_runner import PHOTO, RECIPE, array, events, failed, made

TABLE = scaled_linear_table()


def told(*values: float, length: int = 1) -> Condition:
    return Condition(torch.tensor(values).view(1, 1, -1).expand(1, length, -1))


def network(x: torch.Tensor, timesteps: torch.Tensor, conditions: Condition) -> torch.Tensor:
    """Answers with what it is told, at each place of a picture times the column's number: so spreads differ."""
    columns = torch.arange(1.0, x.shape[3] + 1)
    return conditions.tokens[:, :1, :1, None] * columns.expand_as(x)


def denoiser(*parts: tuple[float, float], scale: float = 7.0, **rules: object) -> Denoiser:
    asked = tuple((Timeline(((1000, told(value)),)), weight) for value, weight in parts)
    conditioning = Conditioning(asked, Timeline(((1000, told(1.0)),)))
    return Denoiser(network, TABLE, "epsilon", conditioning, scale, 1, **rules)  # pyright: ignore[reportArgumentType]


X = torch.zeros(1, 4, 8, 8)
COLUMNS = torch.arange(1.0, 9.0).expand(1, 4, 8, 8)


def output(asked: Denoiser, sigma: float = 2.0) -> torch.Tensor:
    """The network's guided answer, from the estimate."""
    return -asked(X, sigma) / sigma


def test_every_second_call_below_a_level_leaves_the_negative_prompt_out() -> None:
    asked = denoiser((2.0, 1.0), thrift=Thrift(below=3.0, total=4))
    full, alone = COLUMNS * (1 + 7 * (2 - 1)), COLUMNS * 2
    for expected in (full, alone, full, alone):
        torch.testing.assert_close(output(asked), expected)
    assert Thrift(below=3.0, all=True).at(0, 2.9, 900)
    assert not Thrift(below=3.0, all=True).at(0, 3.0, 900)
    assert Thrift(below=3.0, timestep=True).at(1, 14.0, 2.5)
    assert not Thrift(below=3.0, timestep=True).at(1, 0.1, 50)


def test_early_calls_leave_it_out_and_nothing_is_early_by_default() -> None:
    thrift = Thrift(early=0.5, total=4)
    assert [thrift.at(call, 5.0, 500) for call in range(4)] == [True, True, True, False]
    assert not Thrift().at(0, 5.0, 500)


def test_joined_prompts_without_the_negative_one_pull_from_the_first_by_their_weights() -> None:
    asked = denoiser((2.0, 0.5), (5.0, 0.25), thrift=Thrift(early=1.0))
    torch.testing.assert_close(output(asked), COLUMNS * (2 + (5 - 2) * 0.25))


def test_rescaled_guidance_has_the_spread_of_the_prompt_alone() -> None:
    plain, guided = COLUMNS * 2, COLUMNS * 8
    whole, half = (output(denoiser((2.0, 1.0), rescale=share)) for share in (1.0, 0.5))
    torch.testing.assert_close(whole, guided * (plain.std() / guided.std()))
    torch.testing.assert_close(half, (whole + guided) / 2)


def test_prompts_are_padded_as_old_pictures_had_it() -> None:
    long, short = told(2.0, length=4), told(1.0, length=2)
    parts, negative = Level(told(9.0).tokens)([long], short)
    assert negative.tokens.flatten().tolist() == [1, 1, 9, 9] and parts == [long]
    parts, negative = Level(told(9.0).tokens)([short], long)
    assert parts[0].tokens.flatten().tolist() == [1, 1, 9, 9] and negative is long
    assert Level()([long], short)[1].tokens.flatten().tolist() == [1, 1, 1, 1]
    assert Level()([short], long)[1].tokens.flatten().tolist() == [2, 2]


def levels(*timesteps: int) -> list[float]:
    return [TABLE[timestep] for timestep in timesteps]


def test_the_refiner_takes_over_when_its_part_of_the_noise_is_gone() -> None:
    first, second = denoiser((2.0, 1.0)), denoiser((3.0, 1.0))
    handed = Handover(first, lambda: second, 0.8, by_calls=False, total=4)
    seen = [float(handed(X, level)[0, 0, 0, 0]) / level for level in levels(999, 500, 200, 199, 100)]
    assert [round(-value) for value in seen] == [8, 8, 8, 15, 15]
    # It goes on where the first one stopped counting.
    assert second.calls == 5


def test_the_refiner_takes_over_by_steps_where_old_pictures_had_it_so() -> None:
    handed = Handover(denoiser((2.0, 1.0)), lambda: denoiser((3.0, 1.0)), 0.5, by_calls=True, total=4)
    seen = [float(handed(X, level)[0, 0, 0, 0]) / level for level in levels(999, 500, 200, 100)]
    assert [round(-value) for value in seen] == [8, 8, 15, 15]


def picture(runner: Runner, recipe: Recipe) -> NDArray[np.uint8]:
    (image,) = made(events(runner, recipe))
    return array(image.picture)


def test_a_run_is_handed_from_model_to_model(runner: Runner, models: Path) -> None:
    recipe = replace(RECIPE, steps=6, sampling=Sampling(noise="cpu"))
    other = picture(runner, replace(recipe, checkpoint="tiny-v"))
    alone = picture(runner, recipe)
    late, early, never = (picture(runner, replace(recipe, refiner=Refiner("tiny-v", at))) for at in (0.8, 0.01, 1.0))
    assert not np.array_equal(late, alone) and not np.array_equal(late, other)
    assert np.array_equal(never, alone)
    # From the second call on: the first happens before any noise is gone.
    assert not np.array_equal(early, other)
    assert np.array_equal(picture(runner, replace(recipe, refiner=Refiner("tiny", 0.3))), alone)


def test_a_refiner_that_is_not_there_is_told(runner: Runner) -> None:
    assert "missing" in failed(events(runner, replace(RECIPE, refiner=Refiner("missing")))).message


def seam(pixels: NDArray[np.uint8], axis: int) -> float:
    """How much rougher a picture is where its ends meet than between its neighbouring rows or columns."""
    values = pixels.astype(float)
    steps = np.abs(np.diff(values, axis=axis)).mean()
    ends = np.abs(np.take(values, 0, axis) - np.take(values, -1, axis)).mean()
    return float(ends / steps)


def test_edges_fit_in_the_directions_asked_for_and_the_next_picture_is_as_ever() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(4, 4, 3, padding=1)
    down = torch.nn.Conv2d(4, 4, 3, stride=2)
    part = torch.nn.ModuleList([layer, down])

    x = torch.randn(1, 4, 8, 8)
    plain, plain_down = layer(x), down(x)
    for tiling, axes in (("both", (2, 3)), ("horizontal", (3,)), ("vertical", (2,))):
        seams.close([part], tiling)  # pyright: ignore[reportArgumentType]
        for axis in (2, 3):
            moved = layer(x.roll(3, axis)).roll(-3, axis)
            assert torch.allclose(moved, layer(x), atol=1e-6) == (axis in axes)
        assert torch.equal(down(x), plain_down)
    seams.close([part], "off")
    assert torch.equal(layer(x), plain) and "_conv_forward" not in vars(layer)


def test_tiling_changes_a_picture_and_leaves_no_trace(runner: Runner) -> None:
    before = picture(runner, RECIPE)
    tiled = {way: picture(runner, replace(RECIPE, tiling=way)) for way in ("both", "horizontal", "vertical")}
    assert all(not np.array_equal(one, other) for one, other in itertools.combinations([before, *tiled.values()], 2))
    assert np.array_equal(picture(runner, RECIPE), before)


def test_tokens_that_are_merged_get_one_answer() -> None:
    tokens = torch.randn(2, 24, 8, generator=torch.Generator().manual_seed(0))
    tokens[:, 1] = tokens[:, 0] * 2  # the likest pair: side by side, of one direction
    merge = matched(tokens, 4, 6, 1 / 24)
    assert merge.together(tokens).shape == (2, 23, 8)
    whole = merge.apart(merge.together(tokens))
    torch.testing.assert_close(whole[:, 0], (tokens[:, 0] + tokens[:, 1]) / 2)
    torch.testing.assert_close(whole[:, 1], whole[:, 0])
    torch.testing.assert_close(whole[:, 2:], tokens[:, 2:])


def test_no_more_than_three_of_four_tokens_are_merged() -> None:
    merge = matched(torch.randn(1, 15, 4), 3, 5, 0.9)
    assert merge.together(torch.randn(1, 15, 4)).shape[1] == 2
    assert merge.apart(torch.randn(1, 2, 4)).shape[1] == 15


def test_token_merging_comes_off_exactly(runner: Runner) -> None:
    before = picture(runner, RECIPE)
    merged = picture(runner, replace(RECIPE, sampling=Sampling(token_merging=0.5)))
    assert not np.array_equal(before, merged)
    assert np.abs(merged.astype(int) - before).mean() < np.abs(before - before.mean()).mean()
    assert np.array_equal(picture(runner, RECIPE), before)


@pytest.mark.parametrize(
    ("sampling", "source"),
    [
        (Sampling(rescale=0.7), False),
        (Sampling(skip_early=0.5), False),
        (Sampling(min_uncond=15, min_uncond_all=True), False),
        (Sampling(sgm_noise=True), False),
        (Sampling(extra_noise=0.2), True),
        (Sampling(noise_multiplier=0.5), True),
    ],
)
def test_each_setting_counts_in_every_form_of_sampler(runner: Runner, sampling: Sampling, source: bool) -> None:
    for sampler in ("Euler", "DDIM", "Heun", "DDIM CFG++"):
        recipe = replace(RECIPE, sampler=sampler, steps=4, source=Source(PHOTO, 0.6) if source else None)
        told_so = picture(runner, replace(recipe, sampling=sampling))
        exempt = sampling.sgm_noise and sampler.startswith("DDIM")
        late = sampling.min_uncond and sampler.startswith("DDIM")
        assert np.array_equal(told_so, picture(runner, recipe)) == bool(exempt or late)


def test_the_noise_multiplier_is_for_pictures_only(runner: Runner) -> None:
    recipe = replace(RECIPE, sampling=Sampling(noise_multiplier=0.5, extra_noise=0.5))
    assert np.array_equal(picture(runner, recipe), picture(runner, RECIPE))


def test_padded_prompts_change_nothing_of_equal_length_and_something_else(runner: Runner) -> None:
    padded = replace(RECIPE, sampling=Sampling(pad="empty"))
    assert np.array_equal(picture(runner, padded), picture(runner, RECIPE))
    long = replace(RECIPE, prompt="a red fox BREAK in the snow")
    ways = [picture(runner, replace(long, sampling=Sampling(pad=pad))) for pad in ("off", "empty", "repeat")]
    assert all(not np.array_equal(one, other) for one, other in itertools.combinations(ways, 2))

"""The second pass and finishing, from outside, with a real (tiny, random) model."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines import hires
from pipelines.events import Cancelled, ImageMade, Step
from pipelines.hires import Target
from pipelines.passes import LATENT_UPSCALERS
from pipelines.picture import Picture
from pipelines.recipe import Finish, Hires, ImageRef, Recipe, Refiner, Source
from pipelines.runner import Runner
from tests.pipelines import tiny
from tests.pipelines.test_runner import IMAGES, PHOTO, array, events, failed, made

RECIPE = Recipe("a red fox", "blurry", "tiny", 64, 64, steps=3, sampler="Euler", seed=11)
SHIPPED = Path(__file__).parents[2] / "models" / "upscalers" / "realesr-animevideov3.safetensors"
NAME = "R-ESRGAN AnimeVideo"
FIRST = ImageRef("first")


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    root = tmp_path_factory.mktemp("hires")
    tiny.write_file(root / "models" / "checkpoints" / "tiny.safetensors")
    tiny.write_file(root / "models" / "checkpoints" / "other.safetensors", seed=5)
    (root / "models" / "upscalers").mkdir()
    (root / "models" / "upscalers" / SHIPPED.name).write_bytes(SHIPPED.read_bytes())
    runner = Runner(root / "models", root / "cache", device="cpu", dtype="float32")
    yield runner
    runner.close()


def one(runner: Runner, recipe: Recipe, images: dict[ImageRef, Picture] | None = None) -> Picture:
    (image,) = made(events(runner, recipe, images))
    return image.picture


def size(picture: Picture) -> tuple[int, int]:
    return picture.width, picture.height


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Hires(2), Target(1024, 1536)),
        (Hires(1.5), Target(768, 1152)),
        (Hires(1.15), Target(588, 883)),
        (Hires(width=768), Target(768, 1152)),
        (Hires(height=768), Target(512, 768)),
        (Hires(width=1024, height=1024), Target(1024, 1536, 0, 512)),
        (Hires(width=512, height=1024), Target(682, 1024, 170, 0)),
    ],
)
def test_sizes(asked: Hires, expected: Target) -> None:
    assert hires.target(asked, 512, 768) == expected


def test_the_second_pass_is_img2img_of_the_first(runner: Runner) -> None:
    """With steps that are all made: five at strength 0.5 are the end of ten, and so are ten at 0.4."""
    first = one(runner, RECIPE)
    twice = one(runner, replace(RECIPE, hires=Hires(2, upscaler="Lanczos", steps=5, strength=0.5)))
    again = replace(RECIPE, width=128, height=128, steps=10, source=Source(FIRST, 0.4))
    assert np.abs(array(twice).astype(int) - array(one(runner, again, {FIRST: first}))).max() <= 1


def test_every_latent_mode_makes_another_picture(runner: Runner) -> None:
    seen = {one(runner, replace(RECIPE, hires=Hires(1.5, upscaler=mode, steps=2))).pixels for mode in LATENT_UPSCALERS}
    # At the size of these latents antialiasing changes nothing when enlarging.
    assert len(seen) >= 4


def test_steps_of_both_passes_are_counted_as_one_row(runner: Runner) -> None:
    asked = replace(RECIPE, hires=Hires(2, upscaler=NAME, steps=2), finish=Finish(upscaler=NAME, scale=2))
    steps = [event for event in events(runner, asked) if isinstance(event, Step)]
    assert [step.index for step in steps] == list(range(1, len(steps) + 1))
    # Three, a tile, two, a tile.
    assert {step.total for step in steps} == {7} and len(steps) == 7


def test_the_size_asked_for(runner: Runner) -> None:
    for mode in ("Latent", "Lanczos"):
        asked = replace(RECIPE, hires=Hires(width=128, height=96, upscaler=mode, steps=1))
        assert size(one(runner, asked)) == (128, 96)


def test_own_rules_of_the_second_pass(runner: Runner) -> None:
    usual = one(runner, replace(RECIPE, hires=Hires(1.5, steps=4)))
    changes = [
        Hires(1.5, steps=4, prompt="a bowl of cherries"),
        Hires(1.5, steps=4, negative="a bowl of cherries"),
        Hires(1.5, steps=4, sampler="Heun"),
        Hires(1.5, steps=4, schedule="Exponential"),
        Hires(1.5, steps=4, guidance=2),
        Hires(1.5, steps=4, strength=0.5),
        Hires(1.5, steps=4, checkpoint="other"),
    ]
    seen = {one(runner, replace(RECIPE, hires=asked)).pixels for asked in changes}
    assert len(seen) == len(changes) and usual.pixels not in seen


def test_a_refiner_takes_over_in_the_pass_that_the_recipe_names(runner: Runner) -> None:
    asked = replace(RECIPE, hires=Hires(1.5, steps=4))
    seen = {one(runner, asked).pixels}
    for passes in ("first", "second", "both"):
        refiner = Refiner("other", 0.5, by_steps=True, passes=passes)
        seen.add(one(runner, replace(asked, refiner=refiner)).pixels)
    assert len(seen) == 4


def test_a_prompt_counts_on_in_the_second_pass(runner: Runner) -> None:
    def drawn(prompt: str) -> bytes:
        return one(runner, replace(RECIPE, prompt=prompt, hires=Hires(1.5, steps=4))).pixels

    # Fractions above 1 and steps beyond the first pass belong to the second.
    assert drawn("a [cat:dog:1.5]") == drawn("a [cat:dog:5]")
    assert drawn("a [cat:dog:1.5]") != drawn("a cat")


def test_each_of_a_batch_is_what_it_is_alone(runner: Runner) -> None:
    asked = replace(RECIPE, hires=Hires(1.5, upscaler="Lanczos", steps=2), batch=2)
    both = made(events(runner, asked))
    alone = one(runner, replace(asked, batch=1, seed=12))
    assert np.abs(array(both[1].picture).astype(int) - array(alone)).max() <= 1


def test_no_strength_only_enlarges(runner: Runner) -> None:
    asked = replace(RECIPE, hires=Hires(2, upscaler="Latent (nearest)", strength=0))
    seen = events(runner, asked)
    assert size(made(seen)[0].picture) == (128, 128)
    assert len([event for event in seen if isinstance(event, Step)]) == 3


def test_the_first_pass_may_be_kept(runner: Runner) -> None:
    plain = one(runner, RECIPE)
    for upscaler in ("Latent", "Lanczos"):
        seen = made(events(runner, replace(RECIPE, hires=Hires(1.5, upscaler=upscaler, steps=1, keep=True))))
        assert [image.first_pass for image in seen] == [True, False]
        assert seen[0].picture == plain


def test_img2img_has_no_second_pass(runner: Runner) -> None:
    asked = replace(RECIPE, source=Source(PHOTO, 0.5))
    assert one(runner, replace(asked, hires=Hires(2))) == one(runner, asked)


def test_cancelled_within_the_second_pass(runner: Runner) -> None:
    asked = replace(RECIPE, hires=Hires(2, steps=5))
    seen: list[object] = []
    for event in runner.run("job", asked, {}, lambda: len([e for e in seen if isinstance(e, Step)]) >= 5):
        seen.append(event)
    assert isinstance(seen[-1], Cancelled) and not any(isinstance(event, ImageMade) for event in seen)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Finish(upscaler=NAME), (256, 256)),
        (Finish(upscaler=NAME, scale=1.5), (96, 96)),
        (Finish(upscaler="Lanczos", width=100, height=50), (100, 50)),
        (Finish(upscaler="Lanczos", width=100, height=50, crop=False), (50, 50)),
        (Finish(upscaler="Lanczos", width=100), (100, 100)),
        (Finish(), (64, 64)),
    ],
)
def test_finished_sizes(runner: Runner, asked: Finish, expected: tuple[int, int]) -> None:
    assert size(one(runner, replace(RECIPE, finish=asked))) == expected


def test_two_upscalers_are_mixed(runner: Runner) -> None:
    def drawn(finish: Finish) -> np.ndarray:
        only = Recipe(seed=1, source=Source(PHOTO), finish=replace(finish, only=True, scale=2))
        return array(one(runner, only, IMAGES)).astype(float)

    lanczos, nearest = drawn(Finish(upscaler="Lanczos")), drawn(Finish(upscaler="Nearest"))
    both = drawn(Finish(upscaler="Lanczos", second="Nearest", second_share=0.25))
    assert np.abs(both - (0.75 * lanczos + 0.25 * nearest)).max() <= 1


def test_finishing_alone_needs_no_model(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "models", tmp_path / "cache", device="cpu")
    pixels = np.random.default_rng(2).integers(0, 256, (20, 30, 4), dtype=np.uint8)
    clear = Picture(30, 20, "RGBA", pixels.tobytes())
    recipe = Recipe(seed=1, source=Source(FIRST), finish=Finish(only=True, upscaler="Lanczos", scale=2))
    picture = one(runner, recipe, {FIRST: clear})
    assert (size(picture), picture.mode) == ((60, 40), "RGBA")
    assert failed(events(runner, recipe, {})).message == "Open a picture first."
    runner.close()


def test_what_is_not_there_is_said(runner: Runner) -> None:
    for asked in (Hires(upscaler="nope"), Hires(sampler="nope"), Hires(schedule="nope"), Hires(checkpoint="nope")):
        assert "nope" in failed(events(runner, replace(RECIPE, hires=asked))).message
    for wrong in (Finish(upscaler="nope"), Finish(upscaler=NAME, second="nope")):
        assert "nope" in failed(events(runner, replace(RECIPE, finish=wrong))).message

"""The runner from outside: recipes in, events out, with a real (tiny, random) SD 1.x model."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipelines.events import Cancelled, Event, Failed, Finished, ImageMade, Loading, Note, Step
from pipelines.family import Family
from pipelines.picture import Picture
from pipelines.recipe import Extension, ImageRef, Loopback, Mask, Recipe, Sampling, Soft, Source
from pipelines.runner import Runner, ordered
from pipelines.samplers import SAMPLERS
from pipelines.schedules import SCHEDULES
from tests.pipelines import tiny

PHOTO, PAINTED = ImageRef("photo"), ImageRef("painted")
RECIPE = Recipe("a red fox", "blurry", "tiny", 64, 64, steps=3, sampler="Euler", seed=11)


def photo(width: int = 64, height: int = 64) -> Picture:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Picture(width, height, "RGB", pixels.tobytes())


def painted(left: int, top: int, right: int, bottom: int, width: int = 64, height: int = 64) -> Picture:
    pixels = np.zeros((height, width), np.uint8)
    pixels[top:bottom, left:right] = 255
    return Picture(width, height, "L", pixels.tobytes())


IMAGES = {PHOTO: photo(), PAINTED: painted(16, 16, 48, 40)}


def events(
    runner: Runner,
    recipe: Recipe,
    images: dict[ImageRef, Picture] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Event]:
    """All events of a job; checks what holds for every job."""
    seen = list(runner.run("job", recipe, IMAGES if images is None else images, stop))
    assert all(event.job == "job" for event in seen)
    assert isinstance(seen[-1], Finished | Cancelled | Failed)
    assert not any(isinstance(event, Finished | Cancelled | Failed) for event in seen[:-1])
    return seen


def made(seen: Sequence[Event]) -> list[ImageMade]:
    assert isinstance(seen[-1], Finished), seen[-1]
    return [event for event in seen if isinstance(event, ImageMade)]


def array(picture: Picture) -> NDArray[np.uint8]:
    return np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width, -1)


def failed(seen: Sequence[Event]) -> Failed:
    assert isinstance(seen[-1], Failed)
    assert seen[-1].message.endswith((".", "?")) or seen[-1].cause == "error"
    return seen[-1]


def test_text_to_image(runner: Runner) -> None:
    seen = events(runner, RECIPE)
    steps = [event for event in seen if isinstance(event, Step)]
    assert [(step.index, step.total) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert all(step.preview and (step.preview.width, step.preview.height) == (8, 8) for step in steps)
    (image,) = made(seen)
    assert (image.index, image.seed, image.picture.width, image.picture.height) == (0, 11, 64, 64)
    assert array(image.picture).std() > 1


def test_the_first_job_loads_and_the_second_does_not(models: Path, tmp_path: Path) -> None:
    runner = Runner(models, tmp_path, device="cpu")
    assert isinstance(events(runner, RECIPE)[0], Loading)
    assert not any(isinstance(event, Loading) for event in events(runner, RECIPE))
    runner.close()


def test_file_and_folder_give_the_same_picture(runner: Runner) -> None:
    (file,), (folder,) = (
        made(events(runner, replace(RECIPE, checkpoint=name))) for name in ("tiny", "sub/tiny-folder")
    )
    assert file.picture == folder.picture


def test_v_prediction_is_noticed(runner: Runner, models: Path, tmp_path: Path) -> None:
    """The same weights without the mark give another picture."""
    tiny.write_file(tmp_path / "checkpoints" / "unmarked.safetensors", seed=1)
    tiny.write_file(tmp_path / "checkpoints" / "said.safetensors", seed=1, metadata={"modelspec.prediction_type": "v"})
    other = Runner(tmp_path, tmp_path, device="cpu", dtype="float32")
    (marked,) = made(events(runner, replace(RECIPE, checkpoint="tiny-v")))
    (unmarked,) = made(events(other, replace(RECIPE, checkpoint="unmarked")))
    (said,) = made(events(other, replace(RECIPE, checkpoint="said")))
    other.close()
    assert marked.picture == said.picture
    assert marked.picture != unmarked.picture


@pytest.mark.parametrize("name", [sampler.name for sampler in SAMPLERS])
def test_every_sampler_does_every_task(runner: Runner, name: str) -> None:
    recipe = replace(RECIPE, sampler=name, steps=4)
    for source in (None, Source(PHOTO), Source(PHOTO, mask=Mask(PAINTED))):
        seen = events(runner, replace(recipe, source=source))
        assert len(made(seen)) == 1
        steps = [event for event in seen if isinstance(event, Step)]
        assert [step.index for step in steps] == list(range(1, steps[-1].total + 1))


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_makes_a_picture(runner: Runner, name: str) -> None:
    assert made(events(runner, replace(RECIPE, schedule=name.upper(), sampler="DPM++ 2M")))


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ 2M SDE"])
@pytest.mark.parametrize("source", [None, Source(PHOTO, 0.6)], ids=["text", "image"])
def test_a_picture_of_a_batch_is_the_picture_of_its_seed(runner: Runner, sampler: str, source: Source | None) -> None:
    recipe = replace(RECIPE, sampler=sampler, source=source)
    batch = made(events(runner, replace(recipe, batch=3)))
    for index, image in enumerate(batch):
        (alone,) = made(events(runner, replace(recipe, seed=11 + index)))
        assert alone.picture == image.picture


def test_count_and_batch_count_the_seed_up(runner: Runner) -> None:
    seen = events(runner, replace(RECIPE, count=2, batch=2, seed=2**32 - 2))
    assert [(image.index, image.seed) for image in made(seen)] == [(0, 2**32 - 2), (1, 2**32 - 1), (2, 0), (3, 1)]
    assert [step.picture for step in seen if isinstance(step, Step)] == [0, 0, 0, 2, 2, 2]


def test_the_same_recipe_gives_the_same_pixels(runner: Runner, models: Path, tmp_path: Path) -> None:
    """After other jobs, whatever the global random state, and in another runner."""
    recipe = replace(RECIPE, sampler="DPM++ 2M SDE", source=Source(PHOTO, 0.7))
    (first,) = made(events(runner, recipe))
    events(runner, replace(RECIPE, seed=99))
    torch.manual_seed(123)
    (second,) = made(events(runner, recipe))
    other = Runner(models, tmp_path, device="cpu", dtype="float32")
    (third,) = made(events(other, recipe))
    other.close()
    assert first.picture == second.picture == third.picture


def test_a_seed_is_drawn_where_none_is_given(runner: Runner) -> None:
    (image,) = made(events(runner, replace(RECIPE, seed=None)))
    (again,) = made(events(runner, replace(RECIPE, seed=image.seed)))
    assert image.picture == again.picture


def test_prompt_negative_guidance_and_clip_skip_matter(runner: Runner) -> None:
    recipes = [
        RECIPE,
        replace(RECIPE, prompt="a blue whale"),
        replace(RECIPE, negative="red"),
        replace(RECIPE, guidance=1.0),
        replace(RECIPE, clip_skip=2),
        replace(RECIPE, prompt="a red fox, " * 40),
    ]
    assert len({made(events(runner, recipe))[0].picture for recipe in recipes}) == len(recipes)


def test_guidance_of_one_leaves_the_negative_prompt_out(runner: Runner) -> None:
    recipe = replace(RECIPE, guidance=1.0)
    (first,), (second,) = (made(events(runner, replace(recipe, negative=text))) for text in ("red", "long " * 200))
    assert first.picture == second.picture


def test_strength_tells_how_far_the_picture_may_change(runner: Runner) -> None:
    steps = [
        len([e for e in events(runner, replace(RECIPE, steps=8, source=Source(PHOTO, s))) if isinstance(e, Step)])
        for s in (0.0, 0.5, 1.0)
    ]
    assert steps == [1, 5, 8]


@pytest.mark.parametrize("resize", ["stretch", "crop", "fill"])
def test_a_source_of_another_size_is_made_to_fit(runner: Runner, resize: str) -> None:
    source = Source(PHOTO, 0.5, resize=resize)  # type: ignore[arg-type]
    (image,) = made(events(runner, replace(RECIPE, height=96, source=source), {PHOTO: photo(100, 50)}))
    assert (image.picture.width, image.picture.height) == (64, 96)


@pytest.mark.parametrize("fill", ["original", "blurred", "noise", "empty"])
def test_unpainted_pixels_stay_to_the_bit(runner: Runner, fill: str) -> None:
    source = Source(PHOTO, 0.9, mask=Mask(PAINTED, blur=2, fill=fill))  # type: ignore[arg-type]
    (image,) = made(events(runner, replace(RECIPE, source=source)))
    result, original = array(image.picture), array(IMAGES[PHOTO])
    outside = np.ones((64, 64), bool)
    outside[16 - 6 : 40 + 6, 16 - 6 : 48 + 6] = False
    assert np.array_equal(result[outside], original[outside])
    assert not np.array_equal(result[20:36, 20:44], original[20:36, 20:44])


def test_the_inverted_mask_keeps_the_inside(runner: Runner) -> None:
    source = Source(PHOTO, 0.9, mask=Mask(PAINTED, blur=0, invert=True))
    (image,) = made(events(runner, replace(RECIPE, source=source)))
    assert np.array_equal(array(image.picture)[16:40, 16:48], array(IMAGES[PHOTO])[16:40, 16:48])
    assert not np.array_equal(array(image.picture)[:16], array(IMAGES[PHOTO])[:16])


def test_only_the_masked_area_is_made_and_put_back_into_the_whole_source(runner: Runner) -> None:
    images = {PHOTO: photo(200, 120), PAINTED: painted(100, 40, 130, 70, 200, 120)}
    source = Source(PHOTO, 0.9, mask=Mask(PAINTED, blur=0, area="masked", padding=8))
    (image,) = made(events(runner, replace(RECIPE, source=source), images))
    result, original = array(image.picture), array(images[PHOTO])
    assert result.shape == original.shape
    outside = np.ones((120, 200), bool)
    outside[40:70, 100:130] = False
    assert np.array_equal(result[outside], original[outside])
    assert not np.array_equal(result[40:70, 100:130], original[40:70, 100:130])


def test_cancel_before_the_start(runner: Runner) -> None:
    assert events(runner, RECIPE, stop=lambda: True) == [Cancelled("job")]


def test_cancel_stops_within_one_step(runner: Runner) -> None:
    steps: list[Event] = []

    def stop() -> bool:
        return len(steps) == 2

    seen: list[Event] = []
    for event in runner.run("job", replace(RECIPE, steps=50), {}, stop):
        seen.append(event)
        if isinstance(event, Step):
            steps.append(event)
    assert len(steps) == 2
    assert seen[-1] == Cancelled("job")
    assert made(events(runner, RECIPE)), "the next job runs as if nothing had happened"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"checkpoint": "nope"}, "no checkpoint 'nope'"),
        ({"sampler": "Eular"}, "no sampler 'Eular'"),
        ({"schedule": "Kerras"}, "no schedule 'Kerras'"),
        ({"steps": 0}, "Steps is 0"),
        ({"width": 8}, "Width is 8"),
        ({"guidance": math.nan}, "CFG"),
        ({"source": Source(PHOTO, 1.5)}, "Strength is 1.5"),
        ({"source": Source(ImageRef("gone"))}, "source picture is missing"),
        ({"source": Source(PHOTO, mask=Mask(ImageRef("gone")))}, "mask is missing"),
        ({"source": Source(PHOTO, mask=Mask(ImageRef("black")))}, "mask is empty"),
    ],
)
def test_bad_recipes_get_a_sentence(runner: Runner, change: dict[str, object], words: str) -> None:
    images = {**IMAGES, ImageRef("black"): painted(0, 0, 0, 0)}
    failure = failed(events(runner, replace(RECIPE, **change), images))  # type: ignore[arg-type]
    assert failure.cause == "bad recipe"
    assert words in failure.message


def test_sides_are_rounded_to_eight_and_it_is_said(runner: Runner) -> None:
    seen = events(runner, replace(RECIPE, width=67, height=92))
    (image,) = made(seen)
    assert (image.picture.width, image.picture.height) == (64, 96)
    assert any(isinstance(event, Note) and "67 × 92" in event.message for event in seen)


def test_a_schedule_that_is_not_used_is_said(runner: Runner) -> None:
    seen = events(runner, replace(RECIPE, sampler="DDIM", schedule="Karras"))
    assert any(isinstance(event, Note) and "Karras" in event.message for event in seen)


def test_an_empty_models_folder_says_what_to_do(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "models", tmp_path / "cache", device="cpu")
    assert runner.catalogue().checkpoints == ()
    failure = failed(events(runner, replace(RECIPE, checkpoint="")))
    assert failure.cause == "model"
    assert "models/checkpoints" in failure.hint


def test_a_broken_checkpoint_fails_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "broken.safetensors").write_bytes(b"")
    runner = Runner(tmp_path, tmp_path / "cache", device="cpu")
    failure = failed(events(runner, replace(RECIPE, checkpoint="broken")))
    assert (failure.cause, "is empty" in failure.message) == ("model", True)


def test_a_checkpoint_with_holes_is_named_incomplete(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    (tmp_path / "checkpoints").mkdir()
    for name, end in (
        ("unet", "time_embed.2.bias"),
        ("vae", "decoder.conv_out.weight"),
        ("text", "final_layer_norm.bias"),
    ):
        tensors = {key: value for key, value in tiny.weights().items() if not key.endswith(end)}
        save_file(tensors, tmp_path / "checkpoints" / f"{name}.safetensors")
    runner = Runner(tmp_path, tmp_path / "cache", device="cpu")
    for name in ("unet", "vae", "text"):
        failure = failed(events(runner, replace(RECIPE, checkpoint=name)))
        assert failure.cause == "model"
        assert "incomplete" in failure.message
    runner.close()


def test_a_model_of_nan_fails_as_such(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    tensors = tiny.weights()
    tensors["model.diffusion_model.out.2.bias"] = torch.full((4,), torch.nan, dtype=torch.float16)
    (tmp_path / "checkpoints").mkdir()
    save_file(tensors, tmp_path / "checkpoints" / "nan.safetensors")
    runner = Runner(tmp_path, tmp_path / "cache", device="cpu")
    assert failed(events(runner, replace(RECIPE, checkpoint=""))).cause == "not a number"
    runner.close()


def test_memory_that_runs_out_once_is_tried_again(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.latents import Autoencoder

    decode, calls = Autoencoder.decode, []

    def short(self: Autoencoder, latent: torch.Tensor, light: bool = False) -> torch.Tensor:
        calls.append(light)
        if not light:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return decode(self, latent, light)

    monkeypatch.setattr(Autoencoder, "decode", short)
    seen = events(runner, RECIPE)
    assert calls == [False, True]
    assert len(made(seen)) == 1
    assert any(isinstance(event, Note) and "memory" in event.message for event in seen)


def test_memory_that_stays_short_fails_with_a_hint(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.latents import Autoencoder

    def short(self: Autoencoder, latent: torch.Tensor, light: bool = False) -> torch.Tensor:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(Autoencoder, "decode", short)
    failure = failed(events(runner, RECIPE))
    assert failure.cause == "out of memory"
    assert "smaller" in failure.hint


def test_an_unexpected_error_is_a_failed_job(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.canvas.to_picture", lambda image: 1 / 0)
    failure = failed(events(runner, RECIPE))
    assert failure.cause == "error"
    assert "ZeroDivisionError" in failure.message


def test_the_catalogue_names_what_can_be_made(runner: Runner) -> None:
    catalogue = runner.catalogue()
    assert [entry.name for entry in catalogue.usable()] == ["sub/tiny-folder", "tiny", "tiny-v"]
    assert catalogue.defaults("tiny")["width"] == 64
    assert catalogue.defaults("tiny-v")["width"] == 512
    assert catalogue.sampler("k_euler_a") is not None
    assert catalogue.schedule("karras") == "Karras"
    assert catalogue.device.kind == "cpu"
    assert "core" in catalogue.device.title


def test_a_family_is_found_once_and_in_its_order() -> None:
    class First(Family):
        name, title, before = "z", "Z", ("a",)

        def detect(self, header: object) -> bool:
            return False

        def load(self, path: object, header: object, device: object):  # type: ignore[no-untyped-def]
            raise NotImplementedError

    class Second(First):
        name, before = "a", ()

    assert [family.name for family in ordered([Second(), First()])] == ["z", "a"]
    with pytest.raises(ValueError, match="Two model families"):
        ordered([First(), First()])
    Second.before = ("z",)
    with pytest.raises(ValueError, match="before each other"):
        ordered([Second(), First()])


@pytest.mark.parametrize(
    "sampling", [Sampling(variation=0.3, variation_seed=5), Sampling(noise="nv", seed_delta=7)], ids=["varied", "nv"]
)
def test_the_second_of_a_batch_is_the_picture_alone(runner: Runner, sampling: Sampling) -> None:
    recipe = replace(RECIPE, sampler="Euler a", batch=2, sampling=sampling)
    _, second = made(events(runner, recipe))
    (alone,) = made(events(runner, replace(recipe.starting_at(1), batch=1)))
    assert second.seed == alone.seed
    assert np.array_equal(array(second.picture), array(alone.picture))


def test_a_sampler_that_chooses_its_steps_makes_pictures_one_by_one(runner: Runner) -> None:
    recipe = replace(RECIPE, sampler="DPM adaptive", batch=2)
    _, second = made(events(runner, recipe))
    (alone,) = made(events(runner, replace(recipe.starting_at(1), batch=1)))
    assert np.array_equal(array(second.picture), array(alone.picture))


@pytest.mark.parametrize("name", ["DDIM", "PLMS", "UniPC", "DDIM CFG++"])
def test_the_unpainted_part_stays_with_every_kind_of_levels(runner: Runner, name: str) -> None:
    source = Source(PHOTO, 0.7, mask=Mask(PAINTED, blur=0))
    (image,) = made(events(runner, replace(RECIPE, sampler=name, steps=5, source=source)))
    changed = np.abs(array(image.picture).astype(int) - array(IMAGES[PHOTO]).astype(int)).sum(2)
    assert not changed[:8].any()
    assert changed[20:36, 20:44].any()


def test_an_extended_picture_comes_back_in_the_larger_one(runner: Runner) -> None:
    source = Source(PHOTO, 0.9, mask=Mask(blur=0), extend=Extension(left=32, top=32))
    (image,) = made(events(runner, replace(RECIPE, width=96, height=96, source=source)))
    result = array(image.picture)
    assert result.shape == (96, 96, 3)
    assert np.array_equal(result[32:, 32:], array(IMAGES[PHOTO]))
    assert result[:32].std() > 1


def test_a_sketch_changes_the_start(runner: Runner) -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, :32] = (255, 0, 0, 255)
    images = {**IMAGES, ImageRef("sketch"): Picture(64, 64, "RGBA", pixels.tobytes())}
    (plain,) = made(events(runner, replace(RECIPE, source=Source(PHOTO, 0.3))))
    (drawn,) = made(events(runner, replace(RECIPE, source=Source(PHOTO, 0.3, sketch=ImageRef("sketch"))), images))
    assert drawn.picture != plain.picture


def test_latents_of_another_size_are_resized(runner: Runner) -> None:
    source = Source(PHOTO, 0.5, resize="latent")
    images = {PHOTO: photo(100, 50)}
    (image,) = made(events(runner, replace(RECIPE, source=source), images))
    (stretched,) = made(events(runner, replace(RECIPE, source=replace(source, resize="stretch")), images))
    assert (image.picture.width, image.picture.height) == (64, 64)
    assert image.picture != stretched.picture


@pytest.mark.parametrize("sampler", ["Euler", "DDIM", "DPM++ 2M SDE"])
def test_soft_inpainting_keeps_what_is_not_painted(runner: Runner, sampler: str) -> None:
    mask = Mask(PAINTED, blur=3, soft=Soft())
    source = Source(PHOTO, 0.9, mask=mask)
    (soft,) = made(events(runner, replace(RECIPE, steps=5, sampler=sampler, source=source)))
    (hard,) = made(
        events(runner, replace(RECIPE, steps=5, sampler=sampler, source=replace(source, mask=replace(mask, soft=None))))
    )
    outside = np.ones((64, 64), bool)
    outside[16 - 8 : 40 + 8, 16 - 8 : 48 + 8] = False
    assert np.array_equal(array(soft.picture)[outside], array(IMAGES[PHOTO])[outside])
    assert not np.array_equal(array(soft.picture)[24:32, 24:40], array(IMAGES[PHOTO])[24:32, 24:40])
    assert soft.picture != hard.picture


def test_a_mask_of_another_size_is_fitted_and_told(runner: Runner) -> None:
    images = {**IMAGES, PAINTED: painted(0, 0, 16, 16, 32, 32)}
    seen = events(runner, replace(RECIPE, source=Source(PHOTO, mask=Mask(PAINTED))), images)
    assert any(isinstance(event, Note) and "The mask was 32 × 32" in event.message for event in seen)
    assert made(seen)


def test_loops_draw_the_result_again_and_count_as_one_row_of_steps(runner: Runner) -> None:
    recipe = replace(RECIPE, steps=4, batch=2, source=Source(PHOTO, 0.5, loopback=Loopback(3, 0.5)))
    seen = events(runner, recipe)
    pictures = made(seen)
    assert [(image.index, image.seed) for image in pictures] == [(0, 11), (1, 12)]
    shares = [event.index / event.total for event in seen if isinstance(event, Step) and event.picture == 0]
    assert shares == sorted(shares) and shares[-1] == 1 and len(shares) > 6
    by_hand, images = IMAGES[PHOTO], dict(IMAGES)
    for loop in range(3):
        images[ImageRef("last")] = by_hand
        once = replace(recipe, batch=1, seed=11 + loop, source=Source(ImageRef("last"), 0.5))
        (image,) = made(events(runner, once, images))
        by_hand = image.picture
    assert pictures[0].picture == by_hand


def test_loops_keep_what_is_not_painted(runner: Runner) -> None:
    source = Source(PHOTO, 0.6, mask=Mask(PAINTED, blur=0, fill="noise"), loopback=Loopback(2))
    (image,) = made(events(runner, replace(RECIPE, source=source)))
    changed = np.abs(array(image.picture).astype(int) - array(IMAGES[PHOTO]).astype(int)).sum(2)
    assert not changed[:16].any() and not changed[:, :16].any() and changed[20:36, 20:44].any()


def test_colour_correction_brings_the_source_s_colours(runner: Runner) -> None:
    red = Picture(64, 64, "RGB", bytes((220, 60, 40)) * 4096)
    recipe = replace(RECIPE, source=Source(ImageRef("red"), 0.9))
    (plain,) = made(events(runner, recipe, {ImageRef("red"): red}))
    corrected = replace(recipe, source=Source(ImageRef("red"), 0.9, colour_correction=True))
    (matched,) = made(events(runner, corrected, {ImageRef("red"): red}))
    redness = [float((array(one.picture).astype(int) @ [1, 0, -1]).mean()) for one in (plain, matched)]
    assert abs(redness[1] - 180) < abs(redness[0] - 180)

"""The families that run as diffusers pipelines, from outside: tiny random models, through the runner."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from pipelines.events import Cancelled, ImageMade, Note, Step
from pipelines.generator_scheduler import GeneratorScheduler
from pipelines.recipe import ImageRef, Mask, Recipe, Source
from pipelines.runner import Runner
from pipelines.samplers import SAMPLERS
from tests.pipelines import tiny_pipelines
from tests.pipelines.test_runner import IMAGES, PAINTED, PHOTO, array, events, failed, made, photo

OTHER = ImageRef("other")
SOURCE = Source(PHOTO, strength=0.6)
MASKED = replace(SOURCE, mask=Mask(PAINTED, blur=0))
RECIPE = Recipe("a red fox", "blurry", "", 64, 64, steps=2, sampler="Euler", seed=11)
FAMILIES = {"flux-schnell": "flux", "flux-fill": "flux", "flux-kontext": "flux", "flux2-klein": "flux2"}
TEXT = [name for name in tiny_pipelines.PIPELINES if name not in ("flux-fill", "other")]
IMAGES_TOO = {**IMAGES, OTHER: photo(48, 80)}


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    root = tmp_path_factory.mktemp("pipelines")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        for name in tiny_pipelines.PIPELINES:
            tiny_pipelines.write(root / "checkpoints" / name, name)
    (root / "loras").mkdir()
    for name in ("flux", "sd3", "qwen-image", "z-image"):
        for file, tensors in networks_of(loaded(root / "checkpoints" / name)).items():
            save_file(tensors, root / "loras" / f"{file}.safetensors")
    runner = Runner(root, tmp_path_factory.mktemp("cache"), device="cpu", dtype="float32")
    yield runner
    runner.close()


def loaded(folder: Path) -> Any:
    """A stand-in for a model: what networks are put on."""
    import diffusers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        pipe = diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True)
    return SimpleNamespace(components=lambda: {"unet": pipe.transformer, "te": pipe.text_encoder})


def picture(runner: Runner, recipe: Recipe) -> NDArray[Any]:
    (one,) = made(events(runner, recipe, IMAGES_TOO))
    assert (one.picture.width, one.picture.height) == (recipe.width, recipe.height)
    assert array(one.picture).std() > 1
    return array(one.picture).astype(int)


@pytest.mark.parametrize("name", TEXT)
def test_every_family_does_what_it_says(runner: Runner, name: str) -> None:
    recipe = replace(RECIPE, checkpoint=name)
    catalogue = runner.catalogue()
    entry = catalogue.checkpoint(name)
    assert entry is not None and entry.family == FAMILIES.get(name, name) and not entry.problem
    tasks = set(catalogue.tasks(name))
    assert {"text", "image", "inpaint"} <= tasks
    text = picture(runner, recipe)
    image = picture(runner, replace(recipe, source=SOURCE))
    painted = picture(runner, replace(recipe, source=MASKED))
    assert not np.array_equal(text, image) and not np.array_equal(image, painted)
    assert not np.array_equal(text, picture(runner, replace(recipe, seed=12)))
    if "edit" in tasks:
        edited = picture(runner, replace(recipe, references=(PHOTO,)))
        two = picture(runner, replace(recipe, references=(OTHER,)))
        assert not np.array_equal(text, edited) and not np.array_equal(edited, two)


def test_a_model_for_filling_sees_picture_and_mask(runner: Runner) -> None:
    recipe = replace(RECIPE, checkpoint="flux-fill", source=replace(MASKED, strength=1.0))
    whole = picture(runner, recipe)
    less = picture(
        runner, replace(recipe, source=replace(MASKED, strength=1.0, mask=Mask(PAINTED, blur=0, invert=True)))
    )
    assert not np.array_equal(whole, less)
    assert "FLUX.1 Fill cannot do this" in failed(events(runner, replace(recipe, source=None))).message


@pytest.mark.parametrize("name", ["flux", "flux-schnell", "chroma", "z-image", "qwen-image", "lumina2", "flux2-klein"])
def test_diffusers_with_a_scheduler_of_its_own_makes_the_same_picture(runner: Runner, name: str) -> None:
    entry = runner.catalogue().checkpoint(name)
    assert entry is not None
    import diffusers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        pipe = diffusers.DiffusionPipeline.from_pretrained(entry.path)
        pipe.set_progress_bar_config(disable=True)
        channels, height = (32, 4) if name == "flux2-klein" else (16, 8)
        noise = torch.randn((1, channels, height, height), generator=torch.Generator().manual_seed(11))
        if name in ("flux", "flux-schnell", "chroma", "qwen-image"):
            noise = pipe._pack_latents(noise, 1, 16, 8, 8)
        guided = "true_cfg_scale" if name == "qwen-image" else "guidance_scale"
        negative = {} if name.startswith("flux") else {"negative_prompt": "blurry"}
        theirs = pipe(
            prompt="a red fox",
            num_inference_steps=3,
            width=64,
            height=64,
            latents=noise,
            output_type="np",
            **{guided: 4.0, **negative},
        ).images[0]
    ours = picture(runner, replace(RECIPE, checkpoint=name, steps=3, guidance=4.0))
    assert np.abs(theirs * 255 - ours).max() <= 2


@pytest.mark.parametrize("sampler", [sampler for sampler in SAMPLERS], ids=lambda sampler: sampler.name)
def test_every_sampler_works_or_says_why_not(runner: Runner, sampler: Any) -> None:
    recipe = replace(RECIPE, checkpoint="z-image", sampler=sampler.name, steps=4, guidance=1.0)
    seen = events(runner, recipe)
    if sampler.adaptive or sampler.needs_plain:
        assert sampler.name in failed(seen).message
        return
    steps = [event.index for event in seen if isinstance(event, Step)]
    assert steps == list(range(1, len(steps) + 1)) and len(steps) >= 4
    assert made(seen)


def test_a_picture_is_the_same_alone_and_in_a_batch(runner: Runner) -> None:
    recipe = replace(RECIPE, checkpoint="flux", sampler="Euler a")
    both = made(events(runner, replace(recipe, batch=2)))
    assert [one.seed for one in both] == [11, 12]
    assert np.array_equal(array(both[1].picture), picture(runner, replace(recipe, seed=12)))


def test_steps_and_previews_are_those_of_the_recipe(runner: Runner) -> None:
    seen = events(runner, replace(RECIPE, checkpoint="qwen-image", steps=4, batch=2))
    steps = [event for event in seen if isinstance(event, Step)]
    assert [(step.index, step.total) for step in steps] == [(index, 8) for index in range(1, 9)]
    assert all(step.preview and (step.preview.width, step.preview.height) == (8, 8) for step in steps)


def test_a_job_stops_within_a_step(runner: Runner) -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 4

    seen = events(runner, replace(RECIPE, checkpoint="flux", steps=50), stop=stop)
    assert isinstance(seen[-1], Cancelled)
    assert len([event for event in seen if isinstance(event, Step)]) < 6
    assert not any(isinstance(event, ImageMade) for event in seen)


@pytest.mark.parametrize(
    ("checkpoint", "file"),
    [("flux", "fused"), ("flux", "text"), ("sd3", "joint"), ("qwen-image", "own"), ("z-image", "layers")],
)
def test_a_lora_by_its_trainers_names_changes_the_picture_and_leaves_nothing(
    runner: Runner, checkpoint: str, file: str
) -> None:
    recipe = replace(RECIPE, checkpoint=checkpoint)
    plain = picture(runner, recipe)
    seen = events(runner, replace(recipe, prompt=f"{recipe.prompt}<lora:{file}:0.9>"), IMAGES_TOO)
    assert not [event for event in seen if isinstance(event, Note)]
    (one,) = made(seen)
    assert not np.array_equal(array(one.picture), plain) and [asset.name for asset in one.used] == [file]
    assert np.array_equal(plain, picture(runner, recipe))


def networks_of(model: Any) -> dict[str, dict[str, torch.Tensor]]:
    """By file: the names that are customary for one family, with sizes of these tiny models."""
    components = model.components()
    unet = components["unet"]

    def full(name: str, *modules: str) -> dict[str, torch.Tensor]:
        shapes = [unet.get_submodule(module).weight.shape for module in modules]
        stream = torch.Generator().manual_seed(1)
        return {f"{name}.diff": torch.randn(sum(s[0] for s in shapes), shapes[0][1], generator=stream) * 0.5}

    qkv = ("to_q", "to_k", "to_v")
    match type(unet).__name__:
        case "FluxTransformer2DModel":
            inner = components["te"]
            inner = getattr(inner, "text_model", inner)
            wide = inner.encoder.layers[0].mlp.fc1.weight.shape
            text = {"lora_te1_text_model_encoder_layers_0_mlp_fc1.diff": torch.randn(wide) * 3}
            fused = full(
                "lora_unet_double_blocks_0_img_attn_qkv", *(f"transformer_blocks.0.attn.{name}" for name in qkv)
            )
            return {"fused": fused, "text": text}
        case "SD3Transformer2DModel":
            modules = (f"transformer_blocks.0.attn.{name}" for name in qkv)
            return {"joint": full("lora_unet_joint_blocks_0_x_block_attn_qkv", *modules)}
        case "QwenImageTransformer2DModel":
            return {"own": full("transformer.transformer_blocks.0.attn.to_q", "transformer_blocks.0.attn.to_q")}
        case _:
            modules = (f"layers.0.attention.{name}" for name in qkv)
            return {"layers": full("diffusion_model.layers.0.attention.qkv", *modules)}


def test_brackets_and_tags_do_not_reach_a_text_model_that_knows_none(runner: Runner) -> None:
    recipe = replace(RECIPE, checkpoint="chroma")
    plain = picture(runner, replace(recipe, prompt="a red fox in the snow"))
    assert np.array_equal(plain, picture(runner, replace(recipe, prompt="a (red:1.4) fox [in] the BREAK snow")))
    assert not np.array_equal(plain, picture(runner, replace(recipe, prompt="a fox in the snow")))


def test_sides_are_rounded_to_what_the_family_can(runner: Runner) -> None:
    (one,) = made(events(runner, replace(RECIPE, checkpoint="flux", width=72, height=88)))
    assert (one.picture.width, one.picture.height) == (64, 96)


def test_a_scheduler_plays_the_way_that_is_laid_out() -> None:
    from pipelines.generator_scheduler import Drive
    from pipelines.recipe import Sampling

    scheduler = GeneratorScheduler("Euler", shift=3.0)
    start = torch.ones(1, 2)
    scheduler.drive = Drive(start, [1.0, 0.5, 0.0], lambda estimate: estimate * 0 + 5.0, Sampling())
    scheduler.set_timesteps(7, sigmas=[1.0, 0.9])
    assert scheduler.timesteps.tolist() == [1000.0, 500.0]
    for time in scheduler.timesteps:
        scheduler.step(torch.zeros(1, 2), time, torch.full((1, 2), 99.0))
    assert scheduler.result is not None and scheduler.result.tolist() == [[5.0, 5.0]]

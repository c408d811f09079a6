"""The U-Net families from outside: tiny random models of each, in both layouts, through the runner."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipelines.picture import Picture
from pipelines.recipe import Mask, Recipe, Source
from pipelines.runner import Runner
from tests.pipelines import tiny
from tests.pipelines.test_runner import IMAGES, PAINTED, PHOTO, array, events, failed, made

STYLES = {
    "sd1-inpaint": tiny.SD1_INPAINT,
    "pix2pix": tiny.PIX2PIX,
    "sd2": tiny.SD2,
    "sd2-inpaint": tiny.SD2_INPAINT,
    "sdxl": tiny.SDXL,
    "sdxl-inpaint": tiny.SDXL_INPAINT,
    "refiner": tiny.REFINER,
}
FAMILIES = {"sd1-inpaint": "sd15", "pix2pix": "sd15", "sd2-inpaint": "sd2", "sdxl-inpaint": "sdxl"} | {
    "refiner": "sdxl-refiner"
}
SOURCE = Source(PHOTO, strength=0.6)
MASKED = replace(SOURCE, mask=Mask(PAINTED, blur=0))
RECIPE = Recipe("a red fox", "blurry", "", 64, 64, steps=2, sampler="Euler", seed=11)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    root = tmp_path_factory.mktemp("families")
    for seed, (name, style) in enumerate(STYLES.items()):
        file = tiny.write_file(root / "checkpoints" / f"{name}.safetensors", seed=seed, style=style)
        if name in ("sd2", "sdxl", "refiner"):
            tiny.write_folder(root / "checkpoints" / f"{name}-folder", file, style, INDEX.get(name, INDEX["sdxl"]))
    runner = Runner(root, tmp_path_factory.mktemp("cache"), device="cpu", dtype="float32")
    yield runner
    runner.close()


INDEX = {"sd2": "StableDiffusionPipeline", "sdxl": "StableDiffusionXLPipeline"}


def picture(runner: Runner, recipe: Recipe) -> np.ndarray[Any, Any]:
    (one,) = made(events(runner, recipe))
    assert (one.picture.width, one.picture.height) == (recipe.width, recipe.height)
    assert array(one.picture).std() > 1
    return array(one.picture).astype(int)


@pytest.mark.parametrize("name", [name for name in STYLES if name != "pix2pix"])
def test_every_task_makes_a_picture(runner: Runner, name: str) -> None:
    recipe = replace(RECIPE, checkpoint=name)
    entry = runner.catalogue().checkpoint(name)
    assert entry is not None and entry.family == FAMILIES.get(name, name) and not entry.problem
    text = picture(runner, recipe)
    image = picture(runner, replace(recipe, source=SOURCE))
    painted = picture(runner, replace(recipe, source=MASKED))
    assert np.abs(text - image).mean() > 0.05
    # What is not painted stays as it was.
    kept = array(IMAGES[PAINTED])[..., 0] == 0
    assert np.abs(painted - array(IMAGES[PHOTO]))[kept].mean() < np.abs(painted - array(IMAGES[PHOTO]))[~kept].mean()


def test_a_folder_makes_the_same_picture_as_the_file(runner: Runner) -> None:
    for name in ("sd2", "sdxl", "refiner"):
        one, other = (picture(runner, replace(RECIPE, checkpoint=which)) for which in (name, f"{name}-folder"))
        assert np.abs(one - other).max() <= 1, name


def test_an_inpainting_model_sees_the_picture_without_the_painted_part(runner: Runner) -> None:
    """What lies under the mask does not reach the network, what lies around it does."""
    recipe = replace(RECIPE, checkpoint="sd1-inpaint", source=replace(MASKED, strength=1.0))
    first = array(IMAGES[PHOTO])
    painted = array(IMAGES[PAINTED])[..., 0] > 0

    def with_changed(where: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        changed = first.copy()
        changed[where] = 255 - changed[where]
        images = {**IMAGES, PHOTO: Picture(64, 64, "RGB", changed.tobytes())}
        filled = replace(recipe, source=replace(MASKED, strength=1.0, mask=Mask(PAINTED, blur=0, fill="noise")))
        (one,) = made(events(runner, filled, images))
        return array(one.picture).astype(int)

    plain, under, around = with_changed(painted & False), with_changed(painted), with_changed(~painted)
    middle = (slice(24, 32), slice(24, 40))
    assert np.abs(plain - under)[middle].mean() < np.abs(plain - around)[middle].mean() / 4


def test_pix2pix_changes_a_picture_and_follows_it_as_told(runner: Runner) -> None:
    recipe = replace(RECIPE, checkpoint="pix2pix", source=replace(SOURCE, strength=1.0))
    assert "cannot do this" in failed(events(runner, replace(recipe, source=None))).message
    near, far = (
        picture(runner, replace(recipe, source=Source(PHOTO, strength=1.0, image_guidance=value)))
        for value in (1.0, 2.5)
    )
    assert np.abs(near - far).mean() > 0.5
    entry = runner.catalogue().checkpoint("pix2pix")
    assert entry is not None and entry.tasks == ("image",) and entry.defaults["strength"] == 1.0


def reference(folder: Path, name: str) -> Any:
    """diffusers' own pipeline over the same folder, with our sampler in it."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
    from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    from pipelines.generator_scheduler import GeneratorScheduler

    names = Path(__file__).parents[2] / "pipelines" / "configs" / "clip_tokenizer"

    def tokenizer(pad: str) -> Any:
        return CLIPTokenizer(str(names / "vocab.json"), str(names / "merges.txt"), pad_token=pad, model_max_length=77)

    parts: dict[str, Any] = {
        "unet": UNet2DConditionModel.from_pretrained(folder / "unet"),
        "vae": AutoencoderKL.from_pretrained(folder / "vae"),
        "text_encoder": CLIPTextModel.from_pretrained(folder / "text_encoder"),
        "scheduler": GeneratorScheduler("Euler", "Automatic", "epsilon"),
    }
    if name == "sd2":
        return StableDiffusionPipeline(
            **parts,
            tokenizer=tokenizer("!"),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    second = CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2")
    return StableDiffusionXLPipeline(
        **parts, tokenizer=tokenizer("<|endoftext|>"), tokenizer_2=tokenizer("!"), text_encoder_2=second
    )


@pytest.mark.parametrize("name", ["sd2", "sdxl"])
@pytest.mark.parametrize("negative", ["blurry", ""])
def test_the_same_weights_make_the_same_picture_in_diffusers(runner: Runner, name: str, negative: str) -> None:
    entry = runner.catalogue().checkpoint(f"{name}-folder")
    assert entry is not None
    pipe = reference(Path(entry.path), name)
    pipe.set_progress_bar_config(disable=True)
    theirs = pipe(
        "a red fox",
        negative_prompt=negative or None,
        num_inference_steps=2,
        guidance_scale=7.0,
        width=64,
        height=64,
        output_type="np",
        latents=torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(11)),
    ).images[0]
    ours = picture(runner, replace(RECIPE, checkpoint=f"{name}-folder", negative=negative))
    assert np.abs(theirs * 255 - ours).max() <= 2


def test_quick_models_propose_few_steps(tmp_path: Path) -> None:
    from pipelines.families.sdxl import FAMILY
    from pipelines.header import Header

    for name in ("dreamshaperXL_lightning", "sdxl-turbo", "Hyper-SDXL"):
        assert FAMILY.variant(Header({}), name).defaults["steps"] == 6
    assert FAMILY.variant(Header({}), "ponyDiffusionV6XL").defaults == {}

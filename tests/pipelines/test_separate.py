"""VAEs and control networks in files of their own."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipelines import header
from pipelines.control import hints
from pipelines.device import pick
from pipelines.events import Event, Failed, ImageMade, Loading, Note
from pipelines.families import sd15
from pipelines.latent_model import LatentModel
from pipelines.latents import Autoencoder
from pipelines.networks.names import original_names
from pipelines.picture import Picture
from pipelines.recipe import Control, Hires, ImageRef, Mask, Recipe, Source
from pipelines.runner import Runner
from tests.pipelines import tiny

RECIPE = Recipe(prompt="a cat", checkpoint="tiny", width=64, height=64, steps=2, seed=1)
HINT, OTHER = ImageRef("hint"), ImageRef("other")
PICTURE = Picture(96, 64, "RGB", np.random.default_rng(1).integers(0, 255, 96 * 64 * 3, np.uint8).tobytes())
MASK = Picture(96, 64, "L", bytes([0] * 48 + [255] * 48) * 64)
IMAGES = {HINT: PICTURE, OTHER: MASK}
VAE = "first_stage_model."


@pytest.fixture(scope="module")
def unet(models: Path) -> Any:
    file = models / "checkpoints" / "tiny.safetensors"
    made = sd15.FAMILY.load(file, header.read(file), pick("cpu", "float32"))
    assert isinstance(made, LatentModel)
    return made.parts.unet


@pytest.fixture(scope="module")
def root(models: Path, unet: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("separate")
    for folder in ("checkpoints", "vae", "controlnet"):
        (root / folder).mkdir()
    for name in ("tiny", "twin"):
        (root / "checkpoints" / f"{name}.safetensors").symlink_to(models / "checkpoints" / "tiny.safetensors")
    own = {key: value for key, value in tiny.weights(0).items() if key.startswith(VAE)}
    other = {key: value for key, value in tiny.weights(7).items() if key.startswith(VAE)}
    save_file({key.removeprefix(VAE): value for key, value in own.items()}, root / "vae" / "own.safetensors")
    save_file(other, root / "vae" / "other.safetensors")
    save_file(
        {key.removeprefix(VAE): value for key, value in other.items()}, root / "checkpoints" / "twin.vae.safetensors"
    )
    torch.save({"state_dict": {key.removeprefix(VAE): value for key, value in other.items()}}, root / "vae" / "old.pt")
    file = tiny.write_file(root / "seven.safetensors", seed=7)
    folder = tiny.write_folder(root / "seven", file)
    (folder / "vae" / "diffusion_pytorch_model.safetensors").rename(root / "vae" / "diffusers.safetensors")
    wide = load_file(root / "vae" / "own.safetensors")
    wide["decoder.conv_in.weight"] = torch.zeros(4, 16, 3, 3)
    wide["post_quant_conv.weight"] = torch.zeros(16, 16, 1, 1)
    save_file(wide, root / "vae" / "wide.safetensors")
    control_networks(root / "controlnet", unet)
    return root


def control_networks(folder: Path, unet: Any) -> None:
    from diffusers.models.controlnets.controlnet import ControlNetModel

    made = ControlNetModel.from_unet(unet)
    save_file(contiguous(made.state_dict()), folder / "zero.safetensors")
    stream = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, value in made.named_parameters():
            if name.startswith(("controlnet_down_blocks", "controlnet_mid", "controlnet_cond_embedding.conv_out")):
                value.copy_(torch.randn(value.shape, generator=stream) * 0.2)
    save_file(contiguous(made.state_dict()), folder / "random.safetensors")
    names = {f"control_model.{key}": value for key, value in originals(made.state_dict()).items()}
    save_file(names, folder / "original.safetensors")
    save_file({"body.0.weight": torch.ones(2)}, folder / "adapter.safetensors")
    narrow = contiguous(made.state_dict())
    narrow |= {k: v[:, :32].contiguous() for k, v in narrow.items() if k.endswith("attn2.to_k.weight")}
    save_file(narrow, folder / "narrow.safetensors")


def contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: value.clone().contiguous() for key, value in tensors.items()}


def originals(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By the names of the original program, with what belongs to control networks alone written out by hand."""
    own = {"controlnet_mid_block": "middle_block_out.0", "controlnet_cond_embedding.conv_in": "input_hint_block.0"}
    own |= {
        f"controlnet_cond_embedding.blocks.{n}": f"input_hint_block.{place}"
        for n, place in enumerate((2, 4, 6, 8, 10, 12))
    }
    own |= {f"controlnet_down_blocks.{n}": f"zero_convs.{n}.0" for n in range(12)}
    own["controlnet_cond_embedding.conv_out"] = "input_hint_block.14"
    found: dict[str, Tensor] = {}
    for key, value in tensors.items():
        module, _, kind = key.rpartition(".")
        name = own.get(module) or original_names(module, 1)[0]
        found[f"{name}.{kind}"] = value.clone().contiguous()
    return found


@pytest.fixture(scope="module")
def runner(root: Path) -> Iterator[Runner]:
    made = Runner(root, root / "cache", device="cpu", dtype="float32")
    yield made
    made.close()


def events(runner: Runner, recipe: Recipe) -> list[Event]:
    return list(runner.run("job", recipe, IMAGES, lambda: False))


def picture(runner: Runner, recipe: Recipe) -> Picture:
    seen = events(runner, recipe)
    made = [event.picture for event in seen if isinstance(event, ImageMade)]
    assert len(made) == 1, seen[-1]
    return made[0]


def test_the_names_of_the_original_program_are_those_of_its_files(models: Path, unet: Any) -> None:
    tensors = load_file(models / "checkpoints" / "tiny.safetensors")
    for name, value in unet.state_dict().items():
        module, _, kind = name.rpartition(".")
        keys = [f"model.diffusion_model.{original}.{kind}" for original in original_names(module, 1)]
        assert any(key in tensors and torch.equal(tensors[key].float(), value) for key in keys), name


class TestVae:
    def test_a_copy_of_the_models_own_makes_the_same_picture(self, runner: Runner) -> None:
        assert picture(runner, replace(RECIPE, vae="own")) == picture(runner, RECIPE)

    @pytest.mark.parametrize("name", ["other", "old", "diffusers"])
    def test_every_layout_is_read(self, runner: Runner, name: str) -> None:
        changed = picture(runner, replace(RECIPE, vae=name))
        assert changed != picture(runner, RECIPE)
        assert changed == picture(runner, replace(RECIPE, checkpoint="twin"))

    def test_the_one_beside_the_checkpoint_is_taken_unless_told_otherwise(self, runner: Runner) -> None:
        own = picture(runner, RECIPE)
        assert picture(runner, replace(RECIPE, checkpoint="twin", vae="None")) == own
        assert picture(runner, replace(RECIPE, checkpoint="twin")) != own
        assert [entry.name for entry in runner.catalogue().checkpoints] == ["tiny", "twin"]

    def test_the_model_stays_in_memory_and_the_picture_tells_which_it_was(self, runner: Runner) -> None:
        picture(runner, RECIPE)
        seen = events(runner, replace(RECIPE, vae="other"))
        assert not [event for event in seen if isinstance(event, Loading)]
        (made,) = [event for event in seen if isinstance(event, ImageMade)]
        assert [(asset.kind, asset.name, len(asset.hash)) for asset in made.used] == [("vae", "other.safetensors", 10)]

    @pytest.mark.parametrize(
        ("name", "cause", "said"), [("nothing", "bad recipe", "no VAE 'nothing'"), ("wide", "model", "16 channels")]
    )
    def test_what_cannot_be_used_is_said(self, runner: Runner, name: str, cause: str, said: str) -> None:
        last = events(runner, replace(RECIPE, vae=name))[-1]
        assert isinstance(last, Failed) and last.cause == cause and said in last.message

    def test_one_that_leaves_half_precision_works_in_full_precision_and_says_so(self, models: Path) -> None:
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

        vae = AutoencoderKL(block_out_channels=(32,), norm_num_groups=32)
        with torch.no_grad():
            vae.decoder.conv_out.weight.mul_(1e6)
        half = Autoencoder(vae.half().eval(), "cpu", torch.float16)
        decoded = half.decode(torch.ones(1, 4, 8, 8))
        assert bool(torch.isfinite(decoded).all()) and half.raised and half.dtype == torch.float32


class TestControl:
    def with_control(self, **values: Any) -> Recipe:
        return replace(RECIPE, controls=(Control(HINT, **values),))

    def test_zero_convolutions_change_nothing(self, runner: Runner) -> None:
        assert picture(runner, self.with_control(model="zero")) == picture(runner, RECIPE)

    def test_both_layouts_of_one_network_make_the_same_picture(self, runner: Runner) -> None:
        guided = picture(runner, self.with_control(model="random"))
        assert guided != picture(runner, RECIPE)
        assert picture(runner, self.with_control(model="original")) == guided
        assert picture(runner, RECIPE) == picture(runner, self.with_control(model="random", weight=0.0))

    def test_the_hint_matters(self, runner: Runner) -> None:
        pictures = {
            picture(runner, self.with_control(model="random", preprocessor=name)) for name in ("", "canny", "invert")
        }
        assert len(pictures) == 3

    @pytest.mark.parametrize(
        "values", [{"end": 0.2}, {"start": 0.4}, {"mode": "prompt"}, {"mode": "control"}, {"weight": 0.5}]
    )
    def test_when_and_how_strongly_it_counts(self, runner: Runner, values: dict[str, Any]) -> None:
        whole = picture(runner, self.with_control(model="random"))
        part = picture(runner, self.with_control(model="random", **values))
        assert part not in (whole, picture(runner, RECIPE))

    def test_outside_of_its_part_of_the_steps_it_does_nothing(self, runner: Runner) -> None:
        assert picture(runner, self.with_control(model="random", start=0.9)) == picture(runner, RECIPE)

    def test_two_halves_are_a_whole(self, runner: Runner) -> None:
        half = Control(HINT, model="random", weight=0.5)
        whole = picture(runner, self.with_control(model="random"))
        assert near(picture(runner, replace(RECIPE, controls=(half, half))), whole)

    @pytest.mark.parametrize(
        "changed",
        [
            {"source": Source(HINT, 0.9)},
            {"source": Source(HINT, 0.9, mask=Mask(OTHER))},
            {"batch": 2, "sampler": "Heun"},
            {"prompt": "a cat AND a dog:0.5", "negative": "word " * 100},
        ],
    )
    def test_it_works_in_every_task(self, runner: Runner, changed: dict[str, Any]) -> None:
        recipe = replace(RECIPE, **changed)
        control = (Control(HINT, model="random"),)
        plain, guided = (
            [e.picture for e in events(runner, r) if isinstance(e, ImageMade)]
            for r in (recipe, replace(recipe, controls=control))
        )
        assert len(plain) == len(guided) == recipe.batch and plain != guided

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"model": "nothing"}, "no control model 'nothing'"),
            ({"model": ""}, "Choose a control model"),
            ({"model": "random", "preprocessor": "openpose"}, "no preprocessor 'openpose'"),
            ({"model": "adapter"}, "This is no ControlNet"),
            ({"model": "narrow"}, "made for another kind"),
        ],
    )
    def test_what_cannot_be_used_is_said(self, runner: Runner, values: dict[str, Any], said: str) -> None:
        last = events(runner, self.with_control(**values))[-1]
        assert isinstance(last, Failed) and said in last.message

    def test_the_picture_tells_of_it(self, runner: Runner) -> None:
        (made,) = [event for event in events(runner, self.with_control(model="random")) if isinstance(event, ImageMade)]
        assert [(asset.kind, asset.name, len(asset.hash)) for asset in made.used] == [("controlnet", "random", 10)]
        assert not [event for event in events(runner, self.with_control(model="random")) if isinstance(event, Note)]


def near(one: Picture, other: Picture) -> bool:
    first, second = (np.frombuffer(picture.pixels, np.uint8).astype(int) for picture in (one, other))
    return int(np.abs(first - second).max()) <= 1


class TestHints:
    def made(self, image: Image.Image, name: str, **values: Any) -> np.ndarray[Any, Any]:
        return np.asarray(hints.hint(image, Control(HINT, preprocessor=name, **values), *image.size))[..., 0]

    def test_canny_draws_one_line_around_a_square_and_none_in_a_flat_picture(self) -> None:
        image = Image.new("RGB", (32, 32), "black")
        image.paste("white", (8, 8, 24, 24))
        edges = self.made(image, "canny") > 0
        assert not edges[12:20, 12:20].any() and not edges[:6].any()
        assert all(edges[row].sum() == 2 for row in range(12, 20))
        assert all(edges[:, column].sum() == 2 for column in range(12, 20))
        assert not self.made(Image.new("RGB", (32, 32), "grey"), "canny").any()

    def test_canny_keeps_weak_lines_only_where_they_meet_strong_ones(self) -> None:
        ramp = np.zeros((32, 48, 3), np.uint8)
        ramp[16:, :24] = np.linspace(20, 120, 24, dtype=np.uint8)[None, :, None]
        ramp[16:, 36:] = 30
        edges = self.made(Image.fromarray(ramp), "canny", low=60.0, high=300.0) > 0
        assert edges[14:18, 4:20].any(), "the line goes on to where it is weak"
        assert not edges[14:18, 40:].any(), "a weak line alone is none"

    def test_the_others(self) -> None:
        image = Image.new("RGB", (32, 32), "white")
        image.paste("black", (15, 0, 17, 32))
        assert self.made(image, "invert")[0, 0] == 0 and self.made(image, "invert")[0, 15] == 255
        lines = self.made(image, "lineart")
        assert lines[16, 15] > 100 and lines[16, 0] == 0
        assert set(np.unique(self.made(image, "threshold"))) == {0, 255}
        assert self.made(image, "tile").std() < self.made(image, "none").std()
        assert self.made(image, "blur").std() < self.made(image, "none").std()

    @pytest.mark.parametrize("resize", ["stretch", "crop", "fill"])
    def test_any_picture_is_made_to_fit(self, resize: Any) -> None:
        control = Control(HINT, preprocessor="canny", resize=resize, resolution=64)
        assert hints.hint(Image.new("L", (7, 99)), control, 48, 40).size == (48, 40)

    def test_other_programs_names_are_understood(self) -> None:
        assert (
            hints.known("Canny") == "canny" and hints.known("tile_resample") == "tile" and hints.known("None") == "none"
        )
        assert hints.known("openpose_full") is None


def test_the_second_pass_is_guided_too(runner: Runner) -> None:
    recipe = replace(RECIPE, hires=Hires(scale=1.5, steps=1))
    assert picture(runner, recipe) != picture(
        runner, replace(recipe, controls=(Control(HINT, model="random", start=0.0),))
    )

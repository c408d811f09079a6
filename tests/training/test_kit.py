"""Kit's training: compositions repeat, the exported file is an SD 1.x checkpoint, a resumed run is the same run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors import safe_open
from torch import Tensor

from pipelines.training.attention import use_plain_attention
from pipelines.training.autoencoder import fold_statistics, latent_statistics, new_autoencoder
from pipelines.training.compose import Composer, Mixture
from pipelines.training.concepts import Subject, plural, read_subjects, with_article
from pipelines.training.diffusion import DiffusionTraining, spread_timesteps
from pipelines.training.emoji import SIZE, STYLES, Concept, Library
from pipelines.training.kitfile import Kit, export_kit, import_kit, names_of, new_kit
from pipelines.training.sheet import open_tokenizer
from pipelines.training.sprite import tint

VAE = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (32, 32, 64, 32),
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 32,
    "scaling_factor": 0.18215,
}
UNET = {
    "sample_size": 16,
    "down_block_types": (*("CrossAttnDownBlock2D",) * 3, "DownBlock2D"),
    "up_block_types": ("UpBlock2D", *("CrossAttnUpBlock2D",) * 3),
    "block_out_channels": (32, 64, 32, 32),
    "layers_per_block": 2,
    "cross_attention_dim": 64,
    "attention_head_dim": 8,
}
TEXT = {
    "vocab_size": 49408,
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 1,
    "hidden_act": "quick_gelu",
    "bos_token_id": 49406,
    "eos_token_id": 49407,
    "pad_token_id": 49407,
}


def tiny_kit(seed: int) -> Kit:
    kit = new_kit(seed, VAE, UNET, TEXT)
    for network in (kit.vae, kit.unet, kit.text):
        network.eval()
    return kit


@pytest.fixture
def library() -> Library:
    """Four concepts, two of them in the core, each a coloured disc in every style."""
    labels = ("fox", "red heart", "teapot", "anchor")
    concepts = tuple(Concept(f"{number:x}", label, ("thing",), 3) for number, label in enumerate(labels))
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    disc = np.hypot(rows - SIZE / 2, columns - SIZE / 2) < 50
    pixels = np.zeros((len(labels) * len(STYLES), SIZE, SIZE, 4), dtype=np.uint8)
    for row in range(len(pixels)):
        pixels[row][disc] = (220, 40 + 10 * row, 30, 255)
    owners = np.repeat(np.arange(len(labels), dtype=np.int32), len(STYLES))
    return Library(concepts, pixels, owners, STYLES * len(labels))


def test_compositions_repeat_and_have_their_shape(library: Library) -> None:
    mixture = Mixture(tail=0.2, two=0.2, count=0.2)
    first = [Composer(library, mixture).compose(3, number) for number in range(60)]
    again = [Composer(library, mixture).compose(3, number) for number in range(60)]
    other = [Composer(library, mixture).compose(4, number) for number in range(60)]
    assert [made.caption for made in first] == [made.caption for made in again]
    assert all(np.array_equal(one.pixels, two.pixels) for one, two in zip(first, again, strict=True))
    assert [made.caption for made in first] != [made.caption for made in other]
    assert all(made.pixels.shape == (SIZE, SIZE, 3) and made.pixels.dtype == np.uint8 for made in first)
    assert all(made.caption and made.caption == made.caption.strip() for made in first)
    captions = " | ".join(made.caption for made in first)
    for word in ("fox", "heart", "two ", " and ", "anchor", "background"):
        assert word in captions


def test_painting_changes_the_hue_and_keeps_the_alpha(library: Library) -> None:
    painted = tint(library.pixels[0], (40, 110, 225))
    middle = painted[SIZE // 2, SIZE // 2]
    assert middle[2] > middle[1] > middle[0]
    assert np.array_equal(painted[..., 3], library.pixels[0][..., 3])


def test_words_of_subjects() -> None:
    subjects = {subject.label: subject for subject in read_subjects()}
    assert subjects["red heart"] == Subject("red heart", ("heart",), "red", True, False)
    assert with_article("orange fox") == "an orange fox"
    assert with_article("unicorn") == "a unicorn"
    assert with_article("cherries", mass=True) == "cherries"
    plurals = [plural(noun) for noun in ("fox", "cup of coffee", "butterfly", "fish", "mouse", "toy")]
    assert plurals == ["foxes", "cups of coffee", "butterflies", "fish", "mice", "toys"]


def test_tokenizer_is_that_of_clip() -> None:
    tokenizer = open_tokenizer()
    assert tokenizer("a photo of a cat")["input_ids"] == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert tokenizer.model_max_length == 77


def test_export_is_an_sd1_checkpoint(tmp_path: Path) -> None:
    kit = tiny_kit(1)
    path = tmp_path / "kit.safetensors"
    export_kit(kit, path, {"kit.pictures": "12"})
    with safe_open(path, framework="pt") as file:
        keys = set(file.keys())
        assert {file.get_tensor(key).dtype for key in keys} == {torch.float16}
        metadata = file.metadata()
        assert file.get_tensor("first_stage_model.decoder.mid.attn_1.q.weight").shape == (32, 32, 1, 1)
    assert metadata["modelspec.title"] == "Kit" and metadata["modelspec.prediction_type"] == "v"
    assert metadata["modelspec.resolution"] == "128x128" and metadata["kit.pictures"] == "12"
    assert keys == {"v_pred", *names_of(kit)}
    for key in (
        "model.diffusion_model.input_blocks.0.0.weight",
        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight",
        "model.diffusion_model.input_blocks.3.0.op.weight",
        "model.diffusion_model.middle_block.1.proj_in.weight",
        "model.diffusion_model.output_blocks.2.1.conv.weight",
        "model.diffusion_model.output_blocks.5.2.conv.weight",
        "model.diffusion_model.output_blocks.3.0.skip_connection.weight",
        "model.diffusion_model.out.2.weight",
        "first_stage_model.encoder.down.0.downsample.conv.weight",
        "first_stage_model.decoder.up.3.upsample.conv.weight",
        "first_stage_model.quant_conv.weight",
        "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
        "cond_stage_model.transformer.text_model.encoder.layers.1.mlp.fc1.weight",
    ):
        assert key in keys


def write_configuration(kit: Kit, folder: Path) -> None:
    """A pipeline's folder without weights, as a loader has it."""
    kit.unet.save_config(folder / "unet")
    kit.vae.save_config(folder / "vae")


@torch.no_grad()
def test_others_read_the_export(tmp_path: Path) -> None:
    kit = tiny_kit(2)
    path = tmp_path / "kit.safetensors"
    export_kit(kit, path)
    write_configuration(kit, tmp_path)
    unet = UNet2DConditionModel.from_single_file(str(path), config=str(tmp_path), subfolder="unet")
    vae = AutoencoderKL.from_single_file(str(path), config=str(tmp_path), subfolder="vae")
    ours = tiny_kit(3)
    import_kit(path, ours)
    latents, states = torch.randn(1, 4, 16, 16), torch.randn(1, 77, 64)
    tokens = torch.randint(0, 49408, (1, 77))
    half = Kit(kit.vae.half().float(), kit.unet.half().float(), kit.text.half().float())
    for read in (unet, ours.unet):
        torch.testing.assert_close(read(latents, 5, states).sample, half.unet(latents, 5, states).sample)
    for read in (vae, ours.vae):
        torch.testing.assert_close(read.decode(latents).sample, half.vae.decode(latents).sample)
    wanted = half.text(input_ids=tokens).last_hidden_state
    torch.testing.assert_close(ours.text(input_ids=tokens).last_hidden_state, wanted)


@torch.no_grad()
def test_folding_leaves_the_pictures(tmp_path: Path) -> None:
    vae = tiny_kit(4).vae
    pictures = torch.rand(4, 3, 32, 32) * 2 - 1
    before = vae.decode(vae.encode(pictures).latent_dist.mean).sample
    fold_statistics(vae, *latent_statistics(vae, pictures), scaling=0.18215)
    posterior = vae.encode(pictures).latent_dist
    torch.testing.assert_close(vae.decode(posterior.mean).sample, before, atol=1e-3, rtol=1e-3)
    scaled = posterior.mean * 0.18215
    assert scaled.mean((0, 2, 3)).abs().max() < 0.1
    assert (scaled.std((0, 2, 3)) - 1).abs().max() < 0.1


@torch.no_grad()
def test_colours_pass_a_fresh_autoencoder() -> None:
    vae = new_autoencoder(1).eval()
    for channel in range(3):
        picture = torch.full((1, 3, 64, 64), -0.5)
        picture[:, channel] = 0.7
        made = vae.decode(vae.encode(picture).latent_dist.mean).sample[0, :, 16:48, 16:48].mean((1, 2))
        assert int(made.argmax()) == channel and float(made[channel]) > 0.2


class Noise:
    """Batches of noise, the same for the same step."""

    def draw(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(step)
        latents = torch.randn(count, 4, 8, 8, generator=generator)
        return latents, torch.randint(0, 49408, (count, 77), generator=generator)


def new_run(path: Path) -> DiffusionTraining:
    kit = new_kit(5, VAE, {**UNET, "layers_per_block": 1}, TEXT)
    empty = torch.full((77,), 49407)
    return DiffusionTraining(Noise(), kit.text, kit.unet, empty, path, batch=2)


def test_a_resumed_run_is_the_same_run(tmp_path: Path) -> None:
    whole = new_run(tmp_path / "whole.pt")
    whole.train(2)
    half = new_run(tmp_path / "half.pt")
    half.advance(2)
    half.save()
    rest = new_run(tmp_path / "half.pt")
    assert rest.resume() and rest.step == 1 and rest.pictures == 2
    rest.train(2)
    for one, other in (
        (whole.networks.state_dict(), rest.networks.state_dict()),
        (whole.average.values, rest.average.values),
    ):
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_timesteps_are_spread() -> None:
    timesteps = spread_timesteps(10, torch.Generator().manual_seed(1))
    assert sorted(int(value) // 100 for value in timesteps) == list(range(10))


@torch.no_grad()
def test_plain_attention_gives_the_same_numbers() -> None:
    kit = tiny_kit(6)
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(2, 4, 16, 16, generator=generator)
    tokens = torch.randint(0, 49408, (2, 77), generator=generator)

    def predicted() -> Tensor:
        states = kit.text(input_ids=tokens).last_hidden_state
        return kit.unet(latents, 500, states).sample

    fused = predicted()
    use_plain_attention(kit.text, kit.unet)
    torch.testing.assert_close(predicted(), fused, rtol=1e-4, atol=1e-4)


def test_kit_knows_two_hundred_subjects() -> None:
    subjects = read_subjects()
    assert len(subjects) == len({subject.label for subject in subjects}) == 200
    nouns = [noun for subject in subjects for noun in subject.nouns]
    assert len(nouns) == len(set(nouns))

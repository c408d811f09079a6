"""FLUX.1 and Chroma as people have them: a transformer in a single file, text encoders and autoencoder beside it."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pipelines import flux_layout
from pipelines.recipe import Recipe
from pipelines.runner import Runner
from tests.pipelines import tiny
from tests.pipelines.test_pipeline_families import MASKED, SOURCE, picture
from tests.pipelines.test_runner import events, failed
from tests.pipelines.test_weights import gguf

RECIPE = Recipe("a red fox", "", "", 64, 64, steps=2, sampler="Euler", seed=11, guidance=3.0)
WIDTH, HEAD, TEXT, POOLED = 64, 32, 32, 32
Shapes = dict[str, tuple[int, ...]]


def pair(key: str, *shape: int) -> Shapes:
    return {f"{key}.weight": shape, f"{key}.bias": shape[:1]}


def flux_shapes(inputs: int = 64, out: int = WIDTH, into: int = WIDTH, head: int = HEAD, guided: bool = True) -> Shapes:
    """The original names. out: rows of the layers; into: their columns."""
    shapes = pair("img_in", out, inputs) | pair("txt_in", out, TEXT)
    shapes |= pair("final_layer.linear", 64, into) | pair("final_layer.adaLN_modulation.1", 2 * out, into)
    for name, columns in (("time_in", 256), ("vector_in", POOLED), ("guidance_in", 256)):
        if guided or name != "guidance_in":
            shapes |= pair(f"{name}.in_layer", out, columns) | pair(f"{name}.out_layer", out, into)
    for side in ("img", "txt"):
        shapes |= pair(f"double_blocks.0.{side}_mod.lin", 6 * out, into)
    shapes |= pair("single_blocks.0.modulation.lin", 3 * out, into)
    return shapes | _blocks(out, into, head)


def chroma_shapes(out: int = WIDTH, into: int = WIDTH, head: int = HEAD) -> Shapes:
    hidden = 32
    shapes = pair("img_in", out, 64) | pair("txt_in", out, TEXT) | pair("final_layer.linear", 64, into)
    shapes |= pair("distilled_guidance_layer.in_proj", hidden, 64) | pair(
        "distilled_guidance_layer.out_proj", out, hidden
    )
    shapes |= pair("distilled_guidance_layer.layers.0.in_layer", hidden, hidden)
    shapes |= pair("distilled_guidance_layer.layers.0.out_layer", hidden, hidden)
    shapes["distilled_guidance_layer.norms.0.scale"] = (hidden,)
    return shapes | _blocks(out, into, head)


def _blocks(out: int, into: int, head: int) -> Shapes:
    shapes: Shapes = {}
    for side in ("img", "txt"):
        block = f"double_blocks.0.{side}"
        shapes |= pair(f"{block}_attn.qkv", 3 * out, into) | pair(f"{block}_attn.proj", out, into)
        shapes |= pair(f"{block}_mlp.0", 4 * out, into) | pair(f"{block}_mlp.2", out, 4 * into)
        shapes |= {f"{block}_attn.norm.{name}_norm.scale": (head,) for name in ("query", "key")}
    shapes |= {f"single_blocks.0.norm.{name}_norm.scale": (head,) for name in ("query", "key")}
    return shapes | pair("single_blocks.0.linear1", 7 * out, into) | pair("single_blocks.0.linear2", out, 5 * into)


def filled(shapes: Shapes, prefix: str = "") -> dict[str, torch.Tensor]:
    stream = torch.Generator().manual_seed(0)
    return {prefix + key: torch.randn(shape, generator=stream) * 0.1 for key, shape in shapes.items()}


def text_encoders(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    clip = {f"text_model.{key}": value for key, value in filled(dict(tiny._text(TEXT))).items()}  # pyright: ignore[reportPrivateUsage]
    save_file(clip, folder / "clip_l.safetensors")
    shapes: Shapes = {"shared.weight": (32128, TEXT), "encoder.final_layer_norm.weight": (TEXT,)}
    layer = "encoder.block.0.layer."
    shapes |= {f"{layer}0.SelfAttention.{name}.weight": (32, TEXT) for name in ("q", "k", "v")}
    shapes |= {f"{layer}0.SelfAttention.o.weight": (TEXT, 32), f"{layer}1.DenseReluDense.wo.weight": (TEXT, 32)}
    shapes |= {f"{layer}1.DenseReluDense.{name}.weight": (32, TEXT) for name in ("wi_0", "wi_1")}
    shapes |= {f"{layer}{place}.layer_norm.weight": (TEXT,) for place in (0, 1)}
    shapes[f"{layer}0.SelfAttention.relative_attention_bias.weight"] = (32, 4)
    save_file(filled(shapes), folder / "t5xxl.safetensors")


def autoencoder(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shapes = {key: shape for key, shape in tiny._vae() if "quant_conv" not in key}  # pyright: ignore[reportPrivateUsage]
    shapes |= pair("encoder.conv_out", 32, 32, 3, 3) | pair("decoder.conv_in", 32, 16, 3, 3)
    save_file(filled(shapes), path)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    root = tmp_path_factory.mktemp("flux")
    checkpoints = root / "checkpoints"
    checkpoints.mkdir()
    save_file(filled(flux_shapes()), checkpoints / "dev.safetensors")
    save_file(filled(flux_shapes(guided=False), "model.diffusion_model."), checkpoints / "schnell.safetensors")
    save_file(filled(flux_shapes(384)), checkpoints / "fill.safetensors")
    save_file(filled(chroma_shapes()), checkpoints / "chroma.safetensors")
    save_file(
        {key: value.to(torch.float8_e4m3fn) for key, value in filled(flux_shapes()).items()},
        checkpoints / "fp8.safetensors",
    )
    gguf(checkpoints / "q8.gguf", filled(flux_shapes()), "Q8_0")
    text_encoders(root / "text_encoders")
    autoencoder(root / "vae" / "ae.safetensors")
    runner = Runner(root, tmp_path_factory.mktemp("cache"), device="cpu", dtype="float32")
    yield runner
    runner.close()


@pytest.mark.parametrize(
    ("name", "family", "title"),
    [
        ("dev", "flux", "FLUX.1 dev"),
        ("schnell", "flux", "FLUX.1 schnell"),
        ("fp8", "flux", "FLUX.1 dev"),
        ("q8", "flux", "FLUX.1 dev"),
        ("chroma", "chroma", ""),
    ],
)
def test_a_transformer_takes_its_parts_from_the_folders_beside_it(
    runner: Runner, name: str, family: str, title: str
) -> None:
    entry = runner.catalogue().checkpoint(name)
    assert entry is not None and (entry.family, entry.title, entry.problem) == (family, title, "")
    recipe = replace(RECIPE, checkpoint=name)
    text = picture(runner, recipe)
    for source in (SOURCE, MASKED):
        assert (picture(runner, replace(recipe, source=source)) != text).any()
    assert (picture(runner, replace(recipe, prompt="a blue house")) != text).any()


def test_the_same_model_in_fewer_bits_makes_nearly_the_same_picture(runner: Runner) -> None:
    whole, small = (picture(runner, replace(RECIPE, checkpoint=name)) for name in ("dev", "q8"))
    assert (
        abs(whole - small).mean() < abs(whole - picture(runner, replace(RECIPE, checkpoint="dev", seed=12))).mean() / 4
    )


def test_a_model_for_filling_is_told_by_its_inputs(runner: Runner) -> None:
    entry = runner.catalogue().checkpoint("fill")
    assert entry is not None and (entry.title, entry.tasks) == ("FLUX.1 Fill", ("inpaint",))
    picture(runner, replace(RECIPE, checkpoint="fill", source=replace(MASKED, strength=1.0)))


def test_a_missing_part_is_named_with_its_place_and_where_it_can_be_had(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    save_file(filled(flux_shapes()), tmp_path / "checkpoints" / "dev.safetensors")
    autoencoder(tmp_path / "vae" / "ae.safetensors")
    (tmp_path / "vae" / "broken.safetensors").write_bytes(b"nonsense")
    runner = Runner(tmp_path, tmp_path / "cache", device="cpu", dtype="float32")
    said = failed(events(runner, replace(RECIPE, checkpoint="dev")))
    assert "dev is a FLUX.1 transformer without all of its parts" in said.message
    assert "t5xxl" in said.message and "clip_l" in said.message and "models/text_encoders" in said.message
    assert "ae.safetensors" not in said.message and "huggingface.co" in said.hint
    runner.close()


@pytest.mark.parametrize("kind", ["flux", "chroma"])
def test_names_are_changed_as_diffusers_changes_them(kind: str) -> None:
    """Its own converters know one size only, by the rows of the layers; the columns may be few."""
    from diffusers.loaders import single_file_utils as theirs

    shapes = flux_shapes(out=3072, into=2, head=128) if kind == "flux" else chroma_shapes(3072, 2, 128)
    tensors = filled(shapes)
    convert = getattr(theirs, f"convert_{kind}_transformer_checkpoint_to_diffusers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        wanted = convert(dict(tensors))
    found = flux_layout.weights(tensors)
    assert sorted(found) == sorted(wanted)
    assert all(torch.equal(found[key], value) for key, value in wanted.items())


def test_the_real_sizes_are_told() -> None:
    shapes = flux_shapes(out=3072, into=3072, head=128)
    told = flux_layout.sizes({key: torch.empty(shape, device="meta") for key, shape in shapes.items()})
    assert (told["num_attention_heads"], told["axes_dims_rope"], told["guidance_embeds"]) == (24, (16, 56, 56), True)

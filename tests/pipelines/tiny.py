"""A very small SD 1.x checkpoint with random weights, in both layouts that people have."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

Shapes = dict[str, tuple[int, ...]]

CONTEXT = 64
UNET_LEVELS = (32, 64, 64)
UNET_ATTENTION = (True, True, False)
VAE_LEVELS = (32, 32, 32, 32)
LATENTS = 4


def write_file(path: Path, *, seed: int = 0, metadata: Mapping[str, str] | None = None, v: bool = False) -> Path:
    """A single file in the original key layout, fp16."""
    tensors = weights(seed)
    if v:
        tensors["v_pred"] = torch.zeros(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, dict(metadata or {}))
    return path


def write_folder(path: Path, file: Path) -> Path:
    """The same weights as a diffusers folder."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from safetensors.torch import load_file
    from transformers import CLIPTextConfig, CLIPTextModel

    from pipelines import header
    from pipelines.families import sd15

    facts, tensors = header.read(file), {key: value.float() for key, value in load_file(file).items()}
    unet = UNet2DConditionModel(**sd15.unet_sizes(facts))
    unet.load_state_dict(convert_ldm_unet_checkpoint(dict(tensors), sd15.unet_sizes(facts)))
    vae = AutoencoderKL(**sd15.vae_sizes(facts))
    vae.load_state_dict(convert_ldm_vae_checkpoint(dict(tensors), sd15.vae_sizes(facts)))
    text = CLIPTextModel(CLIPTextConfig(**sd15.text_sizes(facts)))
    prefix = "cond_stage_model.transformer.text_model."
    text.load_state_dict({key.removeprefix(prefix): v for key, v in tensors.items() if key.startswith(prefix)})
    unet.save_pretrained(path / "unet")
    vae.save_pretrained(path / "vae")
    text.save_pretrained(path / "text_encoder")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
    }
    (path / "model_index.json").write_text(json.dumps(index))
    return path


def weights(seed: int = 0) -> dict[str, torch.Tensor]:
    """Scaled so that signals keep their size on the way through."""
    stream = torch.Generator().manual_seed(seed)
    tensors: dict[str, torch.Tensor] = {}
    for key, shape in shapes().items():
        value = torch.randn(shape, generator=stream)
        if key.endswith("bias") or "embedding" in key:
            value = value * 0.02
        elif len(shape) == 1:
            value = 1 + value * 0.05
        else:
            value = value * (0.9 / math.sqrt(math.prod(shape[1:])))
        tensors[key] = value.half()
    return tensors


def shapes() -> Shapes:
    return {
        **{f"model.diffusion_model.{key}": shape for key, shape in _unet()},
        **{f"first_stage_model.{key}": shape for key, shape in _vae()},
        **{f"cond_stage_model.transformer.text_model.{key}": shape for key, shape in _text()},
    }


Items = Iterator[tuple[str, tuple[int, ...]]]


def _pair(key: str, *shape: int, bias: bool = True) -> Items:
    yield f"{key}.weight", shape
    if bias:
        yield f"{key}.bias", shape[:1]


def _unet() -> Items:
    first = UNET_LEVELS[0]
    yield from _pair("time_embed.0", 4 * first, first)
    yield from _pair("time_embed.2", 4 * first, 4 * first)
    yield from _pair("input_blocks.0.0", first, LATENTS, 3, 3)
    index, width, skips = 1, first, [first]
    for level, (out, attention) in enumerate(zip(UNET_LEVELS, UNET_ATTENTION, strict=True)):
        yield from _residual(f"input_blocks.{index}.0", width, out, 4 * first)
        if attention:
            yield from _attention(f"input_blocks.{index}.1", out)
        width, index, skips = out, index + 1, [*skips, out]
        if level < len(UNET_LEVELS) - 1:
            yield from _pair(f"input_blocks.{index}.0.op", out, out, 3, 3)
            index, skips = index + 1, [*skips, out]
    yield from _residual("middle_block.0", width, width, 4 * first)
    yield from _attention("middle_block.1", width)
    yield from _residual("middle_block.2", width, width, 4 * first)
    index = 0
    for level in reversed(range(len(UNET_LEVELS))):
        out = UNET_LEVELS[level]
        for repeat in range(2):
            yield from _residual(f"output_blocks.{index}.0", width + skips.pop(), out, 4 * first)
            width = out
            if UNET_ATTENTION[level]:
                yield from _attention(f"output_blocks.{index}.1", out)
            if level and repeat == 1:
                place = 2 if UNET_ATTENTION[level] else 1
                yield from _pair(f"output_blocks.{index}.{place}.conv", out, out, 3, 3)
            index += 1
    yield from _pair("out.0", first)
    yield from _pair("out.2", LATENTS, first, 3, 3)


def _residual(key: str, into: int, out: int, time: int) -> Items:
    yield from _pair(f"{key}.in_layers.0", into)
    yield from _pair(f"{key}.in_layers.2", out, into, 3, 3)
    yield from _pair(f"{key}.emb_layers.1", out, time)
    yield from _pair(f"{key}.out_layers.0", out)
    yield from _pair(f"{key}.out_layers.3", out, out, 3, 3)
    if into != out:
        yield from _pair(f"{key}.skip_connection", out, into, 1, 1)


def _attention(key: str, width: int) -> Items:
    yield from _pair(f"{key}.norm", width)
    yield from _pair(f"{key}.proj_in", width, width, 1, 1)
    block = f"{key}.transformer_blocks.0"
    for name, context in (("attn1", width), ("attn2", CONTEXT)):
        yield from _pair(f"{block}.{name}.to_q", width, width, bias=False)
        yield from _pair(f"{block}.{name}.to_k", width, context, bias=False)
        yield from _pair(f"{block}.{name}.to_v", width, context, bias=False)
        yield from _pair(f"{block}.{name}.to_out.0", width, width)
    yield from _pair(f"{block}.ff.net.0.proj", 8 * width, width)
    yield from _pair(f"{block}.ff.net.2", width, 4 * width)
    for number in (1, 2, 3):
        yield from _pair(f"{block}.norm{number}", width)
    yield from _pair(f"{key}.proj_out", width, width, 1, 1)


def _vae() -> Items:
    first, last = VAE_LEVELS[0], VAE_LEVELS[-1]
    yield from _pair("encoder.conv_in", first, 3, 3, 3)
    width = first
    for level, out in enumerate(VAE_LEVELS):
        yield from _vae_block(f"encoder.down.{level}.block.0", width, out)
        width = out
        if level < len(VAE_LEVELS) - 1:
            yield from _pair(f"encoder.down.{level}.downsample.conv", out, out, 3, 3)
    yield from _vae_middle("encoder", last)
    yield from _pair("encoder.conv_out", 2 * LATENTS, last, 3, 3)
    yield from _pair("decoder.conv_in", last, LATENTS, 3, 3)
    yield from _vae_middle("decoder", last)
    width = last
    for level in reversed(range(len(VAE_LEVELS))):
        for repeat in range(2):
            yield from _vae_block(f"decoder.up.{level}.block.{repeat}", width, VAE_LEVELS[level])
            width = VAE_LEVELS[level]
        if level:
            yield from _pair(f"decoder.up.{level}.upsample.conv", width, width, 3, 3)
    yield from _pair("decoder.norm_out", first)
    yield from _pair("decoder.conv_out", 3, first, 3, 3)
    yield from _pair("quant_conv", 2 * LATENTS, 2 * LATENTS, 1, 1)
    yield from _pair("post_quant_conv", LATENTS, LATENTS, 1, 1)


def _vae_block(key: str, into: int, out: int) -> Items:
    yield from _pair(f"{key}.norm1", into)
    yield from _pair(f"{key}.conv1", out, into, 3, 3)
    yield from _pair(f"{key}.norm2", out)
    yield from _pair(f"{key}.conv2", out, out, 3, 3)
    if into != out:
        yield from _pair(f"{key}.nin_shortcut", out, into, 1, 1)


def _vae_middle(side: str, width: int) -> Items:
    yield from _vae_block(f"{side}.mid.block_1", width, width)
    yield from _pair(f"{side}.mid.attn_1.norm", width)
    for name in ("q", "k", "v", "proj_out"):
        yield from _pair(f"{side}.mid.attn_1.{name}", width, width, 1, 1)
    yield from _vae_block(f"{side}.mid.block_2", width, width)
    yield from _pair(f"{side}.norm_out", width)


def _text() -> Items:
    yield "embeddings.token_embedding.weight", (49408, CONTEXT)
    yield "embeddings.position_embedding.weight", (77, CONTEXT)
    for layer in range(2):
        key = f"encoder.layers.{layer}"
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            yield from _pair(f"{key}.self_attn.{name}", CONTEXT, CONTEXT)
        yield from _pair(f"{key}.layer_norm1", CONTEXT)
        yield from _pair(f"{key}.mlp.fc1", 4 * CONTEXT, CONTEXT)
        yield from _pair(f"{key}.mlp.fc2", CONTEXT, 4 * CONTEXT)
        yield from _pair(f"{key}.layer_norm2", CONTEXT)
    yield from _pair("final_layer_norm", CONTEXT)

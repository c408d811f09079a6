"""Very small U-Net checkpoints with random weights, in both layouts that people have."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

Shapes = dict[str, tuple[int, ...]]

CONTEXT = 64
UNET_LEVELS = (32, 64, 64)
VAE_LEVELS = (32, 32, 32, 32)
LATENTS = 4


@dataclass(frozen=True)
class Text:
    """prefix: of its keys; folder: its place in a diffusers folder; width: of a token's vector."""

    prefix: str
    open_clip: bool = False
    width: int = CONTEXT
    folder: str = "text_encoder"


@dataclass(frozen=True)
class Style:
    """What tells the families apart. depth: transformer blocks of each level of the U-Net, the last one the middle's;
    labels: width of what is told besides the text."""

    texts: tuple[Text, ...] = (Text("cond_stage_model.transformer.text_model."),)
    inputs: int = LATENTS
    linear: bool = False
    depth: tuple[int, int, int, int] = (1, 1, 0, 1)
    labels: int = 0

    @property
    def context(self) -> int:
        return sum(text.width for text in self.texts)


SD1 = Style()
SD1_INPAINT = Style(inputs=9)
PIX2PIX = Style(inputs=8)
SD2 = Style((Text("cond_stage_model.model.", open_clip=True),), linear=True)
SD2_INPAINT = Style(SD2.texts, inputs=9, linear=True)
_L = Text("conditioner.embedders.0.transformer.text_model.", width=32)
_G = Text("conditioner.embedders.1.model.", open_clip=True, folder="text_encoder_2")
SDXL = Style((_L, _G), linear=True, depth=(0, 1, 2, 2), labels=CONTEXT + 6 * 256)
SDXL_INPAINT = Style((_L, _G), inputs=9, linear=True, depth=(0, 1, 2, 2), labels=CONTEXT + 6 * 256)
REFINER = Style(
    (Text("conditioner.embedders.0.model.", open_clip=True, folder="text_encoder_2"),),
    linear=True,
    depth=(0, 1, 0, 1),
    labels=CONTEXT + 5 * 256,
)


def write_file(
    path: Path,
    *,
    seed: int = 0,
    metadata: Mapping[str, str] | None = None,
    v: bool = False,
    style: Style = SD1,
    more: Mapping[str, torch.Tensor] | None = None,
) -> Path:
    """A single file in the original key layout, fp16."""
    tensors = weights(seed, style) | dict(more or {})
    if v:
        tensors["v_pred"] = torch.zeros(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, dict(metadata or {}))
    return path


def write_folder(path: Path, file: Path, style: Style = SD1, index: str = "StableDiffusionPipeline") -> Path:
    """The same weights as a diffusers folder."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    from pipelines import header, unet_layout, weights

    facts = header.read(file)

    def under(prefix: str) -> dict[str, torch.Tensor]:
        return weights.read(file, facts, torch.float32, prefix)

    sizes, vae_sizes = unet_layout.unet_sizes(facts), unet_layout.vae_sizes(facts)
    if style.labels:
        vae_sizes["scaling_factor"] = 0.13025
    unet = UNet2DConditionModel(**sizes)
    unet.load_state_dict(unet_layout.unet_weights(under(unet_layout.UNET), sizes))
    vae = AutoencoderKL(**vae_sizes)
    vae.load_state_dict(unet_layout.vae_weights(under(unet_layout.VAE), vae_sizes))
    parts = {"unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}
    for text in style.texts:
        if text.open_clip:
            config = unet_layout.open_clip_sizes(facts, text.prefix, dropped=0 if style.labels else 1)
            given = unet_layout.open_clip_weights(under(text.prefix), config)
        else:
            config = unet_layout.clip_sizes(facts, text.prefix)
            given = under(text.prefix)
        cls = CLIPTextModelWithProjection if style.labels and text.open_clip else CLIPTextModel
        model = cls(CLIPTextConfig(**config))
        names = {key.removeprefix("text_model."): key for key in model.state_dict()}
        model.load_state_dict({names[key]: value for key, value in given.items() if key in names})
        model.save_pretrained(path / text.folder)
        parts[text.folder] = ["transformers", cls.__name__]
    unet.save_pretrained(path / "unet")
    vae.save_pretrained(path / "vae")
    (path / "model_index.json").write_text(json.dumps({"_class_name": index, **parts}))
    return path


def weights(seed: int = 0, style: Style = SD1) -> dict[str, torch.Tensor]:
    """Scaled so that signals keep their size on the way through."""
    stream = torch.Generator().manual_seed(seed)
    tensors: dict[str, torch.Tensor] = {}
    for key, shape in shapes(style).items():
        value = torch.randn(shape, generator=stream)
        if key.endswith("bias") or "embedding" in key:
            value = value * 0.02
        elif len(shape) == 1:
            value = 1 + value * 0.05
        else:
            value = value * (0.9 / math.sqrt(math.prod(shape[1:])))
        tensors[key] = value.half()
    return tensors


def shapes(style: Style = SD1) -> Shapes:
    texts = {
        f"{text.prefix}{key}": shape
        for text in style.texts
        for key, shape in (_open_clip(text.width) if text.open_clip else _text(text.width))
    }
    return {
        **{f"model.diffusion_model.{key}": shape for key, shape in _unet(style)},
        **{f"first_stage_model.{key}": shape for key, shape in _vae()},
        **texts,
    }


Items = Iterator[tuple[str, tuple[int, ...]]]


def _pair(key: str, *shape: int, bias: bool = True) -> Items:
    yield f"{key}.weight", shape
    if bias:
        yield f"{key}.bias", shape[:1]


def _unet(style: Style) -> Items:
    first, depth = UNET_LEVELS[0], style.depth
    yield from _pair("time_embed.0", 4 * first, first)
    yield from _pair("time_embed.2", 4 * first, 4 * first)
    if style.labels:
        yield from _pair("label_emb.0.0", 4 * first, style.labels)
        yield from _pair("label_emb.0.2", 4 * first, 4 * first)
    yield from _pair("input_blocks.0.0", first, style.inputs, 3, 3)
    index, width, skips = 1, first, [first]
    for level, out in enumerate(UNET_LEVELS):
        yield from _residual(f"input_blocks.{index}.0", width, out, 4 * first)
        yield from _attention(f"input_blocks.{index}.1", out, depth[level], style)
        width, index, skips = out, index + 1, [*skips, out]
        if level < len(UNET_LEVELS) - 1:
            yield from _pair(f"input_blocks.{index}.0.op", out, out, 3, 3)
            index, skips = index + 1, [*skips, out]
    yield from _residual("middle_block.0", width, width, 4 * first)
    yield from _attention("middle_block.1", width, depth[-1], style)
    yield from _residual("middle_block.2", width, width, 4 * first)
    index = 0
    for level in reversed(range(len(UNET_LEVELS))):
        out = UNET_LEVELS[level]
        for repeat in range(2):
            yield from _residual(f"output_blocks.{index}.0", width + skips.pop(), out, 4 * first)
            width = out
            yield from _attention(f"output_blocks.{index}.1", out, depth[level], style)
            if level and repeat == 1:
                place = 2 if depth[level] else 1
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


def _attention(key: str, width: int, depth: int, style: Style) -> Items:
    if not depth:
        return
    point = () if style.linear else (1, 1)
    yield from _pair(f"{key}.norm", width)
    yield from _pair(f"{key}.proj_in", width, width, *point)
    for index in range(depth):
        block = f"{key}.transformer_blocks.{index}"
        for name, context in (("attn1", width), ("attn2", style.context)):
            yield from _pair(f"{block}.{name}.to_q", width, width, bias=False)
            yield from _pair(f"{block}.{name}.to_k", width, context, bias=False)
            yield from _pair(f"{block}.{name}.to_v", width, context, bias=False)
            yield from _pair(f"{block}.{name}.to_out.0", width, width)
        yield from _pair(f"{block}.ff.net.0.proj", 8 * width, width)
        yield from _pair(f"{block}.ff.net.2", width, 4 * width)
        for number in (1, 2, 3):
            yield from _pair(f"{block}.norm{number}", width)
    yield from _pair(f"{key}.proj_out", width, width, *point)


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


def _text(width: int) -> Items:
    yield "embeddings.token_embedding.weight", (49408, width)
    yield "embeddings.position_embedding.weight", (77, width)
    for layer in range(2):
        key = f"encoder.layers.{layer}"
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            yield from _pair(f"{key}.self_attn.{name}", width, width)
        yield from _pair(f"{key}.layer_norm1", width)
        yield from _pair(f"{key}.mlp.fc1", 4 * width, width)
        yield from _pair(f"{key}.mlp.fc2", width, 4 * width)
        yield from _pair(f"{key}.layer_norm2", width)
    yield from _pair("final_layer_norm", width)


def _open_clip(width: int) -> Items:
    yield "positional_embedding", (77, width)
    yield "token_embedding.weight", (49408, width)
    for layer in range(2):
        key = f"transformer.resblocks.{layer}"
        yield f"{key}.attn.in_proj_weight", (3 * width, width)
        yield f"{key}.attn.in_proj_bias", (3 * width,)
        yield from _pair(f"{key}.attn.out_proj", width, width)
        yield from _pair(f"{key}.ln_1", width)
        yield from _pair(f"{key}.ln_2", width)
        yield from _pair(f"{key}.mlp.c_fc", 4 * width, width)
        yield from _pair(f"{key}.mlp.c_proj", width, 4 * width)
    yield from _pair("ln_final", width)
    yield "text_projection", (width, width)

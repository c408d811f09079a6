"""Kit's file: sizes of the three networks, and their tensors in the layout of an SD 1.x checkpoint, half precision.

The original layout's names are facts of the public checkpoints: `model.diffusion_model.*` (U-Net),
`first_stage_model.*` (autoencoder), `cond_stage_model.transformer.text_model.*` (CLIP text model).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from pipelines.training.emoji import SIZE

SCALING: Final = 0.18215
VAE_CONFIG: Final[dict[str, Any]] = {
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (96, 64, 128, 128),
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 32,
    "sample_size": SIZE,
    "scaling_factor": SCALING,
}
UNET_CONFIG: Final[dict[str, Any]] = {
    "sample_size": SIZE // 8,
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": (*("CrossAttnDownBlock2D",) * 3, "DownBlock2D"),
    "up_block_types": ("UpBlock2D", *("CrossAttnUpBlock2D",) * 3),
    "block_out_channels": (96, 160, 192, 160),
    "layers_per_block": 1,
    "cross_attention_dim": 192,
    "attention_head_dim": 8,
    "norm_num_groups": 32,
}
TEXT_CONFIG: Final[dict[str, Any]] = {
    "vocab_size": 49408,
    "hidden_size": 192,
    "intermediate_size": 768,
    "num_hidden_layers": 4,
    "num_attention_heads": 3,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "bos_token_id": 49406,
    "eos_token_id": 49407,
    "pad_token_id": 49407,
}
UNET_PREFIX: Final = "model.diffusion_model."
VAE_PREFIX: Final = "first_stage_model."
TEXT_PREFIX: Final = "cond_stage_model.transformer.text_model."
METADATA: Final = {
    "modelspec.sai_model_spec": "1.0.0",
    "modelspec.architecture": "stable-diffusion-v1",
    "modelspec.implementation": "https://github.com/CompVis/stable-diffusion",
    "modelspec.title": "Kit",
    "modelspec.author": "Snowfox",
    "modelspec.description": "A small latent diffusion model of emoji-like pictures, trained from scratch for Snowfox.",
    "modelspec.resolution": f"{SIZE}x{SIZE}",
    "modelspec.prediction_type": "v",
    "modelspec.license": "CC-BY-4.0",
    "modelspec.attribution": "Trained on Fluent Emoji (Microsoft, MIT), Noto Emoji (Google, Apache-2.0) and Twemoji "
    "(Twitter and contributors, CC BY 4.0); vocabulary of CLIP (OpenAI, MIT); word vectors from "
    "all-MiniLM-L6-v2 (Apache-2.0).",
}

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Kit:
    """The three networks."""

    vae: AutoencoderKL
    unet: UNet2DConditionModel
    text: CLIPTextModel


def new_kit(
    seed: int,
    vae: dict[str, Any] | None = None,
    unet: dict[str, Any] | None = None,
    text: dict[str, Any] | None = None,
) -> Kit:
    """Fresh networks; other configurations than Kit's own serve tests."""
    torch.manual_seed(seed)
    return Kit(
        AutoencoderKL(**(vae or VAE_CONFIG)),
        UNet2DConditionModel(**(unet or UNET_CONFIG)),
        CLIPTextModel(CLIPTextConfig(**(text or TEXT_CONFIG))),
    )


@torch.no_grad()
def quieten(unet: UNet2DConditionModel) -> None:
    """Zeroes the last layer of every residual branch and of the U-Net, so that a fresh one begins as the identity."""
    for name, value in unet.named_parameters():
        if re.search(r"(\.conv2|\.proj_out|^conv_out)\.(weight|bias)$", name):
            value.zero_()


@torch.no_grad()
def quieten_text(text: CLIPTextModel) -> None:
    """Zeroes the last layer of every residual branch of the text model: a fresh one passes its embeddings on."""
    for name, value in text.named_parameters():
        if re.search(r"(\.out_proj|\.fc2)\.(weight|bias)$", name):
            value.zero_()


def substitute(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    """The name after every rule (pattern, replacement)."""
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


UNET_RULES: Final = (
    (r"^time_embedding\.linear_1\.", "time_embed.0."),
    (r"^time_embedding\.linear_2\.", "time_embed.2."),
    (r"^conv_in\.", "input_blocks.0.0."),
    (r"^conv_norm_out\.", "out.0."),
    (r"^conv_out\.", "out.2."),
    (r"^mid_block\.resnets\.0\.", "middle_block.0."),
    (r"^mid_block\.attentions\.0\.", "middle_block.1."),
    (r"^mid_block\.resnets\.1\.", "middle_block.2."),
)
RESIDUAL_RULES: Final = (
    (r"\.norm1\.", ".in_layers.0."),
    (r"\.conv1\.", ".in_layers.2."),
    (r"\.time_emb_proj\.", ".emb_layers.1."),
    (r"\.norm2\.", ".out_layers.0."),
    (r"\.conv2\.", ".out_layers.3."),
    (r"\.conv_shortcut\.", ".skip_connection."),
)
VAE_RULES: Final = (
    (r"\.down_blocks\.(\d)\.resnets\.", r".down.\1.block."),
    (r"\.down_blocks\.(\d)\.downsamplers\.0\.", r".down.\1.downsample."),
    (r"\.up_blocks\.(\d)\.resnets\.", r".up.\1.block."),
    (r"\.up_blocks\.(\d)\.upsamplers\.0\.", r".up.\1.upsample."),
    (r"\.mid_block\.resnets\.0\.", ".mid.block_1."),
    (r"\.mid_block\.resnets\.1\.", ".mid.block_2."),
    (r"\.mid_block\.attentions\.0\.group_norm\.", ".mid.attn_1.norm."),
    (r"\.mid_block\.attentions\.0\.to_out\.0\.", ".mid.attn_1.proj_out."),
    (r"\.mid_block\.attentions\.0\.to_([qkv])\.", r".mid.attn_1.\1."),
    (r"\.conv_norm_out\.", ".norm_out."),
    (r"\.conv_shortcut\.", ".nin_shortcut."),
)


def unet_name(name: str, layers: int) -> str:
    """The original name of a U-Net tensor; `layers` is layers_per_block."""
    stride = layers + 1
    match = re.match(r"(down|up)_blocks\.(\d)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)\.(.*)", name)
    if match is None:
        name = substitute(name, UNET_RULES)
        return substitute(name, RESIDUAL_RULES) if re.match(r"middle_block\.[02]\.", name) else name
    side, part, rest = match[1], match[3], match[5]
    level, index = int(match[2]), int(match[4])
    if part == "downsamplers":
        return f"input_blocks.{level * stride + stride}.0.op.{rest.removeprefix('conv.')}"
    if part == "upsamplers":
        return f"output_blocks.{level * stride + layers}.{1 if level == 0 else 2}.{rest}"
    block = (
        f"input_blocks.{1 + level * stride + index}" if side == "down" else f"output_blocks.{level * stride + index}"
    )
    if part == "attentions":
        return f"{block}.1.{rest}"
    return substitute(f"{block}.0.{rest}", RESIDUAL_RULES)


def vae_name(name: str) -> str:
    """The original name of an autoencoder tensor; the decoder's levels count from the other end."""
    name = substitute(name, VAE_RULES)
    return re.sub(r"^decoder\.up\.(\d)", lambda match: f"decoder.up.{3 - int(match[1])}", name)


def text_name(name: str) -> str:
    """The text model's tensors have their own names, with or without `text_model.` in front (transformers 4 or 5)."""
    return name.removeprefix("text_model.")


def names_of(kit: Kit) -> dict[str, tuple[nn.Module, str]]:
    """Original full name → (network, its own name of the tensor)."""
    layers = int(kit.unet.config["layers_per_block"])
    names: dict[str, tuple[nn.Module, str]] = {}
    for name in kit.unet.state_dict():
        names[UNET_PREFIX + unet_name(name, layers)] = (kit.unet, name)
    for name in kit.vae.state_dict():
        names[VAE_PREFIX + vae_name(name)] = (kit.vae, name)
    for name in kit.text.state_dict():
        if not name.endswith("position_ids"):
            names[TEXT_PREFIX + text_name(name)] = (kit.text, name)
    return names


def is_attention_of_vae(name: str) -> bool:
    return re.search(r"first_stage_model\..*attn_1\.(q|k|v|proj_out)\.weight$", name) is not None


def export_tensors(kit: Kit) -> Tensors:
    """All tensors by their original names, half precision, with the community's mark of v-prediction."""
    states = {id(network): network.state_dict() for network in (kit.unet, kit.vae, kit.text)}
    tensors: Tensors = {"v_pred": torch.ones(1, dtype=torch.float16)}
    for original, (network, name) in names_of(kit).items():
        value = states[id(network)][name].detach().to(torch.float16)
        tensors[original] = (value[..., None, None] if is_attention_of_vae(original) else value).contiguous()
    return tensors


def export_kit(kit: Kit, path: Path, facts: dict[str, str] | None = None) -> None:
    """Writes the checkpoint; the file at `path` is always a whole one. `facts` join the metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file(export_tensors(kit), partial, metadata={**METADATA, **(facts or {})})
    os.replace(partial, path)


def import_kit(path: Path, kit: Kit) -> dict[str, str]:
    """Fills the networks from a checkpoint that `export_kit` wrote; returns its metadata."""
    states: dict[int, Tensors] = {id(network): {} for network in (kit.unet, kit.vae, kit.text)}
    with safe_open(path, framework="pt") as file:
        for original, (network, name) in names_of(kit).items():
            value: Tensor = file.get_tensor(original).float()
            states[id(network)][name] = value[..., 0, 0] if is_attention_of_vae(original) else value
        metadata: dict[str, str] = file.metadata() or {}
    for network in (kit.unet, kit.vae, kit.text):
        network.load_state_dict(states[id(network)], strict=False)
    return metadata

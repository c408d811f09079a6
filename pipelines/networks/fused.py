"""Fused names: layers that the original programs of FLUX.1, Chroma, Stable Diffusion 3 and Z-Image hold as one, and
diffusers as several or under another name."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

_DOUBLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "img_attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
        "img_attn.proj": ("attn.to_out.0",),
        "txt_attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
        "txt_attn.proj": ("attn.to_add_out",),
        "img_mlp.0": ("ff.net.0.proj",),
        "img_mlp.2": ("ff.net.2",),
        "txt_mlp.0": ("ff_context.net.0.proj",),
        "txt_mlp.2": ("ff_context.net.2",),
        "img_mod.lin": ("norm1.linear",),
        "txt_mod.lin": ("norm1_context.linear",),
    }
)
_SINGLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "linear1": ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"),
        "linear2": ("proj_out",),
        "modulation.lin": ("norm.linear",),
    }
)
_JOINT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "x_block.attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
        "x_block.attn2.qkv": ("attn2.to_q", "attn2.to_k", "attn2.to_v"),
        "x_block.attn.proj": ("attn.to_out.0",),
        "x_block.attn2.proj": ("attn2.to_out.0",),
        "context_block.attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
        "context_block.attn.proj": ("attn.to_add_out",),
        "x_block.mlp.fc1": ("ff.net.0.proj",),
        "x_block.mlp.fc2": ("ff.net.2",),
        "context_block.mlp.fc1": ("ff_context.net.0.proj",),
        "context_block.mlp.fc2": ("ff_context.net.2",),
        "x_block.adaLN_modulation.1": ("norm1.linear",),
        "context_block.adaLN_modulation.1": ("norm1_context.linear",),
    }
)
_LAYER: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "attention.qkv": ("attention.to_q", "attention.to_k", "attention.to_v"),
        "attention.out": ("attention.to_out.0",),
    }
)
_BLOCKS: tuple[tuple[str, str, Mapping[str, tuple[str, ...]]], ...] = (
    ("double_blocks", "transformer_blocks", _DOUBLE),
    ("joint_blocks", "transformer_blocks", _JOINT),
    ("single_blocks", "single_transformer_blocks", _SINGLE),
    ("layers", "layers", _LAYER),
    ("noise_refiner", "noise_refiner", _LAYER),
    ("context_refiner", "context_refiner", _LAYER),
)
"""Blocks as the original program calls them, as diffusers does, and what is in them."""


def fused(root: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(original name, names in this model) of each layer of which the model has all parts."""
    known = {name for name, module in root.named_modules() if getattr(module, "weight", None) is not None}
    for original, ours, layers in _BLOCKS:
        for number in range(len(getattr(root, ours, ()))):
            for name, parts in layers.items():
                targets = tuple(f"{ours}.{number}.{part}" for part in parts)
                if known.issuperset(targets):
                    yield f"{original}.{number}.{name}", targets

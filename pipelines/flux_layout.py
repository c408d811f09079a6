"""The original names of FLUX.1's and Chroma's transformers, their sizes, and the way to diffusers' names."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from pipelines.family import ModelError
from pipelines.header import Header

PREFIXES = ("", "model.diffusion_model.", "transformer.")
MARK = "double_blocks.0.img_attn.norm.query_norm.scale"
CHROMA_MARK = "distilled_guidance_layer.in_proj.weight"

Config = dict[str, Any]
Tensors = Mapping[str, torch.Tensor]

_EDGES = {
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
    "final_layer.linear": "proj_out",
}
_DOUBLE = {
    "img_mod.lin": "norm1.linear",
    "txt_mod.lin": "norm1_context.linear",
    "img_attn.proj": "attn.to_out.0",
    "txt_attn.proj": "attn.to_add_out",
    "img_mlp.0": "ff.net.0.proj",
    "img_mlp.2": "ff.net.2",
    "txt_mlp.0": "ff_context.net.0.proj",
    "txt_mlp.2": "ff_context.net.2",
}
_DOUBLE_NORMS = {
    "img_attn.norm.query_norm": "attn.norm_q",
    "img_attn.norm.key_norm": "attn.norm_k",
    "txt_attn.norm.query_norm": "attn.norm_added_q",
    "txt_attn.norm.key_norm": "attn.norm_added_k",
}


def prefix_of(header: Header, mark: str = MARK) -> str | None:
    """The prefix before the transformer's keys; None where there is no such transformer."""
    return next((prefix for prefix in PREFIXES if prefix + mark in header.tensors), None)


def sizes(tensors: Tensors) -> Config:
    """The arguments of diffusers' FluxTransformer2DModel, or of its ChromaTransformer2DModel. Raises ModelError."""
    try:
        width, inputs = tensors["img_in.weight"].shape
        head = tensors[MARK].shape[0]
        turn = head // 8
        config: Config = {
            "in_channels": inputs,
            "out_channels": tensors["final_layer.linear.weight"].shape[0],
            "num_layers": _repeats(tensors, "double_blocks."),
            "num_single_layers": _repeats(tensors, "single_blocks."),
            "attention_head_dim": head,
            "num_attention_heads": width // head,
            "joint_attention_dim": tensors["txt_in.weight"].shape[1],
            "axes_dims_rope": (turn, (head - turn) // 2, (head - turn) // 2),
        }
        if CHROMA_MARK in tensors:
            hidden, channels = tensors[CHROMA_MARK].shape
            config |= {
                "approximator_num_channels": channels,
                "approximator_hidden_dim": hidden,
                "approximator_layers": _repeats(tensors, "distilled_guidance_layer.layers."),
            }
        else:
            config["pooled_projection_dim"] = tensors["vector_in.in_layer.weight"].shape[1]
            config["guidance_embeds"] = "guidance_in.in_layer.weight" in tensors
        return config
    except KeyError as error:
        raise ModelError(f"The transformer is incomplete: {error.args[0]} is missing. Download it again.") from error


def weights(tensors: Tensors) -> dict[str, torch.Tensor]:
    """With diffusers' names. Query, key and value lie in one tensor in the original."""
    return {name: value for key, tensor in tensors.items() for name, value in _renamed(key, tensor)}


def _renamed(key: str, tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    layer, _, end = key.rpartition(".")
    kind, _, rest = layer.partition(".")
    if kind in ("double_blocks", "single_blocks"):
        number, _, inner = rest.partition(".")
        block = ("transformer_blocks" if kind == "double_blocks" else "single_transformer_blocks") + f".{number}."
        parts = _double(inner, end, tensor) if kind == "double_blocks" else _single(inner, end, tensor)
        yield from ((block + name, value) for name, value in parts)
    elif kind == "distilled_guidance_layer":
        name = key.replace(".in_layer.", ".linear_1.").replace(".out_layer.", ".linear_2.").replace(".scale", ".weight")
        yield name, tensor
    elif layer in _EDGES:
        yield f"{_EDGES[layer]}.{end}", tensor
    elif layer == "final_layer.adaLN_modulation.1":
        shift, scale = tensor.chunk(2)
        yield f"norm_out.linear.{end}", torch.cat([scale, shift])


def _double(inner: str, end: str, tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    if inner in _DOUBLE:
        yield f"{_DOUBLE[inner]}.{end}", tensor
    elif inner in _DOUBLE_NORMS:
        yield f"{_DOUBLE_NORMS[inner]}.weight", tensor
    elif inner in ("img_attn.qkv", "txt_attn.qkv"):
        own = inner.startswith("img")
        names = ("to_q", "to_k", "to_v") if own else ("add_q_proj", "add_k_proj", "add_v_proj")
        for name, value in zip(names, tensor.chunk(3), strict=True):
            yield f"attn.{name}.{end}", value


def _single(inner: str, end: str, tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    match inner:
        case "modulation.lin":
            yield f"norm.linear.{end}", tensor
        case "linear2":
            yield f"proj_out.{end}", tensor
        case "norm.query_norm":
            yield "attn.norm_q.weight", tensor
        case "norm.key_norm":
            yield "attn.norm_k.weight", tensor
        case "linear1":
            # Query, key, value, and four times as much for the layer beside the attention.
            width = tensor.shape[0] // 7
            values = tensor.split([width, width, width, tensor.shape[0] - 3 * width])
            for name, value in zip(("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"), values, strict=True):
                yield f"{name}.{end}", value
        case _:
            return


def _repeats(tensors: Tensors, prefix: str) -> int:
    return len({key[len(prefix) :].split(".", 1)[0] for key in tensors if key.startswith(prefix)})

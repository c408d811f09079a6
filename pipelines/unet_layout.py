"""Sizes of U-Nets, autoencoders and text models, told by the shapes in a file; and the way from the original names to
those of diffusers and transformers. What shapes do not tell is the same in all of a family."""

from collections.abc import Mapping
from typing import Any

import torch

from pipelines.family import ModelError
from pipelines.header import Header

UNET = "model.diffusion_model."
VAE = "first_stage_model."

Config = dict[str, Any]
Tensors = Mapping[str, torch.Tensor]


def unet_sizes(header: Header, prefix: str = UNET) -> Config:
    """The arguments of diffusers' U-Net for a file in the original layout."""
    levels: list[int] = []
    depths: list[int] = []
    index, depth, layers = 1, 0, 0
    width = shape(header, prefix + "input_blocks.0.0.weight")[0]
    while header.has(f"{prefix}input_blocks.{index}."):
        block = f"{prefix}input_blocks.{index}."
        if header.shape(block + "0.op.weight"):
            levels.append(width)
            depths.append(depth)
            layers, depth = layers or index - 1, 0
        else:
            width = shape(header, block + "0.out_layers.3.weight")[0]
            depth = max(depth, repeats(header, block + "1.transformer_blocks."))
        index += 1
    levels.append(width)
    depths.append(depth)
    kinds = ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths]
    # The middle takes its depth from the last level, also where that level itself has no attention.
    depths[-1] = repeats(header, prefix + "middle_block.1.transformer_blocks.") or 1
    attention = next(
        (key for key in header.tensors if key.startswith(prefix) and key.endswith("attn2.to_k.weight")), ""
    )
    projection = next((key for key in header.tensors if key.startswith(prefix) and key.endswith("proj_in.weight")), "")
    linear = len(shape(header, projection)) == 2
    config: Config = {
        "in_channels": shape(header, prefix + "input_blocks.0.0.weight")[1],
        "out_channels": shape(header, prefix + "out.2.weight")[0],
        "block_out_channels": tuple(levels),
        "layers_per_block": layers,
        "down_block_types": tuple(kinds),
        "up_block_types": tuple(kind.replace("Down", "Up") for kind in reversed(kinds)),
        "transformer_layers_per_block": tuple(max(1, depth) for depth in depths),
        "cross_attention_dim": shape(header, attention)[1],
        "use_linear_projection": linear,
        # Named so by mistake in diffusers: it is the number of heads. 8 in SD 1.x; heads of 64 in what came later.
        "attention_head_dim": tuple(max(1, level // 64) for level in levels) if linear else 8,
    }
    if label := header.shape(prefix + "label_emb.0.0.weight"):
        config |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": label[1],
        }
    return config


def vae_sizes(header: Header, prefix: str = VAE) -> Config:
    """The arguments of diffusers' autoencoder for a file in the original layout."""
    widths: list[int] = []
    while found := header.shape(f"{prefix}encoder.down.{len(widths)}.block.0.conv2.weight"):
        widths.append(found[0])
    layers = repeats(header, f"{prefix}encoder.down.0.block.")
    quantised = header.shape(prefix + "post_quant_conv.weight")
    latents = quantised[0] if quantised else shape(header, prefix + "decoder.conv_in.weight")[1]
    return {
        "block_out_channels": tuple(widths),
        "down_block_types": ("DownEncoderBlock2D",) * len(widths),
        "up_block_types": ("UpDecoderBlock2D",) * len(widths),
        "layers_per_block": layers,
        "latent_channels": latents,
        "use_quant_conv": quantised is not None,
        "use_post_quant_conv": quantised is not None,
    }


def clip_sizes(header: Header, prefix: str) -> Config:
    """The arguments of transformers' CLIP text model, for a file in its own layout."""
    inner = prefix + "text_model." if header.has(prefix + "text_model.") else prefix
    vocabulary, width = shape(header, inner + "embeddings.token_embedding.weight")[:2]
    projection = header.shape(prefix + "text_projection.weight")
    return {
        **_CLIP,
        "vocab_size": vocabulary,
        "hidden_size": width,
        "num_hidden_layers": repeats(header, f"{inner}encoder.layers."),
        "num_attention_heads": max(1, width // 64),
        "intermediate_size": shape(header, inner + "encoder.layers.0.mlp.fc1.weight")[0],
        "max_position_embeddings": shape(header, inner + "embeddings.position_embedding.weight")[0],
        # The larger of OpenAI's and OpenCLIP's models were trained with another curve than the small one.
        "hidden_act": "gelu" if width > 768 else "quick_gelu",
        "projection_dim": projection[0] if projection else width,
    }


def open_clip_sizes(header: Header, prefix: str, dropped: int = 0) -> Config:
    """The same for a text model in OpenCLIP's layout. dropped: layers at the end that are not used."""
    vocabulary, width = shape(header, prefix + "token_embedding.weight")[:2]
    projection = header.shape(prefix + "text_projection")
    return {
        **_CLIP,
        "vocab_size": vocabulary,
        "hidden_size": width,
        "num_hidden_layers": repeats(header, f"{prefix}transformer.resblocks.") - dropped,
        "num_attention_heads": max(1, width // 64),
        "intermediate_size": shape(header, prefix + "transformer.resblocks.0.mlp.c_fc.weight")[0],
        "max_position_embeddings": shape(header, prefix + "positional_embedding")[0],
        "hidden_act": "gelu",
        "projection_dim": projection[1] if projection else width,
    }


def unet_weights(tensors: Tensors, config: Config) -> dict[str, torch.Tensor]:
    """tensors: in the original layout, without prefix."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    return convert_ldm_unet_checkpoint({UNET + key: value for key, value in tensors.items()}, config)


def vae_weights(tensors: Tensors, config: Config) -> dict[str, torch.Tensor]:
    """tensors: in the original layout, without prefix."""
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    return convert_ldm_vae_checkpoint({VAE + key: value for key, value in tensors.items()}, config)


def open_clip_weights(tensors: Tensors, config: Config) -> dict[str, torch.Tensor]:
    """tensors: in OpenCLIP's layout, without prefix. Query, key and value lie in one tensor there."""
    plain = {
        "positional_embedding": "embeddings.position_embedding.weight",
        "token_embedding.weight": "embeddings.token_embedding.weight",
        "ln_final.weight": "final_layer_norm.weight",
        "ln_final.bias": "final_layer_norm.bias",
    }
    parts = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    result = {name: tensors[key] for key, name in plain.items()}
    if "text_projection" in tensors:
        result["text_projection.weight"] = tensors["text_projection"].T.contiguous()
    for layer in range(config["num_hidden_layers"]):
        old, new = f"transformer.resblocks.{layer}.", f"encoder.layers.{layer}."
        for end in ("weight", "bias"):
            for before, after in parts.items():
                result[f"{new}{after}.{end}"] = tensors[f"{old}{before}.{end}"]
            result[f"{new}self_attn.out_proj.{end}"] = tensors[f"{old}attn.out_proj.{end}"]
            joined = tensors[f"{old}attn.in_proj_{end}"].chunk(3)
            for name, value in zip(("q_proj", "k_proj", "v_proj"), joined, strict=True):
                result[f"{new}self_attn.{name}.{end}"] = value
    return result


_CLIP: Config = {"bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 1}


def repeats(header: Header, prefix: str) -> int:
    """How many numbers, from 0 on, follow the prefix in the keys."""
    numbers = {key[len(prefix) :].split(".", 1)[0] for key in header.tensors if key.startswith(prefix)}
    found = 0
    while str(found) in numbers:
        found += 1
    return found


def shape(header: Header, key: str) -> tuple[int, ...]:
    found = header.shape(key)
    if found is None:
        raise ModelError(f"The checkpoint is incomplete: {key or 'a tensor'} is missing. Download it again.")
    return found

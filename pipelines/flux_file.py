"""FLUX.1 and Chroma in single files: the transformer; text encoders and autoencoder from the same or other files."""

from pathlib import Path
from typing import Any

import torch

from pipelines import flux_layout, weights
from pipelines.header import Header
from pipelines.part_files import PartFile, PartKind, parts
from pipelines.unet_layout import clip_sizes, repeats, shape, vae_sizes, vae_weights

CONFIGS = Path(__file__).parent / "configs"
SCALING, SHIFT = 0.3611, 0.1159
"""Of the autoencoder that both use."""


def components(path: Path, header: Header, prefix: str, dtype: torch.dtype, title: str) -> dict[str, Any]:
    """What the pipelines are made of, without a scheduler. Raises ModelError, also for parts that are missing."""
    from diffusers.models.transformers.transformer_chroma import ChromaTransformer2DModel
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
    from transformers import CLIPTokenizer, T5Tokenizer

    chroma = prefix + flux_layout.CHROMA_MARK in header.tensors
    wanted: tuple[PartKind, ...] = ("t5", "vae16") if chroma else ("clip_l", "t5", "vae16")
    found = parts(path, header, wanted, title)
    tensors = weights.read(path, header, dtype, prefix)
    config = flux_layout.sizes(tensors)
    cls: Any = ChromaTransformer2DModel if chroma else FluxTransformer2DModel
    made: dict[str, Any] = {
        "transformer": weights.filled(lambda: cls(**config), lambda: flux_layout.weights(tensors), "transformer"),
        "vae": _autoencoder(found["vae16"], dtype),
    }
    text, names = t5(found["t5"], dtype), T5Tokenizer.from_pretrained(str(CONFIGS / "t5_tokenizer"))
    if chroma:
        return {**made, "text_encoder": text, "tokenizer": names}
    words = CONFIGS / "clip_tokenizer"
    tokenizer = CLIPTokenizer(str(words / "vocab.json"), str(words / "merges.txt"), model_max_length=77)
    clip = _clip(found["clip_l"], dtype)
    return {**made, "text_encoder": clip, "tokenizer": tokenizer, "text_encoder_2": text, "tokenizer_2": names}


def t5(part: PartFile, dtype: torch.dtype) -> Any:
    """T5's encoder, version 1.1, from a file with transformers' names."""
    from transformers import T5Config, T5EncoderModel

    header, prefix = part.header, part.prefix
    block = prefix + "encoder.block.0.layer."
    buckets, heads = shape(header, block + "0.SelfAttention.relative_attention_bias.weight")
    words = "shared.weight" if header.has(prefix + "shared.") else "encoder.embed_tokens.weight"
    vocabulary, width = shape(header, prefix + words)
    config = T5Config(
        vocab_size=vocabulary,
        d_model=width,
        d_kv=shape(header, block + "0.SelfAttention.q.weight")[0] // heads,
        d_ff=shape(header, block + "1.DenseReluDense.wo.weight")[1],
        num_layers=repeats(header, prefix + "encoder.block."),
        num_heads=heads,
        relative_attention_num_buckets=buckets,
        feed_forward_proj="gated-gelu",
    )

    def given() -> dict[str, torch.Tensor]:
        tensors = weights.read(part.path, header, dtype, prefix)
        # One tensor under two names, of which files have either.
        return {**tensors, **dict.fromkeys(("shared.weight", "encoder.embed_tokens.weight"), tensors[words])}

    return weights.filled(lambda: T5EncoderModel(config), given, "text encoder (T5)")


def _clip(part: PartFile, dtype: torch.dtype) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(**clip_sizes(part.header, part.prefix))
    return weights.filled(
        lambda: CLIPTextModel(config), lambda: weights.read(part.path, part.header, dtype, part.prefix), "text encoder"
    )


def _autoencoder(part: PartFile, dtype: torch.dtype) -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    config: dict[str, Any] = {
        **vae_sizes(part.header, part.prefix),
        "scaling_factor": SCALING,
        "shift_factor": SHIFT,
    }
    return weights.filled(
        lambda: AutoencoderKL(**config),
        lambda: vae_weights(weights.read(part.path, part.header, dtype, part.prefix), config),
        "autoencoder (VAE)",
    )

"""Strangers: files that no family here can use, told apart by their keys, so that people learn what they have."""

from collections.abc import Callable

from pipelines.header import Header

Test = Callable[[Header], bool]


def describe(header: Header) -> str:
    """One sentence: what the file is, and what to do with it."""
    for test, sentence in _KINDS:
        if test(header):
            return sentence
    return "None of the supported model families recognises this file."


def _begins(*prefixes: str) -> Test:
    return lambda header: any(header.has(prefix) for prefix in prefixes)


def _ends(*suffixes: str) -> Test:
    return lambda header: any(key.endswith(suffixes) for key in header.tensors)


def _class(*names: str) -> Test:
    return lambda header: header.metadata.get("model_index", "").startswith(names)


def _only_ema(header: Header) -> bool:
    return header.has("model_ema.") and not header.has("model.diffusion_model.")


def _embedding(header: Header) -> bool:
    return len(header.tensors) <= 4 and any(key in header.tensors for key in ("emb_params", "clip_l", "clip_g"))


_KINDS: tuple[tuple[Test, str], ...] = (
    (
        _ends(".lora_down.weight", ".lora_A.weight", ".lora.down.weight", ".hada_w1_a", ".lokr_w1", ".lokr_w1_a"),
        "This is a LoRA, not a checkpoint. Put it into models/loras.",
    ),
    (_embedding, "This is an embedding (textual inversion), not a checkpoint. Put it into models/embeddings."),
    (
        _begins("control_model.", "controlnet_cond_embedding.", "input_hint_block."),
        "This is a ControlNet, not a checkpoint. Put it into models/controlnet.",
    ),
    (_only_ema, "It holds only averaged (EMA) weights. Get the ordinary version of this checkpoint."),
    (
        lambda header: (
            any(".joint_blocks.0." in key or key.startswith("joint_blocks.0.") for key in header.tensors)
            or _class("StableDiffusion3")(header)
        ),
        "This is an SD 3 model in a single file. SD 3 is read from diffusers folders: get the model in that form.",
    ),
    (
        lambda header: (
            any("double_blocks.0.img_attn" in key for key in header.tensors) or _class("Flux", "Chroma")(header)
        ),
        "This is a FLUX model in a single file of a kind that is not read. Get it as a diffusers folder.",
    ),
    (
        _begins("noise_refiner.", "model.diffusion_model.noise_refiner."),
        "This is a Z-Image or Lumina model in a single file. Get it as a diffusers folder.",
    ),
    (
        lambda header: (
            header.has("model.diffusion_model.input_blocks.")
            or header.has("input_blocks.")
            or header.has("down_blocks.0.resnets.")
        ),
        "It holds only a U-Net, without text encoder and autoencoder. Get the full version of this checkpoint.",
    ),
    (
        _begins("encoder.down.", "first_stage_model.encoder.", "encoder.down_blocks.", "decoder.up."),
        "This is an autoencoder (VAE), not a checkpoint. Put it into models/vae.",
    ),
    (
        _begins("text_model.encoder.", "cond_stage_model."),
        "This is a text encoder, not a checkpoint. Put it into models/text_encoders.",
    ),
    (
        lambda header: bool(header.metadata.get("model_index")),
        "This kind of diffusers model is not supported.",
    ),
)

"""Stable Diffusion 1.x (Rombach et al. 2022): single files in the original key layout, and diffusers folders.

All sizes come from the shapes of the tensors, so that relatives of other sizes load as well. What shapes do not tell is
the same in all of them: 8 attention heads on every level of the U-Net, heads of 64 in the text encoder, groups of 32.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from pipelines import preview, schedules
from pipelines.denoise import Prediction
from pipelines.device import Device
from pipelines.family import Family, Model, ModelError
from pipelines.header import Header
from pipelines.latent_model import LatentModel, Parts
from pipelines.latents import Autoencoder
from pipelines.prompt.encoder import ClipText, JointText

UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXT = "cond_stage_model.transformer."

STANDARD_DECODER = (128, 256, 512, 512)

Config = dict[str, Any]


class StableDiffusion1(Family):
    name = "sd15"
    title = "Stable Diffusion 1.x"
    defaults = {"width": 512, "height": 512}  # noqa: RUF012

    def detect(self, header: Header) -> bool:
        if header.metadata.get("model_index", "").startswith("StableDiffusion"):
            return (
                len(header.shape("unet/down_blocks.0.attentions.0.proj_in.weight") or ()) == 4
                and not header.has("text_encoder_2/")
                and not header.has("unet/add_embedding.")
            )
        projection = header.shape(UNET + "input_blocks.1.1.proj_in.weight")
        return (
            projection is not None
            and len(projection) == 4
            and UNET + "label_emb.0.0.weight" not in header.tensors
            and not header.has("conditioner.")
        )

    def problem(self, header: Header) -> str:
        folder = "model_index" in header.metadata
        first = header.shape("unet/conv_in.weight" if folder else UNET + "input_blocks.0.0.weight") or (0, 0)
        if first[1] == 9:
            return "This is an inpainting checkpoint (nine channels), which is not supported yet: use the ordinary one."
        if first[1] == 8:
            return "This is an InstructPix2Pix checkpoint, which is not supported yet."
        if not header.has("text_encoder/" if folder else TEXT):
            return "It holds no text encoder. Get the full version of this checkpoint."
        if not header.has("vae/decoder." if folder else VAE + "decoder."):
            return "It holds no autoencoder (VAE). Get the full version of this checkpoint."
        if not header.has("vae/encoder." if folder else VAE + "encoder."):
            return "Its autoencoder (VAE) has no encoder. Get the full version of this checkpoint."
        return ""

    def load(self, path: Path, header: Header, device: Device) -> Model:
        # Here and not at the top: the libraries take seconds to import, and the catalogue does not need them.
        from transformers import CLIPTokenizer

        folder = "model_index" in header.metadata
        prefix = "unet/" if folder else UNET
        dtype = device.dtype_for(_count(header, prefix))
        # The text is encoded once a job: on a CPU its full precision costs nothing that one would notice.
        text_dtype = torch.float32 if device.kind == "cpu" else dtype
        load = _load_folder if folder else _load_file
        unet, vae, text = load(path, header, dtype, text_dtype)
        for part in (unet, vae, text):
            part.requires_grad_(False)
            part.eval()
            part.to(device.name)
        names = _vocabulary(path if folder else None)
        tokenizer = CLIPTokenizer(vocab=str(names / "vocab.json"), merges=str(names / "merges.txt"))
        if len(tokenizer) > text.config.vocab_size:
            raise ModelError("Its text encoder has another vocabulary than CLIP's.")
        autoencoder = Autoencoder(vae, device.name, dtype)
        if (decoder := preview.small_decoder(path)) is not None:
            colours: preview.Preview = decoder
        elif tuple(vae.config.block_out_channels) == STANDARD_DECODER and autoencoder.channels == 4:
            colours = preview.sd15_colours()
        else:
            colours = preview.fitted(autoencoder.decode, autoencoder.channels)
        prediction, zero_snr = _prediction_of_folder(path) if folder else _prediction(header)
        table = schedules.scaled_linear_table(zero_terminal_snr=zero_snr)
        parts = Parts(JointText(ClipText(tokenizer, text)), unet, dtype, autoencoder, table, prediction, colours)
        size = sum(p.numel() * p.element_size() for part in (unet, vae, text) for p in part.parameters())
        return LatentModel(parts, device, size)


def _prediction(header: Header) -> tuple[Prediction, bool]:
    """What the network predicts, and whether its last timestep is pure noise. Marks: the tensor keys `v_pred` and
    `ztsnr`, as trainers write them, and the ModelSpec metadata."""
    said = header.metadata.get("modelspec.prediction_type", "").casefold()
    v = "v_pred" in header.tensors or said.startswith("v")
    return ("v" if v else "epsilon"), "ztsnr" in header.tensors


def _prediction_of_folder(path: Path) -> tuple[Prediction, bool]:
    try:
        config = json.loads((path / "scheduler" / "scheduler_config.json").read_bytes())
    except (OSError, ValueError):
        return "epsilon", False
    v = config.get("prediction_type") == "v_prediction"
    return ("v" if v else "epsilon"), bool(config.get("rebase_betas_zero_snr") or config.get("rescale_betas_zero_snr"))


def _vocabulary(folder: Path | None) -> Path:
    """Where vocab.json and merges.txt lie: in the model's folder, else CLIP's, which come with this package."""
    if folder is not None and (folder / "tokenizer" / "vocab.json").is_file():
        return folder / "tokenizer"
    return Path(__file__).parent.parent / "configs" / "clip_tokenizer"


def _count(header: Header, prefix: str) -> int:
    """Parameters under a prefix."""
    total = 0
    for key, facts in header.tensors.items():
        if key.startswith(prefix):
            count = 1
            for side in facts.shape:
                count *= side
            total += count
    return total


def _load_folder(path: Path, header: Header, dtype: torch.dtype, text_dtype: torch.dtype) -> tuple[Any, Any, Any]:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextModel

    def part(cls: Any, name: str, kind: torch.dtype) -> Any:
        files = [file.name for file in (path / name).glob("*.safetensors")]
        variant = "fp16" if files and all(".fp16." in file for file in files) else None
        try:
            return cls.from_pretrained(
                str(path / name), dtype=kind, variant=variant, use_safetensors=True, local_files_only=True
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"Its part '{name}' cannot be loaded: {error}") from error

    return (
        part(UNet2DConditionModel, "unet", dtype),
        part(AutoencoderKL, "vae", dtype),
        part(CLIPTextModel, "text_encoder", text_dtype),
    )


def _load_file(path: Path, header: Header, dtype: torch.dtype, text_dtype: torch.dtype) -> tuple[Any, Any, Any]:
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    unet_config, vae_config, text_config = unet_sizes(header), vae_sizes(header), text_sizes(header)

    def unet_weights() -> dict[str, torch.Tensor]:
        return convert_ldm_unet_checkpoint(_tensors(path, UNET, dtype), unet_config)

    def vae_weights() -> dict[str, torch.Tensor]:
        return convert_ldm_vae_checkpoint(_tensors(path, VAE, dtype), vae_config)

    unet = _filled(lambda: UNet2DConditionModel(**unet_config), unet_weights, "U-Net")
    vae = _filled(lambda: AutoencoderKL(**vae_config), vae_weights, "autoencoder (VAE)")
    text = _filled(
        lambda: CLIPTextModel(CLIPTextConfig(**text_config)),
        lambda: _text_keys(_tensors(path, TEXT, text_dtype)),
        "text encoder",
    )
    return unet, vae, text


def _filled(build: Callable[[], Any], weights: Callable[[], Mapping[str, torch.Tensor]], what: str) -> Any:
    """The module that `build` makes, with these weights in place of any of its own."""
    from accelerate import init_empty_weights

    with init_empty_weights():
        module = build()
    try:
        given = dict(weights())
    except KeyError as error:
        raise ModelError(f"Its {what} is incomplete: {error.args[0]} is missing. Download it again.") from error
    wrapped = any(key.startswith("text_model.") for key in module.state_dict())
    if wrapped:
        given = {f"text_model.{key}": value for key, value in given.items()}
    try:
        missing = module.load_state_dict(given, strict=False, assign=True).missing_keys
    except RuntimeError as error:
        raise ModelError(f"The sizes of its {what} do not fit together.") from error
    if missing:
        raise ModelError(f"Its {what} is incomplete: {len(missing)} tensors are missing, the first is {missing[0]}.")
    return module


def _tensors(path: Path, prefix: str, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The tensors under a prefix, keys unchanged, in `dtype`. Copies: the file may change while the model is in use."""
    from safetensors import safe_open

    with safe_open(path, framework="pt", device="cpu") as file:
        keys = [key for key in file.keys() if key.startswith(prefix)]  # noqa: SIM118
        tensors = {key: file.get_tensor(key) for key in keys}
        return {key: value.to(dtype, copy=True) for key, value in tensors.items() if value.is_floating_point()}


def _text_keys(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Without prefixes. Files written from transformers 5 lack the inner "text_model."; both are read."""
    return {key.removeprefix(TEXT).removeprefix("text_model."): value for key, value in tensors.items()}


def unet_sizes(header: Header) -> Config:
    """The arguments of diffusers' U-Net for a file in the original layout."""
    levels: list[int] = []
    blocks: list[list[bool]] = []
    index = 1
    width = _shape(header, UNET + "input_blocks.0.0.weight")[0]
    level: list[bool] = []
    while header.has(f"{UNET}input_blocks.{index}."):
        block = f"{UNET}input_blocks.{index}."
        if header.shape(block + "0.op.weight"):
            levels.append(width)
            blocks.append(level)
            level = []
        else:
            width = _shape(header, block + "0.out_layers.3.weight")[0]
            level.append(header.has(block + "1.transformer_blocks."))
        index += 1
    levels.append(width)
    blocks.append(level)
    kinds = ["CrossAttnDownBlock2D" if any(level) else "DownBlock2D" for level in blocks]
    attention = next(key for key in header.tensors if key.startswith(UNET) and key.endswith("attn2.to_k.weight"))
    return {
        "in_channels": _shape(header, UNET + "input_blocks.0.0.weight")[1],
        "out_channels": _shape(header, UNET + "out.2.weight")[0],
        "block_out_channels": tuple(levels),
        "layers_per_block": len(blocks[0]),
        "down_block_types": tuple(kinds),
        "up_block_types": tuple(kind.replace("Down", "Up") for kind in reversed(kinds)),
        "cross_attention_dim": _shape(header, attention)[1],
        # Named so by mistake in diffusers: it is the number of heads.
        "attention_head_dim": 8,
    }


def vae_sizes(header: Header) -> Config:
    """The arguments of diffusers' autoencoder for a file in the original layout."""
    widths: list[int] = []
    while shape := header.shape(f"{VAE}encoder.down.{len(widths)}.block.0.conv2.weight"):
        widths.append(shape[0])
    layers = 0
    while header.shape(f"{VAE}encoder.down.0.block.{layers}.conv2.weight"):
        layers += 1
    return {
        "block_out_channels": tuple(widths),
        "down_block_types": ("DownEncoderBlock2D",) * len(widths),
        "up_block_types": ("UpDecoderBlock2D",) * len(widths),
        "layers_per_block": layers,
        "latent_channels": _shape(header, VAE + "post_quant_conv.weight")[0],
    }


def text_sizes(header: Header) -> Config:
    """The arguments of transformers' CLIP text model."""
    inner = TEXT + "text_model." if header.has(TEXT + "text_model.") else TEXT
    vocabulary, width = _shape(header, inner + "embeddings.token_embedding.weight")[:2]
    layers = 0
    while header.shape(f"{inner}encoder.layers.{layers}.mlp.fc1.weight"):
        layers += 1
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": max(1, width // 64),
        "intermediate_size": _shape(header, inner + "encoder.layers.0.mlp.fc1.weight")[0],
        "max_position_embeddings": _shape(header, inner + "embeddings.position_embedding.weight")[0],
        "hidden_act": "quick_gelu",
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "pad_token_id": 1,
    }


def _shape(header: Header, key: str) -> tuple[int, ...]:
    shape = header.shape(key)
    if shape is None:
        raise ModelError(f"The checkpoint is incomplete: {key} is missing. Download it again.")
    return shape


FAMILY = StableDiffusion1()

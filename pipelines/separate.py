"""Separate parts: autoencoders (VAE) and control networks in files of their own."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, TypeVar

import torch

from pipelines import header, weights
from pipelines.control.layout import PREFIXES, translated
from pipelines.device import Device
from pipelines.family import ModelError
from pipelines.header import Header, HeaderError, Version
from pipelines.latents import Autoencoder
from pipelines.unet_layout import Config, repeats, shape, vae_sizes, vae_weights

T = TypeVar("T")

_VAES_KEPT = 2
_VAE_PREFIXES = ("", "first_stage_model.", "vae.")
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


class SeparateParts:
    """Those that are in memory: the last VAEs, and the control networks of the last job."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._vaes: OrderedDict[tuple[Version, torch.dtype, float, float], Autoencoder] = OrderedDict()
        self._controls: dict[tuple[Version, torch.dtype, int], Any] = {}

    def vae(self, version: Version, own: Autoencoder) -> Autoencoder:
        """The one in that file, in place of a model's own. Raises ModelError."""
        key = version, own.dtype, own.scaling, own.shift
        if key not in self._vaes:
            self._vaes[key] = _said(version.path, lambda: load_vae(version.path, own))
        self._vaes.move_to_end(key)
        while len(self._vaes) > _VAES_KEPT:
            self._vaes.popitem(last=False)
        return self._vaes[key]

    def control(self, version: Version, unet: Any) -> Any:
        """The network in that file, for that U-Net. Raises ModelError."""
        key = version, unet.dtype, int(unet.config.cross_attention_dim)
        if key not in self._controls:
            module = _said(version.path, lambda: load_control(version.path, unet, self._device.name, unet.dtype))
            self._controls[key] = module
        return self._controls[key]

    def keep_controls(self, versions: AbstractSet[Version]) -> None:
        """Give all others back."""
        self._controls = {key: module for key, module in self._controls.items() if key[0] in versions}

    def clear(self) -> None:
        self._vaes.clear()
        self._controls.clear()


def _said(path: Path, load: Callable[[], T]) -> T:
    """With the file's name in what goes wrong."""
    try:
        return load()
    except HeaderError as error:
        raise ModelError(f"{path.name} {error}") from error
    except (ModelError, OSError) as error:
        raise ModelError(f"{path.name}: {error}") from error


def load_vae(path: Path, own: Autoencoder) -> Autoencoder:
    """The autoencoder in a file, in place of a model's own one. Raises ModelError, HeaderError or OSError."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    read = header.read(path)
    prefix = next((prefix for prefix in _VAE_PREFIXES if read.has(f"{prefix}decoder.conv_in.")), None)
    if prefix is None or not read.has(f"{prefix}encoder.conv_in."):
        raise ModelError("The file is no autoencoder (VAE), or has no encoder.")
    original = read.has(f"{prefix}encoder.down.0.")
    config: Config = vae_sizes(read, prefix) if original else _diffusers_sizes(read, prefix)
    if config["latent_channels"] != own.channels:
        raise ModelError(
            f"This VAE works with {config['latent_channels']} channels, the model with {own.channels}: "
            "it is for another kind of model."
        )
    config |= {"scaling_factor": own.scaling, "shift_factor": own.shift}

    def tensors() -> Mapping[str, torch.Tensor]:
        found = weights.read(path, read, own.dtype, prefix)
        return vae_weights(found, config) if original else _renamed(found)

    vae = weights.filled(lambda: AutoencoderKL(**config), tensors, "autoencoder (VAE)")
    vae.to(own.device)
    return Autoencoder(vae, own.device, own.dtype)


def _diffusers_sizes(read: Header, prefix: str) -> Config:
    levels = repeats(read, f"{prefix}encoder.down_blocks.")
    widths = [shape(read, f"{prefix}encoder.down_blocks.{n}.resnets.0.conv1.weight")[0] for n in range(levels)]
    quantised = read.shape(f"{prefix}post_quant_conv.weight")
    return {
        "block_out_channels": tuple(widths),
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "layers_per_block": repeats(read, f"{prefix}encoder.down_blocks.0.resnets."),
        "latent_channels": shape(read, f"{prefix}decoder.conv_in.weight")[1],
        "use_quant_conv": quantised is not None,
        "use_post_quant_conv": quantised is not None,
    }


def _renamed(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The middle's attention has other names in files from before 2023, and was a convolution before that."""
    found: dict[str, torch.Tensor] = {}
    for key, value in tensors.items():
        parts = key.split(".")
        if "attentions" in parts:
            parts = [_OLD_ATTENTION.get(part, part) for part in parts]
            value = value.flatten(1) if value.ndim == 4 else value
        found[".".join(parts)] = value
    return found


def load_control(path: Path, unet: Any, device: str, dtype: torch.dtype) -> Any:
    """The control network in a file, of the sizes of the U-Net that it is for: a diffusers ControlNetModel.

    Raises ModelError, HeaderError or OSError.
    """
    from diffusers.models.controlnets.controlnet import ControlNetModel

    read = header.read(path)
    hints = _hint_widths(read)
    if not hints:
        raise ModelError("The file is no ControlNet, or of a kind that is not supported.")
    layers = int(unet.config.layers_per_block)
    config: Config = {**_shared(unet.config), "conditioning_embedding_out_channels": hints, "in_channels": 4}

    def build() -> Any:
        return ControlNetModel(**config)

    with torch.device("meta"):
        names = build().state_dict()

    def tensors() -> Mapping[str, torch.Tensor]:
        return translated(weights.read(path, read, dtype), names, layers)

    try:
        module = weights.filled(build, tensors, "control network")
    except ModelError as error:
        raise ModelError(f"It does not fit this model: it was made for another kind. ({error})") from error
    return module.to(device)


_SHARED = (
    "flip_sin_to_cos",
    "freq_shift",
    "down_block_types",
    "block_out_channels",
    "layers_per_block",
    "cross_attention_dim",
    "attention_head_dim",
    "transformer_layers_per_block",
    "use_linear_projection",
    "addition_embed_type",
    "addition_time_embed_dim",
    "projection_class_embeddings_input_dim",
)


def _shared(config: Any) -> Config:
    return {name: config[name] for name in _SHARED if name in config}


def _hint_widths(read: Header) -> tuple[int, ...]:
    """Of the small network that looks at the hint; empty where there is none."""
    if first := read.shape("controlnet_cond_embedding.conv_in.weight"):
        count = repeats(read, "controlnet_cond_embedding.blocks.")
        rest = [shape(read, f"controlnet_cond_embedding.blocks.{n}.weight")[0] for n in range(1, count, 2)]
        return (first[0], *rest)
    for prefix in PREFIXES:
        if first := read.shape(f"{prefix}input_hint_block.0.weight"):
            widths = [first[0]]
            place = 4
            while found := read.shape(f"{prefix}input_hint_block.{place}.weight"):
                widths.append(found[0])
                place += 4
            return tuple(widths)
    return ()

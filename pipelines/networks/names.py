"""Names: the modules of a loaded model under every name that network files have for them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.networks.fused import fused
from pipelines.networks.keys import flat

_PREFIXES = (
    ("lora_unet_", "unet"),
    ("lora_transformer_", "unet"),
    ("lora_te1_", "te"),
    ("lora_te2_", "te2"),
    ("lora_te3_", "te3"),
    ("lora_te_", "te"),
    ("lora_prior_unet_", "unet"),
    ("lycoris_", "unet"),
    ("base_model_model_", "unet"),
    ("base_model_model_", "te"),
    ("model_diffusion_model_", "unet"),
    ("diffusion_model_", "unet"),
    ("unet_", "unet"),
    ("transformer_", "unet"),
    ("text_encoder_2_", "te2"),
    ("text_encoder_3_", "te3"),
    ("text_encoder_", "te"),
    ("text_encoders_clip_l_transformer_", "te"),
    ("text_encoders_clip_g_transformer_", "te2"),
    ("text_encoders_t5xxl_transformer_", "te3"),
    ("", "unet"),
    ("", "te"),
)

TEXT_ENCODERS = ("te", "te2", "te3")


@dataclass(frozen=True)
class Place:
    """A module of a model. component: "unet" (or what stands in its place), "te", "te2", "te3".

    block -- of the U-Net, as people number them: "IN04", "M00", "OUT11"; "" outside of one
    """

    component: str
    name: str
    module: Any
    block: str = ""


class ModuleNames:
    """All modules with weights of the components of a model."""

    def __init__(self, components: Mapping[str, Any]) -> None:
        self._known: dict[str, dict[str, tuple[Place, ...]]] = {}
        for component, root in components.items():
            known = self._known.setdefault(component, {})
            places: dict[str, Place] = {}
            layers = _layers(root)
            for name, module in root.named_modules():
                if getattr(module, "weight", None) is None:
                    continue
                originals = original_names(name, layers) if layers else ()
                places[name] = place = Place(component, name, module, _block(originals))
                for alias in (name, *originals, *_wrapped(component, name)):
                    known.setdefault(flat(alias), (place,))
            for original, parts in fused(root):
                known.setdefault(flat(original), tuple(places[part] for part in parts))

    def find(self, name: str) -> tuple[Place, ...]:
        """The module that a file calls so (with "_" for dots), or the modules whose rows together are that layer; none
        where this model has none."""
        for prefix, component in _PREFIXES:
            if name.startswith(prefix) and (found := self._known.get(component, {}).get(name[len(prefix) :])):
                return found
        return ()


def _wrapped(component: str, name: str) -> tuple[str, ...]:
    """Releases of transformers differ in whether the text model is wrapped once more."""
    return (name.removeprefix("text_model."), f"text_model.{name}") if component in TEXT_ENCODERS else ()


def _layers(root: Any) -> int:
    """Residual blocks on each level of a U-Net of the Stable Diffusion kind; 0 for anything else."""
    config = getattr(root, "config", None)
    layers = getattr(config, "layers_per_block", None)
    return layers if isinstance(layers, int) and hasattr(root, "down_blocks") and hasattr(root, "conv_in") else 0


_TOP: Mapping[str, str] = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_RESIDUAL: Mapping[str, str] = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_PART = re.compile(
    r"(down_blocks|up_blocks|mid_block)\.(?:(\d+)\.)?(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)"
)


def original_names(name: str, layers: int) -> tuple[str, ...]:
    """diffusers' name of a module of a U-Net -> what it is called in the original layout; empty where it has no name.

    An upsampler has two: it stands behind the attention where there is one.
    layers -- residual blocks on each level on the way down; there is one more on the way up
    """
    if name in _TOP:
        return (_TOP[name],)
    match = _PART.fullmatch(name)
    if match is None:
        return ()
    side, level, kind, number, rest = match[1], int(match[2] or 0), match[3], int(match[4]), match[5]
    place = 1 if kind == "attentions" else 0
    rest = _RESIDUAL.get(rest, rest) if kind == "resnets" else rest
    if side == "mid_block":
        return (f"middle_block.{1 if place else 2 * number}.{rest}",)
    first = level * (layers + 1)
    if kind == "downsamplers":
        return (f"input_blocks.{first + layers + 1}.0.op",)
    if kind == "upsamplers":
        return tuple(f"output_blocks.{first + layers}.{behind}.{rest}" for behind in (1, 2))
    if side == "down_blocks":
        return (f"input_blocks.{first + number + 1}.{place}.{rest}",)
    return (f"output_blocks.{first + number}.{place}.{rest}",)


def _block(originals: tuple[str, ...]) -> str:
    side, _, rest = (originals or ("",))[0].partition(".")
    number = rest.partition(".")[0]
    match side:
        case "input_blocks":
            return f"IN{int(number):02}"
        case "middle_block":
            return "M00"
        case "output_blocks":
            return f"OUT{int(number):02}"
        case _:
            return ""

"""Keys: how the tensors of a network file are called, taken apart into the module they change and their part in it.

The endings are those of kohya's scripts, LyCORIS, PEFT, diffusers (old and new), OneTrainer and ComfyUI.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

_ENDINGS: Mapping[str, str] = MappingProxyType(
    {
        "lora_down.weight": "down",
        "lora_up.weight": "up",
        "lora_mid.weight": "mid",
        "lora_A.weight": "down",
        "lora_B.weight": "up",
        "lora_A.default.weight": "down",
        "lora_B.default.weight": "up",
        "lora.down.weight": "down",
        "lora.up.weight": "up",
        "lora_linear_layer.down.weight": "down",
        "lora_linear_layer.up.weight": "up",
        "lora_up.bias": "up_bias",
        "lora_B.bias": "up_bias",
        "alpha": "alpha",
        "scale": "scale",
        "dora_scale": "magnitude",
        "lora_magnitude_vector": "magnitude",
        "lora_magnitude_vector.weight": "magnitude",
        "lora_magnitude_vector.default.weight": "magnitude",
        **{name: name for name in ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2")},
        **{
            name: name for name in ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2")
        },
        **{f"{name}.weight": f"glora_{name}" for name in ("a1", "a2", "b1", "b2")},
        **{name: name for name in ("oft_blocks", "oft_diag", "rescale", "diff", "diff_b", "w_norm", "b_norm")},
        "on_input": "on_input",
        "weight": "weight",
    }
)
_LONGEST_FIRST = tuple(sorted(_ENDINGS, key=len, reverse=True))

_PROCESSOR = re.compile(r"(.+)\.processor\.(to_[qkv]|to_out)_lora\.(down|up)\.weight")
"""Attention processors, as diffusers wrote them in 2023."""


def split(key: str) -> tuple[str, str] | None:
    """(module, part) of a tensor's key, the module with "_" for every dot; None for a key of no network."""
    old = _PROCESSOR.fullmatch(key)
    if old:
        module, name, part = old.groups()
        return flat(f"{module}.{name}{'.0' if name == 'to_out' else ''}"), part
    for ending in _LONGEST_FIRST:
        if key.endswith(f".{ending}"):
            return flat(key[: -len(ending) - 1]), _ENDINGS[ending]
    return None


def flat(name: str) -> str:
    """Trainers write either dots or underscores between the parts of a module's name."""
    return name.replace(".", "_")

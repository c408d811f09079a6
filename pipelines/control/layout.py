"""Layout: how the tensors of control networks are called in the original program's files."""

import re
from collections.abc import Mapping

from torch import Tensor

from pipelines.networks.names import original_names

PREFIXES = ("control_model.", "controlnet.", "")

_HINT = re.compile(r"controlnet_cond_embedding\.blocks\.(\d+)")
_ZERO = re.compile(r"controlnet_down_blocks\.(\d+)")


def translated(tensors: Mapping[str, Tensor], names: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """The tensors of a file under the names that diffusers has for them; missing ones are left out.

    names  -- of the network that they are for
    layers -- residual blocks on each level
    """
    if any(key.startswith("controlnet_cond_embedding.") for key in tensors):
        return dict(tensors)
    prefix = next(
        (prefix for prefix in PREFIXES if any(key.startswith(f"{prefix}input_hint_block.") for key in tensors)), ""
    )
    last = max((int(match[1]) for name in names if (match := _HINT.match(name))), default=-1)
    found: dict[str, Tensor] = {}
    for name, value in names.items():
        module, _, kind = name.rpartition(".")
        for original in _originals(module, layers, last):
            tensor = tensors.get(f"{prefix}{original}.{kind}")
            if tensor is not None:
                # Projections are convolutions in one program and plain in the other.
                found[name] = tensor.reshape(value.shape) if tensor.numel() == value.numel() else tensor
    return found


def _originals(module: str, layers: int, last: int) -> tuple[str, ...]:
    if module == "controlnet_mid_block":
        return ("middle_block_out.0",)
    if match := _ZERO.fullmatch(module):
        return (f"zero_convs.{match[1]}.0",)
    if module.startswith("controlnet_cond_embedding."):
        if match := _HINT.fullmatch(module):
            return (f"input_hint_block.{2 * (int(match[1]) + 1)}",)
        place = 0 if module.endswith("conv_in") else 2 * (last + 2)
        return (f"input_hint_block.{place}",)
    return original_names(module, layers)

"""Networks: files of weights that make pictures larger, read without running anything in them."""

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from pipelines.device import Device
from pipelines.upscaling import foreign
from pipelines.upscaling.compact import compact

SUFFIXES = frozenset({".safetensors", ".pth", ".pt", ".ckpt", ".bin"})
_DAMAGED = "It is damaged, or no file of weights: download it again."
_WRAPPERS = ("params_ema", "params-ema", "params", "state_dict", "model_state_dict", "model", "net")


class UpscalerError(Exception):
    """A file that cannot be used. str(error): a sentence; lasting: it will be so as long as the file is the same."""

    def __init__(self, message: str, lasting: bool = True) -> None:
        super().__init__(message)
        self.lasting = lasting


@dataclass(frozen=True)
class Network:
    """A loaded upscaler.

    scale    -- how much larger each side becomes, by a whole number; 1 for what only mends
    channels -- of the pictures it takes and gives: 3 or 1
    kind     -- of network, for people
    faces    -- it mends faces, and is of no use for whole pictures
    call     -- (1, channels, height, width) in 0 .. 1, in `dtype`, on the device -> the same, `scale` as large
    bytes    -- of its weights in memory
    """

    scale: int
    channels: int
    kind: str
    faces: bool
    call: Callable[[torch.Tensor], torch.Tensor]
    device: str
    dtype: torch.dtype
    bytes: int

    @torch.inference_mode()
    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """(1, 3, height, width), fp32, 0 .. 1 -> the same, `scale` times as large, on the CPU."""
        x = pixels.to(self.device, self.dtype)
        if self.channels == 1:
            parts = [self.call(x[:, index : index + 1]) for index in range(x.shape[1])]
            return torch.cat(parts, 1).float().cpu().clamp(0, 1)
        return self.call(x).float().cpu().clamp(0, 1)


def load(path: Path, device: Device) -> Network:
    """The network in a file. Raises UpscalerError, or torch's errors for memory."""
    state = weights(path)
    own = compact(state) if isinstance(next(iter(state.values()), None), torch.Tensor) else None
    if own is not None:
        return _placed(own, own, own.scale, 3, "Compact", False, True, device)
    try:
        found = foreign.recognised(state)
    except foreign.NotInstalled as error:
        raise UpscalerError(
            "This kind of upscaler needs the package spandrel: pip install --no-deps spandrel, then start again.",
            lasting=False,
        ) from error
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:
        raise UpscalerError(
            f"It looks like an upscaler, but its weights do not fit together: {_first(error)}"
        ) from error
    if found is None:
        raise UpscalerError("It is no upscaler of a known kind.")
    kind = str(found.architecture.name)
    if found.purpose == "Inpainting":
        raise UpscalerError(f"It is a network of the kind {kind}, which fills holes and does not make pictures larger.")
    channels = int(found.input_channels)
    if channels != found.output_channels or channels not in (1, 3):
        raise UpscalerError(f"It is made for pictures of {channels} channels, not for coloured ones.")
    module = found.model.eval().requires_grad_(False)
    half = bool(found.supports_half)
    return _placed(found, module, int(found.scale), channels, kind, found.purpose == "FaceSR", half, device)


def _placed(
    call: Callable[[torch.Tensor], torch.Tensor],
    module: torch.nn.Module,
    scale: int,
    channels: int,
    kind: str,
    faces: bool,
    half: bool,
    device: Device,
) -> Network:
    """On the device, in half precision where that is quicker and the network bears it. (bf16 keeps too few digits for
    the tones of a picture: in place of fp32 it is up to seven levels of 255 off.)"""
    dtype = torch.float16 if half and device.kind != "cpu" and device.dtype != torch.float32 else torch.float32
    module.to(device.name, dtype)
    size = sum(value.numel() * value.element_size() for value in module.parameters())
    return Network(scale, channels, kind, faces, call, device.name, dtype, size)


def weights(path: Path) -> dict[str, Any]:
    """The tensors in a file, by key; nothing in it is run. Raises UpscalerError."""
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "nsupported global" in str(error) or "nsupported class" in str(error):
            raise UpscalerError(
                "It holds more than weights, and would run code when opened: it is not read."
            ) from error
        raise UpscalerError(_DAMAGED) from error
    except OSError as error:
        raise UpscalerError(f"It cannot be read: {error.strerror or _first(error)}.") from error
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:
        # Whatever a damaged archive makes of the reader.
        raise UpscalerError(_DAMAGED) from error
    return _unwrapped(found)


def _unwrapped(found: Any) -> dict[str, Any]:
    for _ in range(3):
        if not isinstance(found, Mapping):
            break
        held = cast("Mapping[str, Any]", found)
        inner = next((held[name] for name in _WRAPPERS if isinstance(held.get(name), Mapping)), None)
        if inner is None:
            return {str(key): value for key, value in held.items()}
        found = inner
    raise UpscalerError("It holds no weights of a network.")


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]

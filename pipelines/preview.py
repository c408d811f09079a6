"""Preview: a rough picture of a latent, by a linear map (one pixel each) or by a small decoder (four by four pixels).

A small decoder is a file of its own, `models/previews/NAME.safetensors` for the checkpoint NAME.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from torch import nn
from torch.nn import functional

from pipelines.picture import Picture

_log = logging.getLogger(__name__)


class Preview(Protocol):
    """Gives a rough picture of a latent (channels, height, width) of unit scale, on any device."""

    def picture(self, latent: torch.Tensor) -> Picture: ...


class LatentColours:
    """The linear map from latent channels to red, green and blue.

    weights -- (channels, 3); offset -- (3,); they give -1 .. 1 from latents of unit scale
    """

    def __init__(self, weights: torch.Tensor, offset: torch.Tensor) -> None:
        self._weights = weights.float().cpu()
        self._offset = offset.float().cpu()

    def picture(self, latent: torch.Tensor) -> Picture:
        """latent: (channels, height, width) on any device."""
        colours = torch.einsum("chw,cr->hwr", latent.detach().float().cpu(), self._weights) + self._offset
        return _to_picture(colours)


class SmallDecoder(nn.Module):
    """Latents to pictures of half the side: (n, channels, h, w) of unit scale -> (n, 3, 4 h, 4 w) in about -1 .. 1.

    After the idea of TAESD (Ollin Boer Bohan, 2023): few plain convolutions, inputs held within +-3.
    """

    def __init__(self, channels: int = 4, width: int = 32, narrow: int = 24) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.third = nn.Conv2d(width, width, 3, padding=1)
        self.fourth = nn.Conv2d(width, narrow, 3, padding=1)
        self.last = nn.Conv2d(narrow, 12, 3, padding=1)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        values = functional.relu(self.first(torch.tanh(latents / 3) * 3))
        inner = functional.relu(self.second(values))
        values = functional.relu(values + self.third(inner))
        values = functional.interpolate(values, scale_factor=2.0, mode="nearest")
        return functional.pixel_shuffle(self.last(functional.relu(self.fourth(values))), 2)

    @torch.inference_mode()
    def picture(self, latent: torch.Tensor) -> Picture:
        return _to_picture(self(latent.detach().float().cpu()[None])[0].permute(1, 2, 0))


def small_decoder(checkpoint: Path) -> SmallDecoder | None:
    """The small decoder that comes with a checkpoint, or None where there is none that fits."""
    from safetensors.torch import load_file

    root = next((folder.parent for folder in checkpoint.parents if folder.name == "checkpoints"), None)
    path = (root or checkpoint.parent) / "previews" / f"{checkpoint.stem}.safetensors"
    if root is None or not path.is_file():
        return None
    try:
        tensors = load_file(path)
        narrow, width = tensors["fourth.weight"].shape[:2]
        decoder = SmallDecoder(tensors["first.weight"].shape[1], width, narrow)
        decoder.load_state_dict({name: value.float() for name, value in tensors.items()})
    except Exception as error:
        # A preview is a convenience: the linear one takes its place.
        _log.warning("The small decoder %s cannot be used: %s", path.name, error)
        return None
    return decoder.eval().requires_grad_(False)


def _to_picture(colours: torch.Tensor) -> Picture:
    """(height, width, 3) in -1 .. 1."""
    bytes_ = ((colours + 1) * 127.5).nan_to_num(0).clamp(0, 255).to(torch.uint8)
    height, width, _ = bytes_.shape
    return Picture(width, height, "RGB", bytes_.contiguous().numpy().tobytes())


def sd15_colours() -> LatentColours:
    """For the autoencoder of SD 1.x; the factors that its community measured in 2022."""
    weights = [[0.298, 0.207, 0.208], [0.187, 0.286, 0.173], [-0.158, 0.189, 0.264], [-0.184, -0.271, -0.473]]
    return LatentColours(torch.tensor(weights), torch.zeros(3))


def sdxl_colours() -> LatentColours:
    """For the autoencoder of SDXL; the factors that are customary for it."""
    weights = [
        [0.3651, 0.4232, 0.4341],
        [-0.2533, -0.0042, 0.1068],
        [0.1076, 0.1111, -0.0362],
        [-0.3165, -0.2492, -0.2188],
    ]
    return LatentColours(torch.tensor(weights), torch.tensor([0.1084, -0.0175, -0.0011]))


def sd3_colours() -> LatentColours:
    """For the autoencoder of SD 3; the factors that are customary for it."""
    weights = [
        [-0.0922, -0.0175, 0.0749],
        [0.0311, 0.0633, 0.0954],
        [0.1994, 0.0927, 0.0458],
        [0.0856, 0.0339, 0.0902],
        [0.0587, 0.0272, -0.0496],
        [-0.0006, 0.1104, 0.0309],
        [0.0978, 0.0306, 0.0427],
        [-0.0042, 0.1038, 0.1358],
        [-0.0194, 0.0020, 0.0669],
        [-0.0488, 0.0130, -0.0268],
        [0.0922, 0.0988, 0.0951],
        [-0.0278, 0.0524, -0.0542],
        [0.0332, 0.0456, 0.0895],
        [-0.0069, -0.0030, -0.0810],
        [-0.0596, -0.0465, -0.0293],
        [-0.1448, -0.1463, -0.1189],
    ]
    return LatentColours(torch.tensor(weights), torch.tensor([0.2394, 0.2135, 0.1925]))


def flux_colours() -> LatentColours:
    """For the autoencoder of FLUX.1, which Chroma, Lumina 2, Z-Image and HiDream use as well."""
    weights = [
        [-0.0346, 0.0244, 0.0681],
        [0.0034, 0.0210, 0.0687],
        [0.0275, -0.0668, -0.0433],
        [-0.0174, 0.0160, 0.0617],
        [0.0859, 0.0721, 0.0329],
        [0.0004, 0.0383, 0.0115],
        [0.0405, 0.0861, 0.0915],
        [-0.0236, -0.0185, -0.0259],
        [-0.0245, 0.0250, 0.1180],
        [0.1008, 0.0755, -0.0421],
        [-0.0515, 0.0201, 0.0011],
        [0.0428, -0.0012, -0.0036],
        [0.0817, 0.0765, 0.0749],
        [-0.1264, -0.0522, -0.1103],
        [-0.0280, -0.0881, -0.0499],
        [-0.1262, -0.0982, -0.0778],
    ]
    return LatentColours(torch.tensor(weights), torch.tensor([-0.0329, -0.0718, -0.0851]))


def fitted(decode: Callable[[torch.Tensor], torch.Tensor], channels: int, side: int = 8) -> LatentColours:
    """The map that fits an autoencoder best (least squares over a few decoded random latents).

    decode -- (1, channels, side, side) of unit scale -> (1, 3, …) in -1 .. 1
    """
    stream = torch.Generator("cpu").manual_seed(0)
    points: list[torch.Tensor] = []
    colours: list[torch.Tensor] = []
    for _ in range(6):
        # Coarse patches rather than white noise: that is what a half finished picture is made of.
        coarse = torch.randn((1, channels, max(1, side // 2), max(1, side // 2)), generator=stream)
        latent = torch.nn.functional.interpolate(coarse, size=(side, side), mode="nearest")
        image = decode(latent).float().cpu()
        small = torch.nn.functional.adaptive_avg_pool2d(image, (side, side))
        points.append(latent[0].flatten(1).T)
        colours.append(small[0].flatten(1).T)
    known = torch.cat(points)
    known = torch.cat([known, torch.ones(len(known), 1)], dim=1)
    answer = torch.linalg.lstsq(known, torch.cat(colours).nan_to_num(0)).solution
    return LatentColours(answer[:-1], answer[-1])

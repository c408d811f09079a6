"""A pupil: a checkpoint of Stable Diffusion 1.x opened for the training of something small beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from PIL import Image
from torch import Tensor
from transformers import CLIPTextModel

from pipelines import header
from pipelines.denoise import Prediction
from pipelines.device import pick
from pipelines.families.sd15 import FAMILY
from pipelines.latent_model import LatentModel
from pipelines.training.attention import use_plain_attention

LENGTH = 77


@dataclass(frozen=True)
class Pupil:
    """The networks of a checkpoint, frozen, in fp32."""

    text: CLIPTextModel
    unet: UNet2DConditionModel
    model: LatentModel
    prediction: Prediction
    end: int

    @property
    def device(self) -> torch.device:
        return self.unet.device

    def latents(self, pictures: list[Image.Image], size: int) -> Tensor:
        """[n, 4, size / 8, size / 8] of RGB pictures, made square by cutting their longer sides."""
        made = [self.model.encode([square(picture, size)], (number,)) for number, picture in enumerate(pictures)]
        return torch.cat(made).float().clone()

    def tokens(self, captions: list[str], width: int = 1, word: str = "") -> Tensor:
        """[n, 77] token numbers; every `word` becomes `width` times the first of its own tokens."""
        reader = self.model.parts.text.parts[0]
        start = reader.tokens(word)[:1] if word else []
        rows: list[list[int]] = []
        for caption in captions:
            pieces = caption.split(word) if word else [caption]
            row: list[int] = []
            for number, piece in enumerate(pieces):
                row += (start * width if number else []) + (reader.tokens(piece) if piece.strip() else [])
            row = [self.end - 1, *row[: LENGTH - 2], self.end]
            rows.append(row + [self.end] * (LENGTH - len(row)))
        return torch.tensor(rows, dtype=torch.int64)


def open_pupil(weights: Path, device: str | None = None) -> Pupil:
    """Opens a file in the original layout; raises ModelError or HeaderError where it is none."""
    model = FAMILY.load(weights, header.read(weights), pick(device, "float32"))
    assert isinstance(model, LatentModel)
    networks = model.components()
    text, unet = networks["te"], networks["unet"]
    if unet.device.type == "cpu":
        use_plain_attention(text, unet)
    return Pupil(text.float(), unet.float(), model, model.parts.prediction, int(text.config.eos_token_id))


def square(picture: Image.Image, size: int) -> Image.Image:
    """`size` × `size` pixels: the middle of a picture, transparent parts white."""
    if picture.mode in ("RGBA", "LA", "PA"):
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture.convert("RGBA"))
        picture = white
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    whole = picture.convert("RGB").crop((left, top, left + side, top + side))
    return whole.resize((size, size), Image.Resampling.LANCZOS)

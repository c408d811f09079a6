"""Latents: pictures to and from an autoencoder's small inner picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from pipelines.noise import SeededNoise


class Autoencoder:
    """A diffusers AutoencoderKL with its scaling.

    module -- the network itself; channels -- of a latent; factor -- pixels of a side that one latent pixel stands for
    """

    def __init__(self, vae: Any, device: str, dtype: torch.dtype) -> None:
        self.module = vae
        self._device = device
        self._dtype = dtype
        self._scaling = float(vae.config.scaling_factor)
        self._shift = float(vae.config.shift_factor or 0.0)
        self.channels = int(vae.config.latent_channels)
        self.factor = 2 ** (len(vae.config.block_out_channels) - 1)

    def shape(self, width: int, height: int) -> tuple[int, int, int]:
        """Of the latent of one picture: (channels, height, width)."""
        return self.channels, height // self.factor, width // self.factor

    @torch.inference_mode()
    def encode(self, images: Sequence[Image.Image], seeds: tuple[int, ...]) -> torch.Tensor:
        """The latents of RGB pictures of one size, or of one for all, drawn once for each seed:
        (seeds, channels, height, width), fp32, unit scale.

        The autoencoder gives a mean and a deviation; the draw is from the seed alone, so the same recipe has the
        same start.
        """
        posteriors = [self._posterior(image) for image in images]
        mean = torch.cat([mean for mean, _ in posteriors])
        deviation = torch.cat([deviation for _, deviation in posteriors])
        noise = SeededNoise(seeds, mean.shape[1:], self._device).draw()
        return (mean + deviation * noise - self._shift) * self._scaling

    @torch.inference_mode()
    def mean(self, image: Image.Image) -> torch.Tensor:
        """The likeliest latent of a picture, without scaling: (1, channels, height, width), fp32."""
        return self._posterior(image)[0]

    def _posterior(self, image: Image.Image) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and deviation, (1, channels, height, width) each."""
        pixels = torch.from_numpy(np.asarray(image.convert("RGB")).astype(np.float32)) / 127.5 - 1
        batch = pixels.permute(2, 0, 1)[None].to(self._device, self._dtype)
        found = self.module.encode(batch).latent_dist
        return found.mean.float(), found.std.float()

    @torch.inference_mode()
    def decode(self, latent: torch.Tensor, light: bool = False) -> torch.Tensor:
        """(pictures, channels, height, width) -> (pictures, 3, height * factor, width * factor), fp32, about -1 .. 1.

        One picture at a time: it costs nothing in speed and bounds the memory. light -- in tiles, with least memory.
        """
        self.module.use_tiling = light
        return torch.cat([self._decode_one(one[None]) for one in latent])

    def _decode_one(self, latent: torch.Tensor) -> torch.Tensor:
        inner = latent.to(self._device, torch.float32) / self._scaling + self._shift
        image = self.module.decode(inner.to(self._dtype)).sample
        if self._dtype != torch.float32 and not bool(torch.isfinite(image).all()):
            # Some autoencoders leave the range of half precision; they stay in fp32 from then on.
            self._dtype = torch.float32
            self.module.to(torch.float32)
            image = self.module.decode(inner).sample
        return image.float()


def to_images(decoded: torch.Tensor) -> list[Image.Image]:
    """(pictures, 3, height, width) in -1 .. 1 -> RGB pictures. Cut to 8 bits, not rounded, as is customary."""
    scaled = ((decoded.float() + 1) / 2).clamp(0, 1) * 255
    return [Image.fromarray(one.permute(1, 2, 0).to(torch.uint8).cpu().numpy()) for one in scaled]


def latent_mask(mask: Image.Image, width: int, height: int, device: str, soft: bool = False) -> torch.Tensor:
    """A grey mask (white is repainted) at the size of a latent: (1, 1, height, width), 0 or 1; between them if soft."""
    small = np.asarray(mask.convert("L").resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    return torch.from_numpy(small if soft else np.around(small))[None, None].to(device)

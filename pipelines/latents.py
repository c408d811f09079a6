"""Latents: pictures to and from an autoencoder's small inner picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from pipelines.noise import SeededNoise


class Autoencoder:
    """A diffusers AutoencoderKL with its scaling. Other kinds subclass it, further down.

    module -- the network itself; channels -- of a latent; factor -- pixels of a side that one latent pixel stands for
    """

    def __init__(self, vae: Any, device: str, dtype: torch.dtype, shifted: bool = True) -> None:
        """shifted: the family counts on the shift that the autoencoder's configuration may name."""
        self.module = vae
        self.device = device
        self.dtype = dtype
        self.scaling = float(getattr(vae.config, "scaling_factor", None) or 1.0)
        self.shift = float((getattr(vae.config, "shift_factor", None) or 0.0) if shifted else 0.0)
        self.channels = self._channels()
        self.factor = self._factor()
        self.raised = False
        """It left the range of half precision once, and works in fp32 since then."""

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
        posteriors = [self._posterior(self._pixels(image)) for image in images]
        mean = torch.cat([mean for mean, _ in posteriors])
        deviation = torch.cat([deviation for _, deviation in posteriors])
        noise = SeededNoise(seeds, mean.shape[1:], self.device).draw()
        return self._unit(mean + deviation * noise)

    @torch.inference_mode()
    def mean(self, image: Image.Image) -> torch.Tensor:
        """The likeliest latent of a picture, without scaling: (1, channels, height, width), fp32."""
        return self._posterior(self._pixels(image))[0]

    @torch.inference_mode()
    def decode(self, latent: torch.Tensor, light: bool = False) -> torch.Tensor:
        """(pictures, channels, height, width) -> (pictures, 3, height * factor, width * factor), fp32, about -1 .. 1.

        One picture at a time: it costs nothing in speed and bounds the memory. light -- in tiles, with least memory.
        """
        self.module.use_tiling = light
        return torch.cat([self._decode_one(one[None]) for one in latent])

    def _pixels(self, image: Image.Image) -> torch.Tensor:
        pixels = torch.from_numpy(np.asarray(image.convert("RGB")).astype(np.float32)) / 127.5 - 1
        return pixels.permute(2, 0, 1)[None].to(self.device, self.dtype)

    def _decode_one(self, latent: torch.Tensor) -> torch.Tensor:
        inner = self._raw(latent.to(self.device, torch.float32))
        image = self._painted(inner.to(self.dtype))
        if self.dtype != torch.float32 and not _usable(image):
            # Some autoencoders leave the range of half precision; they stay in fp32 from then on.
            self.dtype, self.raised = torch.float32, True
            self.module.to(torch.float32)
            image = self._painted(inner)
        return image.float()

    def _channels(self) -> int:
        return int(self.module.config.latent_channels)

    def _factor(self) -> int:
        return 2 ** (len(self.module.config.block_out_channels) - 1)

    def _posterior(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and deviation, (1, channels, height, width) each."""
        found = self.module.encode(pixels).latent_dist
        return found.mean.float(), found.std.float()

    def _painted(self, raw: torch.Tensor) -> torch.Tensor:
        """raw: as the autoencoder has it, (1, channels, height, width) -> (1, 3, …)."""
        return self.module.decode(raw, return_dict=False)[0]

    def _unit(self, raw: torch.Tensor) -> torch.Tensor:
        """As the network has it: of unit scale."""
        return (raw - self.shift) * self.scaling

    def _raw(self, latent: torch.Tensor) -> torch.Tensor:
        return latent / self.scaling + self.shift


class DeepAutoencoder(Autoencoder):
    """diffusers' AutoencoderDC (Chen et al. 2024): 32 pixels a latent pixel, nothing is drawn."""

    def _factor(self) -> int:
        return 2 ** (len(self.module.config.encoder_block_out_channels) - 1)

    def _posterior(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        latent = self.module.encode(pixels, return_dict=False)[0].float()
        return latent, torch.zeros_like(latent)


class FrameAutoencoder(Autoencoder):
    """diffusers' AutoencoderKLQwenImage: made for films, of which a picture is the only frame; each channel of a latent
    has a mean and a deviation of its own."""

    def _channels(self) -> int:
        return int(self.module.config.z_dim)

    def _factor(self) -> int:
        return 2 ** len(self.module.temperal_downsample)

    def _posterior(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.module.encode(pixels[:, :, None]).latent_dist
        return found.mean[:, :, 0].float(), found.std[:, :, 0].float()

    def _painted(self, raw: torch.Tensor) -> torch.Tensor:
        return self.module.decode(raw[:, :, None], return_dict=False)[0][:, :, 0]

    def _unit(self, raw: torch.Tensor) -> torch.Tensor:
        mean, deviation = self._moments(raw)
        return (raw - mean) / deviation

    def _raw(self, latent: torch.Tensor) -> torch.Tensor:
        mean, deviation = self._moments(latent)
        return latent * deviation + mean

    def _moments(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        config = self.module.config
        mean, deviation = (
            torch.tensor(value).to(like)[:, None, None] for value in (config.latents_mean, config.latents_std)
        )
        return mean, deviation


class PatchAutoencoder(Autoencoder):
    """diffusers' AutoencoderKLFlux2: squares of four latent pixels are one with four times the channels, normalised."""

    def _channels(self) -> int:
        return 4 * int(self.module.config.latent_channels)

    def _factor(self) -> int:
        return 2 ** len(self.module.config.block_out_channels)

    def _unit(self, raw: torch.Tensor) -> torch.Tensor:
        mean, deviation = self._moments()
        return (torch.nn.functional.pixel_unshuffle(raw, 2) - mean) / deviation

    def _raw(self, latent: torch.Tensor) -> torch.Tensor:
        mean, deviation = self._moments()
        return torch.nn.functional.pixel_shuffle(latent * deviation + mean, 2)

    def _posterior(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, _ = super()._posterior(pixels)
        # The likeliest latent, as the family's own program takes it. Zero deviation in the same shape.
        return mean, torch.zeros_like(mean)

    def _moments(self) -> tuple[torch.Tensor, torch.Tensor]:
        norm = self.module.bn
        deviation = torch.sqrt(norm.running_var.float() + self.module.config.batch_norm_eps)
        return norm.running_mean.float()[:, None, None], deviation[:, None, None]


def _usable(image: torch.Tensor) -> bool:
    return bool(torch.isfinite(image).all())


def to_images(decoded: torch.Tensor) -> list[Image.Image]:
    """(pictures, 3, height, width) in -1 .. 1 -> RGB pictures. Cut to 8 bits, not rounded, as is customary."""
    scaled = ((decoded.float() + 1) / 2).clamp(0, 1) * 255
    return [Image.fromarray(one.permute(1, 2, 0).to(torch.uint8).cpu().numpy()) for one in scaled]


def latent_mask(mask: Image.Image, width: int, height: int, device: str, soft: bool = False) -> torch.Tensor:
    """A grey mask (white is repainted) at the size of a latent: (1, 1, height, width), 0 or 1; between them if soft."""
    small = np.asarray(mask.convert("L").resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    return torch.from_numpy(small if soft else np.around(small))[None, None].to(device)

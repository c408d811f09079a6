"""The autoencoder: 128 × 128 pictures to [4, 16, 16] latents and back, trained from scratch.

Loss: L1 + squared error + L1 of the picture's gradients + a small KL term (Kingma & Welling 2013). Most steps see
64-pixel crops, the rest whole pictures: the network is convolutional, and crops are four times as many.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn

from pipelines.training.backdrop import COLOURS, SCENES, plain, scene
from pipelines.training.emoji import SIZE, Library
from pipelines.training.headstart import give_head_start
from pipelines.training.kitfile import VAE_CONFIG
from pipelines.training.sprite import place
from pipelines.training.state import Average, load_state, save_state, schedule

KL_WEIGHT: Final = 1e-4
LEARNING_RATE: Final = 3e-4
CROP: Final = 64
log = logging.getLogger(__name__)


def to_tensor(pixels: np.ndarray[Any, Any]) -> Tensor:
    """[n, h, w, 3] of 0..255 → [n, 3, h, w] of −1..1."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1


def draw_scenery(library: Library, random: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float32]]:
    """[128, 128, 3]: one to three pictures of any style on a backdrop, for the autoencoder only."""
    kind = random.random()
    if kind < 0.35:
        canvas = plain(COLOURS["white"])
    elif kind < 0.8:
        canvas = plain(tuple(int(value) for value in random.integers(0, 256, 3)))  # type: ignore[arg-type]
    else:
        canvas = scene(str(random.choice(SCENES)), random)
    for _ in range(1 if random.random() < 0.75 else 3):
        size = random.uniform(60, 128)
        middle = (random.uniform(size / 2, SIZE - size / 2), random.uniform(size / 2, SIZE - size / 2))
        place(canvas, library.pixels[int(random.integers(len(library.pixels)))], size, middle)
    return canvas


def draw_batch(library: Library, seed: int, step: int) -> Tensor:
    """Step's pictures: [4, 3, 64, 64] or [1, 3, 128, 128]; the same for the same seed and step."""
    random = np.random.default_rng((seed, step))
    whole = random.random() < 0.25
    pictures: list[np.ndarray[Any, np.dtype[np.float32]]] = []
    for _ in range(1 if whole else 4):
        picture = draw_scenery(library, random)
        if not whole:
            top, left = random.integers(0, SIZE - CROP + 1, 2)
            picture = picture[top : top + CROP, left : left + CROP]
        pictures.append(picture)
    return to_tensor(np.stack(pictures))


def gradient_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """L1 distance of the horizontal and vertical differences."""
    error = made - wanted
    return error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()


def loss_of(model: AutoencoderKL, pictures: Tensor, frozen_latents: bool = False) -> Tensor:
    """The training loss of one batch [n, 3, h, w]."""
    posterior = model.encode(pictures).latent_dist  # type: ignore[union-attr]
    latents = posterior.sample()
    made = model.decode(latents).sample.float()  # type: ignore[union-attr]
    error = made - pictures
    loss = error.abs().mean() + 2 * error.square().mean() + 0.5 * gradient_loss(made, pictures)
    if not frozen_latents:
        mean, spread = posterior.mean.float(), posterior.logvar.float()
        loss = loss + KL_WEIGHT * 0.5 * (mean.square() + spread.exp() - 1 - spread).mean()
    return loss


def new_autoencoder(seed: int) -> AutoencoderKL:
    """A fresh autoencoder with a head start."""
    torch.manual_seed(seed)
    model = AutoencoderKL(**VAE_CONFIG)
    give_head_start(model)
    return model


class AutoencoderTraining:
    """A run that can be stopped and resumed; its whole state is one file."""

    def __init__(self, library: Library, path: Path, seed: int = 7, finished: dict[str, Tensor] | None = None) -> None:
        """With the weights of a `finished` autoencoder only its decoder is trained on; the latents stay."""
        self.library, self.path, self.seed = library, path, seed
        self.decoder_only = finished is not None
        self.model = new_autoencoder(seed)
        if finished is not None:
            self.model.load_state_dict(finished)
            frozen: list[Any] = [self.model.encoder, self.model.quant_conv]
            for part in frozen:
                part.requires_grad_(False)
        self.trained = [value for value in self.model.parameters() if value.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.trained, lr=LEARNING_RATE, betas=(0.9, 0.99), weight_decay=1e-3, foreach=True
        )
        self.average = Average(self.model, 0.998)
        self.step = 0
        self.pictures = 0
        self.seconds = 0.0

    def resume(self) -> bool:
        """Loads the state if there is one."""
        state = load_state(self.path)
        if state is None:
            return False
        self.model.load_state_dict(state["model"])
        self.average.load(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.pictures, self.seconds = state["step"], state["pictures"], state["seconds"]
        return True

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "pictures": self.pictures,
            "seconds": self.seconds,
        }
        save_state(state, self.path)

    def train(self, steps: int, stop: Callable[[], bool] | None = None, save_every: int = 200) -> None:
        """Trains up to step `steps`; the learning rate falls over the last 40 %."""
        self.model.train()
        began, losses = time.monotonic(), 0.0
        while self.step < steps and not (stop is not None and stop()):
            torch.manual_seed(self.seed * 1_000_003 + self.step)
            batch = draw_batch(self.library, self.seed, self.step)
            with torch.autocast("cpu", torch.bfloat16):
                loss = loss_of(self.model, batch, self.decoder_only)
            loss.backward()
            nn.utils.clip_grad_norm_(self.trained, 1.0)
            for group in self.optimizer.param_groups:
                group["lr"] = LEARNING_RATE * schedule(self.step, steps, decay=0.4)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            self.average.update(self.model, self.step)
            self.step += 1
            self.pictures += len(batch)
            losses += float(loss.detach())
            if self.step % 25 == 0:
                self.seconds += time.monotonic() - began
                began = time.monotonic()
                log.info("vae step %d loss %.4f, %d s", self.step, losses / 25, self.seconds)
                losses = 0.0
            if self.step % save_every == 0:
                self.save()
        self.save()


@torch.no_grad()
def measure_psnr(model: AutoencoderKL, library: Library, count: int = 64, seed: int = 99) -> float:
    """Mean PSNR in dB over `count` whole pictures (one object on white or a plain colour), by the latents' mean."""
    model.eval()
    random = np.random.default_rng(seed)
    total = 0.0
    for _ in range(count):
        colour = (255, 255, 255) if random.random() < 0.5 else tuple(int(v) for v in random.integers(0, 256, 3))
        canvas = plain(colour)  # type: ignore[arg-type]
        place(canvas, library.pixels[int(random.integers(len(library.pixels)))], 116, (SIZE / 2, SIZE / 2))
        picture = to_tensor(canvas[None])
        with torch.autocast("cpu", torch.bfloat16):
            latents = model.encode(picture).latent_dist.mean  # type: ignore[union-attr]
            made = model.decode(latents).sample.float().clamp(-1, 1)  # type: ignore[union-attr]
        error = float(((made - picture) / 2).square().mean())
        total += -10 * float(np.log10(max(error, 1e-10)))
    return total / count


@torch.no_grad()
def latent_statistics(model: AutoencoderKL, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [4] and deviation [4] of the latents of pictures [n, 3, h, w]."""
    model.eval()
    latents: list[Tensor] = []
    for part in pictures.split(16):
        with torch.autocast("cpu", torch.bfloat16):
            latents.append(model.encode(part).latent_dist.mean.float())  # type: ignore[union-attr]
    whole = torch.cat(latents)
    return whole.mean((0, 2, 3)), whole.std((0, 2, 3))


@torch.no_grad()
def fold_statistics(model: AutoencoderKL, mean: Tensor, deviation: Tensor, scaling: float) -> None:
    """Makes the latents' mean 0 and deviation 1/scaling by changing (post_)quant_conv, both 1 × 1; pictures stay.

    After it, latents times SD's usual scaling factor have mean 0 and deviation 1, channel by channel.
    """
    size = deviation * scaling
    before: Any = model.quant_conv
    after: Any = model.post_quant_conv
    before.weight[:4] /= size[:, None, None, None]
    before.bias[:4] = (before.bias[:4] - mean) / size
    before.bias[4:] -= 2 * size.log()
    after.bias += (after.weight[:, :, 0, 0] * mean).sum(1)
    after.weight *= size[None, :, None, None]

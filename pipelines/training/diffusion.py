"""Text model and U-Net, trained together on the bank's latents.

v-prediction (Salimans & Ho 2022) on Stable Diffusion's scaled-linear betas; weights after min-SNR-5 (Hang et al. 2023)
in a form that keeps the v-loss at high noise: (min(snr, 5) + 1) / (snr + 1); 10 % empty captions (Ho & Salimans 2022).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel

from pipelines.denoise import Prediction
from pipelines.training.attention import use_plain_attention
from pipelines.training.state import Average, load_state, save_state, schedule
from pipelines.training.team import Team

TIMESTEPS: Final = 1000
DROPPED: Final = 0.1
LEARNING_RATE: Final = 1e-3
TEXT_SHARE: Final = 0.15
log = logging.getLogger(__name__)


class Source(Protocol):
    """Where batches come from."""

    def draw(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """Latents [count, 4, h, w] and tokens [count, 77] of a step."""
        ...


def alphas_bar() -> Tensor:
    """[1000] of SD: betas from 0.00085 to 0.012, linear in their roots."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, TIMESTEPS, dtype=torch.float64).square()
    return (1 - betas).cumprod(0).float()


def spread_timesteps(count: int, generator: torch.Generator) -> Tensor:
    """[count] timesteps, one in each of `count` equal parts of 0..999, in no order."""
    places = (torch.arange(count) + torch.rand(count, generator=generator)) / count
    return (places * TIMESTEPS).long().clamp(0, TIMESTEPS - 1)[torch.randperm(count, generator=generator)]


def diffusion_loss(
    text: CLIPTextModel,
    unet: UNet2DConditionModel,
    latents: Tensor,
    tokens: Tensor,
    empty: Tensor,
    generator: torch.Generator,
    team: Team | None = None,
    prediction: Prediction = "v",
) -> Tensor:
    """The loss of one batch: latents [n, 4, h, w], tokens [n, 77], the empty caption's tokens [77].

    A member of a team takes its own share of the batch. The generator is the CPU's on every device, so a run repeats.

    One picture in thirty begins from pure noise at the last timestep, as sampling does; SD's schedule alone would
    leave a trace of the picture there.
    """
    count, device = len(latents), latents.device
    bars = alphas_bar()
    latents, tokens = latents.cpu(), tokens.cpu()
    timesteps = spread_timesteps(count, generator)
    noise = torch.randn(latents.shape, generator=generator)
    dropped = torch.rand(count, generator=generator) < DROPPED
    pure = torch.rand(count, generator=generator) < 1 / 30
    timesteps = torch.where(pure, TIMESTEPS - 1, timesteps)
    bar = bars[timesteps][:, None, None, None]
    noisy = torch.where(pure[:, None, None, None], noise, bar.sqrt() * latents + (1 - bar).sqrt() * noise)
    wanted = noise if prediction == "epsilon" else bar.sqrt() * noise - (1 - bar).sqrt() * latents
    tokens = torch.where(dropped[:, None], empty[None], tokens).long()
    if team is not None:
        noisy, wanted, timesteps = team.share(noisy), team.share(wanted), team.share(timesteps)
        tokens, bar = team.share(tokens), team.share(bar)
    with torch.autocast(device.type, torch.bfloat16):
        states = text(input_ids=tokens.to(device)).last_hidden_state
        made = unet(noisy.to(device), timesteps.to(device), states).sample
    snr = bar / (1 - bar)
    weight = snr.clamp(max=5) / snr if prediction == "epsilon" else (snr.clamp(max=5) + 1) / (snr + 1)
    return (weight.to(device) * (made.float() - wanted.to(device)).square()).mean()


class DiffusionTraining:
    """A run that can be stopped and resumed; its whole state is one file."""

    def __init__(
        self,
        source: Source,
        text: CLIPTextModel,
        unet: UNet2DConditionModel,
        empty: Tensor,
        path: Path,
        seed: int = 11,
        batch: int = 32,
        rate: float = LEARNING_RATE,
        team: Team | None = None,
        together: int = 1,
        average: float = 0.9995,
    ) -> None:
        """`together` 1: the team averages its gradients in every step; n: each member steps by itself and every n steps
        they average their weights (local SGD, Stich 2018), which saves most of the talk. `average`: of the weights."""
        self.team, self.together = team or Team(), together
        self.source, self.text, self.unet, self.empty = source, text, unet, empty
        self.path, self.seed, self.batch, self.rate = path, seed, batch, rate
        self.text.get_input_embeddings().requires_grad_(False)
        use_plain_attention(text, unet)
        self.networks = nn.ModuleDict({"text": text, "unet": unet})
        self.trained = [value for value in self.networks.parameters() if value.requires_grad]
        groups = [
            {"params": [value for value in text.parameters() if value.requires_grad], "share": TEXT_SHARE},
            {"params": list(unet.parameters()), "share": 1.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), weight_decay=1e-3, fused=True)
        self.average = Average(self.networks, average)
        self.step = 0
        self.pictures = 0
        self.seconds = 0.0

    def resume(self) -> bool:
        """Loads the state if there is one."""
        state = load_state(self.path)
        if state is None:
            return False
        self.networks.load_state_dict(state["networks"])
        self.average.load(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.pictures, self.seconds = state["step"], state["pictures"], state["seconds"]
        return True

    def save(self) -> None:
        if not self.team.leads:
            return
        state = {
            "networks": self.networks.state_dict(),
            "average": self.average.state(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "pictures": self.pictures,
            "seconds": self.seconds,
        }
        save_state(state, self.path)

    def advance(self, steps: int) -> float:
        """One step of a run planned for `steps`; returns the loss."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)
        latents, tokens = self.source.draw(self.step, self.batch)
        loss = diffusion_loss(self.text, self.unet, latents, tokens, self.empty, generator, self.team)
        loss.backward()
        if self.together == 1:
            self.team.average_gradients(self.trained)
        nn.utils.clip_grad_norm_(self.trained, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * group["share"] * schedule(self.step, steps, decay=0.3)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.together > 1 and (self.step + 1) % self.together == 0:
            self.team.average([value.data for value in self.trained])
        self.average.update(self.networks, self.step)
        self.step += 1
        self.pictures += len(latents)
        return float(loss.detach())

    def train(
        self,
        steps: int,
        each: Callable[[], None] | None = None,
        each_seconds: float = 600.0,
        save_seconds: float = 240.0,
    ) -> None:
        """Trains up to step `steps`, saving the state every four minutes and calling `each` every ten."""
        self.networks.train()
        losses: list[float] = []
        last = saved = called = time.monotonic()
        while self.step < steps:
            losses.append(self.advance(steps))
            now = time.monotonic()
            self.seconds += now - last
            last = now
            if self.step % 50 == 0:
                mean = sum(losses) / len(losses)
                log.info(
                    "step %d, %d pictures, loss %.4f, %.1f pictures/s",
                    self.step,
                    self.pictures,
                    mean,
                    self.pictures / max(self.seconds, 1e-9),
                )
                losses.clear()
            if now - saved > save_seconds:
                self.save()
                saved = now
            if each is not None and self.team.leads and now - called > each_seconds:
                each()
                called = last = time.monotonic()
        self.save()

    def averaged(self, text: CLIPTextModel, unet: UNet2DConditionModel) -> None:
        """Writes the averaged weights into networks of the same shape."""
        twin = nn.ModuleDict({"text": text, "unet": unet})
        twin.load_state_dict(self.networks.state_dict())
        self.average.copy_to(twin)
        twin.eval()

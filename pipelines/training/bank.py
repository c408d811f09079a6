"""The bank: latents of compositions with their captions' tokens, encoded shard by shard and kept on disk.

Shard k holds the compositions k·n … k·n + n − 1 of the composer's endless row, so a resumed run sees the same pictures.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor

from pipelines.training.autoencoder import to_tensor
from pipelines.training.compose import Composer
from pipelines.training.emoji import SIZE
from pipelines.training.kitfile import SCALING
from pipelines.training.state import load_state, save_state
from pipelines.training.team import Team

log = logging.getLogger(__name__)


def tokenize(tokenizer: Any, captions: list[str]) -> Tensor:
    """[n, 77] token numbers, padded with the end token."""
    numbers = tokenizer(captions, padding="max_length", max_length=77, truncation=True)["input_ids"]
    return torch.tensor(numbers, dtype=torch.int32)


class Bank:
    """Latents [n, 4, 16, 16] (scaled, fp16) and tokens [n, 77] of the newest `kept` shards up to a step's own."""

    def __init__(
        self,
        composer: Composer,
        vae: AutoencoderKL,
        tokenizer: Any,
        folder: Path,
        seed: int,
        shard: int = 512,
        first: int = 16,
        kept: int = 96,
        steps_per_shard: int = 600,
        team: Team | None = None,
    ) -> None:
        self.team = team or Team()
        self.composer, self.vae, self.tokenizer = composer, vae, tokenizer
        self.folder, self.seed, self.shard = folder, seed, shard
        self.first, self.kept, self.steps_per_shard = first, kept, steps_per_shard
        self.loaded: dict[int, tuple[Tensor, Tensor]] = {}

    def draw(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """Latents [count, 4, 16, 16] (fp32) and tokens [count, 77] for a step: the same for the same step."""
        end = self.first + step // self.steps_per_shard
        begin = max(0, end - self.kept)
        for old in [number for number in self.loaded if number < begin]:
            del self.loaded[old]
        random = np.random.default_rng((self.seed, 1, step))
        picks = random.integers(begin * self.shard, end * self.shard, count)
        pairs = [self.open(int(pick) // self.shard, int(pick) % self.shard) for pick in picks]
        return torch.stack([latent for latent, _ in pairs]).float(), torch.stack([tokens for _, tokens in pairs])

    def open(self, number: int, row: int) -> tuple[Tensor, Tensor]:
        """One picture's latent and tokens."""
        if number not in self.loaded:
            path = self.folder / f"shard-{number:05d}.pt"
            state = load_state(path)
            if state is None:
                state = self.encode(number)
                if self.team.leads:
                    save_state(state, path)
            self.loaded[number] = (state["latents"], state["tokens"])
        latents, tokens = self.loaded[number]
        return latents[row], tokens[row]

    @torch.no_grad()
    def encode(self, number: int) -> dict[str, Tensor]:
        """Draws and encodes a shard; each member of a team encodes its share."""
        log.info("encoding shard %d", number)
        made = [self.composer.compose(self.seed, number * self.shard + row) for row in range(self.shard)]
        pixels = np.stack([composition.pixels for composition in made])
        latents = torch.zeros(self.shard, 4, SIZE // 8, SIZE // 8)
        for rows in self.team.share(torch.arange(self.shard)).split(16):
            with torch.autocast("cpu", torch.bfloat16):
                mean = self.vae.encode(to_tensor(pixels[rows.numpy()])).latent_dist.mean  # type: ignore[union-attr]
            latents[rows] = mean.float() * SCALING
        self.team.add(latents)
        captions = [composition.caption for composition in made]
        return {"latents": latents.half(), "tokens": tokenize(self.tokenizer, captions)}

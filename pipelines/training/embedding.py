"""Textual inversion (Gal et al. 2022): a new word for a checkpoint, trained from a few pictures.

    python -m pipelines.training.embedding --weights models/checkpoints/kit.safetensors --pictures album \
        --to models/embeddings/flag.safetensors [--size 128] [--vectors 4] [--begin flag] [--steps 400]

Captions say `*` where the new word belongs ("a drawing of *"); pictures without a text file get `--caption`. Nothing of
the checkpoint changes: the word's vectors alone are trained. The file holds them as `emb_params` [vectors, width], and
the word is the file's name.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pipelines.training.album import Album, read_album
from pipelines.training.diffusion import diffusion_loss
from pipelines.training.lora import arguments_of
from pipelines.training.pupil import Pupil, open_pupil
from pipelines.training.state import schedule

PLACE: Final = "*"
log = logging.getLogger(__name__)


class NewWord:
    """Vectors [n, width] that stand in for a run of n placeholder tokens, until `remove`."""

    def __init__(self, pupil: Pupil, vectors: int, begin: str) -> None:
        """`begin` gives the vectors to start from."""
        table: nn.Module = pupil.text.get_input_embeddings()
        (self.number,) = pupil.tokens([PLACE], 1, PLACE)[0, 1:2].tolist()
        numbers = [int(value) for value in pupil.tokens([begin])[0, 1:] if int(value) != pupil.end] or [self.number]
        weight = next(table.parameters()).detach()
        rows = [numbers[place % len(numbers)] for place in range(vectors)]
        noise = torch.randn(vectors, weight.shape[1], generator=torch.Generator().manual_seed(3)).to(weight)
        self.vectors = nn.Parameter(weight[rows].clone() + noise * weight.std() * 0.1)
        self.handle = table.register_forward_hook(self.hook)

    def hook(self, _: nn.Module, given: tuple[Tensor, ...], answer: Tensor) -> Tensor:
        """Puts the vectors in the places of the placeholder, one after another in every row."""
        here = given[0] == self.number
        order = (here.cumsum(1) - 1).clamp(min=0) % len(self.vectors)
        return torch.where(here[..., None], self.vectors[order].to(answer.dtype), answer)

    def remove(self) -> None:
        self.handle.remove()


def train(
    pupil: Pupil,
    album: Album,
    vectors: int,
    steps: int,
    begin: str = "",
    rate: float = 2e-2,
    batch: int = 8,
    seed: int = 19,
) -> tuple[NewWord, list[float]]:
    """A word trained for `steps` batches, and the loss of every step."""
    word = NewWord(pupil, vectors, begin)
    optimizer = torch.optim.AdamW([word.vectors], lr=rate, betas=(0.9, 0.99), weight_decay=0.0)
    empty = pupil.tokens([""])[0]
    losses: list[float] = []
    for step in range(steps):
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        latents, tokens = album.draw(step, batch)
        loss = diffusion_loss(
            pupil.text, pupil.unet, latents.to(pupil.device), tokens, empty, generator, prediction=pupil.prediction
        )
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = rate * schedule(step, steps, decay=0.6, warm_up=20)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
        if (step + 1) % 50 == 0:
            log.info("step %d of %d, loss %.4f", step + 1, steps, sum(losses[-50:]) / 50)
    return word, losses


def save_embedding(word: NewWord, path: Path, facts: dict[str, str] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"emb_params": word.vectors.detach().float().cpu().contiguous()}, path, metadata=facts)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train an embedding.")
    parser.add_argument("--vectors", type=int, default=4)
    parser.add_argument("--begin", default="", help="words to start from")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rate", type=float, default=2e-2, help="for Kit; about 5e-3 for models of usual size")
    parser.add_argument("--caption", default=f"a picture of {PLACE}", help="for pictures without a text file")
    asked = arguments_of(parser)
    pupil = open_pupil(asked.weights, asked.device)
    album = Album(read_album(asked.pictures, asked.caption), pupil, asked.size, asked.vectors, PLACE)
    word, _ = train(pupil, album, asked.vectors, asked.steps, asked.begin, asked.rate, asked.batch)
    save_embedding(word, asked.to, {"modelspec.license": asked.license} if asked.license else None)


if __name__ == "__main__":
    main()

"""LoRA (Hu et al. 2021): a small file that changes how a checkpoint draws, trained from a folder of pictures.

    python -m pipelines.training.lora --weights models/checkpoints/kit.safetensors --pictures album \
        --to models/loras/mine.safetensors [--size 128] [--rank 8] [--steps 600]

`--pictures` is a folder of pictures with a text file beside each (pipelines/training/album.py). Every linear layer of
the U-Net's attention blocks gets one. Keys are those of kohya's scripts (`lora_unet_….lora_down.weight`, `….alpha`), so
the file works in any program that reads those.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any, Final

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from pipelines.training.album import Album, read_album
from pipelines.training.diffusion import diffusion_loss
from pipelines.training.pupil import Pupil, open_pupil
from pipelines.training.state import schedule

PREFIX: Final = "lora_unet_"
log = logging.getLogger(__name__)


class LowRank(nn.Module):
    """What is added to a linear layer: up(down(x)) × alpha / rank, at first nothing."""

    def __init__(self, layer: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.down = nn.Linear(layer.in_features, rank, bias=False)
        self.up = nn.Linear(rank, layer.out_features, bias=False)
        self.alpha = alpha
        nn.init.kaiming_uniform_(self.down.weight, a=5**0.5)
        nn.init.zeros_(self.up.weight)

    def forward(self, values: Tensor) -> Tensor:
        return self.up(self.down(values)) * (self.alpha / self.down.out_features)

    def hook(self, _: nn.Module, given: tuple[Tensor, ...], answer: Tensor) -> Tensor:
        """Adds to a layer's answer."""
        return answer + self(given[0]).to(answer.dtype)


class Lora:
    """The additions to a U-Net; on it until `remove`."""

    def __init__(self, unet: UNet2DConditionModel, rank: int, alpha: float, seed: int = 17) -> None:
        torch.manual_seed(seed)
        self.additions: dict[str, LowRank] = {}
        self.handles: list[RemovableHandle] = []
        for name, layer in unet.named_modules():
            if isinstance(layer, nn.Linear) and ".attentions." in f".{name}":
                addition = LowRank(layer, rank, alpha).to(layer.weight.device)
                self.additions[name] = addition
                self.handles.append(layer.register_forward_hook(addition.hook))

    def parameters(self) -> list[nn.Parameter]:
        return [value for addition in self.additions.values() for value in addition.parameters()]

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def tensors(self) -> dict[str, Tensor]:
        """By kohya's keys, half precision."""
        made: dict[str, Tensor] = {}
        for name, addition in self.additions.items():
            key = PREFIX + name.replace(".", "_")
            made[f"{key}.lora_down.weight"] = addition.down.weight.detach().half().cpu().contiguous()
            made[f"{key}.lora_up.weight"] = addition.up.weight.detach().half().cpu().contiguous()
            made[f"{key}.alpha"] = torch.tensor(addition.alpha, dtype=torch.float16)
        return made


def train(
    pupil: Pupil, album: Album, rank: int, steps: int, rate: float = 2e-3, batch: int = 8, seed: int = 17
) -> tuple[Lora, list[float]]:
    """A LoRA trained for `steps` batches, and the loss of every step."""
    lora = Lora(pupil.unet, rank, float(rank), seed)
    optimizer = torch.optim.AdamW(lora.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=1e-3)
    empty = pupil.tokens([""])[0]
    losses: list[float] = []
    for step in range(steps):
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        latents, tokens = album.draw(step, batch)
        loss = diffusion_loss(
            pupil.text, pupil.unet, latents.to(pupil.device), tokens, empty, generator, prediction=pupil.prediction
        )
        loss.backward()
        nn.utils.clip_grad_norm_(lora.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate * schedule(step, steps, decay=0.6, warm_up=20)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
        if (step + 1) % 50 == 0:
            log.info("step %d of %d, loss %.4f", step + 1, steps, sum(losses[-50:]) / 50)
    return lora, losses


def save_lora(lora: Lora, path: Path, rank: int, facts: dict[str, str] | None = None) -> None:
    """Writes the file, with the notes that other programs look for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    notes = {
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(rank),
        "ss_network_alpha": str(float(rank)),
        "ss_base_model_version": "sd_v1",
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "modelspec.title": path.stem,
    }
    save_file(lora.tensors(), path, metadata={**notes, **(facts or {})})


def arguments_of(parser: argparse.ArgumentParser) -> Any:
    """The arguments that all small trainings share, read."""
    parser.add_argument("--weights", type=Path, required=True, help="the checkpoint to train for")
    parser.add_argument("--pictures", type=Path, required=True, help="a folder of pictures with text files beside them")
    parser.add_argument("--to", type=Path, required=True, help="the file to write")
    parser.add_argument("--size", type=int, default=512, help="side of the pictures in training; Kit: 128")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--device", default=None)
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0: its own choice")
    parser.add_argument("--license", default="", help="for the file's notes")
    read = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    if read.threads:
        torch.set_num_threads(read.threads)
    return read


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a LoRA.")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rate", type=float, default=2e-3, help="for Kit; about 1e-4 for models of usual size")
    parser.add_argument("--caption", default="", help="for pictures without a text file")
    asked = arguments_of(parser)
    pupil = open_pupil(asked.weights, asked.device)
    album = Album(read_album(asked.pictures, asked.caption), pupil, asked.size)
    lora, _ = train(pupil, album, asked.rank, asked.steps, asked.rate, asked.batch)
    save_lora(lora, asked.to, asked.rank, {"modelspec.license": asked.license} if asked.license else None)


if __name__ == "__main__":
    main()

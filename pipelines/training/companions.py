"""Companions: the small files that ship beside Kit, trained for its weights as they are, in one command.

    python -m pipelines.training.companions --weights models/checkpoints/kit.safetensors --packages node_modules \
        --work DIR [--models models]

A LoRA of the style of EmojiOne v2 (CC BY 4.0) and an embedding of the red flag of Fluent 3D (MIT): Kit saw neither.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Final

import torch

from pipelines.training import embedding, lora
from pipelines.training.album import Album, read_album, write_object, write_style
from pipelines.training.embedding import PLACE
from pipelines.training.emoji import HELD_OUT, SIZE
from pipelines.training.pupil import open_pupil

FLAG: Final = "1f6a9"
RANK: Final = 8
VECTORS: Final = 4
EMOJIONE: Final = {
    "modelspec.license": "CC-BY-4.0",
    "modelspec.attribution": "Trained on EmojiOne v2 (EmojiOne and contributors, CC BY 4.0).",
}
FLUENT: Final = {"modelspec.license": "MIT", "modelspec.attribution": "Trained on Fluent Emoji (Microsoft, MIT)."}
log = logging.getLogger(__name__)


def make_lora(weights: Path, packages: Path, work: Path, to: Path, steps: int) -> None:
    album = work / "album-emojione"
    write_style(packages, work, HELD_OUT[0], album)
    pupil = open_pupil(weights, "cpu")
    trained, _ = lora.train(pupil, Album(read_album(album), pupil, SIZE), RANK, steps)
    lora.save_lora(trained, to, RANK, EMOJIONE)


def make_embedding(weights: Path, packages: Path, work: Path, to: Path, steps: int) -> None:
    album = work / "album-flag"
    write_object(packages, FLAG, album)
    pupil = open_pupil(weights, "cpu")
    pages = Album(read_album(album), pupil, SIZE, VECTORS, PLACE)
    word, _ = embedding.train(pupil, pages, VECTORS, steps, "flag")
    embedding.save_embedding(word, to, FLUENT)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train what ships beside Kit.")
    parser.add_argument("--weights", type=Path, default=Path("models/checkpoints/kit.safetensors"))
    parser.add_argument("--packages", type=Path, required=True, help="the node_modules folder with the emoji packages")
    parser.add_argument("--work", type=Path, required=True, help="where pictures are kept")
    parser.add_argument("--models", type=Path, default=Path("models"), help="where the files go")
    parser.add_argument("--lora-steps", type=int, default=600)
    parser.add_argument("--embedding-steps", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    torch.set_num_threads(asked.threads)
    common = asked.weights, asked.packages, asked.work
    make_lora(*common, asked.models / "loras" / "kit-emojione.safetensors", asked.lora_steps)
    make_embedding(*common, asked.models / "embeddings" / "kit-flag.safetensors", asked.embedding_steps)


if __name__ == "__main__":
    main()

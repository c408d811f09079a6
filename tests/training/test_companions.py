"""What ships beside Kit does what it says, drawn by the engine: a LoRA gives its style, an embedding its object.

`references.png` holds what neither Kit nor this test made: six pictures of EmojiOne v2 (CC BY 4.0) and the red flag of
Fluent Emoji (MIT), 64 × 64 each, on white.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.studio import Studio, studio
from pipelines.training.emoji import Pixels
from pipelines.training.judge import JUDGE, load_judge

MODELS = Path(__file__).parents[2] / "models"
DRAWN = ("a heart", "a fox", "a pizza", "a star", "a house", "a cat")
LARGEST = 3 * 2**20


@pytest.fixture(scope="module")
def kit() -> Iterator[Studio]:
    with studio(MODELS / "checkpoints" / "kit.safetensors", MODELS) as made:
        yield made


@pytest.fixture(scope="module")
def references() -> Pixels:
    """[7, 64, 64, 3]."""
    with Image.open(Path(__file__).with_name("references.png")) as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    return np.stack(np.split(pixels, pixels.shape[1] // 64, axis=1))


def apart(made: Pixels, reference: Pixels) -> float:
    """Mean difference of a picture [128, 128, 3] from a reference [64, 64, 3], of 255."""
    small = np.asarray(Image.fromarray(made).resize((64, 64), Image.Resampling.BOX), dtype=np.float32)
    return float(np.abs(small - reference).mean())


def test_they_are_small() -> None:
    files = [MODELS / "loras" / "kit-emojione.safetensors", MODELS / "embeddings" / "kit-flag.safetensors"]
    assert all(0 < file.stat().st_size <= LARGEST for file in files)


def test_the_lora_brings_pictures_nearer_to_its_style(kit: Studio, references: Pixels) -> None:
    plain = [apart(kit.make(words, 1)[0], references[number]) for number, words in enumerate(DRAWN)]
    styled = [
        apart(kit.make(f"{words} <lora:kit-emojione:1>", 1)[0], references[number])
        for number, words in enumerate(DRAWN)
    ]
    assert np.mean(styled) < 0.85 * np.mean(plain)
    again = apart(kit.make(DRAWN[0], 1)[0], references[0])
    assert again == pytest.approx(plain[0], abs=0.3), "it comes off again"


def test_the_embedding_knows_its_object(kit: Studio, references: Pixels) -> None:
    judge = load_judge(JUDGE)
    flag = references[len(DRAWN) :]
    told, untold = (
        float(np.mean([judge.distances(one[None], flag)[0] for one in kit.make(words, 3)]))
        for words in ("kit-flag", "a flag")
    )
    assert told < 0.8 * untold

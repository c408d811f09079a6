"""An album: a folder of pictures to learn from, with a text file of the same name beside each that says what it shows.

    python -m pipelines.training.album --packages node_modules --work DIR --style emojione --to album

writes one from a style of emoji, for the networks that ship with Kit. Any folder of one's own pictures will do.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipelines.training.backdrop import COLOURS, plain
from pipelines.training.concepts import read_subjects, with_article
from pipelines.training.emoji import HELD_OUT, SIZE, STYLES, Pixels, load_library, read_fluent_3d
from pipelines.training.pupil import Pupil
from pipelines.training.sprite import place

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp"})


@dataclass(frozen=True)
class Page:
    picture: Path
    caption: str


def read_album(folder: Path, caption: str = "") -> list[Page]:
    """Every picture with its words: those of the text file beside it, or else `caption`."""
    pages: list[Page] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.casefold() in ENDINGS:
            words = path.with_suffix(".txt")
            text = words.read_text(encoding="utf-8").strip() if words.is_file() else caption
            pages.append(Page(path, text or caption))
    if not pages:
        raise ValueError(f"There is no picture in {folder}.")
    return pages


class Album:
    """Batches of an album's latents and tokens."""

    def __init__(self, pages: list[Page], pupil: Pupil, size: int, width: int = 1, word: str = "") -> None:
        """`word` in a caption stands for `width` vectors in training."""
        pictures: list[Image.Image] = []
        for page in pages:
            with Image.open(page.picture) as picture:
                picture.load()
                pictures.append(picture)
        self.latents = pupil.latents(pictures, size)
        self.tokens = pupil.tokens([page.caption for page in pages], width, word)

    def draw(self, step: int, count: int, seed: int = 1) -> tuple[Tensor, Tensor]:
        """Latents [count, 4, h, w] and tokens [count, 77] of a step; the same for the same step."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        rows = torch.randint(len(self.latents), (count,), generator=generator)
        return self.latents[rows], self.tokens[rows]


def write_page(folder: Path, number: int, pixels: Pixels, colour: str, words: str) -> None:
    """Sets a picture with an alpha channel on a colour, and its caption beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    canvas = plain(COLOURS[colour])
    place(canvas, pixels, 108, (SIZE / 2, SIZE / 2))
    path = folder / f"{number:04d}.png"
    Image.fromarray(canvas.clip(0, 255).astype(np.uint8)).save(path)
    tail = "" if colour == "white" else f" on {with_article(colour)} background"
    path.with_suffix(".txt").write_text(f"{words}{tail}\n", encoding="utf-8")


def write_style(packages: Path, work: Path, style: str, folder: Path) -> None:
    """The subjects of a style, each on white and on one colour."""
    styles = HELD_OUT if style in HELD_OUT else STYLES
    library = load_library(packages, work / "cache", styles)
    random, rows, number = np.random.default_rng(9), library.rows(), 0
    for subject in read_subjects():
        row = rows.get((subject.label, style))
        if row is None:
            continue
        for colour in ("white", str(random.choice([name for name in COLOURS if name != "white"]))):
            words = with_article(subject.nouns[0], subject.mass)
            write_page(folder, number, library.pixels[row], colour, words)
            number += 1


def write_object(packages: Path, code: str, folder: Path) -> None:
    """One Fluent 3D emoji, by its code point, on every colour; captions say `*` for it."""
    ((_, pixels),) = read_fluent_3d(packages, {code})
    for number, colour in enumerate(COLOURS):
        write_page(folder, number, pixels, colour, "*")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write an album of a style of emoji.")
    parser.add_argument("--packages", type=Path, required=True, help="the node_modules folder with the emoji packages")
    parser.add_argument("--work", type=Path, required=True, help="where rendered pictures are kept")
    parser.add_argument("--style", choices=(*STYLES, *HELD_OUT), default=HELD_OUT[0])
    parser.add_argument("--to", type=Path, required=True)
    arguments = parser.parse_args()
    write_style(arguments.packages, arguments.work, arguments.style, arguments.to)


if __name__ == "__main__":
    main()

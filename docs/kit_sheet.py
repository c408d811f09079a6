"""Draws the README's sheet of 48 prompts with the model that ships, by the same engine as the page.

    python docs/kit_sheet.py

Writes docs/pictures/kit.webp. Every prompt is drawn once, with one seed for all: nothing is picked out.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from benchmarks.studio import studio

SEED = 1
COLUMNS, SIDE, WORDS, GAP = 8, 128, 30, 6
PROMPTS = (
    "a red heart", "a fox", "a cat", "a dog", "a frog", "a panda", "a unicorn", "a penguin",
    "an owl", "a butterfly", "a fish", "an octopus", "a whale", "a turtle", "a bee", "a koala",
    "an apple", "a banana", "a strawberry", "a pizza", "a hamburger", "a donut", "a birthday cake", "a cup of coffee",
    "a rose", "a sunflower", "a tree", "a cactus", "a mushroom", "a snowman", "a rainbow", "a moon",
    "a house", "a car", "a rocket", "a sailboat", "a robot", "a guitar", "a crown", "a smiley",
    "a blue heart", "a green car", "a purple butterfly", "a fox on a blue background",
    "a cat in the snow", "two apples", "three stars", "a fox and a tree",
)  # fmt: skip


def draw(path: Path) -> None:
    rows = -(-len(PROMPTS) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (SIDE + GAP) + GAP, rows * (SIDE + WORDS) + GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    with studio(CHECKOUT / "models" / "checkpoints" / "kit.safetensors") as made_by:
        for index, prompt in enumerate(PROMPTS):
            (pixels,) = made_by.make(prompt, 1, seed=SEED)
            left, top = GAP + index % COLUMNS * (SIDE + GAP), GAP + index // COLUMNS * (SIDE + WORDS)
            sheet.paste(Image.fromarray(np.ascontiguousarray(pixels)), (left, top))
            pen.text((left + SIDE / 2, top + SIDE + 3), prompt, fill="#333333", font=font, anchor="ma")
    sheet.save(path, quality=88, method=6)


if __name__ == "__main__":
    draw(CHECKOUT / "docs" / "pictures" / "kit.webp")

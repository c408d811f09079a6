"""Wildcards: `__animal__` in a prompt becomes a line of `animal.txt` in this add-on's data folder, by the seed."""

import random
import re
from dataclasses import replace
from pathlib import Path

from pipelines.recipe import Recipe
from webui.extension import Extension, Registry

WORD = re.compile(r"__([A-Za-z0-9-]{1,64})__")
DEEPEST = 5


def lines(folder: Path, name: str) -> list[str]:
    try:
        text = (folder / f"{name}.txt").read_text("utf-8", errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def filled(text: str, folder: Path, draw: random.Random) -> str:
    """A word without a file stays as it is; a line may hold wildcards itself."""
    for _ in range(DEEPEST):
        text, before = WORD.sub(lambda m: draw.choice(lines(folder, m[1]) or [m[0]]), text), text
        if text == before:
            break
    return text


def expand(recipe: Recipe, folder: Path) -> Recipe | list[Recipe]:
    """One recipe for each picture, so that each draws words of its own."""
    if not WORD.search(recipe.prompt + recipe.negative):
        return recipe
    singles = [replace(recipe.starting_at(index * recipe.batch), count=1) for index in range(recipe.count)]
    made = []
    for single in singles:
        draw = random.Random(single.seed)
        prompt, negative = filled(single.prompt, folder, draw), filled(single.negative, folder, draw)
        made.append(replace(single, prompt=prompt, negative=negative))
    return made


def setup(registry: Registry) -> None:
    folder = registry.context.data
    registry.prepare(lambda recipe: expand(recipe, folder))


EXTENSION = Extension(
    title="Wildcards",
    version="1.0",
    setup=setup,
    description="__animal__ in a prompt becomes a line of animal.txt",
    on=False,
)

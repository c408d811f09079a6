"""Pictures for measuring: prompts in, arrays out, by the same engine that serves the page."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.canvas import to_picture
from pipelines.events import Failed, ImageMade
from pipelines.picture import Picture
from pipelines.recipe import ImageRef, Mask, Recipe, Source
from pipelines.runner import Runner
from pipelines.training.emoji import Pixels

RECIPE = Recipe(width=128, height=128, steps=20, guidance=5.0, sampler="DPM++ 2M", schedule="Karras", seed=1)


class Studio:
    """Makes pictures with one checkpoint."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.made = 0

    def make(self, prompt: str, count: int = 4, **changes: object) -> Pixels:
        """[count, 128, 128, 3]: `count` (at most 8) pictures of a prompt with seeds that count up."""
        return self.run(replace(RECIPE, prompt=prompt, batch=count, **changes), {})

    def make_all(self, prompts: Iterable[str], count: int = 4, **changes: object) -> list[Pixels]:
        return [self.make(prompt, count, **changes) for prompt in prompts]

    def change(
        self, picture: Pixels, prompt: str, strength: float, mask: Pixels | None = None, seed: int = 1
    ) -> Pixels:
        """[128, 128, 3]: image to image, or inpainting where `mask` [128, 128] is 255."""
        stored = {name_of(one): to_picture(Image.fromarray(one)) for one in (picture, mask) if one is not None}
        masked = None if mask is None else Mask(name_of(mask), blur=0.0, fill="noise")
        source = Source(name_of(picture), strength, mask=masked)
        return self.run(replace(RECIPE, prompt=prompt, seed=seed, source=source), stored)[0]

    def run(self, recipe: Recipe, images: dict[ImageRef, Picture]) -> Pixels:
        made: list[Pixels] = []
        for event in self.runner.run("benchmark", recipe, images, lambda: False):
            if isinstance(event, Failed):
                raise RuntimeError(f"{recipe.prompt}: {event.message}")
            if isinstance(event, ImageMade):
                picture = event.picture
                flat = np.frombuffer(picture.pixels, dtype=np.uint8)
                made.append(flat.reshape(picture.height, picture.width, 3))
        self.made += len(made)
        return np.stack(made)


def name_of(pixels: Pixels) -> ImageRef:
    return ImageRef(hashlib.sha256(pixels.tobytes()).hexdigest())


@contextmanager
def studio(weights: Path, more: Path | None = None, dtype: str | None = None) -> Iterator[Studio]:
    """A studio with one file of weights as its only checkpoint; `more` holds the other folders (embeddings, …)."""
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "models"
        if more is not None:
            for kept in more.iterdir():
                if kept.is_dir() and kept.name != "checkpoints":
                    shutil.copytree(kept, models / kept.name)
        (models / "checkpoints").mkdir(parents=True)
        os.symlink(weights.resolve(), models / "checkpoints" / "kit.safetensors")
        runner = Runner(models, Path(folder) / "cache", "cpu", dtype)
        try:
            yield Studio(runner)
        finally:
            runner.close()


def seconds(studio_: Studio, rounds: int = 5) -> float:
    """Median wall time of one picture."""
    times: list[float] = []
    for seed in range(rounds):
        began = time.perf_counter()
        studio_.make("a red fox", 1, seed=seed)
        times.append(time.perf_counter() - began)
    return sorted(times)[rounds // 2]

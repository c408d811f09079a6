"""The same recipe gives the same pixels: in a fresh process, after other jobs, and in company."""

import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.recipe import Mask, Recipe, Refiner, Sampling, Source
from pipelines.recipe_json import from_json, to_json
from pipelines.runner import Runner
from pipelines.samplers import SAMPLERS
from pipelines.schedules import SCHEDULES
from tests.pipelines.test_runner import PAINTED, PHOTO, RECIPE, array, events, made

COUNT = 40
PROMPTS = ("a red fox", "a (red:1.3) fox AND snow:0.5", "[cat:fox:0.5] BREAK dusk", "[cow|horse] in a field", "")


def recipes() -> list[Recipe]:
    """Every sampler at least once, and what else may be asked for, mixed by lot; the lot is always the same."""
    lot = random.Random(40)
    found: list[Recipe] = []
    for index in range(COUNT):
        sampling = Sampling(
            noise=lot.choice(("cpu", "nv")),
            s_churn=lot.choice((0.0, 0.0, 10.0)),
            eta=lot.choice((None, None, 0.5)),
            seed_delta=lot.choice((0, 0, 31337)),
            variation=lot.choice((0.0, 0.0, 0.2)),
            variation_seed=lot.randrange(1000),
            rescale=lot.choice((0.0, 0.7)),
            min_uncond=lot.choice((0.0, 3.0)),
            token_merging=lot.choice((0.0, 0.0, 0.4)),
        )
        recipe = replace(
            RECIPE,
            prompt=lot.choice(PROMPTS),
            seed=lot.randrange(2**32),
            steps=lot.choice((3, 4)),
            sampler=SAMPLERS[index % len(SAMPLERS)].name,
            schedule=lot.choice(list(SCHEDULES)),
            clip_skip=lot.choice((1, 2)),
            tiling=lot.choice(("off", "off", "both", "horizontal")),
            refiner=Refiner("tiny-v", 0.5) if index % 7 == 3 else None,
            sampling=sampling,
        )
        if index % 3 == 1:
            mask = Mask(PAINTED, fill=lot.choice(("original", "noise", "empty"))) if index % 2 else None
            recipe = replace(recipe, source=Source(PHOTO, 0.6, mask=mask))
        found.append(recipe)
    return found


PROGRAM = """
import json, sys
import torch
torch.set_num_threads(1)
from pathlib import Path
from pipelines.recipe_json import from_json
from pipelines.runner import Runner
from tests.pipelines.test_runner import IMAGES
models, cache, out = sys.argv[1:]
runner = Runner(Path(models), Path(cache), device="cpu", dtype="float32")
for number, text in enumerate(sys.stdin):
    seen = list(runner.run("job", from_json(json.loads(text)), IMAGES, lambda: False))
    Path(out, f"{number}.raw").write_bytes(seen[-2].picture.pixels)
runner.close()
"""


@pytest.fixture(scope="module")
def fresh(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures as another process made them, in the opposite order."""
    out = tmp_path_factory.mktemp("fresh")
    lines = "\n".join(json.dumps(to_json(recipe)) for recipe in reversed(recipes()))
    command = [sys.executable, "-c", PROGRAM, str(models), str(tmp_path_factory.mktemp("cache")), str(out)]
    done = subprocess.run(
        command, input=lines, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize("number", range(COUNT))
def test_the_same_pixels(runner: Runner, fresh: Path, number: int) -> None:
    recipe = recipes()[number]
    assert from_json(json.loads(json.dumps(to_json(recipe)))) == recipe
    (alone,) = made(events(runner, recipe))
    pixels = array(alone.picture)
    there = np.frombuffer((fresh / f"{COUNT - 1 - number}.raw").read_bytes(), np.uint8).reshape(pixels.shape)
    assert np.array_equal(pixels, there), f"{recipe.sampler}: another process makes another picture"
    company = in_company(runner, recipe)
    assert np.abs(pixels.astype(int) - company).max() <= 1, f"{recipe.sampler}: it is another picture in a batch"


def in_company(runner: Runner, recipe: Recipe) -> NDArray[np.int64]:
    """The second picture of a batch that begins one seed earlier."""
    earlier = replace(recipe, batch=2, seed=((recipe.seed or 0) - 1) % 2**32)
    if recipe.sampling.variation:
        other = replace(recipe.sampling, variation_seed=((recipe.sampling.variation_seed or 0) - 1) % 2**32)
        earlier = replace(recipe, batch=2, sampling=other)
    _, second = made(events(runner, earlier))
    return array(second.picture).astype(int)

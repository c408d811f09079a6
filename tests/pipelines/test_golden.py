"""Pictures that AUTOMATIC1111's web UI 1.10.1 made, made again from the same checkpoint: to less than one level of 255.

The set of pictures and the script that makes the checkpoint lie beside the repository, in ../shared/golden.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipelines.events import ImageMade
from pipelines.picture import Picture
from pipelines.recipe import Hires, ImageRef, Mask, Recipe, Sampling, Source
from pipelines.runner import Runner
from webui.store import infotext
from webui.store.metadata import format_infotext

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
KINDS = ("s", "k", "p", "o", "n", "i", "m", "l", "e", "h")
INIT, MASK = ImageRef("init"), ImageRef("mask")

pytestmark = pytest.mark.skipif(not (GOLDEN / "cases.json").is_file(), reason="../shared/golden is not there")


def cases() -> dict[str, dict[str, Any]]:
    if not (GOLDEN / "cases.json").is_file():
        return {}
    found: dict[str, dict[str, Any]] = json.loads((GOLDEN / "cases.json").read_text())
    return {name: case for name, case in found.items() if name[0] in KINDS}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the checkpoint, its networks and its word."""
    root = tmp_path_factory.mktemp("golden")
    folder = root / "models" / "checkpoints"
    folder.mkdir(parents=True)
    command = [sys.executable, str(GOLDEN / "mini15.py"), str(GOLDEN / "sd15_ldm_shapes.json.gz"), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    networks = [str(root / "models" / name) for name in ("Lora", "embeddings")]
    subprocess.run([sys.executable, str(GOLDEN / "mini15_networks.py"), *networks], check=True, capture_output=True)
    yield root
    for file in folder.iterdir():
        file.unlink()


@pytest.fixture(scope="module")
def golden(root: Path) -> Iterator[Runner]:
    runner = Runner(root / "models", root / "cache", device="cpu", dtype="float32")
    yield runner
    runner.close()


@pytest.mark.parametrize("name", cases())
def test_the_same_picture(golden: Runner, name: str) -> None:
    case = cases()[name]
    recipe = asked(case)
    images = {INIT: opened("init.png", "RGB"), MASK: opened("mask.png", "L")}
    seen = list(golden.run("job", recipe, images, lambda: False))
    made = [event.picture for event in seen if isinstance(event, ImageMade)]
    assert len(made) == recipe.batch, seen[-1]
    used = next(event.used for event in seen if isinstance(event, ImageMade))
    ours, theirs = (infotext.read(text).values for text in (format_infotext(recipe, used=used), case["infotext"]))
    for key in ("Lora hashes", "TI hashes"):
        assert ours.get(key) == theirs.get(key)
    assert float(np.abs(pixels(made[0]) - pixels(opened(f"{name}.png", "RGB"))).mean()) <= 1


COMMANDED = ("s06-Euler_a", "o-nv", "m-fill1", "l-two")


def test_the_command_makes_them_again_from_the_files_alone(golden: Runner, root: Path, tmp_path: Path) -> None:
    """By name and hash from the text, with the pictures to start from given beside."""
    pictures = [str(GOLDEN / f"{name}.png") for name in COMMANDED]
    beside = ["--init", str(GOLDEN / "init.png"), "--mask", str(GOLDEN / "mask.png")]
    command = [sys.executable, "-m", "webui", "generate", "--like", *pictures, *beside]
    command += ["--dtype", "float32", "--device", "cpu", "--root", str(root), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    for name in COMMANDED:
        image = Image.open(tmp_path / "out" / f"{name}.png").convert("RGB")
        made = Picture(image.width, image.height, "RGB", image.tobytes())
        assert float(np.abs(pixels(made) - pixels(opened(f"{name}.png", "RGB"))).mean()) <= 1


def asked(case: dict[str, Any]) -> Recipe:
    request, text = case["request"], case["infotext"]
    source = None
    if case["kind"] != "txt2img":
        mask = Mask(MASK, blur=request["mask_blur"]) if case["mask"] else None
        source = Source(INIT, request["denoising_strength"], mask=mask)
    hires = None
    if request.get("enable_hr"):
        scale, upscaler = request["hr_scale"], request["hr_upscaler"]
        hires = Hires(
            scale, upscaler=upscaler, steps=request["hr_second_pass_steps"], strength=request["denoising_strength"]
        )
    return Recipe(
        prompt=request["prompt"],
        negative=request["negative_prompt"],
        width=request["width"],
        height=request["height"],
        steps=request["steps"],
        guidance=float(request["cfg_scale"]),
        sampler=request["sampler_name"],
        schedule=request["scheduler"],
        seed=request["seed"],
        batch=request.get("batch_size", 1),
        clip_skip=2 if "Clip skip: 2" in text else 1,
        sampling=Sampling(noise="nv" if "RNG: NV" in text else "cpu"),
        hires=hires,
        source=source,
    )


def opened(name: str, mode: str) -> Picture:
    image = Image.open(GOLDEN / name).convert(mode)
    return Picture(image.width, image.height, "L" if mode == "L" else "RGB", image.tobytes())


def pixels(picture: Picture) -> NDArray[np.float64]:
    flat = np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width, -1)
    return flat.astype(np.float64)

"""The .yaml beside a checkpoint tells what shapes do not, as for A1111."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines import sidecar
from pipelines.runner import Runner
from pipelines.sidecar import Sidecar
from tests.pipelines import tiny
from tests.pipelines.test_runner import RECIPE, events, made

TEXT = """
model:
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
    parameterization: "v"
    linear_start: 0.00085
    linear_end: 0.0120
    scale_factor: 0.2
    unet_config:
      params: {num_heads: 4, in_channels: 4}
"""


def test_what_it_says_is_read(tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text(TEXT)
    assert sidecar.beside(tmp_path / "model.safetensors") == Sidecar("v", 4, None, (0.00085, 0.012), 0.2)
    (tmp_path / "model.yaml").write_text(TEXT.replace("num_heads: 4", "num_head_channels: 64").replace('"v"', "eps"))
    assert sidecar.beside(tmp_path / "model.safetensors") == Sidecar("epsilon", None, 64, (0.00085, 0.012), 0.2)


@pytest.mark.parametrize("text", ["", "- a\n- b", "model: 3", "model: {params: {unet_config: []}}", "a: [", "\0\0"])
def test_anything_else_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.yaml").write_text(text)
    assert sidecar.beside(tmp_path / "model.safetensors") == Sidecar()
    assert sidecar.beside(tmp_path / "other.safetensors") == Sidecar()


def test_it_counts_more_than_what_the_file_lets_guess(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    for name in ("plain", "v", "said", "heads"):
        tiny.write_file(folder / f"{name}.safetensors", v=name == "v")
    (folder / "said.yaml").write_text("model: {params: {parameterization: v}}")
    (folder / "heads.yaml").write_text("model: {params: {unet_config: {params: {num_heads: 4}}}}")
    runner = Runner(tmp_path, tmp_path, device="cpu", dtype="float32")
    pictures = {
        name: made(events(runner, replace(RECIPE, checkpoint=name)))[0].picture
        for name in ("plain", "v", "said", "heads")
    }
    runner.close()
    assert pictures["said"] == pictures["v"]
    assert len({pictures[name].pixels for name in ("plain", "v", "heads")}) == 3

"""Judges of Kit's pictures: measures of pixels know what was drawn; the classifier's file is small and repeats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.preview import small_decoder
from pipelines.training.backdrop import COLOURS, plain
from pipelines.training.disguise import SIDE, new_disguise
from pipelines.training.emoji import SIZE, Pixels
from pipelines.training.judge import JUDGE, Judge, found, load_judge, save_judge
from pipelines.training.measure import background_of, colour_of, things
from pipelines.training.preview import psnr, teach


def discs(colour: tuple[int, int, int], middles: tuple[tuple[int, int], ...], background: str = "white") -> Pixels:
    """Discs of one colour on a plain background, shaded from dark to light."""
    canvas = plain(COLOURS[background])
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    for row, column in middles:
        inside = np.hypot(rows - row, columns - column) < 22
        shade = (0.85 + 0.3 * (rows / SIZE))[inside][:, None]
        canvas[inside] = np.clip(np.asarray(colour) * shade, 0, 255)
    return canvas.astype(np.uint8)


@pytest.mark.parametrize("name", COLOURS)
def test_the_colour_of_a_thing(name: str) -> None:
    background = "blue" if name == "white" else "white"
    assert colour_of(discs(COLOURS[name], ((64, 64),), background)) == name


@pytest.mark.parametrize("name", COLOURS)
def test_the_background(name: str) -> None:
    assert background_of(discs((222, 40, 48), ((64, 64),), name)) == name


def test_an_empty_picture_has_no_colour() -> None:
    assert colour_of(discs((0, 0, 0), ())) == "none"


@pytest.mark.parametrize("middles", [((64, 64),), ((64, 30), (64, 96)), ((30, 64), (94, 30), (94, 98))])
def test_things_are_counted(middles: tuple[tuple[int, int], ...]) -> None:
    assert things(discs((40, 110, 225), middles)) == len(middles)


def test_specks_do_not_count() -> None:
    picture = discs((40, 110, 225), ((64, 64),))
    picture[5:9, 100:104] = 0
    assert things(picture) == 1


def test_disguises_repeat_and_stay_pictures() -> None:
    sprites = torch.rand(6, 4, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    sprites[:, :3] *= sprites[:, 3:]
    one, two = (new_disguise(2)(sprites, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, two)
    assert one.shape == (6, 3, SIDE, SIDE) and float(one.min()) >= 0 and float(one.max()) <= 1
    assert not torch.equal(one, new_disguise(2)(sprites, torch.Generator().manual_seed(4)))


def test_a_judge_comes_back_from_its_file(tmp_path: Path) -> None:
    torch.manual_seed(1)
    judge = Judge(("fox", "heart"), more=3).eval()
    save_judge(judge, tmp_path / "judge.safetensors", {})
    read = load_judge(tmp_path / "judge.safetensors")
    pixels = np.stack([discs(COLOURS[name], ((64, 64),)) for name in ("red", "blue")])
    assert read.labels == ("fox", "heart")
    torch.testing.assert_close(read.scores(pixels), judge.scores(pixels)[:, :2], rtol=1e-2, atol=1e-2)
    assert float(read.distances(pixels[:1], pixels[:1])[0]) == pytest.approx(0, abs=1e-5)
    assert float(read.distances(pixels[:1], pixels[1:])[0]) > 1e-4


def test_found_among_the_best() -> None:
    scores = torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    assert found(scores, [0, 1], 1).tolist() == [True, False]
    assert found(scores, [0, 1], 2).tolist() == [True, True]


def test_the_shipped_judge_knows_the_subjects() -> None:
    judge = load_judge(JUDGE)
    assert len(judge.labels) == 200 and "fox" in judge.labels
    assert JUDGE.stat().st_size < 1.5e6


def test_a_small_decoder_learns_and_is_found_beside_its_checkpoint(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(16, 4, 4, 4, generator=generator)
    pictures = torch.nn.functional.interpolate(latents[:, :3].clamp(-1, 1), scale_factor=4, mode="nearest")
    decoder = teach(latents, pictures, steps=150)
    assert psnr(decoder(latents), pictures) > psnr(torch.zeros_like(pictures), pictures) + 3
    checkpoint = tmp_path / "checkpoints" / "mine.safetensors"
    assert small_decoder(checkpoint) is None
    (tmp_path / "previews").mkdir()
    save_file(decoder.state_dict(), tmp_path / "previews" / "mine.safetensors")
    read = small_decoder(checkpoint)
    assert read is not None and read.picture(latents[0]).pixels == decoder.picture(latents[0]).pixels
    (tmp_path / "previews" / "mine.safetensors").write_bytes(b"broken")
    assert small_decoder(checkpoint) is None

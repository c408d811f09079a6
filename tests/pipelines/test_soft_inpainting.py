"""Soft inpainting: latents mixed by grey and noise, and the pixels that are replaced in the end."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipelines.loopback import strengths
from pipelines.recipe import ImageRef, Loopback, Soft, Source
from pipelines.soft_inpainting import changed, mixed


def latents(seed: int) -> torch.Tensor:
    return torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(seed))


def ramp() -> torch.Tensor:
    """0 at the left, 1 at the right."""
    return torch.linspace(0, 1, 16).expand(1, 1, 16, 16).clone()


def test_unpainted_latents_are_the_original_s_and_painted_ones_those_drawn() -> None:
    original, drawn = latents(1), latents(2)
    for sigma in (0.1, 1.0, 14.0):
        made = mixed(original, drawn, ramp(), sigma, Soft())
        assert torch.allclose(made[..., 0], original[..., 0], atol=1e-3)
        assert torch.allclose(made[..., -1], drawn[..., -1], atol=1e-3)


def test_the_original_counts_more_the_more_noise_is_left() -> None:
    original, drawn = latents(1), latents(2)
    away = [(mixed(original, drawn, ramp(), sigma, Soft()) - original)[..., 8].norm() for sigma in (10.0, 1.0, 0.1)]
    assert away[0] < away[1] < away[2]
    level = [mixed(original, drawn, ramp(), sigma, Soft(bias=0)) for sigma in (10.0, 0.1)]
    assert torch.equal(level[0], level[1]), "without a bias every step is alike"


def test_mixed_vectors_keep_their_length() -> None:
    original, drawn = latents(1), latents(2)
    lengths = [one.norm(dim=1) for one in (original, drawn)]
    low, high = torch.minimum(*lengths), torch.maximum(*lengths)
    made = mixed(original, drawn, ramp(), 1.0, Soft(boost=8)).norm(dim=1)
    assert ((made > low - 1e-3) & (made < high + 1e-3)).all()
    plain = (original + drawn).norm(dim=1) / 2
    assert made[..., 8].mean() > plain[..., 8].mean()


def test_pixels_are_replaced_where_latents_have_changed() -> None:
    original = latents(1)
    drawn = original.clone()
    drawn[..., 8:] += 2
    (grey,) = changed(original, drawn, torch.ones(1, 1, 16, 16), Soft(), (128, 128))
    pixels = np.asarray(grey)
    assert pixels.shape == (128, 128)
    assert pixels[:, :24].max() == 0
    assert pixels[:, 100:].min() > 250
    (none,) = changed(original, original, torch.ones(1, 1, 16, 16), Soft(), (128, 128))
    assert not np.asarray(none).any()


def test_the_threshold_says_how_much_has_to_change() -> None:
    original = latents(1)
    drawn = original + 0.3
    mask = torch.ones(1, 1, 16, 16)
    share = [
        np.asarray(changed(original, drawn, mask, replace(Soft(), threshold=value), (128, 128))[0]).mean()
        for value in (0.25, 1, 4)
    ]
    assert share[0] > share[1] > share[2]


@pytest.mark.parametrize(
    ("curve", "wanted"),
    [
        ("linear", [0.8, 0.6, 0.4]),
        ("aggressive", [0.8, 0.8 - 0.4 * 2**-0.5, 0.4]),
        ("lazy", [0.8, 0.4 + 0.4 * 2**-0.5, 0.4]),
    ],
)
def test_the_strength_goes_over_to_the_last_one(curve: str, wanted: list[float]) -> None:
    loopback = Loopback(3, 0.4, curve)  # type: ignore[arg-type]
    assert strengths(Source(ImageRef("a"), 0.8, loopback=loopback)) == pytest.approx(wanted)
    assert strengths(Source(ImageRef("a"), 0.8, loopback=replace(loopback, loops=1))) == [0.8]
    assert strengths(Source(ImageRef("a"), 0.8)) == [0.8]

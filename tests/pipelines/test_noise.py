"""Noise belongs to a seed: whatever was drawn before, beside it, or in which order."""

import pytest
import torch

from pipelines.noise import BrownianNoise, BrownianPath, SeededNoise

SHAPE = (4, 16, 16)


def test_the_stream_is_that_of_torch_for_the_seed() -> None:
    noise = SeededNoise([7], SHAPE)
    stream = torch.Generator().manual_seed(7)
    for _ in range(2):
        assert torch.equal(noise.draw()[0], torch.randn(SHAPE, generator=stream))


def test_pictures_of_a_batch_do_not_share_a_stream() -> None:
    batch, alone = SeededNoise([7, 8], SHAPE), SeededNoise([8], SHAPE)
    batch.draw(), alone.draw()
    assert torch.equal(batch(1.0, 0.5)[1], alone(1.0, 0.5)[0])


def test_the_global_generator_is_neither_used_nor_moved() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = SeededNoise([7], SHAPE).draw()
    BrownianNoise([7], SHAPE, 0.1, 10)(10, 1)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(SeededNoise([7], SHAPE).draw(), first)


def test_a_brownian_path_does_not_depend_on_how_it_is_asked() -> None:
    path, other = BrownianPath(3, SHAPE, 0.03, 14.6), BrownianPath(3, SHAPE, 0.03, 14.6)
    whole = path.increment(0.03, 14.6)
    parts = other.increment(5.0, 14.6) + other.increment(0.5, 5.0) + other.increment(0.03, 0.5)
    assert torch.allclose(whole, parts, atol=1e-5)


def test_brownian_increments_have_the_variance_of_their_length() -> None:
    shape = (1, 200, 200)
    path = BrownianPath(3, shape, 0.0, 8.0)
    for start, end in ((0.0, 8.0), (1.0, 3.0), (3.0, 3.01)):
        assert float(path.increment(start, end).var()) == pytest.approx(end - start, rel=0.03)
    first, second = path.increment(1.0, 2.0).flatten(), path.increment(2.0, 3.0).flatten()
    assert abs(float(torch.corrcoef(torch.stack([first, second]))[0, 1])) < 0.02


def test_brownian_noise_has_unit_variance_falling_and_rising() -> None:
    noise = BrownianNoise([1, 2], (1, 200, 200), 0.03, 14.6)
    down = noise(10.0, 4.0)
    assert down.shape == (2, 1, 200, 200)
    assert float(down.std()) == pytest.approx(1, rel=0.02)
    assert torch.allclose(noise(4.0, 10.0), -down)

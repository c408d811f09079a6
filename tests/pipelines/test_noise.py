"""Noise belongs to a seed: whatever was drawn before, beside it, or in which order."""

import pytest
import torch

from pipelines.noise import BrownianNoise, BrownianPath, PhiloxStream, SeededNoise, Variations, between, inlaid

SHAPE = (4, 16, 16)
TORCHSDE = {
    (9.1, 14.614642): [0.922696, -2.155109, -1.439577, -0.639609],
    (3.0001, 7.77): [-0.249501, 1.878141, -2.555979, -3.003216],
    (0.33, 0.7): [0.097532, 0.88398, -0.51692, -0.868981],
    (0.0291675, 0.1): [0.355394, -0.202527, -0.370856, -0.196741],
}


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


def test_the_numbers_of_an_nvidia_card() -> None:
    """torch.randn with seed 0 on a CUDA device; later draws go on."""
    stream = PhiloxStream(0)
    drawn = stream.randn((3, 4)).flatten()
    wanted = [-0.92466259, -0.42534415, -2.6438457, 0.14518388, -0.12086647, -0.57972564]
    wanted += [-0.62285122, -0.32838709, -1.07454231, -0.36314407, -1.67105067, 2.26550497]
    assert drawn.dtype == torch.float32
    assert drawn.tolist() == pytest.approx(wanted, abs=1e-6)
    more = stream.randn((200, 200))
    assert float(more.std()) == pytest.approx(1, rel=0.02)
    assert not torch.equal(more.flatten()[:12], drawn)


def test_a_brownian_path_has_the_numbers_of_torchsde() -> None:
    """BrownianTree of torchsde 0.2.6, from 0.0291675 to 14.614642, entropy 1234: increments of four numbers."""
    path = BrownianPath(1234, (1, 4), 0.0291675, 14.614642)
    for (start, end), wanted in TORCHSDE.items():
        assert path.increment(start, end).flatten().tolist() == pytest.approx(wanted, abs=1e-5)


def test_variations_lie_between_two_noises() -> None:
    def first(strength: float) -> torch.Tensor:
        return SeededNoise([7], SHAPE).first(Variations((8,), strength))

    plain, other = SeededNoise([7], SHAPE).draw(), SeededNoise([8], SHAPE).draw()
    assert torch.equal(first(0.0), plain)
    assert torch.allclose(first(1.0), other, atol=1e-5)
    half = between(plain[0], other[0], 0.5)
    assert float(half.std()) == pytest.approx(float(plain.std()), rel=0.05)
    assert torch.equal(first(0.5)[0], half)


def test_noise_of_another_size_fills_the_middle() -> None:
    small = SeededNoise([7], (4, 8, 10)).draw()[0]
    made = SeededNoise([7], SHAPE).first(size=(8, 10))[0]
    assert torch.equal(made[:, 4:12, 3:13], small)
    wide = torch.arange(64.0).reshape(1, 4, 16)
    assert torch.equal(inlaid(wide, torch.zeros(1, 8, 8))[0, 2:6], wide[0, :, 4:12])


def test_the_delta_counts_from_the_second_draw() -> None:
    noise = SeededNoise([7], SHAPE, delta=100)
    assert torch.equal(noise.first(), SeededNoise([7], SHAPE).draw())
    assert torch.equal(noise.draw(), SeededNoise([107], SHAPE).draw())

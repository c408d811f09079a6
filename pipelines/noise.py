"""Noise: random numbers that belong to a picture's seed, never to the process."""

import math
from collections.abc import Sequence

import numpy as np
import torch


class SeededNoise:
    """Fresh noise for the pictures of a batch, each from a stream of its own: picture k gets the same numbers alone.

    The numbers are drawn on the CPU in fp32, whatever the device, so that a seed means the same picture everywhere.
    """

    def __init__(self, seeds: Sequence[int], shape: Sequence[int], device: torch.device | str = "cpu") -> None:
        """shape: of one picture's latent, (channels, height, width)."""
        self._streams = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        self._shape = tuple(shape)
        self._device = device

    def draw(self) -> torch.Tensor:
        """The next noise of unit variance, (pictures, channels, height, width)."""
        return torch.stack([torch.randn(self._shape, generator=stream) for stream in self._streams]).to(self._device)

    def __call__(self, sigma: float, sigma_next: float) -> torch.Tensor:
        """As samplers ask for it: independent of the levels."""
        return self.draw()


class BrownianNoise:
    """Noise that is the increment of one Brownian path per picture over the noise levels.

    So a finer schedule refines the same path: pictures of other step counts stay alike.
    """

    def __init__(
        self, seeds: Sequence[int], shape: Sequence[int], low: float, high: float, device: torch.device | str = "cpu"
    ) -> None:
        """low, high: the smallest and the largest noise level above 0 that will be asked for."""
        self._paths = [BrownianPath(seed, shape, low, high) for seed in seeds]
        self._device = device

    def __call__(self, sigma: float, sigma_next: float) -> torch.Tensor:
        """Unit variance, (pictures, channels, height, width)."""
        scale = math.copysign(1 / math.sqrt(abs(sigma_next - sigma)), sigma_next - sigma)
        steps = [path.increment(min(sigma, sigma_next), max(sigma, sigma_next)) for path in self._paths]
        return (torch.stack(steps) * scale).to(self._device)


class BrownianPath:
    """A Brownian motion over [low, high] that is fixed by its seed: whatever is asked, in whatever order.

    The path is refined by halves (Brownian bridge); each half's numbers come from a seed of its own, derived with
    numpy's SeedSequence from the path's seed and the half's place in the tree. The derivation follows torchsde's
    BrownianTree (Li et al. 2020), which is what other programs draw this noise from.
    """

    def __init__(self, seed: int, shape: Sequence[int], low: float, high: float, digits: int = 6) -> None:
        """digits: times are rounded to so many decimal places, which ends the refinement."""
        self._seed = seed
        self._shape = tuple(shape)
        self._digits = digits
        self._low, self._high = round(low, digits), round(high, digits)
        self._whole = self._randn(()) * math.sqrt(high - low)
        self._known: dict[float, torch.Tensor] = {}

    def increment(self, start: float, end: float) -> torch.Tensor:
        """W(end) - W(start), variance end - start; shape as given."""
        levels = {time: self._known.get(time) for time in (round(start, self._digits), round(end, self._digits))}
        # A sampler walks from level to level: the last two are kept, as the next step begins where this one ends.
        self._known = {time: self._level(time) if value is None else value for time, value in levels.items()}
        return self._known[round(end, self._digits)] - self._known[round(start, self._digits)]

    def _level(self, time: float) -> torch.Tensor:
        """W(time) - W(low)."""
        total = torch.zeros(self._shape)
        start, end, whole, key, depth = self._low, self._high, self._whole, 0, 0
        while start < time < end:
            middle = round((start + end) / 2, self._digits)
            spread = math.sqrt((middle - start) * (end - middle) / (end - start))
            left = whole * ((middle - start) / (end - start)) + self._randn((key, depth)) * spread
            if time < middle:
                end, whole, key = middle, left, 2 * key
            else:
                total = total + left
                start, whole, key = middle, whole - left, 2 * key + 1
            depth += 1
        return total if time <= start else total + whole

    def _randn(self, place: tuple[int, ...]) -> torch.Tensor:
        words = np.random.SeedSequence(self._seed, spawn_key=place, pool_size=24).generate_state(3)
        return torch.randn(self._shape, generator=torch.Generator("cpu").manual_seed(int(words[0])))

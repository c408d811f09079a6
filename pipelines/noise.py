"""Noise: random numbers that belong to a picture's seed, never to the process."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from pipelines.recipe import NoiseSource


class Stream(Protocol):
    """Random numbers of one seed, one tensor after another."""

    def randn(self, shape: Sequence[int]) -> torch.Tensor:
        """The next numbers of unit variance, fp32."""
        ...


class TorchStream:
    """torch's numbers. On the CPU a seed means the same picture everywhere; on another device, on devices of a kind."""

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self._generator = torch.Generator(device).manual_seed(seed)

    def randn(self, shape: Sequence[int]) -> torch.Tensor:
        return torch.randn(tuple(shape), generator=self._generator, device=self._generator.device)


class PhiloxStream:
    """The numbers that torch draws on an NVIDIA card, on any machine.

    A counter-based generator, Philox 4x32 with ten rounds (Salmon et al. 2011): element i of draw k is a function of
    (seed, k, i). The normal numbers come from pairs of words by Box and Muller's transform, of which the sine is used.
    A card splits very large tensors (beyond some hundred thousand numbers) otherwise; no latent is as large.
    """

    def __init__(self, seed: int) -> None:
        self._key = (np.uint32(seed & 0xFFFFFFFF), np.uint32(seed >> 32 & 0xFFFFFFFF))
        self._draws = 0

    def randn(self, shape: Sequence[int]) -> torch.Tensor:
        count = math.prod(shape)
        first, second = self._words(count)
        self._draws += 1
        # In single precision throughout, as there.
        unit = np.float32(2.3283064e-10)
        turn = unit * np.float32(6.2831855)
        u = first.astype(np.float32) * unit + unit / np.float32(2)
        v = second.astype(np.float32) * turn + turn / np.float32(2)
        normal = np.sqrt(np.float32(-2) * np.log(u)) * np.sin(v)
        return torch.from_numpy(normal.reshape(tuple(shape)))

    def _words(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The first two of the four words for each element."""
        mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
        c0 = np.full(count, self._draws, np.uint32)
        c1, c3 = np.zeros(count, np.uint32), np.zeros(count, np.uint32)
        c2 = np.arange(count, dtype=np.uint32)
        k0, k1 = int(self._key[0]), int(self._key[1])
        for _ in range(10):
            left = c0.astype(np.uint64) * np.uint64(0xD2511F53)
            right = c2.astype(np.uint64) * np.uint64(0xCD9E8D57)
            c0, c1, c2, c3 = (
                (right >> shift).astype(np.uint32) ^ c1 ^ np.uint32(k0),
                (right & mask).astype(np.uint32),
                (left >> shift).astype(np.uint32) ^ c3 ^ np.uint32(k1),
                (left & mask).astype(np.uint32),
            )
            k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
        return c0, c1


def stream(seed: int, source: NoiseSource = "cpu", device: torch.device | str = "cpu") -> Stream:
    """source -- "cpu": torch's on the CPU; "device": torch's on `device`; "nv": an NVIDIA card's, on any machine"""
    if source == "nv":
        return PhiloxStream(seed)
    return TorchStream(seed, device if source == "device" else "cpu")


@dataclass(frozen=True)
class Variations:
    """A second noise, from seeds of its own, mixed in by `strength` 0 .. 1."""

    seeds: tuple[int, ...]
    strength: float


class SeededNoise:
    """Fresh noise for the pictures of a batch, each from a stream of its own: picture k gets the same numbers alone."""

    def __init__(
        self,
        seeds: Sequence[int],
        shape: Sequence[int],
        device: torch.device | str = "cpu",
        source: NoiseSource = "cpu",
        delta: int = 0,
    ) -> None:
        """shape: of one picture's latent, (channels, height, width). delta: added to the seeds after the first draw."""
        self._seeds = tuple(seeds)
        self._shape = tuple(shape)
        self._device = device
        self._source: NoiseSource = source
        self._delta = delta
        self._streams = self._started(0)

    def first(self, variations: Variations | None = None, size: tuple[int, int] | None = None) -> torch.Tensor:
        """The noise that the pictures start from.

        size -- (height, width) of another latent, whose noise fills the middle of this one
        """
        shape = self._shape if size is None else (self._shape[0], *size)
        resized = shape != self._shape
        noises = [
            stream(seed, self._source, self._device).randn(shape) if resized else own.randn(shape)
            for seed, own in zip(self._seeds, self._streams, strict=True)
        ]
        if variations is not None and variations.strength:
            others = [stream(seed, self._source, self._device).randn(shape) for seed in variations.seeds]
            noises = [between(noise, other, variations.strength) for noise, other in zip(noises, others, strict=True)]
        if resized:
            around = [own.randn(self._shape) for own in self._streams]
            noises = [inlaid(small, large) for small, large in zip(noises, around, strict=True)]
        if self._delta:
            self._streams = self._started(self._delta)
        return torch.stack(noises).to(self._device)

    def draw(self) -> torch.Tensor:
        """The next noise of unit variance, (pictures, channels, height, width)."""
        return torch.stack([own.randn(self._shape) for own in self._streams]).to(self._device)

    def __call__(self, sigma: float, sigma_next: float) -> torch.Tensor:
        """As samplers ask for it: independent of the levels."""
        return self.draw()

    def _started(self, delta: int) -> list[Stream]:
        return [stream(seed + delta, self._source, self._device) for seed in self._seeds]


def between(first: torch.Tensor, second: torch.Tensor, part: float) -> torch.Tensor:
    """Spherical interpolation (Shoemake 1985), which keeps noise noise. Each column of each channel turns by itself."""
    cosine = (first / first.norm(dim=1, keepdim=True) * (second / second.norm(dim=1, keepdim=True))).sum(1)
    if float(cosine.mean()) > 0.9995:
        # Nearly the same: the sines would vanish.
        return first * part + second * (1 - part)
    angle = torch.acos(cosine)
    share = torch.sin((1 - part) * angle) / torch.sin(angle), torch.sin(part * angle) / torch.sin(angle)
    return first * share[0].unsqueeze(1) + second * share[1].unsqueeze(1)


def inlaid(small: torch.Tensor, large: torch.Tensor) -> torch.Tensor:
    """`large` with the middle of `small` in its middle; either may be the larger one, in each direction."""
    result = large.clone()
    into: list[slice] = []
    outof: list[slice] = []
    for axis in (1, 2):
        gap = (large.shape[axis] - small.shape[axis]) // 2
        length = small.shape[axis] if gap >= 0 else small.shape[axis] + 2 * gap
        into.append(slice(max(gap, 0), max(gap, 0) + length))
        outof.append(slice(max(-gap, 0), max(-gap, 0) + length))
    result[:, into[0], into[1]] = small[:, outof[0], outof[1]]
    return result


class BrownianNoise:
    """Noise that is the increment of one Brownian path per picture over the noise levels.

    So a finer schedule refines the same path: pictures of other step counts stay alike.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        shape: Sequence[int],
        low: float,
        high: float,
        device: torch.device | str = "cpu",
        source: NoiseSource = "cpu",
    ) -> None:
        """low, high: the smallest and the largest noise level above 0 that will be asked for."""
        self._paths = [BrownianPath(seed, shape, low, high, device=device, source=source) for seed in seeds]
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

    def __init__(
        self,
        seed: int,
        shape: Sequence[int],
        low: float,
        high: float,
        digits: int = 6,
        device: torch.device | str = "cpu",
        source: NoiseSource = "cpu",
    ) -> None:
        """digits: times are rounded to so many decimal places, which ends the refinement."""
        self._seed = seed
        self._device = device
        self._source: NoiseSource = source
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
        total = torch.zeros_like(self._whole)
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
        return stream(int(words[0]), self._source, self._device).randn(self._shape)

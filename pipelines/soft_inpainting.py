"""Soft inpainting: how much may change follows the mask's grey (Levin, Fried 2023: Differential Diffusion).

In each step the original is mixed in by the mask's grey and the noise that is left; at the end, pixels are replaced
where latents have changed. The settings are those of AUTOMATIC1111's web UI, and mean the same.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pipelines.fitting import resized
from pipelines.source import Soft

_REACH = 2
"""Pixels of a latent around each that the filters look at."""

_SPREAD = 1.5


def mixed(original: torch.Tensor, drawn: torch.Tensor, mask: torch.Tensor, sigma: float, soft: Soft) -> torch.Tensor:
    """(…, channels, height, width) of both: `original` where the mask is 0, `drawn` where it is 1.

    Between, the vectors are mixed, and their lengths are taken from a power mean of both lengths, so that contrast
    is not lost. sigma -- the noise that is left: the more, the stronger the original
    """
    share = mask.clamp(0, 1).double() ** (sigma**soft.bias * soft.preservation)
    vectors = original.double() * (1 - share) + drawn.double() * share
    lengths = [torch.linalg.vector_norm(one.double(), dim=-3, keepdim=True) for one in (original, drawn)]
    powers = lengths[0] ** soft.boost * (1 - share) + lengths[1] ** soft.boost * share
    current = torch.linalg.vector_norm(vectors, dim=-3, keepdim=True) + 1e-5
    return (vectors * (powers ** (1 / soft.boost) / current)).to(drawn.dtype)


def changed(
    original: torch.Tensor, drawn: torch.Tensor, mask: torch.Tensor, soft: Soft, size: tuple[int, int]
) -> list[Image.Image]:
    """For each picture of a batch a grey one of `size`, white where its pixels are to be the drawn ones.

    original, drawn -- (pictures, channels, height, width), before and after; mask -- (1, 1, height, width)
    """
    scale = _threshold(mask[0, 0].clamp(0, 1).double().cpu().numpy(), soft)
    distances = torch.linalg.vector_norm((drawn - original).float(), dim=1).cpu().numpy().astype(np.float64)
    return [_grey(distance, scale, soft, size) for distance in distances]


def _threshold(mask: NDArray[np.float64], soft: Soft) -> NDArray[np.float64]:
    """The distance at which half of the original is replaced."""
    kept = 1 - mask ** (soft.preservation / 2)
    kept = 0.5 * (1 - soft.influence) + kept * soft.influence
    return soft.threshold * kept / (1.00001 - kept)


def _grey(distance: NDArray[np.float64], scale: NDArray[np.float64], soft: Soft, size: tuple[int, int]) -> Image.Image:
    smooth = _percentiles(_percentiles(distance, 0.9, 1), 0.25, 0.75)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(1 / (1 + (smooth / scale) ** soft.contrast), nan=1.0)
    eased = share**3 * (share * (6 * share - 15) + 10)
    grey = Image.fromarray((255 * (1 - eased)).astype(np.uint8))
    return resized(grey, *size, "fill").filter(ImageFilter.GaussianBlur(4))


def _percentiles(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """The mean of the values between two percentiles around each place, weighted by a bell that ends at the reach."""
    height, width = values.shape
    padded = np.pad(values, _REACH)
    there = np.pad(np.ones_like(values), _REACH)
    around = [(y, x) for y in range(2 * _REACH + 1) for x in range(2 * _REACH + 1)]
    heap = np.stack([padded[y : y + height, x : x + width] for y, x in around])
    weights = np.stack([there[y : y + height, x : x + width] * _bell(y - _REACH, x - _REACH) for y, x in around])
    order = np.argsort(heap, axis=0, kind="stable")
    heap, weights = np.take_along_axis(heap, order, 0), np.take_along_axis(weights, order, 0)
    ends = np.cumsum(weights, axis=0)
    start, end = _window(ends[-1], low, high)
    inside = np.minimum(ends, end) - np.maximum(ends - weights, start)
    inside = inside.clip(0)
    return (heap * inside).sum(0) / np.maximum(inside.sum(0), 1e-12)


def _window(total: NDArray[np.float64], low: float, high: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The part of a stack of weights between two percentiles; at least 1 wide, and within the stack."""
    middle, half = total * (low + high) / 2, np.maximum(total * (high - low), 1) / 2
    start, end = middle - half, middle + half
    over = np.maximum(end - total, 0)
    start, end = start - over, end - over
    below = np.maximum(-start, 0)
    return start + below, end + below


def _bell(y: int, x: int) -> float:
    zero = np.exp(-((_REACH + 1) ** 2) / _SPREAD**2)
    return max(0.0, float((np.exp(-(y * y + x * x) / _SPREAD**2) - zero) / (1 - zero)))

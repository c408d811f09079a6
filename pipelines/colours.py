"""Colours of one picture given to another, as the customary colour correction does it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.float64]
"""(height, width, 3)."""

_TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = np.array([0.950456, 1.0, 1.088754])
_EDGE = 6 / 29
_LUMA = np.array([0.299, 0.587, 0.114])


def matched(image: Image.Image, model: Image.Image) -> Image.Image:
    """`image` with the colours of `model`: each channel's histogram is matched in L*a*b* (8 bits), then the lightness
    of `image` comes back by the "luminosity" of the W3C's compositing rules. RGB in and out; sizes may differ."""
    source, wanted = _lab(np.asarray(image.convert("RGB"))), _lab(np.asarray(model.convert("RGB")))
    channels = [_histogram(source[..., channel], wanted[..., channel]) for channel in range(3)]
    coloured = _rgb(np.stack(channels, axis=-1))
    result = _lightness(coloured / 255, np.asarray(image.convert("RGB"), dtype=np.float64) / 255)
    return Image.fromarray((result * 255).clip(0, 255).astype(np.uint8))


def _histogram(source: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`source` with each value moved to the one of the same rank in `wanted` (Gonzalez, Woods: histogram matching)."""
    counts, goal = np.bincount(source.ravel(), minlength=256), np.bincount(wanted.ravel(), minlength=256)
    values = np.flatnonzero(goal)
    ranks = np.interp(np.cumsum(counts) / source.size, np.cumsum(goal[values]) / wanted.size, values)
    return ranks.astype(np.uint8)[source]


def _lab(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """sRGB to CIE L*a*b* (D65) in 8 bits: L * 255 / 100, a + 128, b + 128."""
    share = pixels / 255
    linear = np.where(share > 0.04045, ((share + 0.055) / 1.055) ** 2.4, share / 12.92)
    xyz = linear @ _TO_XYZ.T / _WHITE
    curved = np.where(xyz > _EDGE**3, np.cbrt(xyz), xyz / (3 * _EDGE**2) + 4 / 29)
    x, y, z = np.moveaxis(curved, -1, 0)
    lab = np.stack([(116 * y - 16) * 2.55, 500 * (x - y) + 128, 200 * (y - z) + 128], axis=-1)
    return np.rint(lab).clip(0, 255).astype(np.uint8)


def _rgb(lab: NDArray[np.uint8]) -> NDArray[np.uint8]:
    light, a, b = np.moveaxis(lab.astype(np.float64), -1, 0)
    y = (light / 2.55 + 16) / 116
    curved = np.stack([y + (a - 128) / 500, y, y - (b - 128) / 200], axis=-1)
    xyz = np.where(curved > _EDGE, curved**3, 3 * _EDGE**2 * (curved - 4 / 29)) * _WHITE
    linear = (xyz @ np.linalg.inv(_TO_XYZ).T).clip(0, 1)
    share = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return np.rint(share * 255).clip(0, 255).astype(np.uint8)


def _lightness(colour: Pixels, light: Pixels) -> Pixels:
    """`colour` with the luma of `light`, brought into 0 .. 1 without changing its hue."""
    moved = colour + ((light - colour) @ _LUMA)[..., None]
    luma = (moved @ _LUMA)[..., None]
    low, high = moved.min(-1, keepdims=True), moved.max(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.where(low < 0, luma + (moved - luma) * luma / (luma - low), moved)
        return np.where(high > 1, luma + (moved - luma) * (1 - luma) / (high - luma), moved)

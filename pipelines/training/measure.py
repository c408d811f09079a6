"""Measures of pictures by their pixels alone: background, the object's colour, how many separate things there are."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.training.backdrop import COLOURS
from pipelines.training.emoji import Pixels

HUES: Final = {
    "red": 0,
    "orange": 28,
    "yellow": 48,
    "green": 125,
    "turquoise": 180,
    "blue": 215,
    "purple": 275,
    "pink": 330,
}
FAR: Final = 45.0
"""A pixel belongs to the object when it differs so much from the background (of 441)."""


def border(pixels: Pixels) -> NDArray[np.float32]:
    """[n, 3]: the pixels of a picture's outermost four rows and columns."""
    rim = np.ones(pixels.shape[:2], dtype=bool)
    rim[4:-4, 4:-4] = False
    return pixels[rim].astype(np.float32)


def background_of(pixels: Pixels) -> str:
    """The nearest named colour of a picture's rim."""
    colour = np.median(border(pixels), axis=0)
    return min(COLOURS, key=lambda name: float(np.square(colour - np.asarray(COLOURS[name])).sum()))


def object_mask(pixels: Pixels) -> NDArray[np.bool_]:
    """[h, w]: where a picture [h, w, 3] on a plain background differs from it."""
    difference = pixels.astype(np.float32) - np.median(border(pixels), axis=0)
    return np.asarray(np.sqrt(np.square(difference).sum(-1)) > FAR)


def colour_of(pixels: Pixels) -> str:
    """The commonest of the twelve colours in what stands out from the background, or "none"."""
    mask = object_mask(pixels)
    if mask.mean() < 0.02:
        return "none"
    rgb = pixels[mask].astype(np.float32)
    high, spread = rgb.max(1), rgb.max(1) - rgb.min(1)
    vivid = (spread > 50) & (spread > 0.25 * high)
    if vivid.mean() > 0.3:
        return vivid_colour(rgb[vivid], high[vivid], spread[vivid])
    light = float(np.median(rgb[~vivid].mean(1)))
    return "white" if light > 195 else "black" if light < 75 else "grey"


def vivid_colour(rgb: NDArray[np.float32], high: NDArray[np.float32], spread: NDArray[np.float32]) -> str:
    """The commonest colour of vivid pixels [n, 3]; dark orange is brown, pale or light red is pink."""
    red, green, blue = rgb.T
    sixth: NDArray[Any] = np.where(
        high == red,
        (green - blue) / spread % 6,
        np.where(high == green, (blue - red) / spread + 2, (red - green) / spread + 4),
    )
    names = list(HUES)
    distances = np.stack([np.abs((sixth * 60 - HUES[name] + 180) % 360 - 180) for name in names])
    nearest = distances.argmin(0)
    counts = dict(zip(names, np.bincount(nearest, minlength=len(names)).tolist(), strict=True))
    brown = (nearest <= 2) & (sixth * 60 > 8) & (sixth * 60 < 45) & (high < 178)
    pink = (nearest == 0) & (spread < 0.5 * high) & (high > 180)
    for name, moved in (("brown", brown), ("pink", pink)):
        for source, number in zip(*np.unique(nearest[moved], return_counts=True), strict=True):
            counts[names[int(source)]] -= int(number)
        counts[name] = counts.get(name, 0) + int(moved.sum())
    return max(counts, key=lambda name: counts[name])


def things(pixels: Pixels, least: float = 0.012) -> int:
    """How many separate things stand out from a plain background, each at least a share `least` of the picture."""
    mask = object_mask(pixels)
    height, width = mask.shape[0] // 2 * 2, mask.shape[1] // 2 * 2
    small = mask[:height, :width].reshape(height // 2, 2, width // 2, 2).sum((1, 3)) >= 2
    left = {(int(row), int(column)) for row, column in zip(*np.nonzero(small), strict=True)}
    number = 0
    while left:
        todo, size = [left.pop()], 0
        while todo:
            row, column = todo.pop()
            size += 1
            near = {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
            left -= near
            todo += near
        number += size >= least * small.size
    return number

"""Sprites: a picture with an alpha channel, sized, recoloured and set on a canvas."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pipelines.training.backdrop import Canvas
from pipelines.training.emoji import SIZE, Pixels

LUMA = np.asarray((0.299, 0.587, 0.114), dtype=np.float32)


def tint(pixels: Pixels, colour: tuple[int, int, int]) -> Pixels:
    """The picture [h, w, 4] with its coloured parts in `colour`; shades, whites, greys and blacks stay."""
    rgb = pixels[..., :3].astype(np.float32)
    high, low = rgb.max(-1), rgb.min(-1)
    vivid = np.clip(((high - low) / np.maximum(high, 1) - 0.18) / 0.22, 0, 1) * np.clip(high / 60, 0, 1)
    solid = (pixels[..., 3] > 128) & (vivid > 0.5)
    if not solid.any():
        return pixels
    light = rgb @ LUMA
    ratio = light / max(float(np.median(light[solid])), 20.0)
    target = np.asarray(colour, dtype=np.float32)
    bright = np.clip((ratio - 1) / max(float(ratio[solid].max()) - 1, 0.6), 0, 1)[..., None]
    shaded = target * np.minimum(ratio, 1)[..., None] ** 0.8
    painted = shaded + (255 - shaded) * 0.75 * bright
    mixed = rgb + (painted - rgb) * vivid[..., None]
    return np.concatenate([np.clip(mixed, 0, 255).astype(np.uint8), pixels[..., 3:]], axis=-1)


def place(canvas: Canvas, pixels: Pixels, size: float, middle: tuple[float, float]) -> None:
    """Sets the picture [128, 128, 4] on the canvas, `size` pixels wide, its middle at (row, column)."""
    side = max(8, round(size))
    picture = Image.fromarray(pixels, "RGBA")
    if side != SIZE:
        picture = picture.resize((side, side), Image.Resampling.BILINEAR)
    top, left = round(middle[0] - side / 2), round(middle[1] - side / 2)
    rows = slice(max(top, 0), min(top + side, SIZE))
    columns = slice(max(left, 0), min(left + side, SIZE))
    piece = np.asarray(picture, dtype=np.float32)[
        rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]
    alpha = piece[..., 3:] / 255
    canvas[rows, columns] += (piece[..., :3] - canvas[rows, columns]) * alpha

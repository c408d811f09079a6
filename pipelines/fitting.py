"""Fitting: pictures brought to a size, and the part of a picture to work on."""

import numpy as np
from PIL import Image

from pipelines.source import Resize

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels; right and bottom are outside."""


def flattened(image: Image.Image) -> Image.Image:
    """RGB; what is transparent shows white."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def resized(image: Image.Image, width: int, height: int, mode: Resize) -> Image.Image:
    """`image` at width x height: stretched, cut to fit, or fitted with its edges drawn out.

    "latent" stretches too, but later: it is for pictures that go through an autoencoder.
    """
    if image.size == (width, height):
        return image
    if mode in ("stretch", "latent"):
        return image.resize((width, height), Image.Resampling.LANCZOS)
    # In integers, so that a picture of the wanted shape has exactly the wanted size.
    wider = width * image.height > height * image.width
    if wider == (mode == "crop"):
        inner = (width, max(1, image.height * width // image.width))
    else:
        inner = (max(1, image.width * height // image.height), height)
    scaled = image.resize(inner, Image.Resampling.LANCZOS)
    left, top = width // 2 - inner[0] // 2, height // 2 - inner[1] // 2
    if mode == "crop":
        return scaled.crop((-left, -top, width - left, height - top))
    sides = ((top, height - top - inner[1]), (left, width - left - inner[0]), (0, 0))
    pixels = np.asarray(scaled)
    return Image.fromarray(np.pad(pixels, sides[: pixels.ndim], mode="edge"))


def region(box: Box, padding: int, shape: tuple[int, int], size: tuple[int, int]) -> Box:
    """The part of a picture of `size` to work on: `box` with padding, widened to the proportions of `shape`."""
    left, top, right, bottom = box
    left, top = max(0, left - padding), max(0, top - padding)
    right, bottom = min(size[0], right + padding), min(size[1], bottom + padding)
    wanted = shape[0] / shape[1]
    if (right - left) / (bottom - top) > wanted:
        top, bottom = _widened(top, bottom, int((right - left) / wanted), size[1])
    else:
        left, right = _widened(left, right, int((bottom - top) * wanted), size[0])
    return left, top, right, bottom


def _widened(start: int, end: int, length: int, limit: int) -> tuple[int, int]:
    """An interval of about `length` around start .. end, moved to lie within 0 .. limit."""
    more = max(0, length - (end - start))
    start, end = start - more // 2, end + more - more // 2
    if end > limit:
        start, end = start - (end - limit), limit
    if start < 0:
        start, end = 0, min(limit, end - start)
    return start, end

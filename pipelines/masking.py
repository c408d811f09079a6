"""Masking: grey pictures that say what may change, white altogether; and what they keep and fill."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps


def painted_part(mask: Image.Image) -> Image.Image:
    """A grey picture, white where painted: the alpha channel if it says anything, else the brightness."""
    if mask.mode == "RGBA":
        alpha = mask.getchannel("A")
        if alpha.getextrema() != (255, 255):
            return alpha.point([255 if level > 128 else 0 for level in range(256)])
    return mask.convert("L")


def blurred(mask: Image.Image, sigma: float) -> Image.Image:
    """Gaussian blur of a grey picture, mirrored at its edges; sigma in pixels, cut off at 2.5 sigma."""
    if sigma <= 0:
        return mask
    reach = int(2.5 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    pixels = np.asarray(mask, dtype=np.float64)
    for axis in (1, 0):
        pixels = np.rint(_convolved(pixels, kernel, axis))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _convolved(pixels: NDArray[np.float64], kernel: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    reach, length = len(kernel) // 2, pixels.shape[axis]
    sides = [(0, 0), (0, 0)]
    sides[axis] = (reach, reach)
    padded = np.pad(pixels, sides, mode="reflect" if length > 1 else "edge")
    total = np.zeros_like(pixels)
    for index, weight in enumerate(kernel):
        total += weight * (padded[:, index : index + length] if axis else padded[index : index + length])
    return total


def smeared(image: Image.Image, mask: Image.Image, ground: Image.Image | None = None) -> Image.Image:
    """`image` with its painted part filled with the colours around it: ever finer blurs of the rest, laid on top
    of one another. ground -- what shows where even the widest blur does not reach; black by default"""
    rest = _premultiplied(image, ImageOps.invert(mask))
    result = Image.new("RGBA", image.size) if ground is None else ground.convert("RGBA")
    for radius, times in ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1)):
        layer = rest.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(times):
            result.alpha_composite(layer)
    return result.convert("RGB")


def kept(image: Image.Image, mask: Image.Image) -> Image.Image:
    """RGBA: `image` with a hole where the mask is white; opaque, to the bit, where it is black."""
    return _premultiplied(image, ImageOps.invert(mask)).convert("RGBA")


def _premultiplied(image: Image.Image, alpha: Image.Image) -> Image.Image:
    """Only the pixels that `alpha` lets through, colours multiplied by it (mode "RGBa")."""
    result = Image.new("RGBa", image.size)
    result.paste(image.convert("RGBA").convert("RGBa"), mask=alpha)
    return result

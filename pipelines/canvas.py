"""Canvas: a source picture and its mask made ready for a model, and the result put back where it belongs."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from pipelines.picture import Mode, Picture
from pipelines.recipe import RecipeError, Resize, Source

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels; right and bottom are outside."""


@dataclass(frozen=True)
class Canvas:
    """What a model starts from.

    image -- RGB at the recipe's size
    mask  -- grey at the recipe's size, white is repainted; None: all of it
    kept  -- RGBA, the pixels that stay, at the size of the result; opaque where nothing may change
    place -- where the model's picture goes within `kept`; None: it is as large
    """

    image: Image.Image
    mask: Image.Image | None = None
    kept: Image.Image | None = None
    place: Box | None = None

    def finish(self, made: Image.Image) -> Image.Image:
        """The model's picture with what stays laid over it. Pixels outside the mask are those of the source."""
        if self.kept is None:
            return made
        if self.place is not None:
            left, top, right, bottom = self.place
            whole = Image.new("RGB", self.kept.size)
            whole.paste(resized(made, right - left, bottom - top, "crop"), (left, top))
            made = whole
        result = made.convert("RGBA")
        result.alpha_composite(self.kept)
        return result.convert("RGB")


def prepare(source: Source, image: Picture, mask: Picture | None, width: int, height: int) -> Canvas:
    """The canvas for a recipe of that size.

    Area "whole": the result has the recipe's size. Area "masked": the painted part is worked on at the recipe's size
    and goes back into the source, so the result has the size of the source.
    Raises RecipeError for a mask in which nothing is painted.
    """
    picture = flattened(to_image(image))
    if source.mask is None or mask is None:
        return Canvas(resized(picture, width, height, source.resize))
    painted = painted_part(to_image(mask))
    if painted.size != picture.size:
        painted = painted.resize(picture.size, Image.Resampling.LANCZOS)
    if source.mask.invert:
        painted = ImageOps.invert(painted)
    painted = blurred(painted, source.mask.blur)
    box = painted.getbbox()
    if box is None:
        raise RecipeError("mask", "The mask is empty: paint over the part that should change.")
    if source.mask.area == "masked":
        place = region(box, source.mask.padding, (width, height), picture.size)
        overlay, kept_from = painted, picture
        painted = resized(painted.crop(place), width, height, "fill")
        picture = resized(picture.crop(place), width, height, "fill")
    else:
        place = None
        painted = resized(painted, width, height, source.resize)
        picture = kept_from = resized(picture, width, height, source.resize)
        # Twice as strong, so that the middle of the blurred edge is the model's alone.
        overlay = painted.point([min(255, 2 * level) for level in range(256)])
    kept = _kept(kept_from, overlay)
    if source.mask.fill == "blurred":
        picture = smeared(picture, painted)
    return Canvas(picture, painted, kept, place)


def to_image(picture: Picture) -> Image.Image:
    return Image.frombytes(picture.mode, (picture.width, picture.height), picture.pixels)


def to_picture(image: Image.Image) -> Picture:
    if image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGB")
    return Picture(image.width, image.height, cast("Mode", image.mode), image.tobytes())


def flattened(image: Image.Image) -> Image.Image:
    """RGB; what is transparent shows white."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def painted_part(mask: Image.Image) -> Image.Image:
    """A grey picture, white where painted: the alpha channel if it says anything, else the brightness."""
    if mask.mode == "RGBA":
        alpha = mask.getchannel("A")
        if alpha.getextrema() != (255, 255):
            return alpha.point([255 if level > 128 else 0 for level in range(256)])
    return mask.convert("L")


def resized(image: Image.Image, width: int, height: int, mode: Resize) -> Image.Image:
    """`image` at width x height: stretched, cut to fit, or fitted with its edges drawn out."""
    if image.size == (width, height):
        return image
    if mode == "stretch":
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


def smeared(image: Image.Image, mask: Image.Image) -> Image.Image:
    """`image` with its painted part filled with the colours around it: ever finer blurs of the rest, laid on top
    of one another."""
    rest = _premultiplied(image, ImageOps.invert(mask))
    result = Image.new("RGBA", image.size)
    for radius, times in ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1)):
        layer = rest.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(times):
            result.alpha_composite(layer)
    return result.convert("RGB")


def _kept(image: Image.Image, mask: Image.Image) -> Image.Image:
    return _premultiplied(image, ImageOps.invert(mask)).convert("RGBA")


def _premultiplied(image: Image.Image, alpha: Image.Image) -> Image.Image:
    """Only the pixels that `alpha` lets through, colours multiplied by it (mode "RGBa")."""
    result = Image.new("RGBa", image.size)
    result.paste(image.convert("RGBA").convert("RGBa"), mask=alpha)
    return result

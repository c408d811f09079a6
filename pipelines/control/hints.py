"""Hints: what a preprocessor makes of a picture for a control network to look at. Without torch and without weights."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter, ImageOps

from pipelines.picture import Picture
from pipelines.recipe import Control, Resize

Floats = NDArray[np.float32]

LINE_SIGMA = 6.0
"""Pixels by which a picture is blurred to tell its lines."""


def hint(image: Image.Image, control: Control, width: int, height: int) -> Image.Image:
    """The RGB picture, width x height, that the control's network looks at."""
    prepared = fitted(image.convert("RGB"), control.resize, width, height)
    work = PREPROCESSORS[known(control.preprocessor) or ""]
    if not control.resolution:
        return work(prepared, control)
    scale = control.resolution / min(width, height)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    return work(prepared.resize(size, Image.Resampling.LANCZOS), control).resize((width, height))


def of(picture: Picture, control: Control, width: int, height: int) -> Picture:
    """The same for a picture as a value."""
    image = Image.frombytes(picture.mode, (picture.width, picture.height), picture.pixels)
    made = hint(image, control, width, height)
    return Picture(width, height, "RGB", made.tobytes())


def fitted(image: Image.Image, resize: Resize, width: int, height: int) -> Image.Image:
    if resize == "crop":
        return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    if resize == "fill":
        return ImageOps.pad(image, (width, height), Image.Resampling.LANCZOS)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _plain(image: Image.Image, control: Control) -> Image.Image:
    return image


def _invert(image: Image.Image, control: Control) -> Image.Image:
    return ImageChops.invert(image)


def _blur(image: Image.Image, control: Control) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(9))


def _tile(image: Image.Image, control: Control) -> Image.Image:
    """Small and large again: what is left are colours and coarse shapes."""
    small = image.resize((max(1, image.width // 8), max(1, image.height // 8)), Image.Resampling.BOX)
    return small.resize(image.size, Image.Resampling.BICUBIC)


def _lines(image: Image.Image, control: Control) -> Image.Image:
    """White lines where the picture is darker than its surroundings."""
    sharp = np.asarray(image, dtype=np.float32)
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(LINE_SIGMA)), dtype=np.float32)
    darker = (soft - sharp).min(axis=2).clip(0, 255)
    seen = darker[darker > 8]
    strength = darker * (127 / max(16.0, float(np.median(seen)) if seen.size else 0.0))
    return _grey(strength)


def _threshold(image: Image.Image, control: Control) -> Image.Image:
    """White where the picture is brighter than the low threshold."""
    grey = np.asarray(image.convert("L"), dtype=np.float32)
    return _grey(np.where(grey > control.low, np.float32(255), np.float32(0)))


def _canny(image: Image.Image, control: Control) -> Image.Image:
    low, high = sorted((control.low, control.high))
    return _grey(canny(np.asarray(image, dtype=np.float32), low, high).astype(np.float32) * 255)


def canny(pixels: Floats, low: float, high: float) -> NDArray[np.bool_]:
    """Edges (Canny 1986) of (height, width, channels), 0 .. 255: Sobel's gradients, the strongest channel's, in city
    block length; only the ridge of each; those above `high`, and those above `low` that touch them."""
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")
    above, middle, below = padded[:-2], padded[1:-1], padded[2:]
    across = above + 2 * middle + below
    dx = across[:, 2:] - across[:, :-2]
    dy = (below - above)[:, :-2] + 2 * (below - above)[:, 1:-1] + (below - above)[:, 2:]
    length = np.abs(dx) + np.abs(dy)
    strongest = length.argmax(axis=2)[..., None]
    dx, dy, length = (
        np.take_along_axis(value, strongest, axis=2)[..., 0].astype(np.float32) for value in (dx, dy, length)
    )
    ridge = _ridge(dx, dy, length)
    return _joined(ridge & (length > high), ridge & (length > low))


def _ridge(dx: Floats, dy: Floats, length: Floats) -> NDArray[np.bool_]:
    """Where no neighbour along the gradient is longer. Of equal ones the first in reading order is kept."""
    padded = np.pad(length, 1)

    def beside(down: int, right: int) -> Floats:
        return padded[1 + down : 1 + down + length.shape[0], 1 + right : 1 + right + length.shape[1]]

    flat, steep = np.abs(dy) < 0.41421356 * np.abs(dx), np.abs(dy) > 2.41421356 * np.abs(dx)
    falling = dx * dy > 0
    before = np.where(
        flat, beside(0, -1), np.where(steep, beside(-1, 0), np.where(falling, beside(-1, -1), beside(-1, 1)))
    )
    behind = np.where(flat, beside(0, 1), np.where(steep, beside(1, 0), np.where(falling, beside(1, 1), beside(1, -1))))
    return (length > before) & (length >= behind)


def _joined(strong: NDArray[np.bool_], weak: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The strong pixels and all weak ones that are connected to them."""
    found, count = strong, -1
    while int(found.sum()) != count:
        count = int(found.sum())
        image = Image.fromarray((found * 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
        found = (np.asarray(image) > 0) & weak | strong
    return found


def _grey(values: Floats) -> Image.Image:
    return Image.fromarray(values.clip(0, 255).astype(np.uint8)).convert("RGB")


PREPROCESSORS: Mapping[str, Callable[[Image.Image, Control], Image.Image]] = MappingProxyType(
    {
        "": _plain,
        "none": _plain,
        "canny": _canny,
        "invert": _invert,
        "lineart": _lines,
        "threshold": _threshold,
        "blur": _blur,
        "tile": _tile,
    }
)
"""By name, in small letters. They need no weights of their own."""

THRESHOLDS: Mapping[str, tuple[str, ...]] = MappingProxyType({"canny": ("low", "high"), "threshold": ("low",)})
"""The thresholds that a preprocessor looks at."""

_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "line art": "lineart",
        "lineart_standard": "lineart",
        "lineart_standard (from white bg & black line)": "lineart",
        "invert (from white bg & black line)": "invert",
        "tile_resample": "tile",
        "blur_gaussian": "blur",
    }
)


def known(name: str) -> str | None:
    """A preprocessor as it is called here; other programs' names are understood."""
    lower = name.casefold()
    lower = _ALIASES.get(lower, lower)
    return lower if lower in PREPROCESSORS else None


def array(image: Image.Image) -> NDArray[Any]:
    """(3, height, width), fp32, 0 .. 1."""
    return (np.asarray(image.convert("RGB"), dtype=np.float32) / 255).transpose(2, 0, 1)

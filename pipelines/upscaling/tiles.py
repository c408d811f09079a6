"""Tiles: a large picture through a network piece by piece, the seams blended."""

from collections.abc import Callable, Generator

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

SIDE = 192
"""Pixels of a tile's side, before it is enlarged."""

OVERLAP = 24
"""Pixels that neighbours share; within them one fades into the other."""


def starts(length: int, side: int, overlap: int) -> list[int]:
    """Where tiles begin so that they cover `length`: evenly spread, sharing at least `overlap`."""
    if length <= side:
        return [0]
    count = -(-(length - overlap) // (side - overlap))
    return [round(index * (length - side) / (count - 1)) for index in range(count)]


def count(width: int, height: int, side: int = SIDE, overlap: int = OVERLAP) -> int:
    """How many tiles a picture has."""
    return len(starts(width, side, overlap)) * len(starts(height, side, overlap))


def enlarged(
    image: Image.Image,
    network: Callable[[torch.Tensor], torch.Tensor],
    scale: int,
    side: int = SIDE,
    overlap: int = OVERLAP,
) -> Generator[tuple[int, int], None, Image.Image]:
    """An RGB picture through a network that makes it `scale` times as large; yields (tiles done, of how many).

    Rows are put together in turn, so that no more than one of them is held in full precision.
    """
    pixels = torch.from_numpy(np.asarray(image, dtype=np.float32) / 255).permute(2, 0, 1)[None]
    lefts, tops = starts(image.width, side, overlap), starts(image.height, side, overlap)
    result = np.empty((image.height * scale, image.width * scale, 3), np.uint8)
    total, done, written = len(lefts) * len(tops), 0, 0
    pending = np.empty((0, image.width * scale, 3), np.float32)
    for top, following in zip(tops, [*tops[1:], image.height], strict=True):
        row: NDArray[np.float32] | None = None
        for left in lefts:
            made = network(pixels[:, :, top : top + side, left : left + side])
            tile = made[0].permute(1, 2, 0).contiguous().numpy()
            row = tile if row is None else _joined(row, tile, row.shape[1] - left * scale, 1)
            done += 1
            yield done, total
        assert row is not None
        strip = _joined(pending, row, pending.shape[0], 0)
        # What the next row of tiles covers as well is kept back.
        ready = following * scale - written
        result[written : written + ready] = np.rint(strip[:ready] * 255)
        written, pending = written + ready, strip[ready:]
    return Image.fromarray(result)


def _joined(before: NDArray[np.float32], after: NDArray[np.float32], shared: int, axis: int) -> NDArray[np.float32]:
    """Two pictures side by side (axis 1) or one below the other (0), `shared` pixels of both faded over."""
    first, end = np.split(before, [before.shape[axis] - shared], axis)
    begin, rest = np.split(after, [shared], axis)
    shape = [1, 1, 1]
    shape[axis] = shared
    share = np.linspace(0, 1, shared + 2, dtype=np.float32)[1:-1].reshape(shape)
    faded = (end + (begin - end) * share).astype(np.float32)
    return np.concatenate([first, faded, rest], axis)

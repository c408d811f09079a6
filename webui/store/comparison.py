"""Comparison: how far two pictures are apart, and where."""

from dataclasses import dataclass

from PIL import Image, ImageChops, ImageStat

from pipelines.picture import Picture


@dataclass(frozen=True)
class Comparison:
    """mean: difference of a value, on average; largest: of any; both 0 .. 255.

    picture -- where they differ: black is the same, the largest difference is as bright as can be
    """

    mean: float
    largest: int
    picture: Picture

    @property
    def identical(self) -> bool:
        return self.largest == 0


def compared(one: Picture, other: Picture) -> Comparison | None:
    """None for pictures of different sizes. Transparency does not count."""
    if (one.width, one.height) != (other.width, other.height):
        return None
    difference = ImageChops.difference(_image(one), _image(other))
    statistics = ImageStat.Stat(difference)
    mean = sum(statistics.mean) / len(statistics.mean)
    largest = round(max(high for _, high in statistics.extrema))
    bright = difference.point([value * 255 // max(1, largest) for value in range(256)] * 3)
    return Comparison(mean, largest, Picture(one.width, one.height, "RGB", bright.tobytes()))


def _image(picture: Picture) -> Image.Image:
    return Image.frombytes(picture.mode, (picture.width, picture.height), picture.pixels).convert("RGB")

"""Pictures made to fit, masks, and what goes back where."""

import numpy as np
import pytest
from PIL import Image

from pipelines import canvas, fitting, masking
from pipelines.picture import Picture
from pipelines.recipe import ImageRef, Mask, RecipeError, Source


def grey(width: int, height: int, box: tuple[int, int, int, int] | None = None) -> Picture:
    pixels = np.zeros((height, width), np.uint8)
    if box:
        pixels[box[1] : box[3], box[0] : box[2]] = 255
    return Picture(width, height, "L", pixels.tobytes())


def plain(width: int, height: int, colour: tuple[int, ...]) -> Image.Image:
    return Image.new("RGB" if len(colour) == 3 else "RGBA", (width, height), colour)


def source(**mask: object) -> Source:
    return Source(ImageRef("a"), mask=Mask(ImageRef("b"), **mask))  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["stretch", "crop", "fill"])
@pytest.mark.parametrize("size", [(64, 64), (200, 50), (50, 200), (1, 1), (1000, 3)])
def test_any_size_becomes_the_wanted_one(mode: str, size: tuple[int, int]) -> None:
    image = fitting.resized(plain(*size, (9, 8, 7)), 96, 64, mode)  # type: ignore[arg-type]
    assert image.size == (96, 64)
    assert image.getextrema() == ((9, 9), (8, 8), (7, 7))


def test_crop_keeps_the_middle_and_fill_keeps_all() -> None:
    pixels = np.zeros((40, 120, 3), np.uint8)
    pixels[:, 40:80] = 255
    image = Image.fromarray(pixels)
    assert np.asarray(fitting.resized(image, 40, 40, "crop"))[:, 2:-2].min() > 200
    filled = np.asarray(fitting.resized(image, 120, 120, "fill"))
    assert np.array_equal(filled[:40], np.repeat(filled[40:41], 40, axis=0)), "its edge is drawn out"
    assert np.array_equal(filled[40:80], pixels)


def test_what_is_transparent_shows_white() -> None:
    assert fitting.flattened(plain(2, 2, (255, 0, 0, 0))).getpixel((0, 0)) == (255, 255, 255)
    assert fitting.flattened(plain(2, 2, (255, 0, 0, 255))).getpixel((0, 0)) == (255, 0, 0)


def test_a_mask_may_be_painted_in_the_alpha_channel() -> None:
    mask = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    mask.putpixel((1, 0), (0, 0, 0, 200))
    assert list(masking.painted_part(mask).tobytes()) == [0, 255]
    assert list(masking.painted_part(plain(1, 1, (255, 255, 255, 255))).tobytes()) == [255]


def test_blur_spreads_evenly_and_keeps_the_sum() -> None:
    mask = canvas.to_image(grey(65, 65, (32, 32, 33, 33)))
    soft = np.asarray(masking.blurred(mask, 1.0), dtype=float)
    assert np.array_equal(soft, soft.T)
    assert np.array_equal(soft, soft[::-1])
    assert soft.sum() == pytest.approx(255, rel=0.05)
    assert masking.blurred(mask, 0) is mask


@pytest.mark.parametrize("box", [(0, 0, 5, 5), (90, 40, 100, 50), (30, 20, 40, 30), (0, 0, 100, 50)])
@pytest.mark.parametrize("shape", [(64, 64), (128, 64), (64, 128)])
def test_the_region_holds_the_painted_part_within_the_picture(
    box: tuple[int, int, int, int], shape: tuple[int, int]
) -> None:
    left, top, right, bottom = fitting.region(box, 4, shape, (100, 50))
    assert 0 <= left <= box[0] and box[2] <= right <= 100
    assert 0 <= top <= box[1] and box[3] <= bottom <= 50
    if right - left < 100 and bottom - top < 50:
        assert (right - left) / (bottom - top) == pytest.approx(shape[0] / shape[1], rel=0.15)


def test_a_blurred_fill_takes_the_colours_around() -> None:
    image = plain(64, 64, (10, 200, 30))
    image.paste((255, 0, 255), (20, 20, 40, 40))
    picture = canvas.to_picture(image)
    made = canvas.prepare(source(fill="blurred", blur=0), picture, grey(64, 64, (18, 18, 42, 42)), 64, 64)
    assert np.abs(np.asarray(made.image, dtype=int)[30, 30] - [10, 200, 30]).max() <= 3


def test_a_mask_without_paint_is_refused() -> None:
    picture = canvas.to_picture(plain(64, 64, (1, 2, 3)))
    with pytest.raises(RecipeError, match="mask is empty"):
        canvas.prepare(source(), picture, grey(64, 64), 64, 64)
    with pytest.raises(RecipeError, match="mask is empty"):
        canvas.prepare(source(invert=True), picture, grey(64, 64, (0, 0, 64, 64)), 64, 64)


def test_a_mask_of_another_size_follows_the_picture() -> None:
    picture = canvas.to_picture(plain(100, 50, (1, 2, 3)))
    made = canvas.prepare(source(blur=0), picture, grey(200, 100, (0, 0, 100, 100)), 96, 48)
    assert made.mask is not None and made.mask.size == (96, 48)
    mask = np.asarray(made.mask)
    assert mask[:, :46].min() > 250 and mask[:, 50:].max() < 5

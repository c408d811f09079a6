"""Pictures made to fit, masks, and what goes back where."""

import numpy as np
import pytest
from PIL import Image

from pipelines import canvas, colours, fitting, masking
from pipelines.picture import Picture
from pipelines.recipe import Extension, ImageRef, Mask, RecipeError, Source


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


def test_the_mask_that_was_fitted_is_told() -> None:
    picture = canvas.to_picture(plain(100, 50, (1, 2, 3)))
    made = canvas.prepare(source(), picture, grey(200, 100, (0, 0, 100, 100)), 96, 48)
    assert made.notes == ("The mask was 200 × 100 and has been fitted to the picture, 100 × 50.",)
    assert canvas.prepare(source(), picture, grey(100, 50, (0, 0, 9, 9)), 96, 48).notes == ()


def test_a_sketch_lies_over_the_picture_and_what_is_kept_comes_from_below_it() -> None:
    picture = canvas.to_picture(plain(64, 64, (10, 20, 30)))
    sketch = plain(64, 64, (0, 0, 0, 0))
    sketch.paste((250, 0, 0, 255), (0, 0, 32, 64))
    coloured = canvas.to_picture(sketch)
    made = canvas.prepare(Source(ImageRef("a")), picture, None, 64, 64, coloured)
    assert (made.image.getpixel((5, 5)), made.image.getpixel((50, 5))) == ((250, 0, 0), (10, 20, 30))
    masked = canvas.prepare(source(blur=0), picture, grey(64, 64, (16, 0, 32, 64)), 64, 64, coloured)
    assert masked.image.getpixel((5, 5)) == (250, 0, 0)
    done = masked.finish(plain(64, 64, (0, 255, 0)))
    assert (done.getpixel((5, 5)), done.getpixel((20, 5)), done.getpixel((40, 5))) == (
        (10, 20, 30),
        (0, 255, 0),
        (10, 20, 30),
    )


def test_an_extended_picture_is_kept_to_the_bit_and_its_room_has_the_edge_s_colours() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    pixels[:, :8] = (200, 10, 10)
    picture = canvas.to_picture(Image.fromarray(pixels))
    by = Extension(left=32, bottom=16)
    made = canvas.prepare(Source(ImageRef("a"), extend=by, mask=Mask(blur=0)), picture, None, 92, 56)
    assert made.image.size == (92, 56) and made.mask is not None
    assert np.asarray(made.mask)[:40, 32:].max() == 0
    assert np.asarray(made.mask)[:, :32].min() == 255 and np.asarray(made.mask)[40:].min() == 255
    assert np.abs(np.asarray(made.image, dtype=int)[:30, :20] - [200, 10, 10]).max() < 30
    done = np.asarray(made.finish(plain(92, 56, (0, 0, 0))))
    assert np.array_equal(done[:40, 32:], pixels)
    assert not done[:, :32].any()


def test_an_extension_works_with_what_is_painted_and_at_full_size() -> None:
    picture = canvas.to_picture(plain(200, 100, (90, 90, 90)))
    mask = Mask(ImageRef("b"), blur=0, area="masked", padding=8)
    made = canvas.prepare(Source(ImageRef("a"), extend=Extension(right=56), mask=mask), picture, grey(200, 100), 64, 64)
    done = made.finish(plain(64, 64, (0, 0, 255)))
    assert done.size == (256, 100)
    assert done.getpixel((199, 50)) == (90, 90, 90) and done.getpixel((201, 50)) == (0, 0, 255)


def test_latents_to_be_resized_come_from_the_picture_s_own_size() -> None:
    picture = canvas.to_picture(plain(130, 67, (1, 2, 3)))
    assert canvas.prepare(Source(ImageRef("a"), resize="latent"), picture, None, 64, 64).image.size == (128, 64)
    huge = canvas.to_picture(plain(6000, 1500, (1, 2, 3)))
    width, height = canvas.prepare(Source(ImageRef("a"), resize="latent"), huge, None, 64, 64).image.size
    assert width * height <= canvas.LARGEST and width % 8 == height % 8 == 0


def test_colour_correction_gives_the_colours_and_keeps_the_light() -> None:
    ramp = Image.linear_gradient("L").resize((64, 64))
    warm = Image.merge("RGB", (ramp.point(lambda v: 100 + v // 3), ramp.point(lambda v: 60 + v // 4), ramp))
    cold = Image.merge("RGB", (ramp, ramp.point(lambda v: 40 + v // 3), ramp.point(lambda v: 120 + v // 3)))
    done = colours.matched(cold, warm)
    luma = np.array([0.299, 0.587, 0.114])
    assert np.abs(np.asarray(done) @ luma - np.asarray(cold) @ luma).mean() < 6
    wanted, before, after = (np.asarray(one, dtype=float).mean((0, 1)) for one in (warm, cold, done))
    tint = [one - one @ luma for one in (wanted, before, after)]
    assert np.abs(tint[2] - tint[0]).max() < np.abs(tint[1] - tint[0]).max() / 3
    same = np.asarray(colours.matched(warm, warm), dtype=int)
    assert np.abs(same - np.asarray(warm, dtype=int)).mean() < 2


def test_the_next_loop_starts_from_the_result() -> None:
    picture = canvas.to_picture(plain(100, 100, (9, 9, 9)))
    whole = canvas.prepare(Source(ImageRef("a")), picture, None, 64, 64)
    assert whole.again(plain(64, 64, (5, 5, 5))).image.getpixel((3, 3)) == (5, 5, 5)
    masked = canvas.prepare(source(area="masked", padding=0, blur=0), picture, grey(100, 100, (20, 20, 40, 40)), 64, 64)
    done = masked.finish(plain(64, 64, (200, 0, 0)))
    again = masked.again(done)
    assert again.image.size == (64, 64) and again.image.getpixel((32, 32)) == (200, 0, 0)
    assert again.finish(plain(64, 64, (0, 200, 0))).getpixel((30, 30)) == (0, 200, 0)

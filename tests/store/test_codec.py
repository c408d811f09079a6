"""Text that travels with a picture, in each kind of file."""

import struct
import zlib
from io import BytesIO
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from pipelines.picture import Picture
from webui.store import codec

PICTURE = Picture(16, 8, "RGB", bytes((200, 10, 10)) * 128)
TEXT = "a füchs 🦊, 雪\nNegative prompt: x\nSteps: 20, Sampler: Euler a, Seed: 1"


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_the_text_comes_back(kind: Literal["JPEG", "WEBP", "AVIF"]) -> None:
    data = codec.encoded(PICTURE, kind, TEXT)
    assert codec.describe(data)["parameters"] == TEXT
    assert codec.size(data) == (16, 8)
    assert codec.decode(data).mode == "RGB"


def test_png_keeps_latin_and_other_letters() -> None:
    for text in ("plain ä", TEXT):
        assert codec.describe(codec.png(PICTURE, {"parameters": text}))["parameters"] == text


@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + TEXT.encode("utf-16-be"),
        b"UNICODE\0" + TEXT.encode("utf-16-le"),
        b"UNICODE\0" + TEXT.encode("utf-16"),
        b"ASCII\0\0\0" + TEXT.encode(),
        b"\0\0\0\0\0\0\0\0" + TEXT.encode(),
        TEXT.encode(),
    ],
)
def test_comments_of_other_writers_are_read(comment: bytes) -> None:
    assert codec.describe(jpeg({}, comment))["parameters"] == TEXT


def test_the_comment_wins_over_a_text_chunk() -> None:
    exif, out = Image.Exif(), BytesIO()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0from exif"
    image = Image.new("RGB", (8, 8))
    image.info["parameters"] = "x"
    image.save(out, "PNG", exif=exif.tobytes())
    assert codec.describe(out.getvalue())["parameters"] == "from exif"


def test_graphs_are_found_where_the_cameras_name_belongs() -> None:
    texts = codec.describe(jpeg({0x0110: 'prompt:{"3": {}}', 0x010F: "Snow Cameras: Ltd"}))
    assert texts["prompt"] == '{"3": {}}'
    assert "parameters" not in texts


def test_damaged_exif_costs_its_text_only() -> None:
    good = jpeg({0x0110: "prompt:x"}, b"ASCII\0\0\0hello")
    place = good.index(b"Exif\0\0") + 6
    for offset in range(8, 40):
        bad = bytearray(good)
        bad[place + offset] ^= 0xFF
        codec.describe(bytes(bad))
        codec.decode(bytes(bad))


def test_a_gifs_comment_is_read() -> None:
    out = BytesIO()
    Image.new("P", (8, 8)).save(out, "GIF", comment=TEXT.encode())
    assert codec.describe(out.getvalue())["parameters"] == TEXT


def test_sizes_that_do_not_fit() -> None:
    wide = Picture(16384, 1, "L", bytes(16384))
    assert (codec.fits(wide, "WEBP"), codec.fits(wide, "PNG"), codec.fits(PICTURE, "WEBP")) == (False, True, True)


def jpeg(tags: dict[int, str], comment: bytes | None = None) -> bytes:
    exif, out = Image.Exif(), BytesIO()
    for tag, value in tags.items():
        exif[tag] = value
    if comment is not None:
        exif.get_ifd(0x8769)[0x9286] = comment
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=exif.tobytes())
    return out.getvalue()


def file(image: Image.Image, kind: str, **more: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **more)  # type: ignore[arg-type]
    return out.getvalue()


def deep_png() -> bytes:
    """2 x 1, red then grey, 16 bits a channel."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    row = b"\0" + struct.pack(">6H", 0xFFFF, 0, 0, 0x8000, 0x8000, 0x8000)
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")


def test_a_picture_that_was_held_sideways_is_turned_and_told() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (16, 8), "blue")
    image.paste("red", (0, 0, 8, 8))
    data = file(image, "JPEG", exif=exif.tobytes(), quality=100)
    picture = codec.decode(data)
    assert codec.size(data) == (picture.width, picture.height) == (8, 16)
    upright = Image.frombytes("RGB", (8, 16), picture.pixels)
    assert upright.getpixel((4, 2))[0] > 200 and upright.getpixel((4, 13))[2] > 200  # type: ignore[index]
    assert codec.remarks(data) == ("It was turned upright, as the camera says.",)


def test_colours_for_print_palettes_and_deep_ones_are_converted_and_told() -> None:
    print_ = file(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "JPEG")
    assert codec.decode(print_).mode == "RGB" and codec.decode(print_).pixels[0] > 200
    assert "CMYK" in codec.remarks(print_)[0]
    palette = Image.new("RGB", (4, 4), (1, 2, 3)).quantize(4)
    assert codec.decode(file(palette, "PNG")).pixels[:3] == bytes((1, 2, 3))
    assert "palette" in codec.remarks(file(palette, "PNG"))[0]
    deep = codec.decode(deep_png())
    assert (deep.mode, deep.pixels) == ("RGB", bytes((255, 0, 0, 128, 128, 128)))
    assert "16 bits" in codec.remarks(deep_png())[0]
    grey = Image.fromarray(np.array([[0, 0x8000, 0xFFFF]], np.uint16))
    assert list(codec.decode(file(grey, "PNG")).pixels) == [0, 128, 255]
    assert "16 bits" in codec.remarks(file(grey, "PNG"))[0]


def test_of_a_moving_picture_the_first_is_used_and_it_is_told() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = file(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert codec.decode(data).pixels[0] > 200
    assert codec.remarks(data) == ("The file holds several pictures; the first is used.",)
    assert codec.remarks(file(frames[0], "PNG")) == ()


def test_a_picture_too_large_is_refused_by_its_header() -> None:
    header = struct.pack(">IIBBBBB", 16000, 11125, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header
    data += struct.pack(">I", zlib.crc32(b"IHDR" + header)) + struct.pack(">I", 9) + b"IDAT"
    with pytest.raises(codec.BadPicture, match="more than 40 million pixels"):
        codec.decode(data)

"""Text that travels with a picture, in each kind of file."""

from io import BytesIO
from typing import Literal

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

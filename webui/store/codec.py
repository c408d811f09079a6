"""Picture files: bytes of PNG, JPEG or WebP to pixels and back."""

import warnings
from collections.abc import Mapping
from io import BytesIO
from typing import cast

from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from pipelines.picture import Mode, Picture

FORMATS = ("PNG", "JPEG", "WEBP")
LARGEST = 40_000_000
"""Pixels of the largest picture that is opened."""


class BadPicture(ValueError):
    """A picture that cannot be used; the text is a sentence for the user."""


def decode(data: bytes) -> Picture:
    """The pixels, upright as EXIF says. Grey stays grey; anything with transparency becomes RGBA.

    Raises BadPicture for what is no PNG, JPEG or WebP, is broken, or has more than 40 million pixels.
    """
    image = _open(data)
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise BadPicture("The picture is broken: it ends too early or its data is damaged.") from error
    clear = "transparency" in upright.info or upright.mode in ("RGBA", "LA", "PA")
    mode: Mode = "RGBA" if clear else "L" if upright.mode in ("1", "L", "I;16", "I", "F") else "RGB"
    if upright.mode in ("I", "I;16"):
        upright = upright.point(lambda value: value / 256).convert("L")
    converted = upright.convert(mode)
    return Picture(converted.width, converted.height, mode, converted.tobytes())


def describe(data: bytes) -> Mapping[str, str]:
    """The text that travels with a picture: PNG chunks by keyword, and `parameters` from EXIF.

    Raises BadPicture as `decode` does.
    """
    image = _open(data)
    texts = {key: value for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}
    comment = image.getexif().get_ifd(0x8769).get(0x9286)
    if isinstance(comment, bytes):
        texts["parameters"] = _user_comment(comment)
    return texts


def size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the header alone. Raises BadPicture as `decode` does."""
    image = _open(data)
    return image.width, image.height


def png(picture: Picture, texts: Mapping[str, str] | None = None) -> bytes:
    """PNG bytes, with `texts` as text chunks (Latin-1 where it fits, else international text)."""
    info = PngInfo()
    for key, value in (texts or {}).items():
        info.add_text(key, value)
    out = BytesIO()
    _image(picture).save(out, "PNG", pnginfo=info, compress_level=4)
    return out.getvalue()


def jpeg(picture: Picture, largest: int = 512, quality: int = 75) -> bytes:
    """JPEG bytes of the picture, made smaller where a side is longer than `largest` pixels."""
    image = _image(picture).convert("RGB")
    image.thumbnail((largest, largest))
    out = BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _image(picture: Picture) -> Image.Image:
    return Image.frombytes(picture.mode, (picture.width, picture.height), picture.pixels)


def _open(data: bytes) -> Image.Image:
    if not data:
        raise BadPicture("The picture is empty.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise BadPicture(_too_large()) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise BadPicture("This file is no PNG, JPEG or WebP picture, or it is broken.") from error
    if image.width * image.height > LARGEST:
        raise BadPicture(_too_large())
    return cast("Image.Image", image)


def _too_large() -> str:
    return f"The picture has more than {LARGEST // 1_000_000} million pixels; make it smaller first."


def _user_comment(comment: bytes) -> str:
    """EXIF UserComment: eight bytes name the encoding. UTF-16 is big-endian by custom, but not always."""
    kind, body = comment[:8], comment[8:]
    if kind == b"UNICODE\0":
        big = body.decode("utf-16-be", "replace")
        little = body.decode("utf-16-le", "replace")
        return max((big, little), key=lambda text: sum(letter.isascii() for letter in text))
    return body.decode("utf-8", "replace") if kind == b"ASCII\0\0\0" else comment.decode("utf-8", "replace")
